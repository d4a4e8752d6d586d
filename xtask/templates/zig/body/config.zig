//! The configuration: what is added.

const json = @import("json");

/// The most bytes that may be added.
const most = 8192;

/// What the filter does.
pub const Config = struct {
    /// What is added behind the body.
    append: []const u8 = "-- @name@\n",

    /// Reads the configuration's JSON; no bytes at all mean the default.
    ///
    /// A refusal names the field, what was expected there and what stood there instead: see `config.schema.json`.
    pub fn read(arena: *json.Arena, text: []const u8, refusal: *json.Refusal) json.Error!Config {
        var config: Config = .{};
        if (text.len == 0) return config;
        var reader: json.Reader = .init(arena, text, refusal);
        var fields = try reader.object(&.{"append"});
        while (try fields.next()) |_| config.append = try reader.stringWhere("at most 8192 bytes", isShort);
        try reader.end();
        return config;
    }
};

fn isShort(text: []const u8) bool {
    return text.len <= most;
}
