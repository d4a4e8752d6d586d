//! Everything that a shipped module is made from, as one digest: where it is the same, nothing needs to run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Node, Package, PackageId};
use sha2::{Digest, Sha256};
use walkdir::WalkDir;
use weir_cases::manifest::{Manifest, SizeProfile};

use super::hex;
use crate::project::{Language, Port, Project};
use crate::toolchain::Toolchain;

/// Changes when the way of building changes in a way that the other inputs do not show.
const RECIPE: &str = "1";

/// What lies in a filter's folder and is no input of its module.
const NO_INPUTS: [&str; 6] = ["README.md", "cases.toml", "costs.json", "equivalents", "filter.toml", "sizes.json"];

/// What is the same for all ports of one run.
#[derive(Debug)]
pub(crate) struct Inputs<'a> {
    project: &'a Project,
    toolchain: &'a Toolchain,
    /// `[profile.filter]` of the workspace.
    profile: String,
    /// Digest of the shrinker's own sources and dependencies.
    shrinker: String,
}

impl<'a> Inputs<'a> {
    pub(crate) fn new(project: &'a Project, toolchain: &'a Toolchain) -> Result<Inputs<'a>> {
        let manifest = project.root.join("Cargo.toml");
        let text = fs::read_to_string(&manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
        let table: toml::Table = text.parse().with_context(|| format!("{} is not TOML", manifest.display()))?;
        let profile = table.get("profile").and_then(|profiles| profiles.get("filter"));
        let profile = profile.with_context(|| format!("{}: has no [profile.filter]", manifest.display()))?;
        let mut hasher = Sha256::new();
        package_closure(project, project.package("weir-shrink")?, &mut hasher)?;
        let shrinker = hex(&hasher.finalize());
        Ok(Inputs { project, toolchain, profile: profile.to_string(), shrinker })
    }

    /// The digest of all that goes into one port's module.
    ///
    /// # Errors
    /// A source cannot be read.
    pub(crate) fn key(&self, port: &Port, manifest: &Manifest, profile: SizeProfile, dev: bool) -> Result<String> {
        let mut hasher = Sha256::new();
        let toolchain = &self.toolchain.identity;
        for part in [RECIPE, toolchain, &self.profile, &self.shrinker, &profile.to_string(), &format!("dev={dev}")] {
            add(&mut hasher, part.as_bytes());
        }
        add(&mut hasher, manifest.callbacks.join(",").as_bytes());
        let skip = |path: &Path| NO_INPUTS.iter().any(|name| path == port.dir.join(name));
        hash_folder(&mut hasher, &port.dir, &skip)?;
        match port.language {
            Language::Rust => package_closure(self.project, self.project.package(&port.filter)?, &mut hasher)?,
        }
        Ok(hex(&hasher.finalize()))
    }
}

/// Adds a package and all that it is built from: sources of the workspace's own, name and version of the others,
/// which no registry changes.
fn package_closure(project: &Project, package: &Package, hasher: &mut Sha256) -> Result<()> {
    for id in closure(project, &package.id)? {
        let package = &project.metadata[&id];
        match &package.source {
            Some(source) => add(hasher, format!("{} {} {source}", package.name, package.version).as_bytes()),
            None => {
                // What a package inherits from the workspace shows here and not in its own manifest.
                let inherited = (&package.version, &package.edition, &package.dependencies, &package.features);
                add(hasher, relative(&serde_json::to_string(&inherited)?, &project.root).as_bytes());
                let dir = package.manifest_path.parent().context("a manifest has no folder")?;
                hash_folder(hasher, dir.as_std_path(), &|_| false)?;
            }
        }
    }
    Ok(())
}

/// The folders of the workspace that a port is built from, beside its filter's own.
///
/// # Errors
/// Cargo does not know the port's package.
pub(crate) fn folders(project: &Project, port: &Port) -> Result<Vec<PathBuf>> {
    let packages = own(project, port)?;
    Ok(packages.iter().filter_map(|package| Some(package.manifest_path.parent()?.to_owned().into())).collect())
}

