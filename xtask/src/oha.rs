//! Where the pinned load generator comes from: oha, from crates.io.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use weir_common::{say, shown};

use crate::process::{Missing, cargo, env_path, output, run_bounded, which};
use crate::project::Project;
use crate::whole;

/// It compiles some 300 crates.
const PATIENCE: Duration = Duration::from_secs(3600);

/// The version that this checkout is pinned to.
///
/// # Errors
/// `bench/OHA_VERSION` cannot be read.
fn pinned(project: &Project) -> Result<String> {
    let path = project.root.join("bench/OHA_VERSION");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.trim().to_owned())
}

/// An oha of the pinned version: the one that `WEIR_OHA` names, one on `PATH`, one that was built before, or one that is
/// built now.
///
/// # Errors
/// It is not here and cannot be built, or the pin cannot be read.
pub(crate) fn find_or_build(project: &Project) -> Result<PathBuf> {
    let pinned = pinned(project)?;
    let path = built(project, &pinned);
    let known = env_path("WEIR_OHA").into_iter().chain(which("oha")).chain([path.clone()]);
    if let Some(path) = known.into_iter().find(|path| path.is_file() && version(path).as_deref() == Some(&pinned)) {
        return Ok(path);
    }
    let folder = project.state().join("oha").join(&pinned);
    say!("building the load generator, oha {pinned}, into {}; that takes minutes, once", shown(&folder));
    whole::folder(&folder, |partial| {
        // Its default feature, TLS, is not needed here; without it this version does not compile.
        let mut install = cargo();
        install
            .args(["install", "oha", "--version", &pinned, "--locked", "--quiet", "--no-track", "--root"])
            .arg(partial);
        install.arg("--target-dir").arg(partial.join("target"));
        run_bounded(&mut install, PATIENCE).with_context(|| missing(&pinned).to_string())?;
        whole::remove(&partial.join("target"))
    })?;
    Ok(path)
}

/// What to say where it is not here.
fn missing(pinned: &str) -> Missing {
    Missing {
        what: format!("oha {pinned}"),
        needed_for: "to measure filters under load".into(),
        mend: format!("cargo install oha --version {pinned} --locked"),
    }
}

fn built(project: &Project, version: &str) -> PathBuf {
    project.state().join("oha").join(version).join("bin/oha")
}

/// The version that a binary says it has.
fn version(path: &Path) -> Option<String> {
    let text = output(Command::new(path).arg("--version")).ok()?;
    Some(text.trim().strip_prefix("oha ")?.to_owned())
}
