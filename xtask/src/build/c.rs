//! C: Clang and the linker that Zig brings, with the ABI in one header of this workspace.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::json;
use walkdir::WalkDir;

use super::language::{Builder, Compiler, Site};
use super::template::{Kind, Template, files};
use super::zig;
use crate::machine;
use crate::process::{Missing, output};
use crate::project::{Port, Project};
use crate::sbom::Parts;

/// C17 and every warning an error, for the module and for its tests.
const DIALECT: [&str; 4] = ["-std=c17", "-Wall", "-Wextra", "-Werror"];
/// What a module is compiled with beside that: no library of C, no entry, and the stack as in Zig.
const FREESTANDING: [&str; 10] = [
    "-target",
    "wasm32-freestanding",
    "-Oz",
    "-flto",
    "-ffreestanding",
    "-nostdlib",
    "-mbulk-memory",
    "-Wl,--no-entry",
    "-Wl,--gc-sections",
    "-Wl,-z,stack-size=65536",
];

/// The sources that need a host, or memory that grows: tests bring what takes their place.
const THE_HOSTS: [&str; 3] = ["main.c", "proxy.c", "memory.c"];

pub(super) struct C;

impl Builder for C {
    fn name(&self) -> &'static str {
        "c"
    }

    fn mark(&self, _: &str) -> String {
        "main.c".into()
    }

    fn shared(&self, project: &Project, _: &Port) -> Result<Vec<PathBuf>> {
        Ok(vec![project.root.join("sdk/c")])
    }

    fn materials(&self, project: &Project, port: &Port, toolchain: &str) -> Result<Parts> {
        let mut parts = Parts::of(&port.artifact());
        let mut compiler = zig::component(toolchain, "The compiler, Clang; there is no library of C in the module.");
        compiler["scope"] = json!("excluded");
        parts.add(compiler);
        parts.add_shared(project, port)?;
        Ok(parts)
    }

    fn template(&self, _: &Project, kind: Kind) -> Result<Option<Template>> {
        let template = Template::of(match kind {
            Kind::Headers => files!("c/headers": "main.c", "config.c", "config.h", "tests/tests.c"),
            Kind::Body => files!("c/body": "main.c", "config.c", "config.h", "tests/tests.c"),
            Kind::Auth => files!("c/auth": "main.c", "config.c", "config.h", "tests/tests.c"),
        });
        Ok(Some(Template { stub, ..template }))
    }

    fn find(&self, project: &Project) -> Result<Box<dyn Compiler>, Missing> {
        zig::find(project, "to build C ports").map(|zig| -> Box<dyn Compiler> { Box::new(Clang(zig)) })
    }

    fn can_fetch(&self) -> bool {
        machine::pip().is_ok()
    }

    fn fetch(&self, project: &Project) -> Option<Result<Box<dyn Compiler>>> {
        self.can_fetch().then_some(())?;
        Some(zig::fetch(project).map(|zig| -> Box<dyn Compiler> { Box::new(Clang(zig)) }))
    }
}

/// A callback of headers or of a part of a body, which lets everything pass.
fn stub(callback: &str) -> Option<String> {
    let known = ["request", "response"].iter().any(|message| {
        callback == format!("proxy_on_{message}_headers") || callback == format!("proxy_on_{message}_body")
    });
    let head = format!("proxy_action {callback}(uint32_t stream, uint32_t count, uint32_t end_of_stream) {{");
    let body = "    (void)stream, (void)count, (void)end_of_stream;\n    return PROXY_CONTINUE;\n}\n";
    known.then(|| format!("PROXY_EXPORT({callback})\n{head}\n{body}"))
}

struct Clang(zig::Toolchain);

impl Compiler for Clang {
    fn describe(&self) -> String {
        format!("{} cc ({})", self.0.version(), self.0.origin())
    }

    fn version(&self, _: &Project, _: &Port) -> Result<String> {
        Ok(format!("{} cc", self.0.version()))
    }

    fn compile(&self, site: &Site<'_>) -> Result<PathBuf> {
        let module = site.folder.join("linked.wasm");
        let mut cc = self.0.command(site);
        cc.arg("cc").args(DIALECT).args(FREESTANDING).args(["-I", "sdk/c"]);
        cc.args(sources(&site.port.folder())?).args(sources(&site.project.root.join("sdk/c"))?);
        output(cc.arg("-o").arg(&module)).map_err(|error| error.context("does not compile"))?;
        Ok(module)
    }

    /// Compiles `tests/` for this machine, with what it tests and all that Clang can check, and runs it.
    fn test(&self, site: &Site<'_>) -> Result<()> {
        let (folder, sdk) = (site.port.folder(), site.project.root.join("sdk/c"));
        let program = site.folder.join("tests");
        let mut cc = self.0.command(site);
        cc.arg("cc").args(DIALECT).args(["-g", "-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all"]);
        cc.args(["-I", "sdk/c", "-I"]).arg(&folder).args(sources(&folder.join("tests"))?);
        let tested = [sources(&folder)?, sources(&sdk)?].concat();
        cc.args(tested.iter().filter(|path| !THE_HOSTS.iter().any(|name| path.ends_with(name))));
        output(cc.arg("-o").arg(&program)).map_err(|error| error.context("the tests do not compile"))?;
        output(Command::new(&program).current_dir(&site.project.root)).map(drop)
    }
}

/// The C files that stand in a folder, in the order of their names.
fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut sources = Vec::new();
    for entry in WalkDir::new(folder).min_depth(1).max_depth(1).sort_by_file_name() {
        let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.into_path();
        if path.extension().is_some_and(|extension| extension == "c") {
            sources.push(path);
        }
    }
    Ok(sources)
}
