// What a test needs of `run-tests.mjs`, beside the assertions of the language. Every export of a port's `tests.ts` is a
// test, which fails where it aborts.

// What an abort calls stands there.
import "./proxy";

// @ts-ignore: decorator
@external("testing", "open")
declare function open(path: usize, size: usize): i32;
// @ts-ignore: decorator
@external("testing", "read")
declare function read(into: usize): void;

/** The bytes of a file, by its path from the port's folder. */
export function file(path: string): ArrayBuffer {
  const name = String.UTF8.encode(path);
  const bytes = new ArrayBuffer(open(changetype<usize>(name), name.byteLength));
  read(changetype<usize>(bytes));
  return bytes;
}

/** Fails the test where the two differ, and shows them. */
export function expectEqual(got: string, expected: string): void {
  if (got != expected) throw new Error("got " + got + "\nexpected " + expected);
}
