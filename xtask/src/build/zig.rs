//! Zig: the pinned version, from `PATH` or from Python's package of the official one. It compiles C as well.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use weir_common::{say, shown};

use super::language::{Builder, Compiler, Site};
use super::template::{Kind, Template, files};
use crate::machine;
use crate::process::{Missing, output, which};
use crate::project::{Port, Project};
use crate::sbom::{Parts, library, licences};
use crate::whole;

/// The pin: one requirement, `ziglang==VERSION`, with its hashes.
const REQUIREMENTS: &str = "sdk/zig/requirements.txt";
/// What every port of this language imports: the name of the module, its file below `sdk/zig`, and what it imports.
const MODULES: [(&str, &str, &[&str]); 2] = [("proxy", "proxy.zig", &["json"]), ("json", "json.zig", &[])];
/// A filter has no deep recursion; with less stack, addresses are shorter and so is the code.
const STACK: &str = "65536";

pub(super) struct Zig;

impl Builder for Zig {
    fn name(&self) -> &'static str {
        "zig"
    }

    fn mark(&self, _: &str) -> String {
        "main.zig".into()
    }

    fn shared(&self, project: &Project, _: &Port) -> Result<Vec<PathBuf>> {
        Ok(vec![project.root.join("sdk/zig")])
    }

    fn materials(&self, project: &Project, port: &Port, toolchain: &str) -> Result<Parts> {
        let mut parts = Parts::of(&port.artifact());
        parts.add(component(toolchain, "Its standard library, built from its sources for the module."));
        parts.add_shared(project, port)?;
        Ok(parts)
    }

    fn template(&self, _: &Project, kind: Kind) -> Result<Option<Template>> {
        let template = Template::of(match kind {
            Kind::Headers => files!("zig/headers": "main.zig", "config.zig", "tests.zig"),
            Kind::Body => files!("zig/body": "main.zig", "config.zig", "tests.zig"),
            Kind::Auth => files!("zig/auth": "main.zig", "config.zig", "tests.zig"),
        });
        Ok(Some(Template { stub, ..template }))
    }

    fn find(&self, project: &Project) -> Result<Box<dyn Compiler>, Missing> {
        find(project, "to build Zig ports").map(|zig| -> Box<dyn Compiler> { Box::new(zig) })
    }

    fn can_fetch(&self) -> bool {
        machine::pip().is_ok()
    }

    fn fetch(&self, project: &Project) -> Option<Result<Box<dyn Compiler>>> {
        self.can_fetch().then_some(())?;
        Some(fetch(project).map(|zig| -> Box<dyn Compiler> { Box::new(zig) }))
    }
}

/// Zig as a component of what it built, by its version: `zig 1.2.3`.
pub(super) fn component(toolchain: &str, description: &str) -> Value {
    let version = toolchain.split_whitespace().nth(1).unwrap_or_default();
    let mut zig = library("zig", version, &format!("pkg:generic/zig@{version}"));
    zig["description"] = json!(description);
    zig["licenses"] = licences(Some("MIT"));
    zig
}

/// A callback of the SDK that lets everything pass.
fn stub(callback: &str) -> Option<String> {
    let function = match callback {
        "proxy_on_request_headers" => "onRequestHeaders",
        "proxy_on_request_body" => "onRequestBody",
        "proxy_on_response_headers" => "onResponseHeaders",
        "proxy_on_response_body" => "onResponseBody",
        _ => return None,
    };
    let head = format!("    pub fn {function}(_: *Stream, _: u32, _: bool) proxy.Action {{\n");
    Some(format!("{head}        return .proceed;\n    }}\n"))
}

/// A `zig` of the pinned version.
pub(super) struct Toolchain {
    path: PathBuf,
    version: String,
    origin: &'static str,
    cache: PathBuf,
}

/// The pinned version, where it is here.
pub(super) fn find(project: &Project, needed_for: &str) -> Result<Toolchain, Missing> {
    let pinned = pinned(&project.root).unwrap_or_default();
    let fetched = Some(fetched(project, &pinned)).filter(|path| path.is_file());
    let ways = [(which("zig"), "on PATH"), (fetched, "fetched below target/")];
    let mut found = ways.into_iter().filter_map(|(path, origin)| Some((path?, origin)));
    let right =
        found.find(|(path, _)| output(Command::new(path).arg("version")).is_ok_and(|said| said.trim() == pinned));
    match right {
        Some((path, origin)) => {
            Ok(Toolchain { path, version: format!("zig {pinned}"), origin, cache: project.state().join("zig/cache") })
        }
        None => Err(missing(&pinned, needed_for)),
    }
}

