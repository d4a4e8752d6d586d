//! The bill of materials of a module, in CycloneDX 1.6: what it is built from, with versions, licences and digests.
//!
//! Made from what cargo resolved for the module's target and from `Cargo.lock`; the same checkout gives the same text,
//! so it carries no time and no serial number.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId, TargetKind};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::build::report::Built;
use crate::project::{Port, Project};

/// The bill of materials of a port that was built.
///
/// # Errors
/// Cargo cannot resolve the workspace, or `Cargo.lock` cannot be read.
pub(crate) fn sbom(project: &Project, port: &Port, built: &Built) -> Result<String> {
    let folder = port.dir.join(port.language.name());
    // What a port is built from stands where its language keeps it; one without such a file is built from its own
    // sources and the SDK of this checkout.
    let parts = if folder.join("Cargo.toml").is_file() {
        Parts::of_crate(project, &port.filter, &port.artifact(), &built.toolchain)?
    } else if let Ok(text) = fs::read_to_string(folder.join("go.mod")) {
        Parts::of_go(&text, &port.artifact())
    } else {
        Parts::default()
    };
    Ok(format!("{}\n", serde_json::to_string_pretty(&document(project, port, built, parts)?)?))
}

/// What a module is built from.
#[derive(Debug, Default)]
struct Parts {
    components: Vec<Value>,
    /// The references of the components that each one needs; the module itself is called by its name.
    needs: BTreeMap<String, BTreeSet<String>>,
}

fn document(project: &Project, port: &Port, built: &Built, parts: Parts) -> Result<Value> {
    let package = project.package("xtask")?;
    let name = port.artifact();
    let dependencies: Vec<Value> =
        parts.needs.iter().map(|(from, to)| json!({ "ref": from, "dependsOn": to })).collect();
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "tools": { "components": [{ "type": "application", "name": "weir", "version": package.version.to_string() }] },
            "component": {
                "type": "application",
                "bom-ref": name,
                "name": name,
                "description": port.manifest()?.summary,
                "version": package.version.to_string(),
                "licenses": licences(package.license.as_deref()),
                "hashes": [{ "alg": "SHA-256", "content": built.sha256 }],
            },
            "properties": [
                { "name": "weir:language", "value": port.language.name() },
                { "name": "weir:size-profile", "value": built.size_profile.to_string() },
                { "name": "weir:source-digest", "value": built.input },
                { "name": "weir:toolchain", "value": built.toolchain },
            ],
        },
        "components": parts.components,
        "dependencies": dependencies,
    }))
}

impl Parts {
    /// The crates that the module of a crate is built from, and std.
    fn of_crate(project: &Project, package: &str, module: &str, toolchain: &str) -> Result<Parts> {
        // Without the filter, crates of other systems would be listed that no module holds.
        let mut command = MetadataCommand::new();
        command
            .current_dir(&project.root)
            .other_options(["--filter-platform", "wasm32-unknown-unknown"].map(str::to_owned));
        let metadata = command.exec().context("cannot resolve the workspace for wasm32-unknown-unknown")?;
        let lock = project.root.join("Cargo.lock");
        let text = fs::read_to_string(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
        let checksums = checksums(&text).with_context(|| format!("{} cannot be read", lock.display()))?;
        let root = project.package(package)?.id.clone();
        let edges = edges(&metadata, &root)?;
        let mut parts = Parts::default();
        let reference = |id: &PackageId| if *id == root { module.to_owned() } else { purl(&metadata[id]) };
        for (from, to) in &edges {
            parts.needs.insert(reference(from), to.iter().map(reference).collect());
            if *from != root {
                parts.components.push(component(&metadata[from], &checksums));
            }
        }
        parts.components.sort_by_key(|component| component["bom-ref"].to_string());
        parts.components.push(json!({
            "type": "library",
            "bom-ref": "std",
            "name": "std",
            "description": "The standard library, built from its sources for the module.",
            "version": toolchain,
            "licenses": [{ "expression": "MIT OR Apache-2.0" }],
        }));
        parts.needs.entry(module.to_owned()).or_default().insert("std".into());
        Ok(parts)
    }

    /// The modules that a `go.mod` requires; those that are replaced by a folder are sources of this checkout.
    fn of_go(text: &str, module: &str) -> Parts {
        let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default().trim());
        let replaced: Vec<&str> = lines
            .clone()
            .filter_map(|line| line.trim_start_matches("replace").trim().split_once("=>"))
            .filter(|(_, to)| to.trim().starts_with('.'))
            .filter_map(|(from, _)| from.split_whitespace().next())
            .collect();
        let required = lines.filter_map(|line| {
            let mut words = line.trim_start_matches("require").split_whitespace();
            let (name, version) = (words.next()?, words.next()?);
            (version.starts_with('v') && words.next().is_none() && !replaced.contains(&name)).then_some((name, version))
        });
        let mut parts = Parts::default();
        for (name, version) in required {
            let purl = format!("pkg:golang/{name}@{version}");
            parts.components.push(json!({
                "type": "library", "bom-ref": purl, "name": name, "version": version, "scope": "required", "purl": purl,
            }));
            parts.needs.entry(module.to_owned()).or_default().insert(purl);
        }
        parts
    }
}

