//! What a module may ask of Envoy: the least that it works with.
//!
//! A capability is the name of a host function, or of a callback: without the first, the function only says that it is
//! not implemented, and without the second, Envoy does not call it (proxy-wasm-cpp-host, `wasm.cc`).

use std::collections::BTreeSet;

use weir_shrink::about::About;

/// The capabilities of a module: the host functions that it imports and the callbacks that it exports.
///
/// A list is never empty, which to Envoy would mean everything: no module is usable without a callback.
pub(super) fn of(about: &About) -> BTreeSet<String> {
    // What Emscripten's runtime asks for lies in `env` too, and cannot be restricted.
    let is_restricted = |module: &str, name: &str| module != "env" || name.starts_with("proxy_");
    let functions = about.imports.iter().filter(|it| it.what.starts_with('(') && is_restricted(&it.module, &it.name));
    let callbacks = about.exports.iter().filter(|it| {
        let callback = it.name.starts_with("proxy_on_") || it.name == "proxy_validate_configuration";
        // The allocator is looked up whatever is allowed.
        callback && it.name != "proxy_on_memory_allocate"
    });
    functions.map(|it| it.name.clone()).chain(callbacks.map(|it| it.name.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_imported_and_called_is_allowed_and_no_more() {
        let wasm = wat::parse_str(
            r#"(module
                (import "env" "proxy_log" (func (param i32 i32 i32) (result i32)))
                (import "env" "emscripten_notify_memory_growth" (func (param i32)))
                (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
                (memory (export "memory") 1)
                (func (export "proxy_abi_version_0_2_1"))
                (func (export "_initialize"))
                (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 0))
                (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0)))"#,
        )
        .unwrap();
        let about = weir_shrink::about::about(&wasm).unwrap();
        let allowed: Vec<String> = of(&about).into_iter().collect();
        assert_eq!(allowed, ["fd_write", "proxy_log", "proxy_on_request_headers"]);
    }
}
