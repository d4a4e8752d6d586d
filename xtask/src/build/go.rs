//! Go: the `go` on `PATH`, or TinyGo for a port that asks for it.
//!
//! Modules come through Go's own cache, as crates come through cargo's: what is in it is checked against the `go.sum` of
//! the port, whoever put it there, and is shared with everything else on the machine.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use weir_common::say;

use super::language::{Builder, Compiler, Site};
use super::template::{Kind, Template, files};
use crate::process::{Missing, output, which};
use crate::project::{Port, Project};
use crate::sbom::{Parts, library, licences};

/// The oldest Go that exports functions from WebAssembly (`go:wasmexport`).
const OLDEST: (u32, u32) = (1, 24);

/// What the environment may not change. A newer toolchain is not fetched behind anybody's back.
const ENVIRONMENT: [(&str, &str); 4] = [
    ("GOFLAGS", "-mod=readonly -trimpath -buildvcs=false"),
    ("GOTOOLCHAIN", "local"),
    ("GOWORK", "off"),
    ("CGO_ENABLED", "0"),
];

/// The SDK that exports the ABI from Go.
const SDK: &str = "github.com/proxy-wasm/proxy-wasm-go-sdk";

pub(super) struct Go;

impl Builder for Go {
    fn name(&self) -> &'static str {
        "go"
    }

    fn mark(&self, _: &str) -> String {
        "go.mod".into()
    }

    fn shared(&self, project: &Project, _: &Port) -> Result<Vec<PathBuf>> {
        Ok(vec![project.root.join("sdk/go")])
    }

    fn materials(&self, project: &Project, port: &Port, toolchain: &str) -> Result<Parts> {
        let read = |name: &str| {
            let path = port.folder().join(name);
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let mut parts = Parts::of(&port.artifact());
        let (name, version) = match toolchain.strip_prefix("go") {
            Some(version) => ("golang/stdlib", version),
            None => {
                toolchain.split_once(' ').map_or(("generic/tinygo", ""), |(_, version)| ("generic/tinygo", version))
            }
        };
        let mut std = library(name.rsplit('/').next().unwrap_or(name), version, &format!("pkg:{name}@{version}"));
        std["description"] = json!("The standard library and the runtime, built from their sources for the module.");
        std["licenses"] = licences(Some("BSD-3-Clause"));
        parts.add(std);
        modules(&read("go.mod")?, &read("go.sum")?).into_iter().for_each(|module| parts.add(module));
        parts.add_shared(project, port)?;
        Ok(parts)
    }

    /// The pins are those of the SDK's own module.
    fn template(&self, project: &Project, kind: Kind) -> Result<Option<Template>> {
        let read = |name: &str| {
            let path = project.root.join("sdk/go").join(name);
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let module = read("go.mod")?;
        let version = required_in(&module, SDK).with_context(|| format!("sdk/go/go.mod: requires no {SDK}"))?;
        let mut template = Template::of(match kind {
            Kind::Headers => files!("go/headers": "main.go", "config.go", "config_test.go"),
            Kind::Body => files!("go/body": "main.go", "config.go", "config_test.go"),
            Kind::Auth => files!("go/auth": "main.go", "config.go", "config_test.go"),
        });
        let manifest = include_str!("../../templates/go/go.mod").replace("@go_sdk@", version);
        template.files.extend([("go.mod".into(), manifest), ("go.sum".into(), read("go.sum")?)]);
        Ok(Some(template))
    }

    fn find(&self, _: &Project) -> Result<Box<dyn Compiler>, Missing> {
        let said = which("go").and_then(|_| output(Command::new("go").arg("version").env("GOTOOLCHAIN", "local")).ok());
        match said.as_deref().and_then(version_in) {
            Some(version) if is_new_enough(version) => {
                Ok(Box::new(Toolchain { version: version.to_owned(), tinygo: tinygo() }))
            }
            found => Err(missing(found)),
        }
    }
}

/// The modules that a `go.mod` requires, as components with their sums in `go.sum`; those that are replaced by a folder
/// are sources of this checkout.
fn modules(module: &str, sums: &str) -> Vec<Value> {
    let lines = module.lines().map(|line| line.split("//").next().unwrap_or_default().trim());
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
    let component = |(name, version): (&str, &str)| {
        let mut component = library(name, version, &format!("pkg:golang/{name}@{version}"));
        // Go's sum is of a list of files and no digest of an archive, so that no field of CycloneDX is for it.
        if let Some(sum) = sums.lines().find_map(|line| line.strip_prefix(&format!("{name} {version} "))) {
            component["properties"] = json!([{ "name": "weir:go.sum", "value": sum.trim() }]);
        }
        component
    };
    required.map(component).collect()
}

/// The version of a module that a `go.mod` requires.
fn required_in<'a>(module: &'a str, name: &str) -> Option<&'a str> {
    let words = |line: &'a str| line.trim_start_matches("require").split_whitespace();
    module.lines().find_map(|line| words(line).skip_while(|word| *word != name).nth(1))
}

fn missing(found: Option<&str>) -> Missing {
    let (major, minor) = OLDEST;
    let found = found.map_or(String::new(), |version| format!(" (there is {version})"));
    Missing {
        what: format!("Go {major}.{minor} or newer{found}"),
        needed_for: "to build Go ports".into(),
        mend: "put a `go` from https://go.dev/dl on PATH (Debian 13: apt-get install golang-go)".into(),
    }
}

