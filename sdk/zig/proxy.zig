//! The proxy-wasm ABI 0.2.1 as a filter in Zig sees it: the host's functions, and the exports that the host calls.
//!
//! Source: the specification of proxy-wasm, and proxy-wasm-cpp-host, which is what Envoy runs.
//!
//! A filter declares a type for its configuration and one for a stream, and hands both to `register`:
//!
//!     pub const Config = struct {
//!         /// Reads the bytes of the configuration, none at all where there is none. What it keeps lives in `arena`.
//!         pub fn read(arena: *json.Arena, text: []const u8, refusal: *json.Refusal) json.Error!Config { … }
//!     };
//!     pub const Stream = struct {
//!         /// The configuration that was in force when the stream began; it outlives the stream.
//!         config: *const Config,
//!         pub fn onResponseHeaders(stream: *Stream, count: u32, end_of_stream: bool) proxy.Action { … }
//!     };
//!     comptime { proxy.register(Config, Stream); }
//!
//! Every callback that `Stream` declares becomes an export, and no other does.

const std = @import("std");
const json = @import("json");
const Arena = json.Arena;
const Refusal = json.Refusal;
const memory = json.memory;

/// What the host says to a call.
pub const Status = enum(u32) { ok = 0, not_found = 1, bad_argument = 2, _ };

/// What becomes of a message after a callback.
pub const Action = enum(u32) { proceed = 0, pause = 1 };

/// How much a line of the log matters.
pub const Level = enum(u32) { trace = 0, debug = 1, info = 2, warn = 3, err = 4, critical = 5 };

const Map = enum(u32) { request_headers = 0, request_trailers = 1, response_headers = 2, response_trailers = 3 };
const Buffer = enum(u32) { request_body = 0, response_body = 1, plugin_configuration = 7 };

const host = struct {
    extern "env" fn proxy_log(level: Level, text: [*]const u8, size: usize) Status;
    extern "env" fn proxy_get_buffer_bytes(Buffer, start: usize, size: usize, text: *?[*]u8, got: *usize) Status;
    extern "env" fn proxy_set_buffer_bytes(Buffer, start: usize, size: usize, text: [*]const u8, len: usize) Status;
    extern "env" fn proxy_get_header_map_value(Map, name: [*]const u8, usize, value: *?[*]u8, size: *usize) Status;
    extern "env" fn proxy_add_header_map_value(Map, name: [*]const u8, usize, value: [*]const u8, usize) Status;
    extern "env" fn proxy_replace_header_map_value(Map, name: [*]const u8, usize, value: [*]const u8, usize) Status;
    extern "env" fn proxy_remove_header_map_value(Map, name: [*]const u8, usize) Status;
    extern "env" fn proxy_send_local_response(
        status: u32,
        details: [*]const u8,
        details_size: usize,
        body: [*]const u8,
        body_size: usize,
        headers: [*]const u8,
        headers_size: usize,
        grpc_status: i32,
    ) Status;
};

/// The host refused a call, and nothing changed.
pub const Refused = error{Refused};

/// Writes one line to the proxy's log. A host that takes no line is not worth a trap.
pub fn log(level: Level, text: []const u8) void {
    _ = host.proxy_log(level, text.ptr, text.len);
}

/// One of the header maps of the message whose callback is running. Names know no case; values are bytes.
pub const Headers = struct {
    map: Map,

    pub const request: Headers = .{ .map = .request_headers };
    pub const response: Headers = .{ .map = .response_headers };

    /// The value of the first header of this name, or null where there is none. The caller frees it with `free`.
    pub fn get(headers: Headers, name: []const u8) Refused!?[]u8 {
        var value: ?[*]u8 = null;
        var size: usize = 0;
        return switch (host.proxy_get_header_map_value(headers.map, name.ptr, name.len, &value, &size)) {
            .ok => received(value, size),
            .not_found => null,
            else => error.Refused,
        };
    }

    /// Whether there is at least one header of this name, whatever its value.
    pub fn contains(headers: Headers, name: []const u8) Refused!bool {
        const value = try headers.get(name) orelse return false;
        free(value);
        return true;
    }

    /// Leaves exactly one header of this name, with this value.
    pub fn set(headers: Headers, name: []const u8, value: []const u8) Refused!void {
        return check(host.proxy_replace_header_map_value(headers.map, name.ptr, name.len, value.ptr, value.len));
    }

    /// Adds a header beside those that have this name already.
    pub fn append(headers: Headers, name: []const u8, value: []const u8) Refused!void {
        return check(host.proxy_add_header_map_value(headers.map, name.ptr, name.len, value.ptr, value.len));
    }

    /// Removes every header of this name; there need not be one.
    pub fn remove(headers: Headers, name: []const u8) Refused!void {
        return check(host.proxy_remove_header_map_value(headers.map, name.ptr, name.len));
    }
};

/// The part of a body that is in the host's hands while its callback runs.
pub const Body = struct {
    buffer: Buffer,

    pub const request: Body = .{ .buffer = .request_body };
    pub const response: Body = .{ .buffer = .response_body };

    /// Adds bytes behind the `size` that are there.
    pub fn append(body: Body, size: usize, bytes: []const u8) Refused!void {
        return check(host.proxy_set_buffer_bytes(body.buffer, size, 0, bytes.ptr, bytes.len));
    }
};

/// Answers the request at once, in place of an upstream; the callback then returns `.pause`.
pub fn reply(status: u32, details: []const u8, body: []const u8) Refused!void {
    return check(host.proxy_send_local_response(
        status,
        details.ptr,
        details.len,
        body.ptr,
        body.len,
        "".ptr,
        0,
        -1,
    ));
}

