//! The compiler of Rust filters: a rustc, the sources of std that belong to it, and a linker for wasm.
//!
//! std is always built from its sources, because the std that is shipped for the target makes every filter a third
//! larger. So the target itself need not be installed: what counts is the sources.

mod debian;
mod rustup;
mod std_library;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use weir_cases::manifest::SizeProfile;

use crate::process::{Missing, output, which};
pub(crate) use std_library::{rustflags, sysroot};

/// The target of every Rust filter: smaller than wasip1, and it imports no WASI.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Names the one way to take (`rustup` or `debian`) in place of the first that works.
const CHOICE: &str = "WEIR_TOOLCHAIN";

/// A compiler that can build std for wasm, and where its parts are.
#[derive(Debug)]
pub(crate) struct Toolchain {
    /// The compiler; `rustc` means the one that this checkout pins.
    pub(crate) rustc: PathBuf,
    /// The folder `library` of the compiler's own sources.
    pub(crate) library: PathBuf,
    /// A `wasm-ld`, or rustup's `rust-lld`.
    pub(crate) linker: PathBuf,
    /// Where the compiler's shared libraries are, if not where the system looks.
    pub(crate) library_path: Option<PathBuf>,
    /// What `rustc --version --verbose` says: it names compiler, commit and LLVM, and is part of every cache key.
    pub(crate) identity: String,
    /// Where it came from, for people.
    pub(crate) origin: &'static str,
}

impl Toolchain {
    /// The compiler's version in one line, as reports and baselines name it.
    pub(crate) fn version(&self) -> &str {
        self.identity.lines().next().unwrap_or_default()
    }

    /// Makes `cargo` compile with this toolchain.
    pub(crate) fn apply(&self, cargo: &mut Command) {
        cargo.env("RUSTC", &self.rustc);
        if let Some(path) = &self.library_path {
            cargo.env("LD_LIBRARY_PATH", path);
        }
    }

    /// The flags that go with one size profile, for std and for every crate of a filter.
    pub(crate) fn panic_flags(profile: SizeProfile) -> &'static [&'static str] {
        match profile {
            SizeProfile::Standard => &["-Cpanic=abort"],
            SizeProfile::Min => &["-Zunstable-options", "-Cpanic=immediate-abort"],
        }
    }
}

/// A way to a toolchain: what looks for it, and what fetches it.
struct Way {
    name: &'static str,
    find: fn(&Path) -> Option<Toolchain>,
    fetch: fn(&Path) -> Result<Toolchain>,
}

/// All ways, in the order in which they are tried.
const WAYS: [Way; 2] = [
    Way { name: "rustup", find: |_| rustup::find(), fetch: |_| rustup::fetch() },
    Way {
        name: "debian",
        find: |state| debian::find(&debian::folder(state)),
        fetch: |state| debian::fetch(&debian::folder(state)),
    },
];

/// A toolchain that is already here.
pub(crate) fn find(state: &Path) -> Option<Toolchain> {
    ways().ok()?.find_map(|way| (way.find)(state))
}

/// A toolchain that is here, or is fetched now.
///
/// # Errors
/// No way led to one: the error tells each that was tried.
pub(crate) fn find_or_fetch(state: &Path) -> Result<Toolchain> {
    if let Some(toolchain) = ways()?.find_map(|way| (way.find)(state)) {
        return Ok(toolchain);
    }
    let mut tried = Vec::new();
    for way in ways()? {
        match (way.fetch)(state) {
            Ok(toolchain) => return Ok(toolchain),
            Err(error) => tried.push(format!("  {}: {error:#}", way.name)),
        }
    }
    bail!("{}\nIt could not be fetched either:\n{}", missing(), tried.join("\n"))
}

/// The ways to try: all, or the one that the environment names.
fn ways() -> Result<impl Iterator<Item = Way>> {
    let choice = std::env::var(CHOICE).ok().filter(|value| !value.is_empty());
    if let Some(name) = &choice
        && !WAYS.iter().any(|way| way.name == name)
    {
        bail!("{CHOICE}={name}: expected one of: {}", WAYS.map(|way| way.name).join(", "));
    }
    Ok(WAYS.into_iter().filter(move |way| choice.as_ref().is_none_or(|name| way.name == name)))
}

/// What to say where there is no toolchain.
pub(crate) fn missing() -> Missing {
    Missing {
        what: "the source code of Rust's std (rust-src)".into(),
        needed_for: "to build Rust filters".into(),
        mend: "rustup component add rust-src".into(),
    }
}

fn identity(rustc: &Path, library_path: Option<&Path>) -> Result<String> {
    let mut command = Command::new(rustc);
    if let Some(path) = library_path {
        command.env("LD_LIBRARY_PATH", path);
    }
    output(command.arg("-vV"))
}

/// The value of one line `field: value` of `rustc -vV`.
fn field<'a>(identity: &'a str, name: &str) -> Option<&'a str> {
    identity.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// The sources of std below a sysroot, if they are there.
fn library_in(sysroot: &Path) -> Option<PathBuf> {
    let library = sysroot.join("lib/rustlib/src/rust/library");
    library.join("std/Cargo.toml").is_file().then(|| library.canonicalize().unwrap_or(library))
}

/// A linker for wasm on `PATH`, for a toolchain that brings none.
fn linker_on_path() -> Option<PathBuf> {
    ["wasm-ld", "rust-lld"].iter().find_map(|name| which(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_the_identity_is_found_whole() {
        let text = "rustc 1.96.0 (abc 2026-05-25)\nhost: x86_64-unknown-linux-gnu\nLLVM version: 22.1.8\n";
        assert_eq!(field(text, "host"), Some("x86_64-unknown-linux-gnu"));
        assert_eq!(field(text, "LLVM version"), Some("22.1.8"));
        assert_eq!(field(text, "LLVM"), None);
    }
}
