//! The memory of a module: blocks whose sizes are powers of two, from lists of those that were given back, or from where
//! the memory ends. The allocator of Zig's standard library does the same with more code.

const std = @import("std");

/// The size of the smallest block, and what every block is aligned to: as much as any value in WebAssembly asks for.
const least = 16;
const page = 64 << 10;

const Free = struct { next: ?*Free };

/// The blocks that were given back, by the binary logarithm of their size.
var lists: [32]?*Free = @splat(null);
/// Where the part of the memory begins that was never handed out, and where it ends.
var top: usize = 0;
var end: usize = 0;

/// The binary logarithm of the size of a block that holds `len` bytes.
fn class(len: usize) u5 {
    return @intCast(@bitSizeOf(usize) - @clz(@max(len, least) - 1));
}

/// A block of at least `len` bytes, or null where there is no memory for it.
pub fn take(len: usize) ?[*]u8 {
    // A block of half of all that can be addressed is never there.
    if (len > 1 << 30) return null;
    const list = class(len);
    if (lists[list]) |block| {
        lists[list] = block.next;
        return @ptrCast(block);
    }
    const size = @as(usize, 1) << list;
    if (size > end - top) {
        const pages = (size + page - 1) / page;
        const grown = @wasmMemoryGrow(0, pages);
        if (grown < 0) return null;
        const from = @as(usize, @intCast(grown)) * page;
        // Where somebody else grew the memory meanwhile, what was left over stays unused.
        if (from != end) top = from;
        end = from + pages * page;
    }
    top += size;
    return @ptrFromInt(top - size);
}

/// Gives back the block of `len` bytes that `take` gave.
pub fn give(start: *anyopaque, len: usize) void {
    const block: *Free = @ptrCast(@alignCast(start));
    const list = class(len);
    block.* = .{ .next = lists[list] };
    lists[list] = block;
}
