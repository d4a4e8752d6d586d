//! `cargo xtask release`: everything that a release is made of, built, checked, packaged, pushed and signed.
//!
//! The release workflow runs this command and nothing beside it that could not be run here: with `--dry-run` nothing
//! leaves the machine, and with a registry on this machine all of it can be played.

mod assets;
mod changelog;
mod prepare;

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::{Deserialize, Serialize};
use weir_common::{say, shown};

use crate::build::report::Built;
use crate::build::{self, Language, Options};
use crate::build_all::BuildAll;
use crate::process::{Missing, run, which};
use crate::project::{Port, Project};
use crate::{git, images, package};

pub(crate) use prepare::PrepareRelease;

/// The layouts that are released, and what stands behind the version in their tags.
const LAYOUTS: [(&str, &str); 2] = [("compat", ""), ("oci", "-oci")];

#[derive(Args)]
pub(crate) struct Release {
    /// Release only these filters; without any, those that the tag names, or all.
    filters: Vec<String>,
    /// Do everything but push and sign, and say what would be.
    #[arg(long)]
    dry_run: bool,
    /// Where the images go: HOST/PREFIX, to which each filter's name is added.
    #[arg(long, value_name = "PREFIX", required_unless_present = "dry_run")]
    registry: Option<String>,
    /// Sign with this private key: a file, or env://NAME.
    #[arg(long, value_name = "KEY", conflicts_with = "keyless")]
    key: Option<String>,
    /// Sign with the identity of the workflow that runs this, through cosign on PATH.
    #[arg(long)]
    keyless: bool,
    /// The tag that is released: v1.2.3, or FILTER-v1.2.3 for one filter alone. GitHub's runners say it themselves.
    #[arg(long)]
    tag: Option<String>,
}

/// One image of a release.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Released {
    filter: String,
    language: &'static str,
    layout: &'static str,
    /// Where it is, or would be.
    reference: String,
    digest: String,
    signed: bool,
}

impl Release {
    pub(crate) fn run(self) -> Result<()> {
        let project = Project::find()?;
        let version = project.package("xtask")?.version.to_string();
        let tag = self.tag.clone().or_else(tag_of_runner);
        let alone = tag.as_deref().map(|tag| filter_of(tag, &version)).transpose()?.flatten();
        let filters = if self.filters.is_empty() { alone.into_iter().collect() } else { self.filters.clone() };
        self.check(&project, &version)?;
        // A release has every port; a rehearsal says which it has no compiler for.
        let required: Vec<Language> = Language::all().filter(|_| !self.dry_run).collect();
        BuildAll::shipping(filters.clone(), required.clone()).run()?;
        let options = Options { required, ..Options::default() };
        let (built, left_out) = build::all(&project, project.select(&filters, None)?, &options)?;
        let layouts = LAYOUTS.map(|(layout, _)| layout.to_owned());
        package::package(&project, &built, &layouts)?;
        let images = self.images(&project, &built, &version)?;
        let folder = assets::write(&project, &built, &images, &version)?;
        say!("the release's files are in {}{left_out}", shown(&folder));
        Ok(())
    }

    /// What must hold before anything is built.
    fn check(&self, project: &Project, version: &str) -> Result<()> {
        if !self.dry_run {
            if git::commit(&project.root).revision.is_none() {
                bail!("files differ from the commit, and what is released must be a commit; commit them, or --dry-run");
            }
            if self.key.is_none() && !self.keyless {
                bail!("what is released is signed: name a key with --key, or --keyless where a workflow runs this");
            }
            if !changelog::read(project)?.has(version) {
                bail!(
                    "CHANGELOG.md has no section \"## {version}\"; `cargo xtask prepare-release VERSION` writes it, and sets the version"
                );
            }
        }
        if self.keyless && !self.dry_run {
            cosign()?;
        }
        Ok(())
    }