/// Every package that `root` is built from, with those that it needs itself; development dependencies are left out.
fn edges(metadata: &Metadata, root: &PackageId) -> Result<BTreeMap<PackageId, BTreeSet<PackageId>>> {
    let nodes = &metadata.resolve.as_ref().context("cargo resolved no dependencies")?.nodes;
    let mut edges = BTreeMap::new();
    let mut open = vec![root.clone()];
    while let Some(id) = open.pop() {
        if edges.contains_key(&id) {
            continue;
        }
        let deps = nodes.iter().find(|node| node.id == id).map(|node| node.deps.as_slice()).unwrap_or_default();
        let built = deps.iter().filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development));
        let needs: BTreeSet<PackageId> = built.map(|dep| dep.pkg.clone()).collect();
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

/// Before SPDX expressions, crates wrote `MIT/Apache-2.0`.
fn licences(expression: Option<&str>) -> Value {
    match expression {
        Some(expression) => json!([{ "expression": expression.replace('/', " OR ") }]),
        None => json!([]),
    }
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
    fn a_go_module_is_built_from_what_it_requires() {
        let text = "module demo\n\ngo 1.24\n\nrequire example.org/one v1.0.0\nrequire (\n\texample.org/two v2.0.0 // indirect\n\tweir/sdk v0.0.0\n)\n\nreplace weir/sdk => ../../../sdk/go\n";
        let parts = Parts::of_go(text, "demo.go");
        let expected = ["pkg:golang/example.org/one@v1.0.0", "pkg:golang/example.org/two@v2.0.0"];
        assert_eq!(parts.components.iter().map(|it| &it["purl"]).collect::<Vec<_>>(), expected);
        assert_eq!(parts.needs["demo.go"].iter().collect::<Vec<_>>(), expected);
    }

    fn port() -> Port {
        let project = Project::find().unwrap();
        project.select(&["hello-header".to_owned()], None).unwrap().remove(0)
    }

    #[test]
    fn a_module_is_built_from_its_crates_and_std() {
        let project = Project::find().unwrap();
        let text = sbom(&project, &port(), &Built::example("inputs", b"module")).unwrap();
        assert_eq!(text, sbom(&project, &port(), &Built::example("inputs", b"module")).unwrap());
        let bom: Value = serde_json::from_str(&text).unwrap();
        let named: Vec<&str> =
            bom["components"].as_array().unwrap().iter().filter_map(|it| it["name"].as_str()).collect();
        assert!(named.contains(&"proxy-wasm") && named.contains(&"weir-kit") && named.contains(&"std"), "{named:?}");
        assert!(!named.contains(&"serde_json") && !named.contains(&"hello-header"), "{named:?}");
        let find = |name: &str| bom["components"].as_array().unwrap().iter().find(|it| it["name"] == name).unwrap();
        assert_eq!(find("proxy-wasm")["hashes"][0]["content"].as_str().unwrap().len(), 64);
        assert_eq!(find("proxy-wasm")["scope"], "required");
        assert!(find("weir-kit")["hashes"].is_null(), "what is not from a registry has no digest there");
    }

    #[test]
    fn every_reference_is_of_a_component() {
        let project = Project::find().unwrap();
        let bom: Value =
            serde_json::from_str(&sbom(&project, &port(), &Built::example("inputs", b"module")).unwrap()).unwrap();
        let mut known: BTreeSet<&str> =
            bom["components"].as_array().unwrap().iter().filter_map(|it| it["bom-ref"].as_str()).collect();
        assert!(known.insert(bom["metadata"]["component"]["bom-ref"].as_str().unwrap()));
        for dependency in bom["dependencies"].as_array().unwrap() {
            let to = dependency["dependsOn"].as_array().unwrap().iter();
            for reference in to.chain([&dependency["ref"]]) {
                assert!(known.contains(reference.as_str().unwrap()), "{reference}");
            }
        }
    }

    #[test]
    fn digests_and_licences_are_read() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"00ff\"\n[[package]]\nname = \"b\"\nversion = \"2.0.0\"\n";
        let read = checksums(lock).unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!(read[&("a".into(), "1.0.0".into())], "00ff");
        assert_eq!(licences(Some("MIT/Apache-2.0"))[0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(licences(None), json!([]));
    }
}
