//! Sets, appends and removes request and response headers.
//!
//! This file only translates between the proxy's callbacks and `config.zig` and `operations.zig`, which decide.

const proxy = @import("proxy");
const operations = @import("operations.zig");
const Config = @import("config.zig").Config;

pub const panic = proxy.panic;

comptime {
    proxy.register(Config, Stream);
}

/// One request and its response, under the configuration that was in force when the request arrived.
const Stream = struct {
    config: *const Config,

    pub fn onRequestHeaders(stream: *Stream, _: u32, _: bool) proxy.Action {
        return carryOut(stream.config.request, .request);
    }

    pub fn onResponseHeaders(stream: *Stream, _: u32, _: bool) proxy.Action {
        return carryOut(stream.config.response, .response);
    }
};

/// A message is let through even where the host refuses an operation: the log says so.
fn carryOut(list: []const operations.Operation, headers: proxy.Headers) proxy.Action {
    if (!operations.apply(list, headers)) proxy.log(.warn, "the proxy refused an operation on a header");
    return .proceed;
}