/// `go1.26.8` of `go version go1.26.8 linux/amd64`: what a module is does not depend on the machine.
fn version_in(said: &str) -> Option<&str> {
    said.split_whitespace().nth(2).filter(|word| word.starts_with("go"))
}

/// The version of the TinyGo on `PATH`.
fn tinygo() -> Option<String> {
    which("tinygo")?;
    output(Command::new("tinygo").arg("version")).ok()?.split_whitespace().nth(2).map(str::to_owned)
}

fn is_new_enough(version: &str) -> bool {
    let number = |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u32>().ok();
    let mut parts = version.trim_start_matches("go").split('.').map(number);
    matches!((parts.next().flatten(), parts.next().flatten()), (Some(major), Some(minor)) if (major, minor) >= OLDEST)
}

struct Toolchain {
    version: String,
    tinygo: Option<String>,
}

impl Toolchain {
    /// The version of TinyGo, where a port asks for it and it is here.
    fn tinygo_for(&self, port: &Port) -> Result<Option<&str>> {
        let asks = port.manifest()?.compiler.contains_key(port.language.name());
        Ok(self.tinygo.as_deref().filter(|_| asks))
    }
}

impl Compiler for Toolchain {
    fn describe(&self) -> String {
        let tinygo = self.tinygo.as_ref().map_or(String::new(), |version| format!(", tinygo {version}"));
        format!("{}{tinygo}", self.version)
    }

    fn version(&self, _: &Project, port: &Port) -> Result<String> {
        Ok(self.tinygo_for(port)?.map_or_else(|| self.version.clone(), |version| format!("tinygo {version}")))
    }

    fn compile(&self, site: &Site<'_>) -> Result<PathBuf> {
        let module = site.folder.join("linked.wasm");
        let mut compiler = if self.tinygo_for(site.port)?.is_some() {
            let mut tinygo = tool("tinygo", site);
            tinygo.args(["build", "-o"]).arg(&module).args(["-target=wasip1", "-buildmode=c-shared", "."]);
            tinygo
        } else {
            if site.port.manifest()?.compiler.contains_key(site.port.language.name()) {
                say!("{} asks for tinygo, which is not on PATH: {} builds it", site.port.artifact(), self.version);
            }
            let mut go = tool("go", site);
            go.args(["build", "-buildmode=c-shared", "-p", &site.jobs.to_string(), "-o"]).arg(&module).arg(".");
            go.env("GOOS", "wasip1").env("GOARCH", "wasm");
            go
        };
        output(&mut compiler).map_err(|error| error.context("does not compile"))?;
        Ok(module)
    }

    fn test(&self, site: &Site<'_>) -> Result<()> {
        let folders = [site.port.folder(), site.project.root.join("sdk/go")];
        let unformatted = output(Command::new("gofmt").arg("-l").args(&folders))?;
        if !unformatted.is_empty() {
            bail!("not formatted (`gofmt -w` does it):\n{}", unformatted.trim_end());
        }
        for folder in folders {
            output(tool("go", site).args(["vet", "./..."]).current_dir(&folder))?;
            output(tool("go", site).args(["test", "./..."]).current_dir(&folder))?;
        }
        Ok(())
    }
}

fn tool(name: &str, site: &Site<'_>) -> Command {
    let mut tool = Command::new(name);
    tool.current_dir(site.port.folder()).envs(ENVIRONMENT).env_remove("GOEXPERIMENT").env_remove("GOWASM");
    tool
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_third_word() {
        assert_eq!(version_in("go version go1.26.8 linux/amd64\n"), Some("go1.26.8"));
        assert_eq!(version_in("The Go programming language"), None);
    }

    #[test]
    fn what_is_too_old_is_told_apart() {
        for new in ["go1.24", "go1.24.3", "go1.30rc1", "go2.0"] {
            assert!(is_new_enough(new), "{new}");
        }
        for old in ["go1.23.9", "go1.9", "go1", "devel"] {
            assert!(!is_new_enough(old), "{old}");
        }
    }

    #[test]
    fn a_required_version_is_found_on_a_line_of_its_own_and_in_a_block() {
        assert_eq!(required_in("module a\nrequire b/c v1.2.3\n", "b/c"), Some("v1.2.3"));
        assert_eq!(required_in("require (\n\tb/c v1.2.3\n)\n", "b/c"), Some("v1.2.3"));
        assert_eq!(required_in("require b/cd v1.2.3\n", "b/c"), None);
    }

    #[test]
    fn a_module_is_built_from_what_it_requires() {
        let text = "module demo\n\ngo 1.24\n\nrequire example.org/one v1.0.0\nrequire (\n\texample.org/two v2.0.0 // indirect\n\tweir/sdk v0.0.0\n)\n\nreplace weir/sdk => ../../../sdk/go\n";
        let found = modules(text, "example.org/one v1.0.0/go.mod h1:no=\nexample.org/one v1.0.0 h1:yes=\n");
        let purls: Vec<&str> = found.iter().filter_map(|it| it["purl"].as_str()).collect();
        assert_eq!(purls, ["pkg:golang/example.org/one@v1.0.0", "pkg:golang/example.org/two@v2.0.0"]);
        assert_eq!(found[0]["properties"][0]["value"], "h1:yes=");
        assert!(found[1]["properties"].is_null());
    }

    #[test]
    fn an_old_one_is_named() {
        assert!(missing(Some("go1.19")).to_string().starts_with("Go 1.24 or newer (there is go1.19) is missing"));
    }
}