/// The names of the workspace's packages that a port is built from.
///
/// # Errors
/// Cargo does not know the port's package.
pub(crate) fn own_packages(project: &Project, port: &Port) -> Result<Vec<String>> {
    Ok(own(project, port)?.iter().map(|package| package.name.to_string()).collect())
}

fn own<'a>(project: &'a Project, port: &Port) -> Result<Vec<&'a Package>> {
    match port.language {
        Language::Rust => {
            let packages = closure(project, &project.package(&port.filter)?.id)?;
            let packages = packages.iter().map(|id| &project.metadata[id]);
            Ok(packages.filter(|package| package.source.is_none()).collect())
        }
    }
}

/// The same text in every checkout.
fn relative(text: &str, root: &Path) -> String {
    text.replace(&root.display().to_string(), ".")
}

/// A package and what it depends on to be built: development dependencies are left out.
fn closure(project: &Project, root: &PackageId) -> Result<BTreeSet<PackageId>> {
    let nodes = &project.metadata.resolve.as_ref().context("cargo resolved no dependencies")?.nodes;
    let node = |id: &PackageId| -> Option<&Node> { nodes.iter().find(|node| &node.id == id) };
    let mut seen = BTreeSet::new();
    let mut open = vec![root.clone()];
    while let Some(id) = open.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        let deps = node(&id).into_iter().flat_map(|node| &node.deps);
        let built = deps.filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development));
        open.extend(built.map(|dep| dep.pkg.clone()));
    }
    Ok(seen)
}

/// Adds every file below a folder, by path and content, in the order of the paths.
fn hash_folder(hasher: &mut Sha256, folder: &Path, skip: &dyn Fn(&Path) -> bool) -> Result<()> {
    let hidden = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with('.') || name == "target";
    let walk = WalkDir::new(folder).min_depth(1).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(|entry| !hidden(entry.file_name()) && !skip(entry.path())) {
        let entry = entry.with_context(|| format!("cannot list {}", folder.display()))?;
        if entry.file_type().is_file() {
            let path: PathBuf = entry.path().strip_prefix(folder)?.into();
            add(hasher, path.as_os_str().as_encoded_bytes());
            add(hasher, &fs::read(entry.path()).with_context(|| format!("cannot read {}", entry.path().display()))?);
        }
    }
    Ok(())
}

/// Adds one part with its length, so that no two lists of parts look alike.
fn add(hasher: &mut Sha256, part: &[u8]) {
    hasher.update((part.len() as u64).to_le_bytes());
    hasher.update(part);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(folder: &Path, skip: &dyn Fn(&Path) -> bool) -> String {
        let mut hasher = Sha256::new();
        hash_folder(&mut hasher, folder, skip).unwrap();
        hex(&hasher.finalize())
    }

    #[test]
    fn a_folder_is_its_files_by_path_and_content() {
        let [one, two] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        for folder in [&one, &two] {
            fs::create_dir(folder.path().join("src")).unwrap();
            fs::write(folder.path().join("src/lib.rs"), "fn a() {}").unwrap();
        }
        let none = |_: &Path| false;
        assert_eq!(digest(one.path(), &none), digest(two.path(), &none));
        fs::write(two.path().join("src/lib.rs"), "fn b() {}").unwrap();
        assert_ne!(digest(one.path(), &none), digest(two.path(), &none));
    }

    #[test]
    fn a_moved_file_and_a_new_file_show() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.rs"), "x").unwrap();
        let before = digest(folder.path(), &|_| false);
        fs::rename(folder.path().join("a.rs"), folder.path().join("b.rs")).unwrap();
        let moved = digest(folder.path(), &|_| false);
        assert_ne!(before, moved);
        fs::write(folder.path().join("c.rs"), "").unwrap();
        assert_ne!(moved, digest(folder.path(), &|_| false));
    }

    #[test]
    fn what_is_skipped_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let readme = folder.path().join("README.md");
        fs::write(folder.path().join("a.rs"), "x").unwrap();
        let before = digest(folder.path(), &|path| path == readme);
        fs::write(&readme, "words").unwrap();
        fs::create_dir(folder.path().join("target")).unwrap();
        fs::write(folder.path().join("target/junk"), "junk").unwrap();
        assert_eq!(before, digest(folder.path(), &|path| path == readme));
    }
}
