//! Gives every response the header `x-@name@`.
//!
//! This file only translates between the proxy's callbacks and `config.zig`, which decides.

const proxy = @import("proxy");
const Config = @import("config.zig").Config;

pub const panic = proxy.panic;

comptime {
    proxy.register(Config, Stream);
}

/// One request and its response, under the configuration that was in force when the request arrived.
const Stream = struct {
    config: *const Config,

    pub fn onResponseHeaders(stream: *Stream, _: u32, _: bool) proxy.Action {
        // A message is let through even where the host refuses: the log says so.
        proxy.Headers.response.set("x-@name@", stream.config.value) catch proxy.log(.warn, "the proxy refused a header");
        return .proceed;
    }
    // @stubs@
};
