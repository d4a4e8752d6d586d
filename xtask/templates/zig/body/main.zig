//! Adds a line to the body of every response.
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

    pub fn onResponseHeaders(_: *Stream, _: u32, end_of_stream: bool) proxy.Action {
        // The length that the upstream announced is not that of what the client gets.
        if (!end_of_stream) proxy.Headers.response.remove("content-length") catch
            proxy.log(.warn, "the proxy refused to remove a header");
        return .proceed;
    }

    pub fn onResponseBody(stream: *Stream, size: u32, end_of_stream: bool) proxy.Action {
        if (end_of_stream) proxy.Body.response.append(size, stream.config.append) catch
            proxy.log(.warn, "the proxy refused a change of the body");
        return .proceed;
    }
    // @stubs@
};
