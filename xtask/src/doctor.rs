//! `cargo xtask doctor`: what this machine has, what it lacks, and the one command that mends each.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use weir_common::out;

use crate::build::Language;
use crate::build::report::Format;
use crate::process::{Missing, env_path};
use crate::project::Project;
use crate::{envoy, machine};

#[derive(Args)]
pub(crate) struct Doctor {
    /// How to print what was found.
    #[arg(long, default_value = "text")]
    format: Format,
}

/// One thing that was looked for.
struct Check {
    what: String,
    found: Result<String, Missing>,
    absence: Absence,
}

/// What it means where a thing is not here.
#[derive(Clone, Copy)]
enum Absence {
    /// A command fetches it when it first needs it.
    Fetched,
    /// Only some commands need it, and the others work without.
    Optional,
    /// Nothing works without.
    Lacking,
}

impl Doctor {
    pub(crate) fn run(self) -> Result<()> {
        let checks = checks(&Project::find()?)?;
        match self.format {
            Format::Text => checks.iter().try_for_each(|check| out::print(format_args!("{}\n", check.line())))?,
            Format::Json => {
                let checks: Vec<serde_json::Value> = checks.iter().map(Check::json).collect();
                out::print(format_args!("{}\n", serde_json::to_string_pretty(&checks)?))?;
            }
        }
        let lacking = checks.iter().filter(|check| check.status() == "missing").count();
        if lacking > 0 {
            bail!("{lacking} missing");
        }
        Ok(())
    }
}

fn checks(project: &Project) -> Result<Vec<Check>> {
    let mut checks = vec![
        check("rustfmt", machine::rustfmt(), Absence::Lacking),
        check("clippy", machine::clippy(), Absence::Lacking),
        check("a C++ compiler", machine::cxx(), Absence::Lacking),
        check("python3 with pip", machine::pip(), Absence::Optional),
        envoy(project, env_path("WEIR_ENVOY"))?,
        check("a Docker engine", machine::docker_engine(), Absence::Optional),
    ];
    for (what, found) in [
        ("a registry for tests", machine::docker_registry()),
        ("skopeo", machine::skopeo()),
        ("openssl", machine::openssl()),
    ] {
        checks.push(check(what, found.map(|path| path.display().to_string()), Absence::Optional));
    }
    checks.extend(Language::all().map(|language| compiler(project, language)));
    Ok(checks)
}

fn check(what: &str, found: Result<String, Missing>, absence: Absence) -> Check {
    Check { what: what.into(), found, absence }
}

/// What builds the ports in one language.
fn compiler(project: &Project, language: Language) -> Check {
    let absence = match language.can_fetch() {
        true => Absence::Fetched,
        false if language == Language::rust() => Absence::Lacking,
        false => Absence::Optional,
    };
    let found = language.find(project).map(|compiler| compiler.describe());
    Check { what: format!("a compiler for {language}"), found, absence }
}

/// Envoy; `asked` is the one that the environment names.
fn envoy(project: &Project, asked: Option<PathBuf>) -> Result<Check> {
    let pinned = envoy::pinned(project)?;
    let missing = envoy::missing(&pinned);
    let (found, absence) = match envoy::find(project, asked.as_deref()) {
        Ok(Some(path)) => (Ok(format!("{pinned}, {}", path.display())), Absence::Lacking),
        Ok(None) if machine::pip().is_ok() => (Err(missing), Absence::Fetched),
        Ok(None) => (Err(missing), Absence::Lacking),
        Err(error) => {
            let what = format!("{} ({error:#})", missing.what);
            let mend = format!("unset WEIR_ENVOY, or name an Envoy {pinned} with it");
            (Err(Missing { what, mend, ..missing }), Absence::Lacking)
        }
    };
    Ok(Check { what: "Envoy".into(), found, absence })
}

impl Check {
    fn status(&self) -> &'static str {
        match (&self.found, self.absence) {
            (Ok(_), _) => "ok",
            (Err(_), Absence::Fetched) => "fetched",
            (Err(_), Absence::Optional) => "absent",
            (Err(_), Absence::Lacking) => "missing",
        }
    }

    /// The check for people.
    fn line(&self) -> String {
        let words = match (&self.found, self.absence) {
            (Ok(found), _) => format!("{}: {found}", self.what),
            (Err(missing), Absence::Fetched) => {
                format!("{}: not here yet; a command fetches it when it needs it, or: {}", self.what, missing.mend)
            }
            (Err(missing), _) => missing.to_string(),
        };
        format!("{:<8} {words}", self.status())
    }

    /// The check for programs: `what`, `status` (`ok`, `fetched`, `absent`, `missing`), `found`, `mend`.
    fn json(&self) -> serde_json::Value {
        let mend = self.found.as_ref().err().map(|missing| &missing.mend);
        serde_json::json!({
            "what": self.what, "status": self.status(), "found": self.found.as_ref().ok(), "mend": mend,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lacks(absence: Absence) -> Check {
        let missing =
            Missing { what: "clippy".into(), needed_for: "to test".into(), mend: "rustup component add".into() };
        Check { what: "clippy".into(), found: Err(missing), absence }
    }

    #[test]
    fn what_is_missing_is_told_with_its_mend() {
        let line = lacks(Absence::Lacking).line();
        assert_eq!(line, "missing  clippy is missing, which is needed to test; to mend it: rustup component add");
    }

    #[test]
    fn an_envoy_that_is_none_is_one_finding_among_the_others() {
        let project = Project::find().unwrap();
        let check = envoy(&project, Some("/bin/true".into())).unwrap();
        assert_eq!(check.status(), "missing");
        let line = check.line();
        assert!(line.contains("/bin/true does not say a version") && line.contains("unset WEIR_ENVOY"), "{line}");
    }

    #[test]
    fn only_what_nothing_works_without_is_missing() {
        assert_eq!(lacks(Absence::Lacking).status(), "missing");
        assert_eq!(lacks(Absence::Optional).status(), "absent");
        assert_eq!(lacks(Absence::Fetched).status(), "fetched");
        assert_eq!(Check { found: Ok("1.0".into()), ..lacks(Absence::Lacking) }.status(), "ok");
    }

    #[test]
    fn programs_read_the_same_findings() {
        let value = lacks(Absence::Optional).json();
        assert_eq!(value["status"], "absent");
        assert_eq!(value["mend"], "rustup component add");
        assert!(value["found"].is_null());
    }
}
