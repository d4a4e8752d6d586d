//! The unit tests of what Zig ports share; `configurations.txt` of hello-header tests the reader's words.

const std = @import("std");
const json = @import("json");

test "a path and a message that are too long are cut" {
    var arena: json.Arena = .{};
    defer arena.deinit();
    var refusal: json.Refusal = .{};
    const name: [40]u8 = @splat('n');
    const text = arena.alloc(u8, 20 * 44 + 1);
    for (0..20) |at| @memcpy(text[44 * at ..][0..44], "{\"" ++ name ++ "\":");
    text[text.len - 1] = '7';
    var reader: json.Reader = .init(&arena, text, &refusal);
    for (0..20) |_| {
        var fields = try reader.object(&.{&name});
        _ = try fields.next();
    }
    try std.testing.expectError(error.Refused, reader.string());
    try std.testing.expect(std.mem.startsWith(u8, refusal.message(), name ++ "." ++ name));
    try std.testing.expect(std.mem.endsWith(u8, refusal.message(), ": expected a string, got a number (line 1, column 881)"));
    const word: [300]u8 = @splat('w');
    const words: [10][]const u8 = @splat(&word);
    var again: json.Reader = .init(&arena, "\"x\"", &refusal);
    try std.testing.expectError(error.Refused, again.word(&words));
    try std.testing.expectEqual(1024, refusal.message().len);
}

test "what was read is given back, of any type" {
    var arena: json.Arena = .{};
    const numbers = arena.alloc(u32, 3);
    @memset(numbers, 7);
    @memset(arena.alloc(u8, 1000), 1);
    try std.testing.expectEqualSlices(u32, &.{ 7, 7, 7 }, numbers);
    arena.deinit();
}
