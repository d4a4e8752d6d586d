//! A reader for configurations in JSON (RFC 8259) whose errors name the field.
//!
//! A filter says what it expects and gets it, or a refusal such as
//! `request[0].op: expected one of "set", "remove", got "sett" (line 3, column 12)`. Nothing is read that was not asked
//! for, and a field that is unknown or stands twice is refused. Every language of this workspace reads configurations
//! like this, and says the same words.

const std = @import("std");
const builtin = @import("builtin");
pub const memory = @import("memory.zig");

/// The most bytes of a refusal; a longer one is cut.
const most_message = 1024;
/// The most bytes of a field's path; a longer one is cut.
const most_path = 256;
/// The most bytes of what a person typed that a refusal shows.
const most_quoted = 40;

/// Why there is no configuration: the words are in the reader's `Refusal`.
pub const Error = error{Refused};

/// Memory that is given back all at once. A text asks for little beyond its own length, so there is no bound but the
/// host's; where that is met, the module traps.
pub const Arena = struct {
    blocks: ?*Block = null,

    const Block = struct { next: ?*Block, len: usize };

    /// Memory for `count` values of type `T`, which are not set to anything.
    pub fn alloc(arena: *Arena, comptime T: type, count: usize) []T {
        if (@alignOf(T) > @alignOf(Block)) @compileError("the arena aligns to no more than a word");
        const len = @sizeOf(Block) + count * @sizeOf(T);
        const start = take(len) orelse @panic("out of memory");
        const block: *Block = @ptrCast(@alignCast(start));
        block.* = .{ .next = arena.blocks, .len = len };
        arena.blocks = block;
        const values: [*]T = @ptrCast(@alignCast(start + @sizeOf(Block)));
        return values[0..count];
    }

    /// Gives back everything.
    pub fn deinit(arena: *Arena) void {
        while (arena.blocks) |block| {
            arena.blocks = block.next;
            give(block);
        }
    }

    /// Tests have an allocator that knows what is not given back.
    fn take(len: usize) ?[*]u8 {
        return if (builtin.is_test) std.testing.allocator.rawAlloc(len, .of(Block), 0) else memory.take(len);
    }

    fn give(block: *Block) void {
        const start: [*]u8 = @ptrCast(block);
        if (builtin.is_test) {
            std.testing.allocator.rawFree(start[0..block.len], .of(Block), 0);
        } else memory.give(block, block.len);
    }
};

/// Bytes that are appended up to a bound, and no further.
const Line = struct {
    bytes: []u8,
    len: usize = 0,

    fn slice(line: *const Line) []const u8 {
        return line.bytes[0..line.len];
    }

    fn add(line: *Line, text: []const u8) void {
        const room = @min(text.len, line.bytes.len - line.len);
        @memcpy(line.bytes[line.len..][0..room], text[0..room]);
        line.len += room;
    }

    fn addNumber(line: *Line, number: usize) void {
        if (number >= 10) line.addNumber(number / 10);
        line.add(&.{'0' + @as(u8, @intCast(number % 10))});
    }

    /// In double quotes, so that it stays on one line and within reason.
    fn addQuoted(line: *Line, text: []const u8) void {
        line.add("\"");
        for (text[0..@min(text.len, most_quoted)]) |byte| {
            line.add(if (byte >= ' ' and byte <= '~') &.{byte} else "?");
        }
        line.add(if (text.len > most_quoted) "…\"" else "\"");
    }
};

/// What was wrong: the path of the field, what was expected, what stood there, and where. One line.
pub const Refusal = struct {
    bytes: [most_message]u8 = undefined,
    len: usize = 0,
    /// Where the reader keeps the path of the field that it is at.
    path: [most_path]u8 = undefined,

    pub fn message(refusal: *const Refusal) []const u8 {
        return refusal.bytes[0..refusal.len];
    }
};

