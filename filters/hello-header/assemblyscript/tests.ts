// The unit tests of this port: each export is one.

import { Headers } from "../../../sdk/assemblyscript/proxy";
import { expectEqual, file } from "../../../sdk/assemblyscript/testing";
import { Config } from "./config";
import { OPS, Op, Operation, apply } from "./operations";

/** A header map as RFC 9110 has it: a list of pairs, in which names know no case. It refuses the name `x-stuck`. */
class Pairs extends Headers {
  list: string[] = [];

  static of(list: string[]): Pairs {
    const pairs = new Pairs();
    pairs.list = list;
    return pairs;
  }

  get(name: ArrayBuffer): ArrayBuffer | null {
    for (let i = 0; i < this.list.length; i += 2) {
      if (isSame(this.list[i], name)) return bytes(this.list[i + 1]);
    }
    return null;
  }

  set(name: ArrayBuffer, value: ArrayBuffer): bool {
    return this.remove(name) && this.append(name, value);
  }

  append(name: ArrayBuffer, value: ArrayBuffer): bool {
    if (isSame("x-stuck", name)) return false;
    this.list.push(text(name));
    this.list.push(text(value));
    return true;
  }

  remove(name: ArrayBuffer): bool {
    const kept: string[] = [];
    for (let i = 0; i < this.list.length; i += 2) {
      if (!isSame(this.list[i], name)) {
        kept.push(this.list[i]);
        kept.push(this.list[i + 1]);
      }
    }
    this.list = kept;
    return !isSame("x-stuck", name);
  }
}

function bytes(text: string): ArrayBuffer { return String.UTF8.encode(text); }
function text(bytes: ArrayBuffer): string { return String.UTF8.decode(bytes); }
function isSame(known: string, name: ArrayBuffer): bool { return known.toLowerCase() == text(name).toLowerCase(); }

function expectAfter(op: Op, value: string, before: string[], after: string[]): void {
  const pairs = Pairs.of(before);
  assert(apply([new Operation(op, bytes("x-a"), bytes(value))], pairs));
  expectEqual(pairs.list.join("|"), after.join("|"));
}

export function set_leaves_one(): void {
  expectAfter(Op.Set, "3", ["x-a", "1", "X-A", "2", "x-b", ""], ["x-b", "", "x-a", "3"]);
}

export function append_adds_one(): void {
  expectAfter(Op.Append, "2", ["x-a", "1"], ["x-a", "1", "x-a", "2"]);
}

export function set_if_absent_respects_whatever_is_there(): void {
  expectAfter(Op.SetIfAbsent, "2", ["x-a", ""], ["x-a", ""]);
  expectAfter(Op.SetIfAbsent, "2", [], ["x-a", "2"]);
}

export function remove_takes_all(): void {
  expectAfter(Op.Remove, "", ["x-a", "1", "X-a", "2", "x-b", ""], ["x-b", ""]);
}

export function one_refusal_does_not_stop_the_others(): void {
  const ops: Op[] = [Op.Set, Op.Append, Op.Remove, Op.SetIfAbsent];
  for (let i = 0; i < ops.length; i++) {
    const pairs = new Pairs();
    const stuck = new Operation(ops[i], bytes("x-stuck"), bytes(""));
    assert(!apply([stuck, new Operation(Op.Append, bytes("x-a"), bytes("1"))], pairs));
    expectEqual(pairs.list.join("|"), "x-a|1");
  }
}

/** Holds this port against the texts that every port reads alike: see `configurations.txt`. */
export function reads_what_is_written_down(): void {
  const lines = text(file("../configurations.txt")).split("\n");
  assert(lines.length > 200);
  for (let i = 0; i < lines.length - 1; i++) {
    const tab = lines[i].indexOf("\t");
    expectEqual(verdict(unhex(lines[i].substring(0, tab))), lines[i].substring(tab + 1));
  }
}

function verdict(text: ArrayBuffer): string {
  const config = new Config();
  const refusal = config.read(text);
  if (refusal !== null) return refusal;
  return "taken" + said("request", config.request) + said("response", config.response);
}

function said(list: string, operations: Operation[]): string {
  let said = "";
  for (let i = 0; i < operations.length; i++) {
    const operation = operations[i];
    said += " " + list + ":" + OPS[operation.op] + ":" + hex(operation.name) + ":" + hex(operation.value);
  }
  return said;
}

const DIGITS = "0123456789abcdef";

function hex(bytes: ArrayBuffer): string {
  let digits = "";
  for (let i = 0; i < bytes.byteLength; i++) {
    const byte = load<u8>(changetype<usize>(bytes) + i);
    digits += DIGITS.charAt(byte >> 4) + DIGITS.charAt(byte & 15);
  }
  return digits;
}

function unhex(digits: string): ArrayBuffer {
  const bytes = new ArrayBuffer(digits.length / 2);
  for (let i = 0; i < bytes.byteLength; i++) {
    const byte = DIGITS.indexOf(digits.charAt(2 * i)) << 4 | DIGITS.indexOf(digits.charAt(2 * i + 1));
    store<u8>(changetype<usize>(bytes) + i, byte as u8);
  }
  return bytes;
}
