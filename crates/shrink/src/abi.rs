//! The proxy-wasm ABI as Envoy implements it: what it provides, what it calls, and the signatures of both.
//!
//! Source: proxy-wasm-cpp-host, `include/proxy-wasm/exports.h` (host functions), `include/proxy-wasm/wasm.h` and
//! `src/wasm.cc` (callbacks, allocators, start functions, what is registered for which version). The tables were
//! checked against Envoy 1.40 by loading modules that import all of them.

use std::fmt;

/// A version of the ABI that Envoy speaks; a module names its own with a marker export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbiVersion {
    /// `proxy_abi_version_0_1_0`
    V0_1_0,
    /// `proxy_abi_version_0_2_0`
    V0_2_0,
    /// `proxy_abi_version_0_2_1`
    V0_2_1,
}

/// What the name of every ABI marker starts with.
pub const MARKER_PREFIX: &str = "proxy_abi_version_";

impl AbiVersion {
    /// The version that a marker export names, or nothing for one that Envoy does not know.
    pub fn from_marker(export: &str) -> Option<AbiVersion> {
        match export {
            "proxy_abi_version_0_1_0" => Some(AbiVersion::V0_1_0),
            "proxy_abi_version_0_2_0" => Some(AbiVersion::V0_2_0),
            "proxy_abi_version_0_2_1" => Some(AbiVersion::V0_2_1),
            _ => None,
        }
    }
}

impl fmt::Display for AbiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AbiVersion::V0_1_0 => "0.1.0",
            AbiVersion::V0_2_0 => "0.2.0",
            AbiVersion::V0_2_1 => "0.2.1",
        })
    }
}

/// The exports that are kept whatever the filter declares: without them the host cannot load, start, configure or
/// free the module. `main` and `__main_void` are called after `_initialize`, `_start` in its place.
pub const KEPT: &[&str] = &[
    "memory",
    "_initialize",
    "_start",
    "main",
    "__main_void",
    "malloc",
    "proxy_on_memory_allocate",
    "proxy_on_context_create",
    "proxy_on_vm_start",
    "proxy_on_configure",
    "proxy_on_delete",
];

/// The modules that Envoy's imports live in.
pub const IMPORT_MODULES: &[&str] = &["env", "wasi_snapshot_preview1", "wasi_unstable"];

