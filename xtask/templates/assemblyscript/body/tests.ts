// The unit tests of this port: each export is one.

import { expectEqual } from "../../../sdk/assemblyscript/testing";
import { Config } from "./config";

/** What is read of a configuration, or why it is refused. */
function read(text: string): string {
  const config = new Config();
  const refusal = config.read(String.UTF8.encode(text));
  return refusal !== null ? refusal : String.UTF8.decode(config.append);
}

export function reads_the_configuration(): void {
  expectEqual(read(""), "-- @name@\n");
  expectEqual(read("{}"), "-- @name@\n");
  expectEqual(read('{"append":"1"}'), "1");
}

export function a_refusal_names_the_field(): void {
  expectEqual(read('{"append":1}'), "append: expected a string, got a number (line 1, column 11)");
}
