//! A user's machine: a folder with a store of its own, an environment of its own, and the program under test.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A tool that `cargo xtask test-images` found.
pub(crate) fn tool(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable).filter(|value| !value.is_empty());
    path.unwrap_or_else(|| panic!("{variable} is not set; `cargo xtask test-images` runs these tests")).into()
}

/// The shipped module that the images hold.
pub(crate) fn module() -> PathBuf {
    tool("WEIR_TEST_MODULE")
}

pub(crate) struct Machine {
    folder: TempDir,
    environment: BTreeMap<String, String>,
}

impl Machine {
    /// A machine with nothing on it, whose user has no credentials.
    pub(crate) fn new() -> Machine {
        let folder = tempfile::tempdir().unwrap();
        let docker = folder.path().join("docker").display().to_string();
        let environment = BTreeMap::from([
            ("DOCKER_CONFIG".to_owned(), docker),
            ("REGISTRY_AUTH_FILE".to_owned(), folder.path().join("none.json").display().to_string()),
        ]);
        Machine { folder, environment }
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    /// A command that runs on this machine: in its folder and its environment.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        for name in ["WEIR_REGISTRY_USER", "WEIR_REGISTRY_PASSWORD", "WEIR_SIGNING_KEY", "WEIR_REGISTRY_CA"] {
            command.env_remove(name);
        }
        command.envs(&self.environment);
        command
    }

    /// Runs the program under test.
    pub(crate) fn weir<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Run {
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_weir-oci")));
        Run(command.args(arguments).output().unwrap())
    }

    /// Runs a tool that nobody here wrote.
    pub(crate) fn run(&self, variable: &str, arguments: &[&str]) -> Run {
        Run(self.command(&tool(variable)).args(arguments).output().unwrap())
    }

    /// Packages the module as `demo:1`, `demo:1-oci`, … with a bill of materials.
    pub(crate) fn package(&self) {
        let schema = serde_json::json!({ "type": "object" }).to_string();
        let facts = serde_json::json!({
            "filter": "demo", "language": "rust", "version": "1", "summary": "A demo.", "license": "Apache-2.0",
            "created": 1_700_000_000, "config_schema": schema,
        });
        fs::write(self.path("facts.json"), facts.to_string()).unwrap();
        fs::write(self.path("sbom.json"), r#"{"bomFormat":"CycloneDX","specVersion":"1.6"}"#).unwrap();
        let module = module().display().to_string();
        let layouts = ["--layout", "compat,docker,oci,cncf"];
        let named = ["package", &module, "--facts", "facts.json", "--sbom", "sbom.json", "--name", "demo"];
        self.weir(named.iter().chain(&layouts)).succeeds();
    }

    /// Packages, and pushes `demo:1` to a repository.
    pub(crate) fn push(&self, repository: &str) {
        self.package();
        self.weir(["push", "demo:1", repository]).succeeds();
    }
}

/// What a command did.
pub(crate) struct Run(Output);

impl Run {
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    #[track_caller]
    pub(crate) fn succeeds(self) -> Run {
        assert!(self.0.status.success(), "{}{}", self.stdout(), self.stderr());
        self
    }

    #[track_caller]
    pub(crate) fn fails_with(self, text: &str) -> Run {
        assert!(!self.0.status.success(), "it succeeded: {}", self.stdout());
        assert!(self.stderr().contains(text), "{text:?} is not in:\n{}", self.stderr());
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.0.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout()))
    }

    /// The digest that push, pull, tag and rm print.
    #[track_caller]
    pub(crate) fn digest(&self) -> String {
        let text = self.stdout();
        let line = text.lines().find_map(|line| line.strip_prefix("digest "));
        line.unwrap_or_else(|| panic!("no digest in {text}")).to_owned()
    }
}
