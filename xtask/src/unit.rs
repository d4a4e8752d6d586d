//! `cargo xtask unit`: the unit tests of ports, run by the tools that are usual in their languages.

use anyhow::Result;
use clap::Args;
use weir_common::say;

use crate::build::{self, Language, toolchains};
use crate::project::Project;

#[derive(Args)]
pub(crate) struct Unit {
    /// Only those of these filters, or ports: NAME or NAME.LANGUAGE.
    filters: Vec<String>,
    /// Only those of the ports in this language.
    #[arg(long)]
    lang: Option<Language>,
    /// Fail where this language has no compiler here, in place of leaving its ports out; `all` means every language.
    #[arg(long, value_name = "LANG", value_parser = toolchains::required)]
    require: Vec<Vec<Language>>,
}

impl Unit {
    pub(crate) fn run(self) -> Result<()> {
        let project = Project::find()?;
        let ports = project.select(&self.filters, self.lang)?;
        let left_out = build::test(&project, ports, &self.require.concat())?;
        say!("all unit tests hold{left_out}");
        Ok(())
    }
}
