//! Every finding, one module each: a clean one with one thing wrong.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail as tests do")]

use weir_shrink::lint::lint;

const HEADERS: &str = "proxy_on_request_headers";

/// A module without fault: it has what Envoy needs, and one callback.
const CLEAN: &str = r#"(module
    (import "env" "proxy_log" (func (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 0))
    (func (export "proxy_on_context_create") (param i32 i32))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0))
)"#;

/// What the lint says of the clean module with `from` replaced by `to`.
fn with(from: &str, to: &str) -> Vec<String> {
    assert!(CLEAN.contains(from), "{from} is not in the clean module");
    said(&wat::parse_str(CLEAN.replacen(from, to, 1)).unwrap(), &[HEADERS])
}

/// What the lint says of the clean module with `more` in it.
fn plus(more: &str) -> Vec<String> {
    with("(memory (export", &format!("{more} (memory (export"))
}

fn said(wasm: &[u8], callbacks: &[&str]) -> Vec<String> {
    lint(wasm, callbacks).iter().map(ToString::to_string).collect()
}

#[track_caller]
fn only(findings: &[String], words: &[&str]) {
    assert_eq!(findings.len(), 1, "{findings:#?}");
    for word in words {
        assert!(findings[0].contains(word), "{word:?} is not in {:?}", findings[0]);
    }
}

#[test]
fn a_clean_module_has_no_findings() {
    assert_eq!(said(&wat::parse_str(CLEAN).unwrap(), &[HEADERS]), [""; 0]);
}

#[test]
fn something_else_is_no_module() {
    only(&said(b"(module)", &[]), &["not a WebAssembly module", "\"(module)\"", "pass the .wasm file"]);
    only(&said(b"", &[]), &["starts with nothing at all"]);
}

#[test]
fn a_module_that_ends_early_is_truncated() {
    let wasm = wat::parse_str(CLEAN).unwrap();
    only(&said(&wasm[..3], &[]), &["truncated: it ends at byte 3"]);
    only(&said(&wasm[..wasm.len() - 7], &[]), &["truncated", &(wasm.len() - 7).to_string(), "copy or build it again"]);
    for length in 9..wasm.len() {
        assert!(!said(&wasm[..length], &[HEADERS]).is_empty(), "the first {length} bytes pass");
    }
}

#[test]
fn a_component_is_named_as_such() {
    only(&said(&wat::parse_str("(component)").unwrap(), &[]), &["component", "core modules only", "wasm32-wasip1"]);
}

#[test]
fn an_invalid_module_is_told_with_its_place() {
    let findings = plus("(func (result i32))");
    only(&findings, &["not valid WebAssembly (byte ", "expected i32 but nothing on stack", "build it again"]);
}

