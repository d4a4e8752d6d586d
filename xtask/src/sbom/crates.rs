//! What the module of a crate is built from: what cargo resolved for the module's target, with the digests of `Cargo.lock`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId, TargetKind};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Parts, licences};
use crate::process::{cargo, output};
use crate::project::Project;
use crate::toolchain::TARGET;

/// The crates that the module of a package is built from, and std.
///
/// # Errors
/// Cargo cannot resolve the workspace, or `Cargo.lock` cannot be read.
pub(crate) fn parts(project: &Project, package: &str, module: &str, toolchain: &str) -> Result<Parts> {
    // Without the filter, crates of other systems would be listed that no module holds.
    let mut command = MetadataCommand::new();
    command.current_dir(&project.root).other_options(["--filter-platform", TARGET].map(str::to_owned));
    let metadata = command.exec().with_context(|| format!("cannot resolve the workspace for {TARGET}"))?;
    let lock = project.root.join("Cargo.lock");
    let text = fs::read_to_string(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let checksums = checksums(&text).with_context(|| format!("{} cannot be read", lock.display()))?;
    let root = project.package(package)?.id.clone();
    let edges = edges(&metadata, &root, &tree(project, package)?)?;
    let mut parts = Parts::of(module);
    let reference = |id: &PackageId| if *id == root { module.to_owned() } else { purl(&metadata[id]) };
    for (from, to) in &edges {
        parts.needs.insert(reference(from), to.iter().map(reference).collect());
        if *from != root {
            parts.components.push(component(&metadata[from], &checksums));
        }
    }
    parts.components.sort_by_key(|component| component["bom-ref"].to_string());
    parts.add(json!({
        "type": "library",
        "bom-ref": "std",
        "name": "std",
        "description": "The standard library, built from its sources for the module.",
        "version": toolchain,
        "licenses": [{ "expression": "MIT OR Apache-2.0" }],
    }));
    Ok(parts)
}

/// Name and version of all that a package is built from where it is built alone: the workspace's resolution also has
/// what other packages ask of the same crates.
fn tree(project: &Project, package: &str) -> Result<BTreeSet<(String, String)>> {
    let mut tree = cargo();
    tree.args(["tree", "--package", package, "--target", TARGET, "--edges", "no-dev", "--prefix", "none"]);
    let tree = output(tree.args(["--format", "{p}"]).current_dir(&project.root))?;
    Ok(tree.lines().filter_map(named).collect())
}

/// `("weir-kit", "0.1.0")` of `weir-kit v0.1.0 (/a/path)`.
fn named(line: &str) -> Option<(String, String)> {
    let mut words = line.split_whitespace();
    Some((words.next()?.to_owned(), words.next()?.trim_start_matches('v').to_owned()))
}

/// Every package of `tree` that `root` is built from, with those that it needs itself; development dependencies are left
/// out.
fn edges(
    metadata: &Metadata,
    root: &PackageId,
    tree: &BTreeSet<(String, String)>,
) -> Result<BTreeMap<PackageId, BTreeSet<PackageId>>> {
    let is_built = |id: &PackageId| tree.contains(&(metadata[id].name.to_string(), metadata[id].version.to_string()));
    let nodes = &metadata.resolve.as_ref().context("cargo resolved no dependencies")?.nodes;
    let mut edges = BTreeMap::new();
    let mut open = vec![root.clone()];
    while let Some(id) = open.pop() {
        if edges.contains_key(&id) {
            continue;
        }
        let deps = nodes.iter().find(|node| node.id == id).map(|node| node.deps.as_slice()).unwrap_or_default();
        let built = deps.iter().filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development));
        let needs: BTreeSet<PackageId> = built.map(|dep| dep.pkg.clone()).filter(is_built).collect();
        open.extend(needs.iter().cloned());
        edges.insert(id, needs);
    }
    Ok(edges)
}

fn component(package: &Package, checksums: &BTreeMap<(String, String), String>) -> Value {
    let version = package.version.to_string();
    // A procedural macro works while the module is built, and is not in it.
    let is_macro = package.targets.iter().any(|target| target.kind.contains(&TargetKind::ProcMacro));
    let mut component = json!({
        "type": "library",
        "bom-ref": purl(package),
        "name": package.name,
        "version": version,
        "scope": if is_macro { "excluded" } else { "required" },
        "purl": purl(package),
        "licenses": licences(package.license.as_deref()),
    });
    if let Some(checksum) = checksums.get(&(package.name.to_string(), version)) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    component
}

fn purl(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

/// The digests of the crates in `Cargo.lock`, by name and version.
fn checksums(lock: &str) -> Result<BTreeMap<(String, String), String>> {
    #[derive(Deserialize)]
    struct Lock {
        package: Vec<Locked>,
    }
    #[derive(Deserialize)]
    struct Locked {
        name: String,
        version: String,
        checksum: Option<String>,
    }
    let lock: Lock = toml::from_str(lock)?;
    Ok(lock.package.into_iter().filter_map(|it| Some(((it.name, it.version), it.checksum?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_tree_names_a_package() {
        let found = Some(("weir-kit".to_owned(), "0.1.0".to_owned()));
        assert_eq!(named("weir-kit v0.1.0 (/somewhere/crates/kit) (*)"), found);
        assert_eq!(named(""), None);
    }

    #[test]
    fn what_another_package_asks_of_a_crate_is_not_in_a_module() {
        let project = Project::find().unwrap();
        let named = |package| tree(&project, package).unwrap().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        // The same crate for elliptic curves, which there reads keys in PEM.
        assert!(named("auth").contains(&"p256".to_owned()) && named("weir-oci").contains(&"pem-rfc7468".to_owned()));
        assert!(!named("auth").contains(&"pem-rfc7468".to_owned()));
    }

    #[test]
    fn digests_are_read_by_name_and_version() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"00ff\"\n[[package]]\nname = \"b\"\nversion = \"2.0.0\"\n";
        let read = checksums(lock).unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!(read[&("a".into(), "1.0.0".into())], "00ff");
    }
}
