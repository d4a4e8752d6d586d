//! What other machines built, looked up in a registry by the digest of its inputs before anything is compiled here.
//!
//! A cache is a convenience: one that cannot be reached, or holds what is not right, is told, and the module is built.
//! Whoever may write to the repository decides what is found there, as with any registry.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;

use crate::images;

/// The repository that this run was told of.
static REPOSITORY: OnceLock<String> = OnceLock::new();

/// The program that talks to it, built by the first that needs it.
static TOOL: OnceLock<Result<PathBuf, String>> = OnceLock::new();

/// Tells all builds of this run of a cache.
pub(crate) fn configure(repository: Option<String>) {
    if let Some(repository) = repository.filter(|repository| !repository.is_empty()) {
        REPOSITORY.get_or_init(|| repository);
    }
}

/// The cache, if this run has one.
pub(crate) fn configured() -> Option<Cache> {
    REPOSITORY.get().map(|repository| Cache { repository })
}

/// A repository that holds builds, each under the digest of its inputs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cache {
    repository: &'static str,
}

impl Cache {
    /// Brings a build into a folder, checked, and says whether it was there.
    ///
    /// # Errors
    /// The registry cannot be asked, or holds what is not right.
    pub(crate) fn get(self, key: &str, folder: &Path) -> Result<bool> {
        #[derive(Deserialize)]
        struct Answer {
            found: bool,
        }
        let answer: Answer = serde_json::from_slice(&self.run("get", key, folder)?).context("weir-oci cache get")?;
        Ok(answer.found)
    }

    /// Keeps a build.
    ///
    /// # Errors
    /// The registry does not take it.
    pub(crate) fn put(self, key: &str, folder: &Path) -> Result<()> {
        self.run("put", key, folder).map(drop)
    }

    fn run(self, act: &str, key: &str, folder: &Path) -> Result<Vec<u8>> {
        let tool = TOOL.get_or_init(|| images::tool().map_err(|error| format!("{error:#}")));
        let tool = tool.as_ref().map_err(|error| anyhow!("{error}"))?;
        let mut command = Command::new(tool);
        command.args(["cache", act, &format!("{}:{key}", self.repository)]).arg(folder);
        let output = command.stdin(Stdio::null()).output().context("cannot start weir-oci")?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim().trim_start_matches("error: "));
        }
        Ok(output.stdout)
    }
}
