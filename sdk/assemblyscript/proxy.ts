// What a filter in AssemblyScript needs of the proxy: contexts, headers and bodies as bytes, the log, local replies.
//
// The declarations of the host's functions are the SDK's. The rest of it is not used: it compiles only with a compiler of
// 2020 that frees what is still in use, its contexts trap where there is no configuration and where the proxy names a
// root that was not registered, and its readers of headers decode what may not be UTF-8.

import * as imports from "@solo-io/proxy-runtime/assembly/imports";

// The SDK declares no such function, and another one under a name of its own.
// @ts-ignore: decorator
@external("env", "proxy_set_buffer_bytes")
declare function set_buffer_bytes(buffer: i32, start: usize, size: usize, data: usize, dataSize: usize): u32;

/** What becomes of a message after a callback. */
export enum Action { Continue = 0, Pause = 1 }

/** How much a line of the log matters. */
export enum Level { Trace = 0, Debug = 1, Info = 2, Warn = 3, Error = 4, Critical = 5 }

const OK: u32 = 0;
const PLUGIN_CONFIGURATION: i32 = 7;

/** Where the host writes the address and the size of what it hands over. */
class Received {
  address: usize = 0;
  size: usize = 0;

  addressOf(): usize { return changetype<usize>(this) + offsetof<Received>("address"); }
  sizeOf(): usize { return changetype<usize>(this) + offsetof<Received>("size"); }

  /** Takes what was handed over, which the host had allocated by `allocate`. */
  take(): ArrayBuffer {
    if (this.size == 0) return new ArrayBuffer(0);
    __unpin(this.address);
    this.size = 0;
    return changetype<ArrayBuffer>(this.address);
  }
}

const received = new Received();

/** Memory for what the host hands over: a buffer that is not collected until it is taken. */
export function allocate(size: usize): usize {
  return __pin(__new(size, idof<ArrayBuffer>()));
}

/** Writes one line to the proxy's log. A host that takes no line is not worth a trap. */
export function log(level: Level, text: string): void {
  const bytes = String.UTF8.encode(text);
  imports.proxy_log(level, changetype<usize>(bytes), bytes.byteLength);
}

/** Says where and why in the log before the module traps. The compiler calls it for what the language aborts on. */
// @ts-ignore: decorator
@global
function trap(message: string | null, file: string | null, line: u32, column: u32): void {
  const place = file !== null ? file : "";
  log(Level.Critical, "aborted at " + place + ":" + line.toString() + ": " + (message !== null ? message : ""));
  unreachable();
}

/** What a filter needs of a header map. Names know no case; values are bytes. False means that the host refused. */
export abstract class Headers {
  /** The value of the first header of this name, or null where there is none, or where the host has no such map. */
  abstract get(name: ArrayBuffer): ArrayBuffer | null;
  /** Leaves exactly one header of this name, with this value. */
  abstract set(name: ArrayBuffer, value: ArrayBuffer): bool;
  /** Adds a header beside those that have this name already. */
  abstract append(name: ArrayBuffer, value: ArrayBuffer): bool;
  /** Removes every header of this name; there need not be one. */
  abstract remove(name: ArrayBuffer): bool;
}

/** One of the header maps of the message whose callback is running. */
class HostHeaders extends Headers {
  constructor(private map: i32) { super(); }

  get(name: ArrayBuffer): ArrayBuffer | null {
    const status = imports.proxy_get_header_map_value(
      this.map, changetype<usize>(name), name.byteLength, received.addressOf(), received.sizeOf());
    return status == OK ? received.take() : null;
  }

  set(name: ArrayBuffer, value: ArrayBuffer): bool {
    return imports.proxy_replace_header_map_value(
      this.map, changetype<usize>(name), name.byteLength, changetype<usize>(value), value.byteLength) == OK;
  }

  append(name: ArrayBuffer, value: ArrayBuffer): bool {
    return imports.proxy_add_header_map_value(
      this.map, changetype<usize>(name), name.byteLength, changetype<usize>(value), value.byteLength) == OK;
  }

  remove(name: ArrayBuffer): bool {
    return imports.proxy_remove_header_map_value(this.map, changetype<usize>(name), name.byteLength) == OK;
  }
}

/** The headers on their way to the upstream; they exist in `onRequestHeaders`. */
export const requestHeaders: Headers = new HostHeaders(0);
/** The headers on their way to the downstream; they exist in `onResponseHeaders`. */
export const responseHeaders: Headers = new HostHeaders(2);

/** The part of a body that is in the host's hands while its callback runs. */
export class Body {
  constructor(private buffer: i32) { }

  /** Adds bytes behind the `size` that are there. */
  append(size: u32, bytes: ArrayBuffer): bool {
    return set_buffer_bytes(this.buffer, size, 0, changetype<usize>(bytes), bytes.byteLength) == OK;
  }
}

export const requestBody = new Body(0);
export const responseBody = new Body(1);

/** Answers the request at once, in place of an upstream; the callback then returns `Action.Pause`. */
export function reply(status: u32, details: string, body: string): bool {
  const why = String.UTF8.encode(details);
  const text = String.UTF8.encode(body);
  return imports.proxy_send_local_response(
    status, changetype<usize>(why), why.byteLength, changetype<usize>(text), text.byteLength, 0, 0, -1) == OK;
}

/** One request and its response. */
export class Stream {
  onRequestHeaders(count: u32, endOfStream: bool): Action { return Action.Continue; }
  onRequestBody(size: u32, endOfStream: bool): Action { return Action.Continue; }
  onResponseHeaders(count: u32, endOfStream: bool): Action { return Action.Continue; }
  onResponseBody(size: u32, endOfStream: bool): Action { return Action.Continue; }
}

/** One plugin in one VM. Several may live side by side, each with its own configuration. */
export abstract class Plugin {
  /** Reads the bytes of the configuration, none at all where there is none; says why they are refused, or null. */
  abstract configure(text: ArrayBuffer): string | null;
  /** Makes the state of a stream that begins now. */
  abstract stream(): Stream;
}

let create: (() => Plugin) | null = null;
const plugins = new Map<u32, Plugin>();
const streams = new Map<u32, Stream>();

/** Says what makes a plugin; a filter's entry file calls it once. */
export function register(factory: () => Plugin): void {
  create = factory;
}

/** The stream of that id, which the host created before. */
export function streamOf(id: u32): Stream {
  return streams.get(id);
}

export function createContext(id: u32, parent: u32): void {
  if (parent != 0) {
    streams.set(id, plugins.get(parent).stream());
  } else {
    plugins.set(id, create!());
  }
}

export function deleteContext(id: u32): void {
  if (!streams.delete(id)) plugins.delete(id);
}

/** How many callbacks ended since the last collection. */
let callbacks = 0;

/**
 * Ends every callback: the stack holds no reference then, so this is where garbage may be collected. The longer what is
 * live takes to walk, the rarer it is walked.
 */
export function settle(): void {
  callbacks++;
  if (callbacks < max(256, 4 * streams.size)) return;
  callbacks = 0;
  __collect();
}

export function configure(id: u32, size: usize): bool {
  const refusal = plugins.get(id).configure(configuration(size));
  if (refusal !== null) log(Level.Error, refusal);
  return refusal === null;
}

function configuration(size: usize): ArrayBuffer {
  if (size == 0) return new ArrayBuffer(0);
  const status = imports.proxy_get_buffer_bytes(
    PLUGIN_CONFIGURATION, 0, size as u32, received.addressOf(), received.sizeOf());
  return status == OK ? received.take() : new ArrayBuffer(0);
}
