//! The configuration: which operations on request headers, which on response headers.

const std = @import("std");
const json = @import("json");
const Action = @import("operations.zig").Action;
const Operation = @import("operations.zig").Operation;

/// The most operations that each of the two lists may hold: every one is a call to the host in every request.
const most_operations = 64;
/// The most bytes of a header's name.
const most_name = 256;
/// The most bytes of a header's value. Envoy refuses messages with more than 60 KiB of headers by default.
const most_value = 8192;

/// Headers that say how a message is framed and what becomes of its connection (RFC 9110, section 7.6.1): the proxy
/// writes them, and a message in which they say something else can be taken for another one. One text is smaller than a
/// list of texts.
const proxys_own = ",connection,content-length,keep-alive,proxy-connection,te,transfer-encoding,upgrade,";

/// What to do to the headers of every request and of its response.
pub const Config = struct {
    /// Carried out in order on the request before it goes upstream.
    request: []const Operation = &.{},
    /// Carried out in order on the response before it goes downstream.
    response: []const Operation = &.{},

    /// Reads the configuration's JSON; no bytes at all mean the response header `hello: world`.
    ///
    /// A refusal names the field, what was expected there and what stood there instead.
    pub fn read(arena: *json.Arena, text: []const u8, refusal: *json.Refusal) json.Error!Config {
        if (text.len == 0) return .{ .response = &.{.{ .action = .set, .name = "hello", .value = "world" }} };
        var config: Config = .{};
        var reader: json.Reader = .init(arena, text, refusal);
        var fields = try reader.object(&.{ "request", "response" });
        while (try fields.next()) |field| {
            const list = try operations(&reader);
            if (field == 0) config.request = list else config.response = list;
        }
        try reader.end();
        return config;
    }
};

fn operations(reader: *json.Reader) json.Error![]const Operation {
    var elements = try reader.array(most_operations);
    const list = reader.arena.alloc(Operation, most_operations);
    while (try elements.next()) |index| list[index] = try operation(reader);
    return list[0..elements.index];
}

fn operation(reader: *json.Reader) json.Error!Operation {
    var action: ?Action = null;
    var name: ?[]const u8 = null;
    var value: ?[]const u8 = null;
    var fields = try reader.object(&.{ "op", "name", "value" });
    while (try fields.next()) |field| switch (field) {
        0 => action = @fromBackingInt(@intCast(try reader.word(&Action.words))),
        1 => name = try reader.stringWhere("a header name: 1 to 256 letters, digits or !#$%&'*+-.^_`|~", isName),
        else => value = try reader.stringWhere("at most 8192 bytes without CR, LF and NUL", isValue),
    };
    const read: Operation = .{
        .action = action orelse return reader.refuse("op", "a string", "nothing"),
        .name = name orelse return reader.refuse("name", "a string", "nothing"),
        .value = value orelse "",
    };
    if (isProxysOwn(read.name)) {
        return reader.refuse("name", "no header of framing or connection, which are the proxy's own", read.name);
    }
    if (read.action == .remove) {
        if (value != null) return reader.refuse("value", "nothing, because \"remove\" takes no value", "a string");
    } else if (value == null) return reader.refuse("value", "a string", "nothing");
    return read;
}

/// Whether this is a token (RFC 9110, section 5.6.2), which a pseudo-header such as `:path` is not.
fn isName(name: []const u8) bool {
    if (name.len < 1 or name.len > most_name) return false;
    for (name) |byte| {
        if (!std.ascii.isAlphanumeric(byte) and !contains("!#$%&'*+-.^_`|~", byte)) return false;
    }
    return true;
}

fn isProxysOwn(name: []const u8) bool {
    var matched: usize = 0;
    for (proxys_own) |byte| {
        if (byte == ',') {
            if (matched == name.len) return true;
            matched = 0;
        } else {
            // In a token this bit makes a letter small and makes a letter of nothing else.
            matched = if (matched < name.len and name[matched] | 0x20 == byte) matched + 1 else name.len + 1;
        }
    }
    return false;
}

/// Whether these bytes can stand in a header without ending it (RFC 9110, section 5.5).
fn isValue(value: []const u8) bool {
    return value.len <= most_value and !contains(value, '\r') and !contains(value, '\n') and !contains(value, 0);
}

fn contains(text: []const u8, wanted: u8) bool {
    for (text) |byte| if (byte == wanted) return true;
    return false;
}
