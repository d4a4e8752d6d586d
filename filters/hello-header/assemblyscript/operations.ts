// What may be done to headers, and doing it.

import { Headers } from "../../../sdk/assemblyscript/proxy";

/** What a configuration calls the operations, in the order of `Op`. */
export const OPS: string[] = ["set", "append", "set-if-absent", "remove"];

/** What to do to the headers of a name. */
export enum Op {
  /** Leave exactly one, with the value. */
  Set,
  /** Add one with the value beside those that are there. */
  Append,
  /** Add one with the value unless there is one already, whatever it holds. */
  SetIfAbsent,
  /** Take all of them away. */
  Remove,
}

/** One thing to do to the headers of one name. */
export class Operation {
  constructor(
    public op: Op,
    /** A token (RFC 9110, section 5.6.2), as the configuration spells it. */
    public name: ArrayBuffer,
    /** Empty where the operation takes none. */
    public value: ArrayBuffer,
  ) { }
}

/**
 * Carries out the operations in their order; each sees what those before it did. False where the host refused one or
 * more of them: all the others were carried out.
 */
export function apply(operations: Operation[], headers: Headers): bool {
  let all = true;
  for (let i = 0; i < operations.length; i++) {
    if (!applyOne(operations[i], headers)) all = false;
  }
  return all;
}

function applyOne(operation: Operation, headers: Headers): bool {
  switch (operation.op) {
    case Op.Set: return headers.set(operation.name, operation.value);
    case Op.Append: return headers.append(operation.name, operation.value);
    case Op.Remove: return headers.remove(operation.name);
    default: return headers.get(operation.name) !== null || headers.append(operation.name, operation.value);
  }
}
