// The configuration: what is added.

import { Reader } from "../../../sdk/assemblyscript/json";

/** The most bytes that may be added. */
const MOST = 8192;

/** What the filter does. */
export class Config {
  /** What is added behind the body. */
  append: ArrayBuffer = String.UTF8.encode("-- @name@\n");

  /**
   * Reads the configuration's JSON; no bytes at all mean the default. What it returns is null, or a refusal that names
   * the field, what was expected there and what stood there instead: see `config.schema.json`.
   */
  read(text: ArrayBuffer): string | null {
    if (text.byteLength == 0) return null;
    const reader = new Reader(text);
    const fields = reader.object(["append"]);
    while (fields.next()) {
      this.append = reader.stringWhere("at most 8192 bytes", (text: ArrayBuffer) => text.byteLength <= MOST);
    }
    return reader.end();
  }
}