fn missing(pinned: &str, needed_for: &str) -> Missing {
    Missing {
        what: format!("Zig {pinned}"),
        needed_for: needed_for.into(),
        mend: format!("put a `zig` {pinned} on PATH, or install python3 with pip, which fetches it"),
    }
}

/// Installs Python's package into `target/`, with its hash checked by pip.
pub(super) fn fetch(project: &Project) -> Result<Toolchain> {
    let pinned = pinned(&project.root)?;
    let folder = project.state().join("zig").join(&pinned);
    whole::remove(&folder)?;
    whole::folder(&folder, |partial| {
        say!("fetching Zig {pinned} into {} (pip, about 90 MB, its hash is pinned)", shown(&folder));
        machine::pip_install(&project.root.join(REQUIREMENTS), partial, missing(&pinned, "to build Zig ports"))
    })?;
    Ok(find(project, "to build Zig ports")?)
}

fn fetched(project: &Project, version: &str) -> PathBuf {
    project.state().join("zig").join(version).join("ziglang/zig")
}

fn pinned(root: &Path) -> Result<String> {
    let path = root.join(REQUIREMENTS);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    pin_in(&text).map(str::to_owned).with_context(|| format!("{REQUIREMENTS}: expected a line ziglang==VERSION"))
}

fn pin_in(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("ziglang==")).map(|rest| rest.trim_end_matches(['\\', ' ']))
}

impl Toolchain {
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    pub(super) fn origin(&self) -> &'static str {
        self.origin
    }

    /// `zig`, with its caches below `target/`.
    pub(super) fn command(&self, site: &Site<'_>) -> Command {
        let mut zig = Command::new(&self.path);
        zig.current_dir(&site.project.root);
        zig.env("ZIG_GLOBAL_CACHE_DIR", &self.cache).env("ZIG_LOCAL_CACHE_DIR", site.folder.join("cache"));
        zig
    }
}

impl Compiler for Toolchain {
    fn describe(&self) -> String {
        format!("{} ({})", self.version, self.origin)
    }

    fn version(&self, _: &Project, _: &Port) -> Result<String> {
        Ok(self.version.clone())
    }

    fn compile(&self, site: &Site<'_>) -> Result<PathBuf> {
        let module = site.folder.join("linked.wasm");
        let mut zig = self.command(site);
        zig.args(["build-exe", "-target", "wasm32-freestanding", "-fno-entry", "-rdynamic", "--stack", STACK]);
        zig.args(modules(&site.port.folder().join("main.zig"), &["-OReleaseSmall", "-fno-strip"]));
        let mut emit = OsString::from("-femit-bin=");
        emit.push(&module);
        output(zig.arg(emit)).map_err(|error| error.context("does not compile"))?;
        Ok(module)
    }

    fn test(&self, site: &Site<'_>) -> Result<()> {
        let folders = [site.port.folder(), site.project.root.join("sdk/zig")];
        output(self.command(site).args(["fmt", "--check"]).args(&folders))
            .map_err(|error| error.context("not formatted (`zig fmt` does it)"))?;
        for root in [folders[0].join("tests.zig"), folders[1].join("tests.zig")] {
            if root.is_file() {
                output(self.command(site).arg("test").args(modules(&root, &[])))?;
            }
        }
        Ok(())
    }
}

/// The arguments that name the root of a program and all that it may import; `options` go for each of them.
fn modules(root: &Path, options: &[&str]) -> Vec<OsString> {
    let imports: Vec<&str> = MODULES.iter().map(|(name, ..)| *name).collect();
    let mut arguments = module("root", root, &imports, options);
    for (name, file, imports) in MODULES {
        arguments.extend(module(name, &Path::new("sdk/zig").join(file), imports, options));
    }
    arguments
}

fn module(name: &str, file: &Path, imports: &[&str], options: &[&str]) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = options.iter().map(Into::into).collect();
    arguments.extend(imports.iter().flat_map(|import| ["--dep".into(), import.into()]));
    let mut argument = OsString::from(format!("-M{name}="));
    argument.push(file);
    arguments.push(argument);
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pin_is_read_from_the_requirement() {
        assert_eq!(pin_in("# why\nziglang==0.17.1 \\\n    --hash=sha256:00\n"), Some("0.17.1"));
        assert_eq!(pin_in("ziglang>=0.17\n"), None);
    }
}
