//! Lets a request pass whose `x-api-key` is among the configured ones.
//!
//! This file only translates between the proxy's callbacks and `config.zig`, which decides.

const proxy = @import("proxy");
const Config = @import("config.zig").Config;

pub const panic = proxy.panic;

comptime {
    proxy.register(Config, Stream);
}

/// Where a request carries its key.
const header = "x-api-key";

/// One request and its response, under the configuration that was in force when the request arrived.
const Stream = struct {
    config: *const Config,

    pub fn onRequestHeaders(stream: *Stream, _: u32, _: bool) proxy.Action {
        if (stream.passes()) return .proceed;
        proxy.reply(401, "", "unauthorized\n") catch
            proxy.log(.err, "the proxy refused an answer; the request waits until it times out");
        return .pause;
    }

    /// Where the host refuses to take the key away, the request is refused as well: the key must not go on.
    fn passes(stream: *const Stream) bool {
        const given = (proxy.Headers.request.get(header) catch null) orelse return false;
        defer proxy.free(given);
        if (!stream.config.knows(given)) return false;
        proxy.Headers.request.remove(header) catch return false;
        return true;
    }
    // @stubs@
};