#[test]
fn a_feature_that_envoy_lacks_is_named() {
    let wide = "(func (param i64 i64) (result i64 i64) (i64.mul_wide_u (local.get 0) (local.get 1)))";
    only(&plus(wide), &["uses wide arithmetic, which Envoy does not support: build without"]);
    only(&with(r#""memory") 1"#, r#""memory") i64 1"#), &["64-bit memories", "build for wasm32"]);
    let coroutine = "(type $f (func)) (type $k (cont $f)) (func (param (ref null $k)))";
    only(&plus(coroutine), &["stack switching"]);
    only(&with(r#""memory") 1"#, r#""memory") 1 (pagesize 1)"#), &["custom page sizes"]);
}

#[test]
fn a_missing_allocator_is_told() {
    only(&with("proxy_on_memory_allocate", "allocate"), &["no allocator", "`proxy_on_memory_allocate` or `malloc`"]);
    assert_eq!(with("proxy_on_memory_allocate", "malloc"), [""; 0]);
}

#[test]
fn the_abi_marker_is_one_function_of_a_known_version() {
    only(&with("proxy_abi_version_0_2_1", "version"), &["does not say which ABI", "`proxy_abi_version_0_2_1`"]);
    only(&with("_0_2_1", "_0_3_0"), &["an ABI that Envoy does not (proxy_abi_version_0_3_0)", "0.1.0, 0.2.0 or 0.2.1"]);
    only(
        &plus(r#"(func (export "proxy_abi_version_0_1_0"))"#),
        &["more than one ABI (proxy_abi_version_0_1_0, proxy_abi_version_0_2_1)", "link one SDK only"],
    );
    only(
        &with(
            r#"(func (export "proxy_abi_version_0_2_1"))"#,
            r#"(global (export "proxy_abi_version_0_2_1") i32 (i32.const 0))"#,
        ),
        &["`proxy_abi_version_0_2_1` is a global", "export a function"],
    );
}

#[test]
fn an_import_that_envoy_lacks_is_named_with_its_mend() {
    let lacks = |module: &str, name: &str| with(r#""env" "proxy_log""#, &format!("{module:?} {name:?}"));
    only(&lacks("env", "abort"), &["`env.abort`, which Envoy does not provide", "--use abort=abort_proc_exit"]);
    only(&lacks("env", "sqrt"), &["nothing defines `sqrt` at link time"]);
    only(&lacks("env", "proxy_http_fetch"), &["use an SDK that speaks ABI 0.2.1"]);
    only(&lacks("wbg", "now"), &["wasm-bindgen", "cargo tree -i"]);
    only(&lacks("gojs", "runtime.wasmExit"), &["GOOS=wasip1"]);
    only(&lacks("wasi:clocks/wall-clock@0.2.0", "now"), &["wasm32-wasip1, not wasm32-wasip2"]);
    only(&lacks("wasi_snapshot_preview1", "proc_raise"), &["do without what needs it"]);
    only(&lacks("host", "log"), &["env, wasi_snapshot_preview1, wasi_unstable", "do without `host`"]);
}

#[test]
fn an_import_with_another_signature_is_told_with_both() {
    only(
        &with("(param i32 i32 i32) (result i32)", "(param i32 i64)"),
        &["`env.proxy_log` as (i32, i64) -> nothing", "Envoy provides (i32, i32, i32) -> i32"],
    );
}

#[test]
fn an_import_of_another_version_is_told_with_the_versions() {
    let old = r#"(import "env" "proxy_continue_request" (func (result i32)))"#;
    only(
        &with("(import", &format!("{old} (import")),
        &["`env.proxy_continue_request`", "to ABI 0.1.0 only, and it speaks 0.2.1"],
    );
}

#[test]
fn only_functions_memories_and_tables_may_be_imported() {
    let import = |item: &str| with("(import", &format!(r#"(import "env" "x" {item}) (import"#));
    only(&import("(global i32)"), &["imports a global, `env.x`", "link it statically"]);
    only(&import("(tag)"), &["imports an exception tag, `env.x`"]);
    assert_eq!(import("(table 1 funcref)"), [""; 0]);
}

#[test]
fn the_memory_is_exported_and_not_too_large() {
    only(&with(r#"(export "memory")"#, ""), &["exports no memory called `memory`", "crashes"]);
    only(&with(r#""memory") 1"#, r#""memory") 16385"#), &["16385 pages", "at most 16384 (1 GiB)"]);
    assert_eq!(with(r#""memory") 1"#, r#""memory") 16384"#), [""; 0]);
}

#[test]
fn contexts_must_be_announced() {
    only(&with("proxy_on_context_create", "create"), &["does not export `proxy_on_context_create`", "empty function"]);
}

#[test]
fn a_declared_callback_must_be_there() {
    let wasm = wat::parse_str(CLEAN).unwrap();
    only(&said(&wasm, &["proxy_on_log"]), &["`proxy_on_log` is declared, but the module does not export it"]);
}

#[test]
fn a_declared_callback_must_be_one() {
    let wasm = wat::parse_str(CLEAN).unwrap();
    only(
        &said(&wasm, &["proxy_on_http_request_headers"]),
        &["`proxy_on_http_request_headers`", "ABI 0.2.1: did you mean `proxy_on_request_headers`?"],
    );
    only(&said(&wasm, &["proxy_on_response_header"]), &["did you mean `proxy_on_response_headers`?"]);
    only(&said(&wasm, &["malloc"]), &["`malloc` is declared as a callback, but Envoy calls nothing of that name"]);
}

#[test]
fn a_kept_export_must_have_the_signature_that_envoy_calls() {
    only(
        &with("(param i32 i32 i32) (result i32) (i32.const 0)", "(param i32 i32) (result i32) (i32.const 0)"),
        &["`proxy_on_request_headers` is (i32, i32) -> i32", "calls it as (i32, i32, i32) -> i32 in ABI 0.2.1"],
    );
    only(&plus(r#"(func (export "proxy_on_configure"))"#), &["`proxy_on_configure` is () -> nothing"]);
    only(&plus(r#"(global (export "_start") i32 (i32.const 0))"#), &["`_start` is a global"]);
}

#[test]
fn an_export_that_will_be_pruned_may_be_wrong() {
    assert_eq!(plus(r#"(func (export "proxy_on_log"))"#), [""; 0]);
}
