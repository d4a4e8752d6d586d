// The configuration: the value of the header.

import { Reader } from "../../../sdk/assemblyscript/json";

/** The most bytes of the header's value. */
const MOST_VALUE = 256;

/** What the filter does. */
export class Config {
  /** The value of the header. */
  value: ArrayBuffer = String.UTF8.encode("hello");

  /**
   * Reads the configuration's JSON; no bytes at all mean the default. What it returns is null, or a refusal that names
   * the field, what was expected there and what stood there instead: see `config.schema.json`.
   */
  read(text: ArrayBuffer): string | null {
    if (text.byteLength == 0) return null;
    const reader = new Reader(text);
    const fields = reader.object(["value"]);
    while (fields.next()) {
      this.value = reader.stringWhere("at most 256 bytes without CR, LF and NUL", isValue);
    }
    return reader.end();
  }
}

/** Whether these bytes can stand in a header without ending it (RFC 9110, section 5.5). */
function isValue(value: ArrayBuffer): bool {
  for (let i = 0; i < value.byteLength; i++) {
    const byte = load<u8>(changetype<usize>(value) + i);
    if (byte == 0x0d || byte == 0x0a || byte == 0) return false;
  }
  return value.byteLength <= MOST_VALUE;
}
