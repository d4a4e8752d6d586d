//! A filter whose cost a test decides.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const FIXTURE: &str = include_str!("../../fixtures/paced.wat");

/// A filter in a folder of its own.
pub(crate) struct Filter {
    folder: TempDir,
}

impl Filter {
    pub(crate) fn new() -> Filter {
        let filter = Filter { folder: tempfile::tempdir().unwrap() };
        let manifest = "summary = \"Paces.\"\ncallbacks = [\"proxy_on_request_headers\"]\n";
        fs::write(filter.path("filter.toml"), manifest).unwrap();
        filter.built_by("rustc 1");
        filter
    }

    /// A place in its folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Says which compiler made it.
    pub(crate) fn built_by(&self, toolchain: &str) {
        let port = serde_json::json!([{
            "filter": "paced", "language": "rust", "label": "paced", "dir": self.folder.path(),
            "wasm": self.path("paced.wasm"), "toolchain": toolchain,
        }]);
        fs::write(self.path("ports.json"), port.to_string()).unwrap();
    }

    /// Puts a module in place that takes so many laps and asks the proxy so often.
    pub(crate) fn paced(&self, laps: u32, asks: u32) {
        let text =
            FIXTURE.replace("const LAPS", &format!("const {laps}")).replace("const ASKS", &format!("const {asks}"));
        fs::write(self.path("paced.wasm"), wat::parse_str(text).unwrap()).unwrap();
    }

    /// The bench's command of this name, over this filter alone.
    pub(crate) fn command(&self, name: &str) -> Command {
        let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let mut command = Command::new(env!("CARGO_BIN_EXE_weir-bench"));
        command.arg(name).arg("--ports").arg(self.path("ports.json")).arg("--scenarios").arg(scenarios);
        command
    }

    pub(crate) fn bench(&self, name: &str) -> Output {
        self.command(name).output().unwrap()
    }

    pub(crate) fn passes(&self, name: &str) {
        let output = self.bench(name);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    pub(crate) fn fails_with(&self, text: &str) {
        let output = self.bench("check");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(text), "{text:?} is not in:\n{said}");
    }
}
