//! Child processes: run to the end with their output kept, and errors that say which command failed and how.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use weir_common::say;

/// Something that a command needs and this machine lacks.
///
/// Every command says it the same way, and `doctor` prints the same words: what, what for, and the one command that
/// mends it.
#[derive(Debug)]
pub(crate) struct Missing {
    pub(crate) what: String,
    pub(crate) needed_for: String,
    pub(crate) mend: String,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is missing, which is needed {}; to mend it: {}", self.what, self.needed_for, self.mend)
    }
}

impl std::error::Error for Missing {}

/// Runs a command to its end and returns what it printed on standard output.
///
/// # Errors
/// The command cannot be started, or ends with another status than 0: then the error carries its standard error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {name}"))?;
    if !output.status.success() {
        bail!("{name} failed ({}):\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a command that shares this terminal.
///
/// # Errors
/// The command cannot be started, or ends with another status than 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("cannot start {name}"))?;
    if !status.success() {
        bail!("{name} failed ({status})");
    }
    Ok(())
}

/// The cargo that runs this task, so that a filter's host tools come from the toolchain that the checkout pins.
///
/// Where sccache is on `PATH`, what it has compiled before, here or on another machine, is not compiled again; it goes
/// by its own settings. A wrapper that is asked for in the environment is left as it is.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    if let Some(wrapper) = wrapper(std::env::var_os("RUSTC_WRAPPER"), || which("sccache")) {
        command.env("RUSTC_WRAPPER", wrapper);
    }
    command
}

/// The wrapper to set, where none is asked for; an empty one asks for none.
fn wrapper(asked: Option<OsString>, sccache: impl FnOnce() -> Option<PathBuf>) -> Option<PathBuf> {
    if asked.is_some() { None } else { sccache() }
}

/// The first file of that name in the folders of `PATH`.
pub(crate) fn which(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(name)).find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Makes a thing once, and tells every later caller of the same failure.
///
/// # Errors
/// `make` failed, now or for an earlier caller.
pub(crate) fn once(
    cell: &OnceLock<Result<PathBuf, String>>,
    make: impl FnOnce() -> Result<PathBuf>,
) -> Result<PathBuf> {
    cell.get_or_init(|| make().map_err(|error| format!("{error:#}"))).clone().map_err(|error| anyhow!(error))
}

/// Builds a binary of this workspace and returns the path that cargo reports for it: paths are never guessed.
///
/// It is said what is compiled before that begins, because some of it takes minutes.
///
/// # Errors
/// Cargo fails; what it printed has then been shown.
pub(crate) fn build_tool(package: &str, bin: &str, args: &[&str]) -> Result<PathBuf> {
    let mut command = cargo();
    command.args(["build", "--package", package, "--bin", bin]).args(args);
    command.args(["--message-format", "json-render-diagnostics", "--color", "never"]).stdin(Stdio::null());
    command.env("CARGO_TERM_QUIET", "false").env("CARGO_TERM_PROGRESS_WHEN", "never");
    // What makes a module must not be made otherwise because of what stands in somebody's environment.
    for flags in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS"] {
        command.env_remove(flags);
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("cannot start cargo")?;
    let errors = child.stderr.take().context("cargo has no standard error")?;
    let owner = package.to_owned();
    let teller = std::thread::spawn(move || tell(&owner, BufReader::new(errors), &mut |line| say!("{line}")));
    let mut messages = Vec::new();
    child.stdout.take().context("cargo has no standard output")?.read_to_end(&mut messages)?;
    let status = child.wait().context("cannot wait for cargo")?;
    drop(teller.join());
    if !status.success() {
        bail!("{package} does not compile (see above)");
    }
    executable_named(bin, &messages).with_context(|| format!("cargo built {package} but reported no binary {bin}"))
}

/// Tells of what cargo prints while it builds `package` the first crate that it compiles, and all that is no progress.
fn tell(package: &str, lines: impl BufRead, say: &mut impl FnMut(&str)) {
    let mut compiling = false;
    for line in lines.lines().map_while(Result::ok) {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("Compiling") if !compiling => {
                compiling = true;
                match words.next() {
                    Some(first) if first != package => {
                        say(&format!("compiling {package} and what it needs, from {first} on: this may take minutes"));
                    }
                    _ => say(&format!("compiling {package}")),
                }
            }
            Some("Compiling" | "Finished" | "Downloading" | "Downloaded" | "Fresh") => {}
            _ => say(&line),
        }
    }
}

fn executable_named(bin: &str, messages: &[u8]) -> Option<PathBuf> {
    cargo_metadata::Message::parse_stream(messages).filter_map(Result::ok).find_map(|message| match message {
        cargo_metadata::Message::CompilerArtifact(artifact) if artifact.target.name == bin => {
            artifact.executable.map(Into::into)
        }
        _ => None,
    })
}

/// Whether an environment variable is set to something.
pub(crate) fn env_path(name: impl AsRef<OsStr>) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Runs a command that fetches something, and ends it where it takes longer than `limit`.
///
/// # Errors
/// The command cannot be started, takes too long, or ends with another status than 0: then the error carries its
/// standard error.
pub(crate) fn run_bounded(command: &mut Command, limit: Duration) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    // A file and not a pipe: nobody reads while the command runs, and a full pipe would stop it.
    let mut words = tempfile::tempfile().context("cannot create a temporary file")?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(words.try_clone()?).env_remove("RUST_BACKTRACE");
    let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().with_context(|| format!("cannot wait for {name}"))? {
            break status;
        }
        if started.elapsed() > limit {
            child.kill().ok();
            child.wait().ok();
            bail!("{name} did not end within {} s", limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    if !status.success() {
        let mut text = String::new();
        words.rewind().and_then(|()| words.read_to_string(&mut text)).ok();
        bail!("{name} failed ({status}):\n{}", text.trim_end());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(printed: &str) -> Vec<String> {
        let mut told = Vec::new();
        tell("weir-shrink", printed.as_bytes(), &mut |line| told.push(line.to_owned()));
        told
    }

    #[test]
    fn what_is_compiled_is_said_once_and_what_is_wrong_in_full() {
        assert!(told("    Finished `dev` profile in 0.05s\n").is_empty());
        assert_eq!(told("   Compiling weir-shrink v0.1.0 (/x)\n    Finished dev\n"), ["compiling weir-shrink"]);
        assert_eq!(
            told("   Compiling wasm-opt-sys v0.1.0\n   Compiling weir-shrink v0.1.0\nerror: no\n  --> a.rs:1\n"),
            [
                "compiling weir-shrink and what it needs, from wasm-opt-sys on: this may take minutes",
                "error: no",
                "  --> a.rs:1"
            ]
        );
    }

    #[test]
    fn sccache_wraps_the_compiler_unless_another_does() {
        let found = || Some("/usr/bin/sccache".into());
        assert_eq!(wrapper(None, found), Some("/usr/bin/sccache".into()));
        assert_eq!(wrapper(Some("mine".into()), found), None);
        assert_eq!(wrapper(Some("".into()), found), None, "an empty wrapper asks for none");
        assert_eq!(wrapper(None, || None), None);
    }
}
