//! The bill of materials of a module, in CycloneDX 1.6: what it is built from, with versions, licences and digests.
//!
//! Each language says it of its ports, from its lock files ([`Builder::materials`](crate::build::language::Builder)). The
//! same checkout gives the same text, so it carries no time and no serial number.

pub(crate) mod crates;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde_json::{Value, json};

use crate::build::report::Built;
use crate::project::{Port, Project};

/// The bill of materials of a port that was built.
///
/// # Errors
/// A lock file cannot be read.
pub(crate) fn sbom(project: &Project, port: &Port, built: &Built) -> Result<String> {
    let parts = port.language.materials(project, port, &built.toolchain)?;
    Ok(format!("{}\n", serde_json::to_string_pretty(&document(project, port, built, parts)?)?))
}

/// What a module is built from.
#[derive(Debug)]
pub(crate) struct Parts {
    /// The reference of the module itself.
    module: String,
    components: Vec<Value>,
    /// The references of the components that each one needs.
    needs: BTreeMap<String, BTreeSet<String>>,
}

impl Parts {
    /// A module that is made of nothing yet.
    pub(crate) fn of(module: &str) -> Parts {
        Parts {
            module: module.to_owned(),
            components: Vec::new(),
            needs: [(module.to_owned(), BTreeSet::new())].into(),
        }
    }

    /// Adds a component that the module itself needs.
    pub(crate) fn add(&mut self, component: Value) {
        let reference = component["bom-ref"].as_str().unwrap_or_default().to_owned();
        self.needs.entry(self.module.clone()).or_default().insert(reference);
        self.components.push(component);
    }

    /// Adds the folders of this checkout that the ports of a language share.
    ///
    /// # Errors
    /// What they are cannot be found out.
    pub(crate) fn add_shared(&mut self, project: &Project, port: &Port) -> Result<()> {
        let package = project.package("xtask")?;
        for folder in port.language.shared(project, port)? {
            let name = folder.strip_prefix(&project.root).unwrap_or(&folder).display().to_string();
            let version = package.version.to_string();
            let licences = licences(package.license.as_deref());
            self.add(json!({
                "type": "library", "bom-ref": name, "name": name, "version": version, "scope": "required",
                "licenses": licences,
            }));
        }
        Ok(())
    }
}

/// A component that a registry knows by its package URL.
pub(crate) fn library(name: &str, version: &str, purl: &str) -> Value {
    json!({ "type": "library", "bom-ref": purl, "name": name, "version": version, "scope": "required", "purl": purl })
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

/// Before SPDX expressions, crates wrote `MIT/Apache-2.0`.
pub(crate) fn licences(expression: Option<&str>) -> Value {
    match expression.map(str::trim) {
        Some(expression) => json!([{ "expression": expression.replace('/', " OR ") }]),
        None => json!([]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bill of every port of this checkout, by its name.
    fn bills() -> Vec<(String, Value)> {
        let project = Project::find().unwrap();
        let built = Built::example("inputs", b"module");
        let bill = |port: &Port| {
            let text = sbom(&project, port, &built).unwrap();
            assert_eq!(text, sbom(&project, port, &built).unwrap(), "the same checkout gives the same text");
            (port.name(), serde_json::from_str(&text).unwrap())
        };
        project.ports().unwrap().iter().map(bill).collect()
    }

    fn component<'a>(bill: &'a Value, name: &str) -> Option<&'a Value> {
        bill["components"].as_array().unwrap().iter().find(|it| it["name"] == name)
    }

    #[test]
    fn a_bill_is_whole_in_every_language() {
        for (port, bill) in bills() {
            let components = bill["components"].as_array().unwrap();
            assert!(!components.is_empty() || port.ends_with(".prebuilt"), "{port} is made of something");
            let mut known = BTreeSet::from([bill["metadata"]["component"]["bom-ref"].as_str().unwrap()]);
            for component in components {
                assert!(known.insert(component["bom-ref"].as_str().unwrap()), "{port}: {component} is named twice");
            }
            for dependency in bill["dependencies"].as_array().unwrap() {
                for reference in dependency["dependsOn"].as_array().unwrap().iter().chain([&dependency["ref"]]) {
                    assert!(known.contains(reference.as_str().unwrap()), "{port}: {reference} is no component");
                }
            }
        }
    }

    #[test]
    fn a_bill_names_what_its_module_holds() {
        let bills: BTreeMap<String, Value> = bills().into_iter().collect();
        let find = |port: &str, name: &str| component(&bills[port], name).cloned();
        let kit = find("hello-header.rust", "weir-kit").unwrap();
        assert!(kit["hashes"].is_null(), "what is not from a registry has no digest there");
        assert_eq!(
            find("hello-header.rust", "proxy-wasm").unwrap()["hashes"][0]["content"].as_str().unwrap().len(),
            64
        );
        assert!(find("hello-header.rust", "std").is_some());
        assert!(
            find("hello-header.rust", "serde_json").is_none() && find("hello-header.rust", "hello-header").is_none()
        );
        let sdk = find("hello-header.go", "github.com/proxy-wasm/proxy-wasm-go-sdk").unwrap();
        assert!(sdk["properties"][0]["value"].as_str().unwrap().starts_with("h1:"));
        assert!(find("hello-header.go", "sdk/go").is_some() && find("hello-header.go", "weir/sdk").is_none());
        let runtime = find("hello-header.assemblyscript", "@solo-io/proxy-runtime").unwrap();
        assert_eq!(runtime["hashes"][0]["content"].as_str().unwrap().len(), 128);
        assert_eq!(find("hello-header.assemblyscript", "binaryen").unwrap()["scope"], "excluded");
        assert_eq!(find("hello-header.zig", "zig").unwrap()["scope"], "required");
        assert_eq!(find("hello-header.c", "zig").unwrap()["scope"], "excluded");
    }

    #[test]
    fn licences_are_expressions() {
        assert_eq!(licences(Some("MIT/Apache-2.0"))[0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(licences(Some(" Apache-2.0"))[0]["expression"], "Apache-2.0");
        assert_eq!(licences(None), json!([]));
    }
}
