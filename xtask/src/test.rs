//! `cargo xtask test`: everything that must hold before a change lands, and needs no Docker.

use anyhow::{Context, Result};
use clap::Args;
use weir_common::say;
use xshell::{Shell, cmd};

use crate::bench::{self, Bench};
use crate::build::{self, Language, toolchains};
use crate::e2e::E2e;
use crate::project::Project;
use crate::{envoy, machine, readme};

/// Images by themselves: all that they depend on is built in any case as it is for the command, alone.
const MOST: [&str; 3] = ["--workspace", "--exclude", "weir-oci"];

#[derive(Args)]
pub(crate) struct Test {
    /// Fail where this language has no compiler here, in place of leaving its ports out; `all` means every language.
    #[arg(long, value_name = "LANG", value_parser = toolchains::required)]
    require: Vec<Vec<Language>>,
}

impl Test {
    pub(crate) fn run(self) -> Result<()> {
        machine::rustfmt()?;
        machine::clippy()?;
        let sh = Shell::new()?;
        step("formatting", || Ok(cmd!(sh, "cargo fmt --all --check").quiet().run()?))?;
        // What is behind a feature by itself: its dependencies' features would have Binaryen built a second time.
        let features = ["weir-envoy/container", "weir-oci/real", "xtask/real"].join(",");
        let rest = ["--package", "weir-envoy", "--package", "weir-oci", "--package", "xtask", "--features", &features];
        for selection in [&MOST[..], &rest] {
            step("lints", || {
                Ok(cmd!(sh, "cargo clippy --quiet {selection...} --all-targets -- -D warnings").quiet().run()?)
            })?;
        }
        for selection in [&MOST[..], &["--package", "weir-oci"]] {
            step("unit and integration tests", || Ok(cmd!(sh, "cargo test --quiet {selection...}").quiet().run()?))?;
        }
        let required = self.require.concat();
        let project = Project::find()?;
        let mut left_out = None;
        step("unit tests of the ports in other languages", || {
            // Those of the Rust ports were among the workspace's.
            let others = project.ports()?.into_iter().filter(|port| port.language != Language::rust());
            left_out = Some(build::test(&project, others.collect(), &required)?);
            Ok(())
        })?;
        step("the table of filters in README.md", || readme::check(&project))?;
        step("the costs in README.md", bench::check_readme)?;
        step("counts against the committed costs", || Bench::gate(required.clone()).run())?;
        step("cases in process", || E2e::host(required.clone()).run())?;
        step("cases through a native Envoy", || E2e::native(required.clone()).run())?;
        step("equivalents that the bench compares to", || Bench::equivalents(required).run())?;
        step("a bench that is stopped", || {
            // In the selection that the other tests were compiled in.
            let envoy = envoy::find_or_fetch(&project, None)?;
            let tests = cmd!(sh, "cargo test --quiet {MOST...} --test command -- --ignored");
            Ok(tests.env("WEIR_ENVOY", envoy).quiet().run()?)
        })?;
        say!("all steps passed{}", left_out.unwrap_or_default());
        Ok(())
    }
}

fn step(name: &str, run: impl FnOnce() -> Result<()>) -> Result<()> {
    say!("{name} …");
    run().with_context(|| format!("{name}: failed"))
}
