//! Everything that a shipped module is made from, as one digest: where it is the same, nothing needs to run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Node, Package, PackageId};
use sha2::{Digest, Sha256};
use walkdir::{DirEntry, WalkDir};
use weir_cases::manifest::{Manifest, SizeProfile};

use super::hex;
use super::language::Compiler;
use crate::project::{Port, Project};

/// Changes when the way of building changes in a way that the other inputs do not show.
const RECIPE: &str = "2";

/// What is the same for all ports of one run.
#[derive(Debug)]
pub(crate) struct Inputs<'a> {
    project: &'a Project,
    /// Digest of the shrinker's own sources and dependencies.
    shrinker: String,
}

impl<'a> Inputs<'a> {
    pub(crate) fn new(project: &'a Project) -> Result<Inputs<'a>> {
        let mut digest = Sha256::new();
        package_closure(project, project.package("weir-shrink")?, &mut digest)?;
        Ok(Inputs { project, shrinker: hex(&digest.finalize()) })
    }

    /// The digest of all that goes into one port's module.
    ///
    /// # Errors
    /// A source cannot be read.
    pub(crate) fn key(
        &self,
        port: &Port,
        compiler: &dyn Compiler,
        manifest: &Manifest,
        profile: SizeProfile,
        dev: bool,
    ) -> Result<String> {
        let mut digest = Sha256::new();
        let version = compiler.version(self.project, port)?;
        for part in [RECIPE, &version, &self.shrinker, &profile.to_string(), &format!("dev={dev}")] {
            add(&mut digest, part.as_bytes());
        }
        add(&mut digest, manifest.callbacks.join(",").as_bytes());
        hash_folder(&mut digest, &port.folder())?;
        for folder in port.language.shared(self.project, port)? {
            hash_folder(&mut digest, &folder)?;
        }
        compiler.inputs(self.project, port, &mut digest)?;
        Ok(hex(&digest.finalize()))
    }
}

/// Adds a package and all that it is built from: sources of the workspace's own, name and version of the others,
/// which no registry changes.
pub(super) fn package_closure(project: &Project, package: &Package, hasher: &mut Sha256) -> Result<()> {
    for id in closure(project, &package.id)? {
        let package = &project.metadata[&id];
        match &package.source {
            Some(source) => add(hasher, format!("{} {} {source}", package.name, package.version).as_bytes()),
            None => {
                // What a package inherits from the workspace shows here and not in its own manifest.
                let inherited = (&package.version, &package.edition, &package.dependencies, &package.features);
                add(hasher, relative(&serde_json::to_string(&inherited)?, &project.root).as_bytes());
                let dir = package.manifest_path.parent().context("a manifest has no folder")?;
                hash_folder(hasher, dir.as_std_path())?;
            }
        }
    }
    Ok(())
}

/// The workspace's own packages that a package is built from, itself among them.
///
/// # Errors
/// Cargo resolved no dependencies.
pub(super) fn own_packages<'a>(project: &'a Project, package: &Package) -> Result<Vec<&'a Package>> {
    let packages = closure(project, &package.id)?;
    let packages = packages.iter().map(|id| &project.metadata[id]);
    Ok(packages.filter(|package| package.source.is_none()).collect())
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

/// Whether an entry is what a language's own tools leave in a folder of sources. A folder that cargo builds into says
/// so itself: another may be called `target` as well.
fn left_behind(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    name.starts_with('.') || name == "node_modules" || entry.path().join("CACHEDIR.TAG").exists()
}

/// Adds every file below a folder, by path and content, in the order of the paths.
fn hash_folder(hasher: &mut Sha256, folder: &Path) -> Result<()> {
    let walk = WalkDir::new(folder).follow_links(true).min_depth(1).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(|entry| !left_behind(entry)) {
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
pub(super) fn add(hasher: &mut Sha256, part: &[u8]) {
    hasher.update((part.len() as u64).to_le_bytes());
    hasher.update(part);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(folder: &Path) -> String {
        let mut hasher = Sha256::new();
        hash_folder(&mut hasher, folder).unwrap();
        hex(&hasher.finalize())
    }

    #[test]
    fn a_folder_is_its_files_by_path_and_content() {
        let [one, two] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        for folder in [&one, &two] {
            fs::create_dir(folder.path().join("src")).unwrap();
            fs::write(folder.path().join("src/lib.rs"), "fn a() {}").unwrap();
        }
        assert_eq!(digest(one.path()), digest(two.path()));
        fs::write(two.path().join("src/lib.rs"), "fn b() {}").unwrap();
        assert_ne!(digest(one.path()), digest(two.path()));
    }

    #[test]
    fn a_moved_file_and_a_new_file_show() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.rs"), "x").unwrap();
        let before = digest(folder.path());
        fs::rename(folder.path().join("a.rs"), folder.path().join("b.rs")).unwrap();
        let moved = digest(folder.path());
        assert_ne!(before, moved);
        fs::write(folder.path().join("c.rs"), "").unwrap();
        assert_ne!(moved, digest(folder.path()));
    }

    #[test]
    fn what_tools_leave_behind_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.rs"), "x").unwrap();
        let before = digest(folder.path());
        for left in ["target", "node_modules", ".cache"] {
            fs::create_dir(folder.path().join(left)).unwrap();
            fs::write(folder.path().join(left).join("junk"), "junk").unwrap();
        }
        fs::write(folder.path().join("target/CACHEDIR.TAG"), "").unwrap();
        assert_eq!(before, digest(folder.path()));
    }

    #[test]
    fn sources_count_wherever_they_stand() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::NamedTempFile::new().unwrap();
        fs::create_dir(folder.path().join("target")).unwrap();
        fs::write(folder.path().join("target/mod.rs"), "1").unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("linked.rs")).unwrap();
        let before = digest(folder.path());
        fs::write(folder.path().join("target/mod.rs"), "2").unwrap();
        let changed = digest(folder.path());
        assert_ne!(before, changed);
        fs::write(elsewhere.path(), "3").unwrap();
        assert_ne!(changed, digest(folder.path()));
    }
}