/// An object that is being read: `while (try object.next()) |index| …`.
pub const Object = struct {
    reader: *Reader,
    /// The names that its fields may have, at most 32, and the words that say so.
    fields: []const []const u8,
    expected: []const u8,
    /// The length of the path above it.
    above: usize,
    seen: u32 = 0,
    first: bool = true,

    /// The index in `fields` of the next field, whose value must then be read; null at the end.
    pub fn next(object: *Object) Error!?usize {
        const reader = object.reader;
        reader.path.len = object.above;
        const follows = try reader.more('}', object.first, "\",\" or \"}\"");
        object.first = false;
        if (!follows) return null;
        const start = reader.at;
        if (reader.peek() != '"') return reader.unexpected("the name of a field");
        const name = try reader.string();
        reader.enter(name);
        const index = indexOf(object.fields, name) orelse
            return reader.fail(start, object.expected, "an unknown field");
        const bit = @as(u32, 1) << @intCast(index);
        if (object.seen & bit != 0) return reader.fail(start, "one field of this name", "a second");
        object.seen |= bit;
        if (reader.peek() != ':') return reader.unexpected("\":\"");
        reader.at += 1;
        return index;
    }
};

/// An array that is being read: `while (try array.next()) |index| …`.
pub const Array = struct {
    reader: *Reader,
    /// The most elements that it may have, and the words that say so.
    most: usize,
    expected: []const u8,
    /// The length of the path above it.
    above: usize,
    index: usize = 0,

    /// The index of the next element, which must then be read; null at the end.
    pub fn next(array: *Array) Error!?usize {
        const reader = array.reader;
        const index = array.index;
        reader.path.len = array.above;
        if (!try reader.more(']', index == 0, "\",\" or \"]\"")) return null;
        if (index == array.most) return reader.fail(reader.at, array.expected, "more");
        reader.path.add("[");
        reader.path.addNumber(index);
        reader.path.add("]");
        array.index = index + 1;
        return index;
    }
};

