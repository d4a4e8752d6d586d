// A reader for configurations in JSON (RFC 8259) whose errors name the field.
//
// A filter says what it expects and gets it, or a refusal such as
// `request[0].op: expected one of "set", "remove", got "sett" (line 3, column 12)`. Nothing is read that was not asked
// for, and a field that is unknown or stands twice is refused. Every language of this workspace reads configurations
// like this, and says the same words.

/** The most bytes of what a person typed that a refusal shows. */
const MOST_QUOTED = 40;
/** What there is behind the end of the text. */
const END = -1;

/**
 * A position in a JSON text, and the path of the field that stands there. The first refusal stops it: from then on
 * everything reads as nothing, and `end` returns the refusal.
 */
export class Reader {
  refusal: string | null = null;
  path: string = "";
  at: i32 = 0;

  constructor(private text: ArrayBuffer) { }

  /** Starts to read an object whose fields may have these names, at most 32. */
  object(fields: string[]): ObjectReader {
    this.open(0x7b, "an object");
    return new ObjectReader(this, fields);
  }

  /** Starts to read an array of at most this many elements. */
  array(most: i32): ArrayReader {
    this.open(0x5b, "an array");
    return new ArrayReader(this, most);
  }

  /** Reads a string, with its escapes resolved, as UTF-8. */
  string(): ArrayBuffer {
    this.open(0x22, "a string");
    const none = new ArrayBuffer(0);
    if (this.failed()) return none;
    const start = this.at;
    // Resolved, a string is never longer than it is written.
    const bytes = new ArrayBuffer(this.written());
    let length = 0;
    for (;;) {
      const byte = this.byte(this.at);
      if (byte == END) {
        this.fail(this.at, "the end of the string", "the end of the text");
        return none;
      } else if (byte == 0x22) {
        break;
      } else if (byte == 0x5c) {
        const character = this.escape();
        if (character < 0) {
          this.fail(this.at, "an escape such as \\u00e9", "one that JSON has not");
          return none;
        }
        length += encode(character, changetype<usize>(bytes) + length);
      } else if (byte < 0x20) {
        this.fail(this.at, "control characters written as \\u0000", "a bare one");
        return none;
      } else {
        store<u8>(changetype<usize>(bytes) + length, byte as u8);
        length++;
        this.at++;
      }
    }
    this.at++;
    const read = bytes.slice(0, length);
    if (!isUtf8(read)) this.fail(start, "UTF-8", "bytes that are not");
    return read;
  }

  /** Reads a string that must be one of these words, and says which by its index; -1 where it is none. */
  word(words: string[]): i32 {
    this.blank();
    const start = this.at;
    const text = this.string();
    if (this.failed()) return -1;
    const index = words.indexOf(String.UTF8.decode(text));
    if (index < 0) this.fail(start, oneOf(words), quoted(text));
    return index;
  }

  /** Reads a string that `isValid` accepts; `expected` says which those are. */
  stringWhere(expected: string, isValid: (text: ArrayBuffer) => bool): ArrayBuffer {
    this.blank();
    const start = this.at;
    const text = this.string();
    if (!this.failed() && !isValid(text)) this.fail(start, expected, quoted(text));
    return text;
  }

  /** Makes sure that nothing but white space is left, and returns the first refusal, or null. */
  end(): string | null {
    if (!this.failed() && this.peek() != END) this.unexpected("the end of the text");
    return this.refusal;
  }

  /** What a filter says of a field of the object that it has just read: what was expected, and what it got. */
  refuse(field: string, expected: string, got: string): void {
    if (this.failed()) return;
    this.enter(String.UTF8.encode(field));
    this.fail(this.at, expected, got);
  }

  failed(): bool { return this.refusal !== null; }

  enter(field: ArrayBuffer): void {
    if (this.path.length > 0) this.path += ".";
    // A name that is a field of the filter's is shown as it is; one that a person mistyped may hold anything.
    let plain = field.byteLength <= MOST_QUOTED;
    for (let i = 0; plain && i < field.byteLength; i++) {
      const byte: i32 = load<u8>(changetype<usize>(field) + i);
      plain = isAlphanumeric(byte) || byte == 0x5f || byte == 0x2d;
    }
    this.path += plain ? String.UTF8.decode(field) : quoted(field);
  }

