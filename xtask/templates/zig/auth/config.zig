//! The configuration: which keys let a request pass.

const json = @import("json");

const most_keys = 64;
const most_key = 256;

/// What the filter does.
pub const Config = struct {
    /// The keys of which a request must have one.
    keys: []const []const u8 = &.{},

    /// Reads the configuration's JSON.
    ///
    /// A refusal names the field, what was expected there and what stood there instead: see `config.schema.json`.
    pub fn read(arena: *json.Arena, text: []const u8, refusal: *json.Refusal) json.Error!Config {
        var keys: ?[]const []const u8 = null;
        var reader: json.Reader = .init(arena, text, refusal);
        var fields = try reader.object(&.{"keys"});
        while (try fields.next()) |_| keys = try readKeys(&reader);
        const given = keys orelse return reader.refuse("keys", "an array", "nothing");
        if (given.len == 0) return reader.refuse("keys", "at least one key", "none");
        try reader.end();
        return .{ .keys = given };
    }

    /// Whether this is one of the keys. How long the answer takes tells nothing about the keys but their lengths.
    pub fn knows(config: *const Config, given: []const u8) bool {
        var known = false;
        for (config.keys) |key| {
            if (isSame(key, given)) known = true;
        }
        return known;
    }
};

fn readKeys(reader: *json.Reader) json.Error![]const []const u8 {
    var elements = try reader.array(most_keys);
    const keys = reader.arena.alloc([]const u8, most_keys);
    while (try elements.next()) |index| keys[index] = try reader.stringWhere("a key of 1 to 256 bytes", isKey);
    return keys[0..elements.index];
}

fn isKey(key: []const u8) bool {
    return key.len >= 1 and key.len <= most_key;
}

fn isSame(key: []const u8, given: []const u8) bool {
    if (key.len != given.len) return false;
    var differs: u8 = 0;
    for (key, given) |a, b| differs |= a ^ b;
    return differs == 0;
}
