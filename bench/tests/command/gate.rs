//! The gate, by its own command: a filter that was slowed on purpose is caught, and restored it passes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic where it stands")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const FIXTURE: &str = include_str!("../fixtures/paced.wat");

/// A filter in a folder of its own.
struct Filter {
    folder: TempDir,
}

impl Filter {
    fn new() -> Filter {
        let filter = Filter { folder: tempfile::tempdir().unwrap() };
        let manifest = "summary = \"Paces.\"\ncallbacks = [\"proxy_on_request_headers\"]\n";
        fs::write(filter.path("filter.toml"), manifest).unwrap();
        filter.built_by("rustc 1");
        filter
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn built_by(&self, toolchain: &str) {
        let port = serde_json::json!([{
            "filter": "paced", "language": "rust", "label": "paced", "dir": self.folder.path(),
            "wasm": self.path("paced.wasm"), "toolchain": toolchain,
        }]);
        fs::write(self.path("ports.json"), port.to_string()).unwrap();
    }

    /// Puts a module in place that takes so many laps and asks the proxy so often.
    fn paced(&self, laps: u32, asks: u32) {
        let text =
            FIXTURE.replace("const LAPS", &format!("const {laps}")).replace("const ASKS", &format!("const {asks}"));
        fs::write(self.path("paced.wasm"), wat::parse_str(text).unwrap()).unwrap();
    }

    fn bench(&self, name: &str) -> Output {
        let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let mut command = Command::new(env!("CARGO_BIN_EXE_weir-bench"));
        command.arg(name).arg("--ports").arg(self.path("ports.json")).arg("--scenarios").arg(scenarios);
        command.output().unwrap()
    }

    fn passes(&self, name: &str) {
        let output = self.bench(name);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn fails_with(&self, text: &str) {
        let output = self.bench("check");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(text), "{text:?} is not in:\n{said}");
    }
}

#[test]
fn a_filter_that_was_slowed_is_caught_and_passes_when_it_is_restored() {
    let filter = Filter::new();
    filter.paced(100, 1);
    filter.passes("bless");
    filter.passes("check");
    filter.paced(104, 1);
    filter.fails_with("paced, headers: ");
    filter.fails_with("beyond the margin of 2 %");
    filter.paced(101, 1);
    filter.passes("check");
    filter.paced(100, 2);
    filter.fails_with("host calls: proxy_get_header_map_value 2 times, and costs.json says 1");
    filter.paced(100, 1);
    filter.passes("check");
}

#[test]
fn another_compilers_instructions_are_let_through_and_its_host_calls_are_not() {
    let filter = Filter::new();
    filter.paced(100, 1);
    filter.passes("bless");
    filter.built_by("rustc 2");
    filter.paced(200, 1);
    filter.passes("check");
    filter.paced(200, 2);
    filter.fails_with("host calls");
}

#[test]
fn what_was_never_accepted_is_told_with_the_mend() {
    let filter = Filter::new();
    filter.paced(1, 1);
    filter.fails_with("paced: has no costs to compare to; `bench --bless` accepts those of today");
}

#[test]
fn two_runs_count_the_same() {
    let filter = Filter::new();
    filter.paced(77, 3);
    let counted = || String::from_utf8_lossy(&filter.bench("check").stdout).into_owned();
    assert!(counted().contains("instructions"));
    assert_eq!(counted(), counted());
}
