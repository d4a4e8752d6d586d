//! The unit tests of this port.

const std = @import("std");
const json = @import("json");
const Config = @import("config.zig").Config;
const Operation = @import("operations.zig").Operation;
const Action = @import("operations.zig").Action;
const apply = @import("operations.zig").apply;
const allocator = std.testing.allocator;

/// A header map as RFC 9110 has it: a list of pairs, in which names know no case. It refuses the name `x-stuck`.
const Pairs = struct {
    list: std.ArrayList([2][]const u8) = .empty,

    fn check(name: []const u8) !void {
        if (std.mem.eql(u8, name, "x-stuck")) return error.Refused;
    }

    pub fn contains(pairs: *Pairs, name: []const u8) !bool {
        try check(name);
        for (pairs.list.items) |pair| if (std.ascii.eqlIgnoreCase(pair[0], name)) return true;
        return false;
    }

    pub fn set(pairs: *Pairs, name: []const u8, value: []const u8) !void {
        try pairs.remove(name);
        try pairs.append(name, value);
    }

    pub fn append(pairs: *Pairs, name: []const u8, value: []const u8) !void {
        try check(name);
        try pairs.list.append(allocator, .{ name, value });
    }

    pub fn remove(pairs: *Pairs, name: []const u8) !void {
        try check(name);
        var at = pairs.list.items.len;
        while (at > 0) {
            at -= 1;
            if (std.ascii.eqlIgnoreCase(pairs.list.items[at][0], name)) _ = pairs.list.orderedRemove(at);
        }
    }
};

fn expectAfter(operations: []const Operation, before: []const [2][]const u8, after: []const [2][]const u8) !void {
    var pairs: Pairs = .{};
    defer pairs.list.deinit(allocator);
    try pairs.list.appendSlice(allocator, before);
    try std.testing.expect(apply(operations, &pairs));
    try std.testing.expectEqual(after.len, pairs.list.items.len);
    for (after, pairs.list.items) |expected, pair| {
        try std.testing.expectEqualStrings(expected[0], pair[0]);
        try std.testing.expectEqualStrings(expected[1], pair[1]);
    }
}

test "set leaves one" {
    const set = [_]Operation{.{ .action = .set, .name = "x-a", .value = "3" }};
    try expectAfter(
        &set,
        &.{ .{ "x-a", "1" }, .{ "X-A", "2" }, .{ "x-b", "" } },
        &.{ .{ "x-b", "" }, .{ "x-a", "3" } },
    );
}

test "append adds one" {
    const append = [_]Operation{.{ .action = .append, .name = "x-a", .value = "2" }};
    try expectAfter(&append, &.{.{ "x-a", "1" }}, &.{ .{ "x-a", "1" }, .{ "x-a", "2" } });
}

test "set-if-absent respects whatever is there" {
    const set = [_]Operation{.{ .action = .set_if_absent, .name = "x-a", .value = "2" }};
    for ([_][]const u8{ "1", "", "\xff" }) |value| {
        try expectAfter(&set, &.{.{ "x-a", value }}, &.{.{ "x-a", value }});
    }
    try expectAfter(&set, &.{}, &.{.{ "x-a", "2" }});
}

test "remove takes all" {
    const remove = [_]Operation{.{ .action = .remove, .name = "x-a" }};
    try expectAfter(&remove, &.{ .{ "x-a", "1" }, .{ "X-a", "\xff" }, .{ "x-b", "" } }, &.{.{ "x-b", "" }});
}

test "one refusal does not stop the others" {
    for (std.enums.values(Action)) |action| {
        var pairs: Pairs = .{};
        defer pairs.list.deinit(allocator);
        const operations = [_]Operation{
            .{ .action = action, .name = "x-stuck" },
            .{ .action = .append, .name = "x-a", .value = "1" },
        };
        try std.testing.expect(!apply(&operations, &pairs));
        try std.testing.expectEqual(1, pairs.list.items.len);
    }
}

// Holds this port against the texts that every port reads alike: see configurations.txt.
test "reads what is written down" {
    const path = "filters/hello-header/configurations.txt";
    const file = try std.Io.Dir.cwd().readFileAlloc(std.testing.io, path, allocator, .unlimited);
    defer allocator.free(file);
    var lines = std.mem.tokenizeScalar(u8, file, '\n');
    var count: usize = 0;
    while (lines.next()) |line| : (count += 1) {
        const tab = std.mem.findScalar(u8, line, '\t').?;
        const text = try allocator.alloc(u8, tab / 2);
        defer allocator.free(text);
        _ = try std.fmt.hexToBytes(text, line[0..tab]);
        const said = try verdict(text);
        defer allocator.free(said);
        try std.testing.expectEqualStrings(line[tab + 1 ..], said);
    }
    try std.testing.expect(count > 200);
}

fn verdict(text: []const u8) ![]u8 {
    var arena: json.Arena = .{};
    defer arena.deinit();
    var refusal: json.Refusal = .{};
    const config = Config.read(&arena, text, &refusal) catch return allocator.dupe(u8, refusal.message());
    var said: std.ArrayList(u8) = .empty;
    try said.appendSlice(allocator, "taken");
    for ([_][]const u8{ "request", "response" }, [_][]const Operation{ config.request, config.response }) |list, all| {
        for (all) |operation| {
            const op = Action.words[@backingInt(operation.action)];
            try said.print(allocator, " {s}:{s}:{x}:{x}", .{ list, op, operation.name, operation.value });
        }
    }
    return said.toOwnedSlice(allocator);
}
