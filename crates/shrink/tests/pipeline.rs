//! What the stages do to a module, and what the programs promise their callers.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail as tests do")]

use std::path::Path;
use std::process::{Command, Output};

use weir_shrink::strip;
use weir_shrink::symbols::{self, Place};
use weir_shrink::{Optimiser, ShrinkError, Shrunk, StageName, shrink};

/// A module with a callback that is needed, one that is not and alone needs `$heavy`, and a custom section.
const MODULE: &str = r#"(module
    (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (global (export "__heap_base") i32 (i32.const 1024))
    (func $marker (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) (i32.const 1024))
    (func (export "proxy_on_context_create") (param i32 i32))
    (func $_ZN3toy7headers17h0123456789abcdefE (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (drop (i32.mul (local.get 0) (i32.const 3)))
        (call $log (i32.const 2) (i32.const 8) (i32.const 5)))
    (func (export "proxy_on_log") (param i32) (drop (call $heavy (i32.const 1) (local.get 0))))
    (func $heavy (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (data (i32.const 8) "hello")
    (@custom "producers" "\00")
    (@custom "notes" "what nobody reads"))"#;

fn module() -> Vec<u8> {
    wat::parse_str(MODULE).unwrap()
}

fn shrunk() -> Shrunk {
    shrink(&module(), &["proxy_on_request_headers"], Optimiser::Skip).unwrap()
}

fn contains(wasm: &[u8], text: &str) -> bool {
    wasm.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn exports_that_nothing_calls_go_and_their_code_with_them() {
    let wasm = shrunk().wasm;
    for kept in ["memory", "malloc", "proxy_abi_version_0_2_1", "proxy_on_context_create", "proxy_on_request_headers"] {
        assert!(contains(&wasm, kept), "{kept} is gone");
    }
    assert!(!contains(&wasm, "proxy_on_log") && !contains(&wasm, "__heap_base"));
    assert!(!shrunk().symbols.functions.iter().any(|function| function.name == "heavy"));
}

#[test]
fn names_and_notes_go_and_13_bytes_stay_for_backtraces() {
    let wasm = shrunk().wasm;
    assert!(!contains(&wasm, "toy") && !contains(&wasm, "notes") && !contains(&wasm, "producers"));
    assert_eq!(wasm.len(), strip::bare(&wasm).unwrap().len() + 13);
    assert!(wasm.ends_with(b"\x00\x0b\x04name\x01\x04\x01\x00\x01?"));
}

#[test]
fn symbols_belong_to_the_module_that_ships() {
    let shrunk = shrunk();
    assert_eq!(shrunk.symbols.sha256, symbols::sha256(&shrunk.wasm));
    let headers = shrunk.symbols.functions.iter().find(|function| function.name == "toy::headers").unwrap();
    let body = headers.body.clone().unwrap();
    let bytes = &shrunk.wasm[body.start as usize..body.end as usize];
    // i32.const 2, i32.const 8, i32.const 5, call 0
    assert!(bytes.ends_with(&[0x41, 2, 0x41, 8, 0x41, 5, 0x10, 0, 0x0b]), "{bytes:x?}");
    assert_eq!(symbols::resolve(&shrunk.symbols, Place::Offset(body.end - 2)), Some(headers));
}

#[test]
fn the_report_ends_with_what_ships() {
    let shrunk = shrunk();
    let stages: Vec<_> = shrunk.report.stages.iter().map(|stage| stage.stage).collect();
    assert_eq!(stages, [StageName::Linked, StageName::Pruned, StageName::Collected, StageName::Stripped]);
    assert_eq!(shrunk.report.stages[0].bytes, module().len());
    assert!(shrunk.report.stages.windows(2).all(|pair| pair[1].bytes < pair[0].bytes), "{:?}", shrunk.report);
    assert_eq!(shrunk.report.stages[3].bytes, shrunk.wasm.len());
    assert_eq!((shrunk.report.abi.as_str(), shrunk.report.dropped.len()), ("0.2.1", 0));
    assert_eq!(shrunk.report.callbacks, ["proxy_on_request_headers", "proxy_on_log"]);
    assert_eq!(shrunk.report.played, 4, "two contexts, a line of the log, and the callback that said it");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    assert_eq!(shrunk().wasm, shrunk().wasm);
    let again = shrink(&shrunk().wasm, &["proxy_on_request_headers"], Optimiser::Skip).unwrap();
    assert_eq!(again.wasm, shrunk().wasm);
}

#[test]
fn a_module_with_findings_is_not_shrunk() {
    let error = shrink(&module(), &["proxy_on_tick"], Optimiser::Skip).unwrap_err();
    assert!(matches!(&error, ShrinkError::Findings(findings) if findings.len() == 1), "{error}");
}

#[test]
#[cfg(feature = "optimise")]
fn the_optimiser_keeps_what_the_symbols_need() {
    let optimised = shrink(&module(), &["proxy_on_request_headers"], Optimiser::Run).unwrap();
    assert_eq!(optimised.report.dropped, []);
    assert_eq!(optimised.report.stages.last().unwrap().stage, StageName::Optimised);
    assert_eq!(optimised.report.stages.last().unwrap().bytes, optimised.wasm.len());
    assert!(optimised.wasm.len() < shrunk().wasm.len());
    assert!(optimised.symbols.functions.iter().any(|function| function.name == "toy::headers"));
}

#[test]
#[cfg(not(feature = "optimise"))]
fn a_stage_that_fails_is_dropped_and_told() {
    let without = shrink(&module(), &["proxy_on_request_headers"], Optimiser::Run).unwrap();
    assert_eq!(without.wasm, shrunk().wasm);
    assert_eq!(without.report.dropped[0].stage, StageName::Optimised);
    assert!(without.report.dropped[0].reason.contains("without the optimiser"), "{:?}", without.report.dropped);
}

fn lint(folder: &Path, callbacks: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir-lint"));
    command.current_dir(folder).args(["in.wasm", "--out", "out.wasm", "--symbols", "out.symbols"]);
    command.args(callbacks.iter().flat_map(|callback| ["--callback", callback])).output().unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_program_writes_both_files_and_prints_the_report() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in.wasm"), module()).unwrap();
    let output = lint(folder.path(), &["proxy_on_request_headers"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report, serde_json::to_value(shrunk().report).unwrap());
    assert_eq!((&report["stages"][0]["stage"], &report["abi"]), (&"linked".into(), &"0.2.1".into()));
    assert_eq!(names(folder.path()), ["in.wasm", "out.symbols", "out.wasm"]);
    assert_eq!(std::fs::read(folder.path().join("out.wasm")).unwrap(), shrunk().wasm);
    let text = std::fs::read_to_string(folder.path().join("out.symbols")).unwrap();
    assert_eq!(symbols::parse(&text).unwrap(), shrunk().symbols);
}

#[test]
fn the_program_writes_nothing_when_there_are_findings() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in.wasm"), module()).unwrap();
    let output = lint(folder.path(), &["proxy_on_tick", "proxy_on_done"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len(), said.lines().count()), (Some(1), 0, 2), "{said}");
    assert!(said.lines().all(|line| line.starts_with("in.wasm: the callback `proxy_on_")), "{said}");
    assert_eq!(names(folder.path()), ["in.wasm"]);
}

#[test]
fn the_program_says_which_file_it_cannot_read_or_write() {
    let folder = tempfile::tempdir().unwrap();
    let output = lint(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("cannot read in.wasm: "), "{output:?}");
    std::fs::write(folder.path().join("in.wasm"), module()).unwrap();
    std::fs::create_dir(folder.path().join("out.wasm")).unwrap();
    let output = lint(folder.path(), &["proxy_on_request_headers"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("cannot write out.wasm: "), "{output:?}");
    assert_eq!(names(folder.path()), ["in.wasm", "out.wasm"]);
}