  /** Whether another element of an array or object follows; steps over the comma before it, or over `close`. */
  more(close: i32, first: bool, expected: string): bool {
    if (this.failed()) return false;
    const next = this.peek();
    if (next == close) {
      this.at++;
      return false;
    }
    if (first) return true;
    if (next != 0x2c) {
      this.unexpected(expected);
      return false;
    }
    this.at++;
    // A comma promises an element: a bracket after it is left for the element's reader to refuse.
    this.blank();
    return true;
  }

  /** The next byte that is not white space, which stays to be read. */
  peek(): i32 {
    this.blank();
    return this.byte(this.at);
  }

  /** The refusal of what stands here instead of what was expected. */
  unexpected(expected: string): void {
    this.fail(this.at, expected, this.found());
  }

  fail(at: i32, expected: string, got: string): void {
    let line = 1;
    let column = 1;
    for (let i = 0; i < at; i++) {
      column++;
      if (this.byte(i) == 0x0a) {
        line++;
        column = 1;
      }
    }
    const path = this.path.length > 0 ? this.path : "configuration";
    this.refusal = path + ": expected " + expected + ", got " + got +
      " (line " + line.toString() + ", column " + column.toString() + ")";
  }

  private open(byte: i32, expected: string): void {
    if (this.failed()) return;
    if (this.peek() != byte) {
      this.unexpected(expected);
    } else {
      this.at++;
    }
  }

  private blank(): void {
    for (;;) {
      const byte = this.byte(this.at);
      if (byte != 0x20 && byte != 0x09 && byte != 0x0a && byte != 0x0d) return;
      this.at++;
    }
  }

  private byte(at: i32): i32 {
    return at < this.text.byteLength ? load<u8>(changetype<usize>(this.text) + at) : END;
  }

  /** How many bytes the string takes up to its closing quote, or to the end of the text. */
  private written(): i32 {
    let at = this.at;
    while (this.byte(at) != END && this.byte(at) != 0x22) at += this.byte(at) == 0x5c ? 2 : 1;
    return min(at, this.text.byteLength) - this.at;
  }

  /** Reads an escape from its backslash on; where it is none of JSON's, it is -1 and the position stays. */
  private escape(): i32 {
    const letter = this.byte(this.at + 1);
    if (letter == 0x75) return this.unicodeEscape();
    if (letter == END) return -1;
    const index = "\"\\/bfnrt".indexOf(String.fromCharCode(letter));
    if (index < 0) return -1;
    this.at += 2;
    return "\"\\/\b\f\n\r\t".charCodeAt(index);
  }

  /** The character of a `\uXXXX`, or of two where they are a surrogate pair. */
  private unicodeEscape(): i32 {
    const high = this.codeUnit(this.at);
    if (high < 0xd800 || high > 0xdfff) {
      if (high >= 0) this.at += 6;
      return high;
    }
    const low = this.codeUnit(this.at + 6);
    if (high > 0xdbff || low < 0xdc00 || low > 0xdfff) return -1;
    this.at += 12;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
  }

  /** The code unit of the `\uXXXX` at `at`, or -1. */
  private codeUnit(at: i32): i32 {
    if (this.byte(at) != 0x5c || this.byte(at + 1) != 0x75) return -1;
    let unit = 0;
    for (let i = 2; i < 6; i++) {
      const digit = this.byte(at + i);
      if (digit >= 0x30 && digit <= 0x39) {
        unit = unit << 4 | (digit - 0x30);
      } else if (digit != END && (digit | 0x20) >= 0x61 && (digit | 0x20) <= 0x66) {
        unit = unit << 4 | ((digit | 0x20) - 0x61 + 10);
      } else {
        return -1;
      }
    }
    return unit;
  }

  private found(): string {
    const byte = this.byte(this.at);
    if (byte == END) return "the end of the text";
    if (byte == 0x7b) return "an object";
    if (byte == 0x5b) return "an array";
    if (byte == 0x22) return "a string";
    if (byte == 0x2d || byte >= 0x30 && byte <= 0x39) return "a number";
    let end = this.at;
    while (isAlphanumeric(this.byte(end))) end++;
    return quoted(this.text.slice(this.at, max(end, this.at + 1)));
  }
}

/** An object that is being read. */
export class ObjectReader {
  /** The index in `fields` of the field whose value must be read. */
  field: i32 = 0;
  private above: string;
  private seen: u32 = 0;
  private first: bool = true;

