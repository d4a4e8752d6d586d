//! AssemblyScript: the compiler and the SDK are npm packages, which `sdk/assemblyscript/package-lock.json` pins with their
//! hashes; a port that needs others has a `package.json` and a lock file of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::hex;
use super::language::{Builder, Compiler, Site};
use super::template::{Kind, Template, files};
use crate::process::{Missing, output, run_bounded, say, shown};
use crate::project::{Port, Project};
use crate::whole;

const LOCK: &str = "package-lock.json";

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
    fn the_lock_file_names_the_compiler() {
        let lock = r#"{"packages":{"node_modules/assemblyscript":{"version":"0.28.20"}}}"#;
        assert_eq!(pinned(lock).as_deref(), Some("0.28.20"));
        assert_eq!(pinned("{}"), None);
    }
}
