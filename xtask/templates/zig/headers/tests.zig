//! The unit tests of this port.

const std = @import("std");
const json = @import("json");
const Config = @import("config.zig").Config;

/// Expects what is read of a configuration, or why it is refused.
fn expect(expected: []const u8, text: []const u8) !void {
    var arena: json.Arena = .{};
    defer arena.deinit();
    var refusal: json.Refusal = .{};
    const read = if (Config.read(&arena, text, &refusal)) |config| config.value else |_| refusal.message();
    try std.testing.expectEqualStrings(expected, read);
}

test "reads the configuration" {
    try expect("hello", "");
    try expect("hello", "{}");
    try expect("1", "{\"value\":\"1\"}");
}

test "a refusal names the field" {
    try expect("value: expected a string, got a number (line 1, column 10)", "{\"value\":1}");
}