    /// Pushes and signs the images of every port.
    fn images(&self, project: &Project, built: &[(Port, Built)], version: &str) -> Result<Vec<Released>> {
        let tool = images::tool()?;
        let prefix = self.registry.as_deref().unwrap_or("REGISTRY").trim_end_matches('/');
        let mut released = Vec::new();
        for (port, _) in built {
            for (layout, suffix) in LAYOUTS {
                let local = format!("{}:{version}{suffix}", port.artifact());
                let reference = format!("{prefix}/{local}");
                let digest = match self.dry_run {
                    true => {
                        say!("would push {reference}, and sign it");
                        self.listed(project, &local)?
                    }
                    false => {
                        let mut push = images::command(project, &tool, "push");
                        push.args([&local, &reference]).args(["--format", "json"]);
                        let pushed: Pushed = printed(&mut push)?;
                        let by_digest = format!("{prefix}/{}@{}", port.artifact(), pushed.digest);
                        self.sign(project, &by_digest)?;
                        pushed.digest
                    }
                };
                let (filter, language) = (port.filter.clone(), port.language.name());
                released.push(Released { filter, language, layout, reference, digest, signed: !self.dry_run });
            }
        }
        Ok(released)
    }

    /// The digest of a local image.
    fn listed(&self, project: &Project, local: &str) -> Result<String> {
        let mut command = images::command(project, &images::tool()?, "list");
        let list: List = printed(command.args(["--format", "json"]))?;
        let image = list.images.into_iter().find(|image| format!("{}:{}", image.name, image.tag) == local);
        Ok(image.with_context(|| format!("{local} was not packaged"))?.digest)
    }

    fn sign(&self, project: &Project, reference: &str) -> Result<()> {
        match &self.key {
            Some(key) => run(images::command(project, &images::tool()?, "sign").arg(reference).args(["--key", key])),
            None => run(Command::new(cosign()?).args(["sign", "--yes", reference])),
        }
    }
}

/// What `push --format json` prints.
#[derive(Deserialize)]
struct Pushed {
    digest: String,
}

/// What `list --format json` prints, as far as it is needed here.
#[derive(Deserialize)]
struct List {
    images: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    #[serde(default)]
    tag: String,
    digest: String,
}

/// Runs a command that prints JSON and tells its troubles on this terminal.
fn printed<T: for<'de> Deserialize<'de>>(command: &mut Command) -> Result<T> {
    let output = command.stderr(Stdio::inherit()).output().context("cannot start weir-oci")?;
    if !output.status.success() {
        bail!("weir-oci failed ({}, see above)", output.status);
    }
    serde_json::from_slice(&output.stdout).context("weir-oci printed something unexpected")
}

fn cosign() -> Result<std::path::PathBuf> {
    which("cosign").ok_or_else(|| {
        let mend = "put cosign 2 on PATH, or sign with --key".to_owned();
        Missing { what: "cosign".into(), needed_for: "to sign with a workflow's identity".into(), mend }.into()
    })
}

/// The tag that GitHub's runner says it runs for.
fn tag_of_runner() -> Option<String> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if set("GITHUB_REF_TYPE").as_deref() == Some("tag") { set("GITHUB_REF_NAME") } else { None }
}

/// The filter that a tag names, if it names one.
///
/// # Errors
/// The tag is not of this version.
fn filter_of(tag: &str, version: &str) -> Result<Option<String>> {
    let (filter, tagged) = match tag.rsplit_once("-v") {
        Some((filter, tagged)) => (Some(filter.to_owned()), tagged),
        None => (None, tag.strip_prefix('v').unwrap_or(tag)),
    };
    if tagged != version {
        bail!(
            "the tag {tag} is of version {tagged}, and the workspace's is {version}; `cargo xtask prepare-release {tagged}` sets it"
        );
    }
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_a_version_and_perhaps_a_filter() {
        assert_eq!(filter_of("v1.2.3", "1.2.3").unwrap(), None);
        assert_eq!(filter_of("v1.2.3-rc.1", "1.2.3-rc.1").unwrap(), None);
        assert_eq!(filter_of("hello-header-v1.2.3", "1.2.3").unwrap().as_deref(), Some("hello-header"));
        let error = filter_of("v1.2.4", "1.2.3").unwrap_err().to_string();
        assert!(error.contains("`cargo xtask prepare-release 1.2.4`"), "{error}");
    }
}
