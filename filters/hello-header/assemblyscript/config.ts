// The configuration: which operations on request headers, which on response headers.

import { Reader, isAlphanumeric } from "../../../sdk/assemblyscript/json";
import { OPS, Op, Operation } from "./operations";

/** The most operations that each of the two lists may hold: every one is a call to the host in every request. */
const MOST_OPERATIONS = 64;
/** The most bytes of a header's name. */
const MOST_NAME = 256;
/** The most bytes of a header's value. Envoy refuses messages with more than 60 KiB of headers by default. */
const MOST_VALUE = 8192;

/**
 * Headers that say how a message is framed and what becomes of its connection (RFC 9110, section 7.6.1): the proxy
 * writes them, and a message in which they say something else can be taken for another one.
 */
const PROXYS_OWN: string[] = [
  "connection", "content-length", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade",
];

const FIELDS: string[] = ["request", "response"];
const OPERATION_FIELDS: string[] = ["op", "name", "value"];

/** What to do to the headers of every request and of its response. */
export class Config {
  /** Carried out in order on the request before it goes upstream. */
  request: Operation[] = [];
  /** Carried out in order on the response before it goes downstream. */
  response: Operation[] = [];

  /**
   * Reads the configuration's JSON; no bytes at all mean the response header `hello: world`. What it returns is null, or
   * a refusal that names the field, what was expected there and what stood there instead: see `config.schema.json`.
   */
  read(text: ArrayBuffer): string | null {
    if (text.byteLength == 0) {
      this.response.push(new Operation(Op.Set, String.UTF8.encode("hello"), String.UTF8.encode("world")));
      return null;
    }
    const reader = new Reader(text);
    const fields = reader.object(FIELDS);
    while (fields.next()) {
      readOperations(reader, fields.field == 0 ? this.request : this.response);
    }
    return reader.end();
  }
}

function readOperations(reader: Reader, into: Operation[]): void {
  const elements = reader.array(MOST_OPERATIONS);
  while (elements.next()) into.push(readOperation(reader));
}

function readOperation(reader: Reader): Operation {
  const none = new ArrayBuffer(0);
  const read = new Operation(-1, none, none);
  let hasValue = false;
  const fields = reader.object(OPERATION_FIELDS);
  while (fields.next()) {
    if (fields.field == 0) {
      read.op = reader.word(OPS);
    } else if (fields.field == 1) {
      read.name = reader.stringWhere("a header name: 1 to 256 letters, digits or !#$%&'*+-.^_`|~", isName);
    } else {
      read.value = reader.stringWhere("at most 8192 bytes without CR, LF and NUL", isValue);
      hasValue = true;
    }
  }
  if (read.op < 0) {
    reader.refuse("op", "a string", "nothing");
  } else if (read.name.byteLength == 0) {
    reader.refuse("name", "a string", "nothing");
  } else if (PROXYS_OWN.includes(lowerCase(read.name))) {
    reader.refuse("name", "no header of framing or connection, which are the proxy's own", String.UTF8.decode(read.name));
  } else if (read.op == Op.Remove && hasValue) {
    reader.refuse("value", "nothing, because \"remove\" takes no value", "a string");
  } else if (read.op != Op.Remove && !hasValue) {
    reader.refuse("value", "a string", "nothing");
  }
  return read;
}

/** Whether this is a token (RFC 9110, section 5.6.2), which a pseudo-header such as `:path` is not. */
function isName(name: ArrayBuffer): bool {
  for (let i = 0; i < name.byteLength; i++) {
    const byte = load<u8>(changetype<usize>(name) + i);
    if (!isAlphanumeric(byte) && "!#$%&'*+-.^_`|~".indexOf(String.fromCharCode(byte)) < 0) return false;
  }
  return name.byteLength >= 1 && name.byteLength <= MOST_NAME;
}

/** A token in small letters. The language's own function knows the letters of the world, which weigh as much as all else. */
function lowerCase(token: ArrayBuffer): string {
  let text = "";
  for (let i = 0; i < token.byteLength; i++) {
    const byte = load<u8>(changetype<usize>(token) + i);
    text += String.fromCharCode(byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte);
  }
  return text;
}

/** Whether these bytes can stand in a header without ending it (RFC 9110, section 5.5). */
function isValue(value: ArrayBuffer): bool {
  for (let i = 0; i < value.byteLength; i++) {
    const byte = load<u8>(changetype<usize>(value) + i);
    if (byte == 0x0d || byte == 0x0a || byte == 0) return false;
  }
  return value.byteLength <= MOST_VALUE;
}