  constructor(private reader: Reader, private fields: string[]) {
    this.above = reader.path;
  }

  /** Whether another field follows, whose value must then be read. */
  next(): bool {
    const reader = this.reader;
    if (reader.failed()) return false;
    reader.path = this.above;
    if (!reader.more(0x7d, this.first, "\",\" or \"}\"")) return false;
    this.first = false;
    const start = reader.at;
    if (reader.peek() != 0x22) {
      reader.unexpected("the name of a field");
      return false;
    }
    const name = reader.string();
    if (reader.failed()) return false;
    reader.enter(name);
    this.field = this.fields.indexOf(String.UTF8.decode(name));
    if (this.field < 0) {
      reader.fail(start, oneOf(this.fields), "an unknown field");
      return false;
    }
    const bit = (1 as u32) << this.field;
    if ((this.seen & bit) != 0) {
      reader.fail(start, "one field of this name", "a second");
      return false;
    }
    this.seen |= bit;
    if (reader.peek() != 0x3a) {
      reader.unexpected("\":\"");
      return false;
    }
    reader.at++;
    return true;
  }
}

/** An array that is being read. */
export class ArrayReader {
  private above: string;
  private count: i32 = 0;

  constructor(private reader: Reader, private most: i32) {
    this.above = reader.path;
  }

  /** Whether another element follows, which must then be read. */
  next(): bool {
    const reader = this.reader;
    if (reader.failed()) return false;
    reader.path = this.above;
    if (!reader.more(0x5d, this.count == 0, "\",\" or \"]\"")) return false;
    if (this.count == this.most) {
      reader.fail(reader.at, "at most " + this.most.toString() + " elements", "more");
      return false;
    }
    reader.path += "[" + this.count.toString() + "]";
    this.count++;
    return true;
  }
}

function oneOf(words: string[]): string {
  let text = "one of ";
  for (let i = 0; i < words.length; i++) {
    text += (i > 0 ? ", \"" : "\"") + words[i] + "\"";
  }
  return text;
}

/** In double quotes, so that it stays on one line and within reason. */
function quoted(text: ArrayBuffer): string {
  let shown = "\"";
  for (let i = 0; i < min(text.byteLength, MOST_QUOTED); i++) {
    const byte = load<u8>(changetype<usize>(text) + i);
    shown += byte >= 0x20 && byte <= 0x7e ? String.fromCharCode(byte) : "?";
  }
  return shown + (text.byteLength > MOST_QUOTED ? "…\"" : "\"");
}

export function isAlphanumeric(byte: i32): bool {
  return byte >= 0x30 && byte <= 0x39 || byte >= 0x41 && byte <= 0x5a || byte >= 0x61 && byte <= 0x7a;
}

/** Writes a character that is no surrogate in UTF-8, and says in how many bytes. */
function encode(character: i32, at: usize): i32 {
  if (character < 0x80) {
    store<u8>(at, character as u8);
    return 1;
  }
  const length = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
  for (let i = length - 1; i > 0; i--) {
    store<u8>(at + i, (0x80 | (character & 0x3f)) as u8);
    character >>= 6;
  }
  store<u8>(at, ((0xf00 >> length) | character) as u8);
  return length;
}

/** Whether these bytes are UTF-8: no overlong form, no surrogate, nothing above U+10FFFF. */
function isUtf8(bytes: ArrayBuffer): bool {
  const start = changetype<usize>(bytes);
  let at = 0;
  while (at < bytes.byteLength) {
    const first: u32 = load<u8>(start + at);
    at++;
    if (first < 0x80) continue;
    const more = first < 0xc0 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf8 ? 3 : 0;
    if (more == 0 || bytes.byteLength - at < more) return false;
    let character: u32 = first & (0x3f >> more);
    for (let i = 0; i < more; i++) {
      const byte: u32 = load<u8>(start + at + i);
      if ((byte & 0xc0) != 0x80) return false;
      character = character << 6 | (byte & 0x3f);
    }
    at += more;
    const least: u32 = more == 1 ? 0x80 : more == 2 ? 0x800 : 0x10000;
    if (character < least || character > 0x10ffff || (character & 0xfffff800) == 0xd800) return false;
  }
  return true;
}
