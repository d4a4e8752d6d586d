//! Debian's compiler, for a machine where rustup cannot download: its packages are fetched with apt, which checks
//! their signatures, and unpacked below `target/`. No root is needed and the system is left as it is.
//!
//! The packages `rustc-web` … are the compiler that Debian keeps current for its browsers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use weir_common::{say, shown};

use super::{Toolchain, field, identity, library_in};
use crate::process::{output, which};
use crate::whole;

/// The compiler and the sources of its std; the packages with its libraries and its linker follow from these.
const PACKAGES: [&str; 3] = ["rustc-web", "libstd-rust-web-dev", "rust-web-src"];

pub(super) fn folder(state: &Path) -> PathBuf {
    state.join("toolchain/debian")
}

/// The unpacked compiler, where a run has completed it.
pub(super) fn find(folder: &Path) -> Option<Toolchain> {
    let usr = folder.join("usr");
    let rustc = usr.join("bin/rustc");
    let library_path = usr.join("lib").join(multiarch()?);
    let identity = identity(&rustc, Some(&library_path)).ok()?;
    let major = field(&identity, "LLVM version")?.split('.').next()?;
    let linker = usr.join(format!("lib/llvm-{major}/bin/wasm-ld"));
    let library = library_in(&usr)?;
    linker.is_file().then_some(Toolchain {
        rustc,
        library,
        linker,
        library_path: Some(library_path),
        identity,
        origin: "Debian's packages, unpacked below target/",
    })
}

/// Downloads and unpacks the packages; the folder appears whole or not at all.
pub(super) fn fetch(folder: &Path) -> Result<Toolchain> {
    for tool in ["apt-get", "apt-cache", "dpkg-deb"] {
        if which(tool).is_none() {
            bail!("{tool} is not on PATH");
        }
    }
    // What is there and was not found whole is of no use.
    whole::remove(folder)?;
    whole::folder(folder, |partial| {
        say!("fetching Debian's Rust compiler into {} (about 150 MB, unpacked, not installed)", shown(folder));
        let apt = Apt::new(&partial.join("apt"))?;
        apt.update()?;
        let packages = apt.packages()?;
        say!("packages: {}", packages.join(", "));
        apt.unpack(&packages, partial)?;
        whole::remove(&apt.folder)
    })?;
    find(folder).context("the packages are there, but no compiler, sources and linker that belong together")
}

/// apt with lists and caches of its own, so that it needs no root.
struct Apt {
    folder: PathBuf,
}

impl Apt {
    fn new(folder: &Path) -> Result<Apt> {
        for part in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(folder.join(part)).with_context(|| format!("cannot create {}", shown(folder)))?;
        }
        Ok(Apt { folder: folder.to_owned() })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).env("LC_ALL", "C");
        command.arg("-o").arg(format!("Dir::State::Lists={}", self.folder.join("lists").display()));
        command.arg("-o").arg(format!("Dir::Cache={}", self.folder.join("cache").display()));
        // Without root, apt cannot drop to its own user, and must not try.
        command.args(["-o", "APT::Sandbox::User=", "-o", "Acquire::Retries=2", "-qq"]);
        command
    }

    fn update(&self) -> Result<()> {
        output(self.command("apt-get").args(["-o", "APT::Update::Error-Mode=any", "update"])).map(drop)
    }

    /// All packages to unpack: the named ones, the libraries they name with a version in it, and that LLVM's linker.
    fn packages(&self) -> Result<Vec<String>> {
        let mut packages: Vec<String> = PACKAGES.iter().map(ToString::to_string).collect();
        let library = self.dependency("libstd-rust-web-dev", "libstd-rust-web-")?;
        let llvm = self.dependency(&library, "libllvm")?;
        let major = llvm.trim_start_matches("libllvm").to_owned();
        packages.extend([library, llvm, format!("lld-{major}")]);
        Ok(packages)
    }

    fn dependency(&self, package: &str, prefix: &str) -> Result<String> {
        let text = output(self.command("apt-cache").args(["depends", package]))?;
        depends_on(&text, prefix)
            .with_context(|| format!("Debian's package {package} names no {prefix}…; is this Debian 12 or newer?"))
    }

    fn unpack(&self, packages: &[String], into: &Path) -> Result<()> {
        output(self.command("apt-get").arg("download").args(packages))?;
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "deb") {
                output(Command::new("dpkg-deb").arg("--extract").arg(&path).arg(into))?;
            }
        }
        Ok(())
    }
}

/// The first dependency in what `apt-cache depends` prints whose name starts with `prefix`.
fn depends_on(text: &str, prefix: &str) -> Option<String> {
    let names = text.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    names.map(str::trim).find(|name| name.starts_with(prefix)).map(str::to_owned)
}

/// Debian's name for this machine's architecture in library paths.
fn multiarch() -> Option<&'static str> {
    match std::env::consts::ARCH {
        "x86_64" => Some("x86_64-linux-gnu"),
        "aarch64" => Some("aarch64-linux-gnu"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_is_found_by_its_prefix() {
        let text = "libstd-rust-web-1.96\n  Depends: libc6\n  Depends: libllvm22\n  Conflicts: libllvm21\n";
        assert_eq!(depends_on(text, "libllvm").as_deref(), Some("libllvm22"));
        assert_eq!(depends_on(text, "libstd"), None);
    }
}
