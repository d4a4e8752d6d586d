//! The commands on images: handed as they are to the crate `weir-oci`, which knows OCI, registries and signatures.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Deserialize;

use crate::process::build_tool;
use crate::project::{Project, artifact};

/// The arguments of a command that another program reads; its help is that program's.
#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Images {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    arguments: Vec<OsString>,
}

impl Images {
    /// Runs the command of that name on the local images.
    pub(crate) fn run(self, name: &str) -> Result<()> {
        let project = Project::find()?;
        let status =
            command(&project, &tool()?, name).args(self.arguments).status().context("cannot start weir-oci")?;
        match status.success() {
            true => Ok(()),
            // It has said what is wrong.
            false => std::process::exit(status.code().unwrap_or(1)),
        }
    }
}

/// A module that comes in an image.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Resolved {
    /// The name of the filter in it.
    pub(crate) filter: String,
    /// The language of its port, as far as the image says it.
    language: String,
    /// The module's file.
    pub(crate) module: PathBuf,
}

impl Resolved {
    /// What a port of that filter in that language is called by: `hello-header`, or `hello-header.go`.
    pub(crate) fn name(&self) -> String {
        match self.language.parse() {
            Ok(language) => artifact(&self.filter, language),
            Err(_) => self.filter.clone(),
        }
    }
}

/// Whether an argument names an image and not a filter: a reference, `NAME:TAG`, or a module's file.
pub(crate) fn is_image(argument: &str) -> bool {
    argument.contains(['/', ':']) || argument.ends_with(".wasm")
}

/// The module in an image: one that is here, or one of a registry, which is pulled and checked.
///
/// # Errors
/// It is not there, or is nothing that Envoy would take; why was said before.
pub(crate) fn resolve(project: &Project, image: &str) -> Result<Resolved> {
    let mut command = command(project, &tool()?, "resolve");
    command.arg(image).arg("--modules").arg(project.state().join("modules")).stderr(Stdio::inherit());
    let output = command.output().context("cannot start weir-oci")?;
    if !output.status.success() {
        bail!("{image} cannot be had (see above)");
    }
    serde_json::from_slice(&output.stdout).context("weir-oci resolve said something unexpected")
}

/// Where the local images are.
pub(crate) fn store(project: &Project) -> PathBuf {
    project.dist().join("oci")
}

/// The program that knows images.
pub(crate) fn tool() -> Result<PathBuf> {
    build_tool("weir-oci", "weir-oci", &[])
}

/// A command of that program on the local images.
pub(crate) fn command(project: &Project, tool: &Path, name: &str) -> Command {
    let mut command = Command::new(tool);
    command.arg("--store").arg(store(project)).arg(name);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_goes_by_the_name_of_its_port() {
        let name = |language: &str| {
            Resolved { filter: "demo".into(), language: language.into(), module: PathBuf::new() }.name()
        };
        assert_eq!([name("rust"), name("go"), name(""), name("cobol")], ["demo", "demo.go", "demo", "demo"]);
    }

    #[test]
    fn a_filter_is_told_from_an_image() {
        for image in ["ghcr.io/weir/hello-header:1", "hello-header:0.1.0", "dist/hello-header.wasm"] {
            assert!(is_image(image), "{image}");
        }
        assert!(!is_image("hello-header"));
    }
}