/// A position in a JSON text, and the path of the field that stands there.
pub const Reader = struct {
    arena: *Arena,
    text: []const u8,
    refusal: *Refusal,
    path: Line,
    at: usize = 0,

    /// Starts at the beginning of `text`. What it reads lives in `arena`; why it stops is said in `refusal`.
    pub fn init(arena: *Arena, text: []const u8, refusal: *Refusal) Reader {
        return .{ .arena = arena, .text = text, .refusal = refusal, .path = .{ .bytes = &refusal.path } };
    }

    /// Starts to read an object whose fields may have these names, at most 32.
    pub fn object(self: *Reader, comptime fields: []const []const u8) Error!Object {
        try self.open('{', "an object");
        return .{ .reader = self, .fields = fields, .expected = oneOf(fields), .above = self.path.len };
    }

    /// Starts to read an array of at most `most` elements.
    pub fn array(self: *Reader, comptime most: usize) Error!Array {
        try self.open('[', "an array");
        const expected = std.fmt.comptimePrint("at most {d} elements", .{most});
        return .{ .reader = self, .most = most, .expected = expected, .above = self.path.len };
    }

    /// Reads a string, with its escapes resolved. It lives in the reader's arena.
    pub fn string(self: *Reader) Error![]const u8 {
        try self.open('"', "a string");
        const start = self.at;
        // Resolved, a string is never longer than it is written.
        const bytes = self.arena.alloc(u8, self.written());
        var len: usize = 0;
        while (true) {
            if (self.at == self.text.len) return self.fail(self.at, "the end of the string", "the end of the text");
            const byte = self.text[self.at];
            if (byte == '"') break;
            if (byte == '\\') {
                const character = self.escape() orelse
                    return self.fail(self.at, "an escape such as \\u00e9", "one that JSON has not");
                len += encode(character, bytes[len..]);
            } else if (byte < ' ') {
                return self.fail(self.at, "control characters written as \\u0000", "a bare one");
            } else {
                bytes[len] = byte;
                len += 1;
                self.at += 1;
            }
        }
        self.at += 1;
        const read = bytes[0..len];
        if (!isUtf8(read)) return self.fail(start, "UTF-8", "bytes that are not");
        return read;
    }

    /// Reads a string that must be one of `words`, and says which by its index.
    pub fn word(self: *Reader, comptime words: []const []const u8) Error!usize {
        self.blank();
        const start = self.at;
        const text = try self.string();
        return indexOf(words, text) orelse self.failQuoting(start, oneOf(words), text);
    }

    /// Reads a string that `isValid` accepts; `expected` says which those are. Inline, because a call through a pointer
    /// needs a table, which weighs more than this does once more.
    pub inline fn stringWhere(self: *Reader, expected: []const u8, comptime isValid: fn ([]const u8) bool) Error![]const u8 {
        self.blank();
        const start = self.at;
        const text = try self.string();
        return if (isValid(text)) text else self.failQuoting(start, expected, text);
    }

    /// Makes sure that nothing but white space is left.
    pub fn end(self: *Reader) Error!void {
        if (self.peek() != null) return self.unexpected("the end of the text");
    }

    /// What a filter says of `field` of the object that it has just read: what was `expected`, and what it `got`.
    pub fn refuse(self: *Reader, field: []const u8, expected: []const u8, got: []const u8) Error {
        self.enter(field);
        return self.fail(self.at, expected, got);
    }

    fn enter(self: *Reader, field: []const u8) void {
        if (self.path.len > 0) self.path.add(".");
        // A name that is a field of the filter's is shown as it is; one that a person mistyped may hold anything.
        const plain = field.len <= most_quoted and for (field) |byte| {
            if (!std.ascii.isAlphanumeric(byte) and byte != '_' and byte != '-') break false;
        } else true;
        if (plain) self.path.add(field) else self.path.addQuoted(field);
    }

    fn open(self: *Reader, byte: u8, expected: []const u8) Error!void {
        if (self.peek() != byte) return self.unexpected(expected);
        self.at += 1;
    }

    /// Whether another element of an array or object follows; steps over the comma before it, or over `close`.
    fn more(self: *Reader, close: u8, first: bool, expected: []const u8) Error!bool {
        const next = self.peek();
        if (next == close) {
            self.at += 1;
            return false;
        }
        if (first) return true;
        if (next != ',') return self.unexpected(expected);
        self.at += 1;
        // A comma promises an element: a bracket after it is left for the element's reader to refuse.
        self.blank();
        return true;
    }

    /// How many bytes the string takes up to its closing quote, or to the end of the text.
    fn written(self: *const Reader) usize {
        var at = self.at;
        while (at < self.text.len and self.text[at] != '"') at += if (self.text[at] == '\\') 2 else 1;
        return @min(at, self.text.len) - self.at;
    }

    fn rest(self: *const Reader) usize {
        return self.text.len - self.at;
    }

    /// The next byte that is not white space, which stays to be read.
    fn peek(self: *Reader) ?u8 {
        self.blank();
        return if (self.at < self.text.len) self.text[self.at] else null;
    }

    fn blank(self: *Reader) void {
        while (self.at < self.text.len) : (self.at += 1) {
            switch (self.text[self.at]) {
                ' ', '\t', '\n', '\r' => {},
                else => return,
            }
        }
    }

    /// Reads an escape from its backslash on; where it is none of JSON's, there is none and the position stays.
    fn escape(self: *Reader) ?u32 {
        if (self.rest() < 2) return null;
        const byte = self.text[self.at + 1];
        if (byte == 'u') return self.unicodeEscape();
        for ("\"\\/bfnrt", "\"\\/\x08\x0c\n\r\t") |letter, character| {
            if (byte != letter) continue;
            self.at += 2;
            return character;
        }
        return null;
    }

    /// The character of a `\uXXXX`, or of two where they are a surrogate pair.
    fn unicodeEscape(self: *Reader) ?u32 {
        const high = self.codeUnit(self.at);
        if (high == no_unit) return null;
        if (high >> 11 != 0xd800 >> 11) {
            self.at += 6;
            return high;
        }
        const low = self.codeUnit(self.at + 6);
        if (high >> 10 != 0xd800 >> 10 or low >> 10 != 0xdc00 >> 10) return null;
        self.at += 12;
        return 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    }

    const no_unit: u32 = 0xffff_ffff;

    /// The code unit of the `\uXXXX` at `at`, or `no_unit`.
    fn codeUnit(self: *const Reader, at: usize) u32 {
        if (self.text.len < at + 6 or self.text[at] != '\\' or self.text[at + 1] != 'u') return no_unit;
        var unit: u32 = 0;
        for (self.text[at + 2 ..][0..4]) |digit| {
            const value = switch (digit) {
                '0'...'9' => digit - '0',
                'a'...'f' => digit - 'a' + 10,
                'A'...'F' => digit - 'A' + 10,
                else => return no_unit,
            };
            unit = unit << 4 | value;
        }
        return unit;
    }

    /// The error of finding what stands here instead of what was `expected`.
    fn unexpected(self: *Reader, expected: []const u8) Error {
        if (self.at == self.text.len) return self.fail(self.at, expected, "the end of the text");
        const got = switch (self.text[self.at]) {
            '{' => "an object",
            '[' => "an array",
            '"' => "a string",
            '-', '0'...'9' => "a number",
            else => return self.failQuoting(self.at, expected, self.text[self.at..][0..self.wordLength()]),
        };
        return self.fail(self.at, expected, got);
    }

    fn wordLength(self: *const Reader) usize {
        var len: usize = 0;
        while (len < self.rest() and std.ascii.isAlphanumeric(self.text[self.at + len])) len += 1;
        return @max(len, 1);
    }

    fn failQuoting(self: *Reader, at: usize, expected: []const u8, got: []const u8) Error {
        var bytes: [most_quoted + 5]u8 = undefined;
        var line: Line = .{ .bytes = &bytes };
        line.addQuoted(got);
        return self.fail(at, expected, line.slice());
    }

    fn fail(self: *Reader, at: usize, expected: []const u8, got: []const u8) Error {
        var number: usize = 1;
        var column: usize = 1;
        for (self.text[0..at]) |byte| {
            column += 1;
            if (byte == '\n') {
                number += 1;
                column = 1;
            }
        }
        var line: Line = .{ .bytes = &self.refusal.bytes };
        const path = if (self.path.len == 0) "configuration" else self.path.slice();
        for ([_][]const u8{ path, ": expected ", expected, ", got ", got, " (line " }) |part| line.add(part);
        line.addNumber(number);
        line.add(", column ");
        line.addNumber(column);
        line.add(")");
        self.refusal.len = line.len;
        return error.Refused;
    }
};

