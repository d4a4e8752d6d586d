//! Compiles one port and shrinks what came out: what is the same for every language.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result};
use weir_cases::manifest::{Manifest, SizeProfile};

use super::language::{Compiler, Site};
use super::report::Shrunk;
use crate::machine;
use crate::process::{build_tool, once, output};
use crate::project::{Port, Project};
use crate::whole;

/// What the builds of one run share: made once, by the first that needs it.
pub(super) struct Tools<'a> {
    pub(super) project: &'a Project,
    dev: bool,
    /// How many compilers each build may run at a time.
    jobs: usize,
    shrinker: OnceLock<Result<PathBuf, String>>,
}

/// A linked module; while this lives, no other run builds into the same folder.
pub(super) struct Linked {
    path: PathBuf,
    _lock: File,
}

impl<'a> Tools<'a> {
    pub(super) fn new(project: &'a Project, dev: bool, workers: usize) -> Tools<'a> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Tools { project, dev, jobs: (cores / workers).max(1), shrinker: OnceLock::new() }
    }

    /// The linked module of a port.
    ///
    /// # Errors
    /// It does not compile: the compiler's words are in the error.
    pub(super) fn compile(&self, compiler: &dyn Compiler, port: &Port, profile: SizeProfile) -> Result<Linked> {
        let (folder, lock) = folder(self.project, port, profile)?;
        let site = Site { project: self.project, port, profile, jobs: self.jobs, folder: &folder };
        Ok(Linked { path: compiler.compile(&site)?, _lock: lock })
    }

    /// Writes the smaller module and its symbols, and says what each stage left.
    ///
    /// # Errors
    /// The lint refuses the module: each finding is a line of the error.
    pub(super) fn shrink(&self, linked: Linked, manifest: &Manifest, wasm: &Path, symbols: &Path) -> Result<Shrunk> {
        let shrinker = self.shrinker()?;
        let mut command = Command::new(shrinker);
        command.arg(&linked.path).arg("--out").arg(wasm).arg("--symbols").arg(symbols);
        for callback in &manifest.callbacks {
            command.arg("--callback").arg(callback);
        }
        let report = output(&mut command)?;
        serde_json::from_str(&report).context("the shrinker's report cannot be read")
    }

    fn shrinker(&self) -> Result<PathBuf> {
        once(&self.shrinker, || {
            if self.dev {
                return build_tool("weir-shrink", "weir-lint", &["--no-default-features"]);
            }
            if !self.project.metadata.target_directory.join("debug/weir-shrink").exists() {
                machine::cxx()?;
            }
            build_tool("weir-shrink", "weir-shrink", &[])
        })
    }
}

/// The folder that a port is built in, which is its own: compilers then take no lock that another needs, and what one
/// port asks of a dependency does not reach another's bytes. It is locked until the file is dropped.
pub(super) fn folder(project: &Project, port: &Port, profile: SizeProfile) -> Result<(PathBuf, File)> {
    let folder = project.state().join("filters").join(profile.to_string()).join(port.artifact());
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let lock = whole::lock(&folder.join("weir.lock"))?;
    Ok((folder, lock))
}
