//! The compiler that runs this checkout, with the sources of std from rustup's component `rust-src`.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use weir_common::say;

use super::{Toolchain, field, identity, library_in, linker_on_path};
use crate::process::{output, run_bounded, which};

/// The pinned compiler, where the sources of its std and a linker are beside it.
pub(super) fn find() -> Option<Toolchain> {
    let rustc = PathBuf::from(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let sysroot = PathBuf::from(output(Command::new(&rustc).args(["--print", "sysroot"])).ok()?.trim());
    let library = library_in(&sysroot)?;
    let identity = identity(&rustc, None).ok()?;
    let own = sysroot.join("lib/rustlib").join(field(&identity, "host")?).join("bin/rust-lld");
    let linker = if own.is_file() { own } else { linker_on_path()? };
    Some(Toolchain { rustc, library, linker, library_path: None, identity, origin: "this checkout's toolchain" })
}

/// Adds the component to the toolchain that this checkout pins.
pub(super) fn fetch() -> Result<Toolchain> {
    if which("rustup").is_none() {
        bail!("rustup is not on PATH");
    }
    say!("fetching the source code of std: `rustup component add rust-src`, which adds it to your rustup toolchain");
    let mut command = Command::new("rustup");
    command.args(["component", "add", "rust-src"]);
    run_bounded(&mut command, Duration::from_secs(180))?;
    find().context("the component is there, but no compiler, sources and linker that belong together")
}
