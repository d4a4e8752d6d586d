// The configuration: which keys let a request pass.

import { Reader } from "../../../sdk/assemblyscript/json";

const MOST_KEYS = 64;
const MOST_KEY = 256;

/** What the filter does. */
export class Config {
  /** The keys of which a request must have one. */
  private keys: ArrayBuffer[] = [];

  /**
   * Reads the configuration's JSON. What it returns is null, or a refusal that names the field, what was expected there
   * and what stood there instead: see `config.schema.json`.
   */
  read(text: ArrayBuffer): string | null {
    const reader = new Reader(text);
    const fields = reader.object(["keys"]);
    let given = false;
    while (fields.next()) {
      given = true;
      const elements = reader.array(MOST_KEYS);
      while (elements.next()) this.keys.push(reader.stringWhere("a key of 1 to 256 bytes", isKey));
    }
    if (!given) {
      reader.refuse("keys", "an array", "nothing");
    } else if (this.keys.length == 0) {
      reader.refuse("keys", "at least one key", "none");
    }
    return reader.end();
  }

  /** Whether this is one of the keys. How long the answer takes tells nothing about the keys but their lengths. */
  knows(given: ArrayBuffer): bool {
    let known = false;
    for (let i = 0; i < this.keys.length; i++) {
      if (isSame(this.keys[i], given)) known = true;
    }
    return known;
  }
}

function isKey(key: ArrayBuffer): bool {
  return key.byteLength >= 1 && key.byteLength <= MOST_KEY;
}

function isSame(key: ArrayBuffer, given: ArrayBuffer): bool {
  if (key.byteLength != given.byteLength) return false;
  let differs: u8 = 0;
  for (let i = 0; i < key.byteLength; i++) {
    differs |= load<u8>(changetype<usize>(key) + i) ^ load<u8>(changetype<usize>(given) + i);
  }
  return differs == 0;
}
