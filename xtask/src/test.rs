//! `cargo xtask test`: everything that must hold before a change lands, and needs no Docker.

use anyhow::{Context, Result};
use clap::Args;
use xshell::{Shell, cmd};

use crate::bench::{self, Bench};
use crate::e2e::E2e;
use crate::process::say;
use crate::project::Project;
use crate::{machine, readme};

#[derive(Args)]
pub(crate) struct Test {}

impl Test {
    pub(crate) fn run(self) -> Result<()> {
        machine::rustfmt()?;
        machine::clippy()?;
        let sh = Shell::new()?;
        step("formatting", || Ok(cmd!(sh, "cargo fmt --all --check").quiet().run()?))?;
        // The container runtime by itself: its dependencies' features would have Binaryen built a second time.
        for selection in [&["--workspace"][..], &["--package", "weir-envoy", "--features", "container"]] {
            step("lints", || {
                Ok(cmd!(sh, "cargo clippy --quiet {selection...} --all-targets -- -D warnings").quiet().run()?)
            })?;
        }
        step("unit and integration tests", || Ok(cmd!(sh, "cargo test --quiet --workspace").quiet().run()?))?;
        step("the table of filters in README.md", || readme::check(&Project::find()?))?;
        step("the costs in README.md", bench::check_readme)?;
        step("counts against the committed costs", || Bench::gate().run())?;
        step("cases in process", || E2e::host().run())?;
        step("cases through a native Envoy", || E2e::native().run())?;
        step("equivalents that the bench compares to", || Bench::equivalents().run())?;
        say!("all steps passed");
        Ok(())
    }
}

fn step(name: &str, run: impl FnOnce() -> Result<()>) -> Result<()> {
    say!("{name} …");
    run().with_context(|| format!("{name}: failed"))
}