/// The words that say which `words` there are.
fn oneOf(comptime words: []const []const u8) []const u8 {
    const said = comptime said: {
        var text: []const u8 = "one of ";
        for (words, 0..) |word, index| text = text ++ (if (index > 0) ", \"" else "\"") ++ word ++ "\"";
        break :said text;
    };
    return said;
}

fn indexOf(words: []const []const u8, text: []const u8) ?usize {
    for (words, 0..) |known, index| {
        if (isEqual(known, text)) return index;
    }
    return null;
}

/// The standard library compares words at a time, which weighs more than it saves here.
fn isEqual(a: []const u8, b: []const u8) bool {
    if (a.len != b.len) return false;
    for (a, b) |x, y| if (x != y) return false;
    return true;
}

/// Writes a character that is no surrogate in UTF-8, and says in how many bytes.
fn encode(character: u32, bytes: []u8) usize {
    if (character < 0x80) {
        bytes[0] = @intCast(character);
        return 1;
    }
    const len: usize = if (character < 0x800) 2 else if (character < 0x1_0000) 3 else 4;
    var rest = character;
    var at = len;
    while (at > 1) {
        at -= 1;
        bytes[at] = 0x80 | @as(u8, @intCast(rest & 0x3f));
        rest >>= 6;
    }
    bytes[0] = @truncate((@as(u32, 0xf00) >> @intCast(len)) | rest);
    return len;
}

/// Whether these bytes are UTF-8: no overlong form, no surrogate, nothing above U+10FFFF. The standard library's check
/// goes by tables, which weigh more than a third of a small filter's code.
fn isUtf8(bytes: []const u8) bool {
    var at: usize = 0;
    while (at < bytes.len) {
        const first = bytes[at];
        at += 1;
        if (first < 0x80) continue;
        const len: u5 = @clz(~first);
        if (len < 2 or len > 4 or bytes.len - at < len - 1) return false;
        var character: u32 = first & (@as(u32, 0x7f) >> len);
        for (bytes[at..][0 .. len - 1]) |byte| {
            if (byte & 0xc0 != 0x80) return false;
            character = character << 6 | (byte & 0x3f);
        }
        at += len - 1;
        const least = @max(0x80, @as(u32, 1) << (5 * len - 4));
        if (character < least or character >> 11 == 0xd800 >> 11 or character > 0x10_ffff) return false;
    }
    return true;
}
