//! Compiles one port and shrinks what came out: the two steps that start other programs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, bail};
use weir_cases::manifest::{Manifest, SizeProfile};

use super::inputs;
use super::report::Shrunk;
use crate::machine;
use crate::process::{build_tool, cargo, output, say};
use crate::project::{Language, Port, Project};
use crate::toolchain::{self, TARGET, Toolchain};
use crate::whole;

/// What the builds of one run share: made once, by the first that needs it.
pub(super) struct Tools<'a> {
    project: &'a Project,
    pub(super) toolchain: &'a Toolchain,
    dev: bool,
    /// How many compilers each build may run at a time.
    threads: usize,
    shrinker: OnceLock<Result<PathBuf, String>>,
    standard: OnceLock<Result<PathBuf, String>>,
    min: OnceLock<Result<PathBuf, String>>,
}

/// A linked module; while this lives, no other run builds into the same folder.
pub(super) struct Linked {
    path: PathBuf,
    _lock: File,
}

impl<'a> Tools<'a> {
    pub(super) fn new(project: &'a Project, toolchain: &'a Toolchain, dev: bool, workers: usize) -> Tools<'a> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = (cores / workers).max(1);
        let (shrinker, standard, min) = Default::default();
        Tools { project, toolchain, dev, threads, shrinker, standard, min }
    }

    /// The linked module of a port.
    ///
    /// # Errors
    /// It does not compile: the compiler's words are in the error.
    pub(super) fn compile(&self, port: &Port, profile: SizeProfile) -> Result<Linked> {
        match port.language {
            Language::Rust => self.compile_rust(port, profile),
        }
    }

    fn compile_rust(&self, port: &Port, profile: SizeProfile) -> Result<Linked> {
        let sysroot = self.sysroot(profile)?;
        // A folder for each filter: cargo then takes no lock that another needs, and the features that one filter
        // asks of a dependency do not reach another's bytes.
        let target_dir = self.project.state().join("filters").join(profile.to_string()).join(&port.filter);
        fs::create_dir_all(&target_dir).with_context(|| format!("cannot create {}", target_dir.display()))?;
        let lock = whole::lock(&target_dir.join("weir.lock"))?;
        self.forget_own_crates(port, &target_dir)?;
        let mut command = cargo();
        command.args(["build", "--profile", "filter", "--target", TARGET, "--package", &port.filter]);
        command.args(["--message-format", "json-render-diagnostics", "--jobs", &self.threads.to_string()]);
        command.current_dir(&self.project.root).env("CARGO_TARGET_DIR", &target_dir);
        toolchain::rustflags(&mut command, self.toolchain, profile, &sysroot);
        let output = command.stdin(Stdio::null()).output().context("cannot start cargo")?;
        if !output.status.success() {
            bail!("does not compile\n{}", String::from_utf8_lossy(&output.stderr).trim_end());
        }
        let path = module_in(&output.stdout);
        let path = path.with_context(|| format!("cargo built {} but reported no module", port.filter))?;
        Ok(Linked { path, _lock: lock })
    }

    /// Makes cargo compile this workspace's crates anew: it goes by times of change, and a module is remembered by
    /// the content of its sources.
    fn forget_own_crates(&self, port: &Port, target_dir: &Path) -> Result<()> {
        let mut command = cargo();
        command.args(["clean", "--quiet", "--profile", "filter", "--target", TARGET]);
        for name in inputs::own_packages(self.project, port)? {
            command.arg("--package").arg(name);
        }
        output(command.current_dir(&self.project.root).env("CARGO_TARGET_DIR", target_dir)).map(drop)
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

    fn sysroot(&self, profile: SizeProfile) -> Result<PathBuf> {
        let cell = match profile {
            SizeProfile::Standard => &self.standard,
            SizeProfile::Min => &self.min,
        };
        once(cell, || toolchain::sysroot(self.toolchain, profile, &self.project.state()))
    }

    fn shrinker(&self) -> Result<PathBuf> {
        once(&self.shrinker, || {
            if self.dev {
                return build_tool("weir-shrink", "weir-lint", &["--no-default-features"]);
            }
            if !self.project.metadata.target_directory.join("debug/weir-shrink").exists() {
                machine::cxx()?;
                say!("building the optimiser (Binaryen), once: this takes minutes");
            }
            build_tool("weir-shrink", "weir-shrink", &[])
        })
    }
}

/// Makes a thing once, and tells every later caller of the same failure.
fn once(cell: &OnceLock<Result<PathBuf, String>>, make: impl FnOnce() -> Result<PathBuf>) -> Result<PathBuf> {
    cell.get_or_init(|| make().map_err(|error| format!("{error:#}"))).clone().map_err(|error| anyhow!(error))
}

/// The module that cargo reports.
fn module_in(messages: &[u8]) -> Option<PathBuf> {
    let artifacts = cargo_metadata::Message::parse_stream(messages).filter_map(|message| match message.ok()? {
        cargo_metadata::Message::CompilerArtifact(artifact) => Some(artifact),
        _ => None,
    });
    let files = artifacts.flat_map(|artifact| artifact.filenames);
    files
        .filter(|file| file.extension() == Some("wasm"))
        .last()
        .map(|file| fs::canonicalize(&file).unwrap_or(file.into()))
}