/// A function's name, its parameters and its results; `i` is an i32 and `I` an i64.
type Row = (&'static str, &'static str, &'static str);

/// In module `env`, for every version. The names lack their prefix `proxy_`.
const HOST: &[Row] = &[
    ("log", "iii", "i"),
    ("get_status", "iii", "i"),
    ("set_property", "iiii", "i"),
    ("get_property", "iiii", "i"),
    ("send_local_response", "iiiiiiii", "i"),
    ("get_shared_data", "iiiii", "i"),
    ("set_shared_data", "iiiii", "i"),
    ("register_shared_queue", "iii", "i"),
    ("resolve_shared_queue", "iiiii", "i"),
    ("dequeue_shared_queue", "iii", "i"),
    ("enqueue_shared_queue", "iii", "i"),
    ("get_header_map_value", "iiiii", "i"),
    ("add_header_map_value", "iiiii", "i"),
    ("replace_header_map_value", "iiiii", "i"),
    ("remove_header_map_value", "iii", "i"),
    ("get_header_map_pairs", "iii", "i"),
    ("set_header_map_pairs", "iii", "i"),
    ("get_header_map_size", "ii", "i"),
    ("get_buffer_status", "iii", "i"),
    ("get_buffer_bytes", "iiiii", "i"),
    ("set_buffer_bytes", "iiiii", "i"),
    ("http_call", "iiiiiiiiii", "i"),
    ("grpc_call", "iiiiiiiiiiii", "i"),
    ("grpc_stream", "iiiiiiiii", "i"),
    ("grpc_close", "i", "i"),
    ("grpc_cancel", "i", "i"),
    ("grpc_send", "iiii", "i"),
    ("set_tick_period_milliseconds", "i", "i"),
    ("get_current_time_nanoseconds", "i", "i"),
    ("define_metric", "iiii", "i"),
    ("increment_metric", "iI", "i"),
    ("record_metric", "iI", "i"),
    ("get_metric", "ii", "i"),
    ("set_effective_context", "i", "i"),
    ("done", "", "i"),
    ("call_foreign_function", "iiiiii", "i"),
];

/// In module `env`, for one version or two. The names lack their prefix `proxy_`.
const HOST_BY_VERSION: &[(Row, &[AbiVersion])] = &[
    (("get_configuration", "ii", "i"), &[AbiVersion::V0_1_0]),
    (("continue_request", "", "i"), &[AbiVersion::V0_1_0]),
    (("continue_response", "", "i"), &[AbiVersion::V0_1_0]),
    (("clear_route_cache", "", "i"), &[AbiVersion::V0_1_0]),
    (("continue_stream", "i", "i"), &[AbiVersion::V0_2_0, AbiVersion::V0_2_1]),
    (("close_stream", "i", "i"), &[AbiVersion::V0_2_0, AbiVersion::V0_2_1]),
    (("get_log_level", "i", "i"), &[AbiVersion::V0_2_1]),
];

/// In module `env`, without the prefix: what Emscripten's runtime asks for.
const EMSCRIPTEN: &[Row] = &[("pthread_equal", "ii", "i"), ("emscripten_notify_memory_growth", "i", "")];

/// In `wasi_snapshot_preview1` and, as an older name of the same, `wasi_unstable`.
const WASI: &[Row] = &[
    ("fd_write", "iiii", "i"),
    ("fd_read", "iiii", "i"),
    ("fd_seek", "iIii", "i"),
    ("fd_close", "i", "i"),
    ("fd_fdstat_get", "ii", "i"),
    ("fd_fdstat_set_flags", "ii", "i"),
    ("fd_fdstat_set_rights", "iII", "i"),
    ("environ_get", "ii", "i"),
    ("environ_sizes_get", "ii", "i"),
    ("args_get", "ii", "i"),
    ("args_sizes_get", "ii", "i"),
    ("clock_time_get", "iIi", "i"),
    ("clock_res_get", "ii", "i"),
    ("fd_advise", "iIIi", "i"),
    ("fd_allocate", "iII", "i"),
    ("fd_datasync", "i", "i"),
    ("fd_filestat_set_size", "iI", "i"),
    ("fd_filestat_set_times", "iIIi", "i"),
    ("fd_pread", "iiiIi", "i"),
    ("fd_pwrite", "iiiIi", "i"),
    ("fd_readdir", "iiiIi", "i"),
    ("fd_renumber", "ii", "i"),
    ("fd_sync", "i", "i"),
    ("fd_tell", "ii", "i"),
    ("path_create_directory", "iii", "i"),
    ("path_filestat_set_times", "iiiiIIi", "i"),
    ("path_link", "iiiiii", "i"),
    ("path_readlink", "iiiiii", "i"),
    ("path_remove_directory", "iii", "i"),
    ("path_rename", "iiiiii", "i"),
    ("path_symlink", "iiii", "i"),
    ("path_unlink_file", "iii", "i"),
    ("sock_accept", "iii", "i"),
    ("sock_recv", "iiiiii", "i"),
    ("sock_send", "iiiii", "i"),
    ("sock_shutdown", "ii", "i"),
    ("random_get", "ii", "i"),
    ("sched_yield", "", "i"),
    ("poll_oneoff", "iiii", "i"),
    ("proc_exit", "i", ""),
    ("path_open", "iiiiiIIii", "i"),
    ("fd_prestat_get", "ii", "i"),
    ("fd_prestat_dir_name", "iii", "i"),
    ("path_filestat_get", "iiiii", "i"),
    ("fd_filestat_get", "ii", "i"),
];

/// What Envoy looks up by name in a module, beside the headers callbacks, whose signature depends on the version.
const CALLED: &[Row] = &[
    ("_initialize", "", ""),
    ("_start", "", ""),
    ("main", "ii", "i"),
    ("__main_void", "", "i"),
    ("malloc", "i", "i"),
    ("proxy_on_memory_allocate", "i", "i"),
    ("proxy_validate_configuration", "ii", "i"),
    ("proxy_on_vm_start", "ii", "i"),
    ("proxy_on_configure", "ii", "i"),
    ("proxy_on_tick", "i", ""),
    ("proxy_on_context_create", "ii", ""),
    ("proxy_on_new_connection", "i", "i"),
    ("proxy_on_downstream_data", "iii", "i"),
    ("proxy_on_upstream_data", "iii", "i"),
    ("proxy_on_downstream_connection_close", "ii", ""),
    ("proxy_on_upstream_connection_close", "ii", ""),
    ("proxy_on_request_body", "iii", "i"),
    ("proxy_on_request_trailers", "ii", "i"),
    ("proxy_on_request_metadata", "ii", "i"),
    ("proxy_on_response_body", "iii", "i"),
    ("proxy_on_response_trailers", "ii", "i"),
    ("proxy_on_response_metadata", "ii", "i"),
    ("proxy_on_http_call_response", "iiiii", ""),
    ("proxy_on_grpc_receive", "iii", ""),
    ("proxy_on_grpc_close", "iii", ""),
    ("proxy_on_grpc_receive_initial_metadata", "iii", ""),
    ("proxy_on_grpc_receive_trailing_metadata", "iii", ""),
    ("proxy_on_queue_ready", "ii", ""),
    ("proxy_on_done", "i", "i"),
    ("proxy_on_log", "i", ""),
    ("proxy_on_delete", "i", ""),
];

/// What Envoy says to an imported function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provided {
    /// It is provided, with this signature, written as [`signature`] writes it.
    As(String),
    /// It is provided, but only to modules of these versions.
    OnlyTo(&'static [AbiVersion]),
    /// It is not provided.
    No,
}

/// Looks an imported function up. A `version` of `None` (the module's marker is itself in doubt) accepts what any
/// version provides, so that one mistake is not reported twice.
pub fn provided(module: &str, name: &str, version: Option<AbiVersion>) -> Provided {
    let written = |row: &Row| Provided::As(signature(row.1, row.2));
    match module {
        "wasi_snapshot_preview1" | "wasi_unstable" => find(WASI, name).map_or(Provided::No, written),
        "env" => {
            let Some(host) = name.strip_prefix("proxy_") else {
                return find(EMSCRIPTEN, name).map_or(Provided::No, written);
            };
            if let Some(row) = find(HOST, host) {
                return written(row);
            }
            match HOST_BY_VERSION.iter().find(|(row, _)| row.0 == host) {
                Some((row, versions)) if version.is_none_or(|v| versions.contains(&v)) => written(row),
                Some((_, versions)) => Provided::OnlyTo(versions),
                None => Provided::No,
            }
        }
        _ => Provided::No,
    }
}

/// The signature that Envoy expects of an export, written as [`signature`] writes it; `None` for a name that Envoy
/// never looks up.
pub fn called(export: &str, version: AbiVersion) -> Option<String> {
    match (export, version) {
        ("proxy_on_request_headers" | "proxy_on_response_headers", AbiVersion::V0_1_0) => Some(signature("ii", "i")),
        ("proxy_on_request_headers" | "proxy_on_response_headers", _) => Some(signature("iii", "i")),
        ("proxy_on_foreign_function", AbiVersion::V0_1_0) => None,
        ("proxy_on_foreign_function", _) => Some(signature("iii", "")),
        _ => find(CALLED, export).map(|row| signature(row.1, row.2)),
    }
}

/// Every callback that a manifest may declare for `version`, in the order of a stream's life.
pub fn callbacks(version: AbiVersion) -> impl Iterator<Item = &'static str> {
    const BY_VERSION: &[&str] = &["proxy_on_request_headers", "proxy_on_response_headers", "proxy_on_foreign_function"];
    let known = BY_VERSION.iter().copied().chain(CALLED.iter().map(|row| row.0));
    known.filter(move |name| name.starts_with("proxy_") && called(name, version).is_some())
}

