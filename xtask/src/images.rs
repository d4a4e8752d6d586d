//! The commands on images: handed as they are to the crate `weir-oci`, which knows OCI, registries and signatures.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::process::{build_tool, run};
use crate::project::Project;

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
        let tool = tool()?;
        run(command(&project, &tool, name).args(self.arguments))
    }
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
