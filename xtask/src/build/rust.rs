//! Rust: cargo, on a std that was built for the size profile.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use cargo_metadata::{CrateType, Package};
use sha2::Sha256;
use weir_cases::manifest::SizeProfile;

use super::inputs::{self, add};
use super::language::{Builder, Compiler, Site};
use super::template::{File, Kind, Template, files};
use crate::process::{Missing, cargo, once, output, run, which};
use crate::project::{Port, Project};
use crate::sbom::{self, Parts};
use crate::toolchain::{self, TARGET, Toolchain};

pub(super) struct Rust;

impl Builder for Rust {
    fn name(&self) -> &'static str {
        "rust"
    }

    fn mark(&self, _: &str) -> String {
        "Cargo.toml".into()
    }

    fn check(&self, project: &Project, port: &Port) -> Result<()> {
        let manifest = port.folder().join("Cargo.toml");
        let filter = &port.filter;
        match project.metadata.packages.iter().find(|package| package.manifest_path.as_std_path() == manifest) {
            Some(package) => check_package(filter, package),
            None => bail!("filters/{filter}/rust/Cargo.toml: is no package of the workspace"),
        }
    }

    fn shared(&self, project: &Project, port: &Port) -> Result<Vec<PathBuf>> {
        let own = inputs::own_packages(project, project.package(&port.filter)?)?;
        let folders = own.iter().filter_map(|package| Some(package.manifest_path.parent()?.to_owned().into()));
        Ok(folders.collect())
    }

    fn materials(&self, project: &Project, port: &Port, toolchain: &str) -> Result<Parts> {
        sbom::crates::parts(project, &port.filter, &port.artifact(), toolchain)
    }

    fn template(&self, _: &Project, kind: Kind) -> Result<Option<Template>> {
        let mut files: Vec<File> = files!("rust": "Cargo.toml").to_vec();
        files.extend_from_slice(match kind {
            Kind::Headers => files!("rust/headers": "src/lib.rs", "src/config.rs"),
            Kind::Body => files!("rust/body": "src/lib.rs", "src/config.rs"),
            Kind::Auth => files!("rust/auth": "src/lib.rs", "src/config.rs"),
        });
        Ok(Some(Template::of(&files)))
    }

    fn find(&self, project: &Project) -> Result<Box<dyn Compiler>, Missing> {
        match toolchain::find(&project.state()) {
            Some(toolchain) => Ok(Box::new(Rustc::new(toolchain))),
            None => Err(toolchain::missing()),
        }
    }

    fn can_fetch(&self) -> bool {
        ["rustup", "apt-get"].iter().any(|tool| which(tool).is_some())
    }

    fn fetch(&self, project: &Project) -> Option<Result<Box<dyn Compiler>>> {
        let fetched = toolchain::find_or_fetch(&project.state());
        Some(fetched.map(|toolchain| -> Box<dyn Compiler> { Box::new(Rustc::new(toolchain)) }))
    }
}

fn check_package(filter: &str, package: &Package) -> Result<()> {
    let manifest = format!("filters/{filter}/rust/Cargo.toml");
    if package.name.as_str() != filter {
        bail!("{manifest}: package.name is {:?}; expected the folder's name, {filter:?}", package.name);
    }
    let types: Vec<&CrateType> = package.targets.iter().flat_map(|target| &target.crate_types).collect();
    // A second crate type beside cdylib makes rustc leave out link-time optimisation without a word.
    if types.iter().filter(|kind| ***kind != CrateType::Bin).count() != 1 || !types.contains(&&CrateType::CDyLib) {
        bail!("{manifest}: lib.crate-type must be [\"cdylib\"] and nothing else");
    }
    Ok(())
}

/// The compiler, and std for each size profile: built once, by the first port that needs it.
struct Rustc {
    toolchain: Toolchain,
    standard: OnceLock<Result<PathBuf, String>>,
    min: OnceLock<Result<PathBuf, String>>,
}

impl Rustc {
    fn new(toolchain: Toolchain) -> Rustc {
        Rustc { toolchain, standard: OnceLock::new(), min: OnceLock::new() }
    }

    fn sysroot(&self, project: &Project, profile: SizeProfile) -> Result<PathBuf> {
        let cell = match profile {
            SizeProfile::Standard => &self.standard,
            SizeProfile::Min => &self.min,
        };
        once(cell, || toolchain::sysroot(&self.toolchain, profile, &project.state()))
    }

    /// Makes cargo compile this workspace's crates anew: it goes by times of change, and a module is remembered by
    /// the content of its sources.
    fn forget_own_crates(&self, project: &Project, port: &Port, target_dir: &Path) -> Result<()> {
        let mut command = cargo();
        command.args(["clean", "--quiet", "--profile", "filter", "--target", TARGET]);
        for package in inputs::own_packages(project, project.package(&port.filter)?)? {
            command.arg("--package").arg(package.name.as_str());
        }
        output(command.current_dir(&project.root).env("CARGO_TARGET_DIR", target_dir)).map(drop)
    }
}

impl Compiler for Rustc {
    fn describe(&self) -> String {
        format!("{} ({})", self.toolchain.version(), self.toolchain.origin)
    }

    fn version(&self, _: &Project, _: &Port) -> Result<String> {
        Ok(self.toolchain.version().to_owned())
    }

    fn size_profile(&self, asked: SizeProfile) -> SizeProfile {
        asked
    }

    fn inputs(&self, project: &Project, port: &Port, digest: &mut Sha256) -> Result<()> {
        add(digest, self.toolchain.identity.as_bytes());
        add(digest, profiles_in(&project.root.join("Cargo.toml"))?.as_bytes());
        inputs::package_closure(project, project.package(&port.filter)?, digest)
    }

    fn compile(&self, site: &Site<'_>) -> Result<PathBuf> {
        let Site { project, port, .. } = site;
        let sysroot = self.sysroot(project, site.profile)?;
        self.forget_own_crates(project, port, site.folder)?;
        let mut command = cargo();
        command.args(["build", "--profile", "filter", "--target", TARGET, "--package", &port.filter]);
        command.args(["--message-format", "json-render-diagnostics", "--jobs", &site.jobs.to_string()]);
        command.current_dir(&project.root).env("CARGO_TARGET_DIR", site.folder);
        toolchain::rustflags(&mut command, &self.toolchain, site.profile, &sysroot);
        let output = command.stdin(Stdio::null()).output().context("cannot start cargo")?;
        if !output.status.success() {
            bail!("does not compile\n{}", String::from_utf8_lossy(&output.stderr).trim_end());
        }
        module_in(&output.stdout).with_context(|| format!("cargo built {} but reported no module", port.filter))
    }

    fn test(&self, site: &Site<'_>) -> Result<()> {
        let package = &site.port.filter;
        for args in [&["fmt", "--check"][..], &["clippy", "--quiet", "--all-targets"], &["test", "--quiet"]] {
            let mut command = cargo();
            command.args(args).args(["--package", package]).current_dir(&site.project.root);
            if args[0] == "clippy" {
                command.args(["--", "-D", "warnings"]);
            }
            run(&mut command)?;
        }
        Ok(())
    }
}

/// The profiles of the workspace, all of them, because `[profile.filter]` inherits from another.
fn profiles_in(manifest: &Path) -> Result<String> {
    let text = fs::read_to_string(manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
    let table: toml::Table = text.parse().with_context(|| format!("{} is not TOML", manifest.display()))?;
    let profiles = table.get("profile").filter(|profiles| profiles.get("filter").is_some());
    Ok(profiles.with_context(|| format!("{}: has no [profile.filter]", manifest.display()))?.to_string())
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