fn find(rows: &'static [Row], name: &str) -> Option<&'static Row> {
    rows.iter().find(|row| row.0 == name)
}

/// Writes a signature as people read it, `(i32, i64) -> i32`; a function without results returns `nothing`.
/// `params` and `results` hold one letter a value: `i`, `I`, `f`, `F` are i32, i64, f32, f64, and others are
/// something that the ABI never passes.
pub fn signature(params: &str, results: &str) -> String {
    let list = |letters: &str| letters.chars().map(word).collect::<Vec<_>>().join(", ");
    let results = if results.is_empty() { "nothing".to_owned() } else { list(results) };
    format!("({}) -> {results}", list(params))
}

fn word(letter: char) -> &'static str {
    match letter {
        'i' => "i32",
        'I' => "i64",
        'f' => "f32",
        'F' => "f64",
        'v' => "v128",
        _ => "a reference",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_written_as_people_read_them() {
        assert_eq!(signature("iIfFvr", "i"), "(i32, i64, f32, f64, v128, a reference) -> i32");
        assert_eq!(signature("", ""), "() -> nothing");
    }

    #[test]
    fn a_host_function_may_belong_to_one_version() {
        let old = provided("env", "proxy_continue_request", Some(AbiVersion::V0_2_1));
        assert_eq!(old, Provided::OnlyTo(&[AbiVersion::V0_1_0]));
        let in_doubt = provided("env", "proxy_continue_request", None);
        assert_eq!(in_doubt, Provided::As("() -> i32".to_owned()));
    }

    #[test]
    fn headers_callbacks_changed_between_versions() {
        assert_eq!(called("proxy_on_request_headers", AbiVersion::V0_1_0).unwrap(), "(i32, i32) -> i32");
        assert_eq!(called("proxy_on_request_headers", AbiVersion::V0_2_1).unwrap(), "(i32, i32, i32) -> i32");
        assert_eq!(called("proxy_on_foreign_function", AbiVersion::V0_1_0), None);
    }

    #[test]
    fn callbacks_are_those_that_envoy_calls() {
        let known: Vec<_> = callbacks(AbiVersion::V0_2_1).collect();
        assert!(known.contains(&"proxy_on_foreign_function") && known.contains(&"proxy_on_log"), "{known:?}");
        assert!(!known.contains(&"malloc"), "{known:?}");
        assert!(!callbacks(AbiVersion::V0_1_0).any(|name| name == "proxy_on_foreign_function"));
    }
}
