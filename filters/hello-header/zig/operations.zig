//! What may be done to headers, and doing it.

/// One thing to do to the headers of one name.
pub const Operation = struct {
    action: Action,
    /// A token (RFC 9110, section 5.6.2), as the configuration spells it.
    name: []const u8,
    /// Empty where the action takes none.
    value: []const u8 = "",
};

/// What to do to the headers of a name, in the order of `words`.
pub const Action = enum {
    /// Leave exactly one, with this value.
    set,
    /// Add one with this value beside those that are there.
    append,
    /// Add one with this value unless there is one already, whatever it holds.
    set_if_absent,
    /// Take all of them away.
    remove,

    /// What a configuration calls them.
    pub const words = [_][]const u8{ "set", "append", "set-if-absent", "remove" };
};

/// Carries out `list` in its order; each operation sees what those before it did. False where the host refused one or
/// more of them: all the others were carried out.
pub fn apply(list: []const Operation, headers: anytype) bool {
    var all = true;
    for (list) |operation| {
        applyOne(operation, headers) catch {
            all = false;
        };
    }
    return all;
}

fn applyOne(operation: Operation, headers: anytype) !void {
    const name = operation.name;
    switch (operation.action) {
        .set => try headers.set(name, operation.value),
        .append => try headers.append(name, operation.value),
        .set_if_absent => if (!try headers.contains(name)) try headers.append(name, operation.value),
        .remove => try headers.remove(name),
    }
}
