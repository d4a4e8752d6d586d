//! Tools for tests that are written in Go: one on `PATH`, or one that is built from its own sources, pinned, below
//! `target/`. Go's checksum database knows the digests of the sources.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use weir_common::{say, shown};

use crate::machine;
use crate::process::{run_bounded, which};
use crate::project::Project;
use crate::whole;

/// A tool, and the package and version that it is built from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GoTool {
    name: &'static str,
    package: &'static str,
    version: &'static str,
}

/// What pulls artifacts from registries, beside us.
pub(crate) const ORAS: GoTool = GoTool { name: "oras", package: "oras.land/oras/cmd/oras", version: "v1.2.3" };

/// What knows GitHub's workflows.
pub(crate) const ACTIONLINT: GoTool =
    GoTool { name: "actionlint", package: "github.com/rhysd/actionlint/cmd/actionlint", version: "v1.7.7" };

impl GoTool {
    /// The tool, built now if it is not here.
    ///
    /// # Errors
    /// It is not here and cannot be built; the error says what is missing.
    pub(crate) fn find_or_build(self, project: &Project) -> Result<PathBuf> {
        let GoTool { name, package, version } = self;
        if let Some(path) = which(name) {
            return Ok(path);
        }
        let go = machine::go()?;
        let folder = project.state().join(name).join(version);
        whole::folder(&folder, |partial| {
            say!("building {name} {version} into {} (about a minute)", shown(&folder));
            let mut command = Command::new(go);
            command.args(["install", &format!("{package}@{version}")]).env("GOBIN", partial).env_remove("GOFLAGS");
            run_bounded(&mut command, Duration::from_secs(900)).with_context(|| format!("{name} cannot be built"))
        })?;
        Ok(folder.join(name))
    }
}
