//! AssemblyScript: the compiler and the SDK are npm packages, which `sdk/assemblyscript/package-lock.json` pins with their
//! hashes; a port that needs others has a `package.json` and a lock file of its own.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use weir_common::{say, shown};

use super::hex;
use super::language::{Builder, Compiler, Site};
use super::template::{Kind, Template, files};
use crate::process::{Missing, output, run_bounded};
use crate::project::{Port, Project};
use crate::sbom::{Parts, library, licences};
use crate::whole;

const LOCK: &str = "package-lock.json";

/// The compiler's package.
const COMPILER: &str = "assemblyscript";

/// The oldest Node.js that runs the compiler.
const OLDEST: u32 = 20;

/// What every module is compiled with. The minimal runtime collects garbage when it is told to, which `proxy.ts` does
/// between callbacks; Envoy provides no `env.abort`, and `proxy.ts` has one that logs.
const OPTIONS: [&str; 6] = ["-Osize", "--debug", "--runtime", "minimal", "--use", "abort=trap"];

pub(super) struct AssemblyScript;

impl Builder for AssemblyScript {
    fn name(&self) -> &'static str {
        "assemblyscript"
    }

    fn mark(&self, _: &str) -> String {
        "index.ts".into()
    }

    fn shared(&self, project: &Project, _: &Port) -> Result<Vec<PathBuf>> {
        Ok(vec![project.root.join("sdk/assemblyscript")])
    }

    fn materials(&self, project: &Project, port: &Port, _: &str) -> Result<Parts> {
        let path = pins(project, port).join(LOCK);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut parts = Parts::of(&port.artifact());
        let packages = components(&text).with_context(|| format!("{} cannot be read", path.display()))?;
        packages.into_iter().for_each(|package| parts.add(package));
        parts.add_shared(project, port)?;
        Ok(parts)
    }

    fn template(&self, _: &Project, kind: Kind) -> Result<Option<Template>> {
        Ok(Some(Template::of(match kind {
            Kind::Headers => files!("assemblyscript/headers": "index.ts", "config.ts", "tests.ts"),
            Kind::Body => files!("assemblyscript/body": "index.ts", "config.ts", "tests.ts"),
            Kind::Auth => files!("assemblyscript/auth": "index.ts", "config.ts", "tests.ts"),
        })))
    }

    fn find(&self, _: &Project) -> Result<Box<dyn Compiler>, Missing> {
        let version = |tool: &str| output(Command::new(tool).arg("--version")).ok().map(|said| said.trim().to_owned());
        match (version("node"), version("npm")) {
            (Some(node), Some(npm)) if major(&node) >= Some(OLDEST) => Ok(Box::new(Node { node, npm })),
            (node, _) => Err(missing(node.as_deref())),
        }
    }
}

fn missing(node: Option<&str>) -> Missing {
    let found = node.map_or(String::new(), |version| format!(" (there is {version})"));
    Missing {
        what: format!("Node.js {OLDEST} or newer with npm{found}"),
        needed_for: "to build AssemblyScript ports".into(),
        mend: "put `node` and `npm` from https://nodejs.org on PATH (Debian 13: apt-get install nodejs npm)".into(),
    }
}

/// The 20 of `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version.trim_start_matches('v').split('.').next()?.parse().ok()
}

struct Node {
    node: String,
    npm: String,
}

impl Compiler for Node {
    fn describe(&self) -> String {
        format!("node {}, npm {}", self.node, self.npm)
    }

    /// Node only runs the compiler: what it makes is the compiler's matter alone.
    fn version(&self, project: &Project, port: &Port) -> Result<String> {
        let path = pins(project, port).join(LOCK);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let pinned = pinned(&text).with_context(|| format!("{}: pins no assemblyscript", path.display()))?;
        Ok(format!("assemblyscript {pinned}"))
    }

    fn compile(&self, site: &Site<'_>) -> Result<PathBuf> {
        let module = site.folder.join("linked.wasm");
        let entry = site.port.folder().join("index.ts");
        asc(site, &entry, &module).map_err(|error| error.context("does not compile"))?;
        Ok(module)
    }

    /// Compiles `tests.ts`, each of whose exports is a test, and runs it in Node.
    fn test(&self, site: &Site<'_>) -> Result<()> {
        let module = site.folder.join("tests.wasm");
        asc(site, &site.port.folder().join("tests.ts"), &module)
            .map_err(|error| error.context("the tests do not compile"))?;
        let runner = site.project.root.join("sdk/assemblyscript/run-tests.mjs");
        output(Command::new("node").arg(runner).arg(&module).current_dir(site.port.folder())).map(drop)
    }
}