/// Gives back what the host allocated.
pub fn free(bytes: []u8) void {
    if (bytes.len > 0) memory.give(bytes.ptr, bytes.len);
}

/// Memory for a value, which is not set to anything. The module traps where there is none.
fn newValue(comptime T: type) *T {
    return @ptrCast(@alignCast(memory.take(@sizeOf(T)) orelse @panic("out of memory")));
}

fn destroy(value: anytype) void {
    memory.give(value, @sizeOf(@TypeOf(value.*)));
}

fn check(status: Status) Refused!void {
    if (status != .ok) return error.Refused;
}

fn received(bytes: ?[*]u8, size: usize) []u8 {
    const start = bytes orelse return &.{};
    return start[0..size];
}

/// Says why in the log before the module traps, as every safety check of Zig does. A filter's root file makes it its
/// own: `pub const panic = proxy.panic;`.
pub const panic = std.debug.FullPanic(struct {
    fn trap(text: []const u8, _: ?usize) noreturn {
        log(.critical, text);
        @trap();
    }
}.trap);

/// Exports what the host calls.
pub fn register(comptime Config: type, comptime Stream: type) void {
    const plugin = Plugin(Config, Stream);
    const callbacks = .{
        .{ "onRequestHeaders", "proxy_on_request_headers", Headered },
        .{ "onRequestBody", "proxy_on_request_body", Headered },
        .{ "onResponseHeaders", "proxy_on_response_headers", Headered },
        .{ "onResponseBody", "proxy_on_response_body", Headered },
    };
    inline for (callbacks) |callback| {
        if (@hasDecl(Stream, callback[0])) {
            const shell = callback[2](plugin, @field(Stream, callback[0]));
            @export(&shell.call, .{ .name = callback[1] });
        }
    }
    @export(&plugin.create, .{ .name = "proxy_on_context_create" });
    @export(&plugin.start, .{ .name = "proxy_on_vm_start" });
    @export(&plugin.configure, .{ .name = "proxy_on_configure" });
    @export(&plugin.delete, .{ .name = "proxy_on_delete" });
    @export(&version, .{ .name = "proxy_abi_version_0_2_1" });
    @export(&allocate, .{ .name = "proxy_on_memory_allocate" });
}

fn version() callconv(.c) void {}

fn allocate(size: usize) callconv(.c) ?[*]u8 {
    return memory.take(size);
}

/// A callback of headers, or of a part of a body: both have a size and may be the last.
fn Headered(comptime plugin: type, comptime callback: anytype) type {
    return struct {
        fn call(id: u32, size: u32, end_of_stream: u32) callconv(.c) Action {
            return callback(plugin.streamOf(id), size, end_of_stream != 0);
        }
    };
}

/// The contexts of one VM. Several plugins may live in it side by side, each with its own configuration.
fn Plugin(comptime Config: type, comptime Stream: type) type {
    return struct {
        /// A configuration, and how many hold it: its plugin, and each of the streams that began under it.
        const Held = struct {
            arena: Arena,
            holders: usize,
            config: Config,

            fn release(held: *Held) void {
                held.holders -= 1;
                if (held.holders > 0) return;
                held.arena.deinit();
                destroy(held);
            }
        };

        const Context = struct {
            id: u32,
            /// The next one in the same chain of `contexts`.
            next: ?*Context,
            /// What a plugin was configured with last, or a stream began under; nothing before that.
            held: ?*Held,
            /// A stream's own state; a plugin has none.
            stream: Stream,
        };

        /// Chains of contexts by the last bits of their ids, which the host counts up.
        var contexts: [1024]?*Context = @splat(null);

        /// The place that holds the context, or null where there is none.
        fn place(id: u32) *?*Context {
            var link = &contexts[id % contexts.len];
            while (link.*) |context| : (link = &context.next) {
                if (context.id == id) break;
            }
            return link;
        }

        fn create(id: u32, parent: u32) callconv(.c) void {
            const link = place(id);
            const context = newValue(Context);
            context.* = .{ .id = id, .next = null, .held = null, .stream = undefined };
            if (parent != 0) {
                const held = place(parent).*.?.held.?;
                held.holders += 1;
                context.held = held;
                context.stream = .{ .config = &held.config };
            }
            link.* = context;
        }

        fn delete(id: u32) callconv(.c) void {
            const link = place(id);
            const context = link.* orelse return;
            link.* = context.next;
            if (context.held) |held| held.release();
            destroy(context);
        }

        fn start(_: u32, _: usize) callconv(.c) bool {
            return true;
        }

        fn configure(id: u32, size: usize) callconv(.c) bool {
            const text = configuration(size);
            defer free(text);
            const held = newValue(Held);
            held.* = .{ .arena = .{}, .holders = 1, .config = undefined };
            var refusal: Refusal = .{};
            held.config = Config.read(&held.arena, text, &refusal) catch {
                log(.err, refusal.message());
                held.release();
                return false;
            };
            const context = place(id).*.?;
            if (context.held) |before| before.release();
            context.held = held;
            return true;
        }

        fn configuration(size: usize) []u8 {
            var text: ?[*]u8 = null;
            var got: usize = 0;
            if (size == 0) return &.{};
            const status = host.proxy_get_buffer_bytes(.plugin_configuration, 0, size, &text, &got);
            return if (status == .ok) received(text, got) else &.{};
        }

        fn streamOf(id: u32) *Stream {
            return &place(id).*.?.stream;
        }
    };
}
