// The unit tests of this port: each export is one.

import { expectEqual } from "../../../sdk/assemblyscript/testing";
import { Config } from "./config";

export function only_a_whole_key_is_known(): void {
  const config = new Config();
  assert(config.read(String.UTF8.encode('{"keys":["first","second"]}')) === null);
  assert(config.knows(String.UTF8.encode("first")) && config.knows(String.UTF8.encode("second")));
  const others = ["", "f", "firs", "first ", "First", "secons", "é"];
  for (let i = 0; i < others.length; i++) {
    assert(!config.knows(String.UTF8.encode(others[i])), others[i]);
  }
}

export function a_refusal_names_the_field(): void {
  expectRefused("{}", "keys: expected an array, got nothing (line 1, column 3)");
  expectRefused('{"keys":[]}', "keys: expected at least one key, got none (line 1, column 12)");
  expectRefused('{"keys":["a",1]}', "keys[1]: expected a string, got a number (line 1, column 14)");
}

function expectRefused(text: string, message: string): void {
  const refusal = new Config().read(String.UTF8.encode(text));
  expectEqual(refusal !== null ? refusal : "taken", message);
}