/// The packages of a lock file as components. What the compiler alone needs works while a module is built, and is not in
/// it; the compiler's own library is.
fn components(lock: &str) -> Result<Vec<Value>> {
    let lock: Value = serde_json::from_str(lock)?;
    let packages = lock["packages"].as_object().context("packages: expected an object")?;
    let names = |from: &Value, fields: &[&str]| -> Vec<String> {
        fields.iter().filter_map(|field| from[*field].as_object()).flat_map(|names| names.keys().cloned()).collect()
    };
    let mut open = names(&lock["packages"][""], &["dependencies", "devDependencies"]);
    let mut held = BTreeSet::new();
    while let Some(name) = open.pop() {
        if held.insert(name.clone()) && name != COMPILER {
            open.extend(names(&lock["packages"][format!("node_modules/{name}")], &["dependencies"]));
        }
    }
    let mut components = Vec::new();
    for (path, package) in packages {
        let Some((_, name)) = path.rsplit_once("node_modules/") else { continue };
        let version = package["version"].as_str().with_context(|| format!("{path}: has no version"))?;
        let mut component = library(name, version, &format!("pkg:npm/{}@{version}", name.replace('@', "%40")));
        component["licenses"] = licences(package["license"].as_str());
        if !held.contains(name) {
            component["scope"] = json!("excluded");
        }
        if let Some(digest) = package["integrity"].as_str().and_then(|text| text.strip_prefix("sha512-")) {
            let digest = BASE64.decode(digest).with_context(|| format!("{path}: integrity: expected base64"))?;
            component["hashes"] = json!([{ "alg": "SHA-512", "content": hex(&digest) }]);
        }
        components.push(component);
    }
    Ok(components)
}

/// The version of the compiler in a lock file.
fn pinned(lock: &str) -> Option<String> {
    let lock: serde_json::Value = serde_json::from_str(lock).ok()?;
    Some(lock["packages"]["node_modules/assemblyscript"]["version"].as_str()?.to_owned())
}

fn asc(site: &Site<'_>, entry: &Path, module: &Path) -> Result<String> {
    let packages = packages(site)?;
    let root = &site.project.root;
    let mut asc = Command::new("node");
    asc.arg(packages.join("assemblyscript/bin/asc.js")).arg(entry.strip_prefix(root).unwrap_or(entry));
    // Paths below the root of the checkout, so that what an abort logs tells nothing of the machine.
    asc.arg("--baseDir").arg(root).arg("--path").arg(&packages).args(OPTIONS).arg("--outFile").arg(module);
    output(asc.current_dir(root))
}

/// The folder with the lock file that a port goes by.
fn pins(project: &Project, port: &Port) -> PathBuf {
    let own = port.folder();
    if own.join(LOCK).is_file() { own } else { project.root.join("sdk/assemblyscript") }
}

/// The packages that a port's lock file pins, installed below `target/` once for each lock file.
fn packages(site: &Site<'_>) -> Result<PathBuf> {
    let port = pins(site.project, site.port);
    let read =
        |name: &str| fs::read(port.join(name)).with_context(|| format!("cannot read {}", port.join(name).display()));
    let (manifest, lock) = (read("package.json")?, read(LOCK)?);
    let digest = Sha256::new().chain_update(&manifest).chain_update(&lock).finalize();
    let folder = site.project.state().join("npm").join(&hex(&digest)[..16]);
    whole::folder(&folder, |partial| {
        say!(
            "{}: fetching its packages into {} (npm ci, their hashes are pinned)",
            site.port.artifact(),
            shown(&folder)
        );
        fs::write(partial.join("package.json"), &manifest)?;
        fs::write(partial.join(LOCK), &lock)?;
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]).current_dir(partial);
        run_bounded(&mut npm, Duration::from_secs(300))
    })?;
    Ok(folder.join("node_modules"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_old_is_told_apart() {
        assert!(major("v20.20.2") >= Some(OLDEST) && major("v18.19.0") < Some(OLDEST) && major("?") < Some(OLDEST));
        assert!(missing(Some("v18.19.0")).to_string().starts_with("Node.js 20 or newer with npm (there is v18.19.0)"));
    }

    #[test]
    fn what_the_compiler_alone_needs_is_not_in_a_module() {
        let lock = json!({ "packages": {
            "": { "dependencies": { "@a/sdk": "1" }, "devDependencies": { "assemblyscript": "2" } },
            "node_modules/@a/sdk": { "version": "1.0.0", "integrity": "sha512-AP8=", "dependencies": { "part": "3" } },
            "node_modules/assemblyscript": { "version": "2.0.0", "dependencies": { "tool": "4" } },
            "node_modules/part": { "version": "3.0.0" },
            "node_modules/tool": { "version": "4.0.0" },
        } });
        let found = components(&lock.to_string()).unwrap();
        let held: Vec<&str> =
            found.iter().filter(|it| it["scope"] == "required").filter_map(|it| it["name"].as_str()).collect();
        assert_eq!(held, ["@a/sdk", "assemblyscript", "part"]);
        assert_eq!(found[0]["purl"], "pkg:npm/%40a/sdk@1.0.0");
        assert_eq!(found[0]["hashes"][0]["content"], "00ff");
        assert!(components("{}").is_err());
    }

    #[test]
    fn the_lock_file_names_the_compiler() {
        let lock = r#"{"packages":{"node_modules/assemblyscript":{"version":"0.28.20"}}}"#;
        assert_eq!(pinned(lock).as_deref(), Some("0.28.20"));
        assert_eq!(pinned("{}"), None);
    }
}
