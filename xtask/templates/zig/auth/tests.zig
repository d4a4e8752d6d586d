//! The unit tests of this port.

const std = @import("std");
const json = @import("json");
const Config = @import("config.zig").Config;

test "only a whole key is known" {
    var arena: json.Arena = .{};
    defer arena.deinit();
    var refusal: json.Refusal = .{};
    const config = try Config.read(&arena, "{\"keys\":[\"first\",\"second\"]}", &refusal);
    try std.testing.expect(config.knows("first") and config.knows("second"));
    for ([_][]const u8{ "", "f", "firs", "first ", "First", "secons", "\xff" }) |other| {
        try std.testing.expect(!config.knows(other));
    }
}

test "a refusal names the field" {
    for ([_][2][]const u8{
        .{ "{}", "keys: expected an array, got nothing (line 1, column 3)" },
        .{ "{\"keys\":[]}", "keys: expected at least one key, got none (line 1, column 12)" },
        .{ "{\"keys\":[\"a\",1]}", "keys[1]: expected a string, got a number (line 1, column 14)" },
    }) |pair| {
        var arena: json.Arena = .{};
        defer arena.deinit();
        var refusal: json.Refusal = .{};
        try std.testing.expectError(error.Refused, Config.read(&arena, pair[0], &refusal));
        try std.testing.expectEqualStrings(pair[1], refusal.message());
    }
}
