//! The configuration: the value of the header.

const json = @import("json");

/// The most bytes of the header's value.
const most_value = 256;

/// What the filter does.
pub const Config = struct {
    /// The value of the header.
    value: []const u8 = "hello",

    /// Reads the configuration's JSON; no bytes at all mean the default.
    ///
    /// A refusal names the field, what was expected there and what stood there instead: see `config.schema.json`.
    pub fn read(arena: *json.Arena, text: []const u8, refusal: *json.Refusal) json.Error!Config {
        var config: Config = .{};
        if (text.len == 0) return config;
        var reader: json.Reader = .init(arena, text, refusal);
        var fields = try reader.object(&.{"value"});
        while (try fields.next()) |_| {
            config.value = try reader.stringWhere("at most 256 bytes without CR, LF and NUL", isValue);
        }
        try reader.end();
        return config;
    }
};

/// Whether these bytes can stand in a header without ending it (RFC 9110, section 5.5).
fn isValue(value: []const u8) bool {
    for (value) |byte| if (byte == '\r' or byte == '\n' or byte == 0) return false;
    return value.len <= most_value;
}
