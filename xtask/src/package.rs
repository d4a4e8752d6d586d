//! `cargo xtask package`: every filter as OCI images below `dist/oci/`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};
use weir_common::{say, shown};

use crate::build::report::Built;
use crate::build::{self, Language, Options, toolchains};
use crate::git::{self, Commit};
use crate::images;
use crate::process::run;
use crate::project::{Port, Project};
use crate::{envoy, sbom, whole};

/// The oldest Envoy that modules of this farm were loaded and served by. Older ones may do; none was tried.
const MINIMUM_ENVOY: &str = "1.36.2";

#[derive(Args)]
pub(crate) struct Package {
    /// Package only these filters.
    filters: Vec<String>,
    /// Package only the ports in this language.
    #[arg(long)]
    lang: Option<Language>,
    /// Fail where this language has no compiler here, in place of leaving its ports out; `all` means every language.
    #[arg(long, value_name = "LANG", value_parser = toolchains::required)]
    require: Vec<Vec<Language>>,
    /// The layouts to make, of: compat (what Istio, Envoy Gateway and kgateway pull), oci (the Wasm artifact for Envoy),
    /// docker (compat with Docker's media types), cncf (the CNCF's Wasm artifact).
    #[arg(long, value_name = "LAYOUT", value_delimiter = ',', default_values = ["compat", "oci"])]
    layout: Vec<String>,
}

impl Package {
    pub(crate) fn run(self) -> Result<()> {
        let project = Project::find()?;
        let ports = project.select(&self.filters, self.lang)?;
        let options = Options { required: self.require.concat(), ..Options::default() };
        let (built, left_out) = build::all(&project, ports, &options)?;
        package(&project, &built, &self.layout)?;
        say!("packaged, in {}{left_out}", shown(&images::store(&project)));
        Ok(())
    }
}

/// Makes the images of ports that were built, and the bill of materials of each.
///
/// # Errors
/// A module is not what its `.sha256` says, or something cannot be written.
pub(crate) fn package(project: &Project, built: &[(Port, Built)], layouts: &[String]) -> Result<()> {
    let tool = images::tool()?;
    let commit = git::commit(&project.root);
    let folder = documents(project);
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", shown(&folder)))?;
    for (port, built) in built {
        let stem = port.artifact();
        let facts = folder.join(format!("{stem}.facts.json"));
        whole::file(&facts, facts_of(project, port, built, &commit)?.to_string().as_bytes())?;
        let bill = folder.join(format!("{stem}.cdx.json"));
        whole::file(&bill, sbom::sbom(project, port, built)?.as_bytes())?;
        let mut command = images::command(project, &tool, "package");
        command.arg(project.dist().join(format!("{stem}.wasm"))).args(["--name", &stem]);
        command.arg("--facts").arg(facts).arg("--sbom").arg(bill).args(["--layout", &layouts.join(",")]);
        run(&mut command)?;
    }
    Ok(())
}

/// Where bills of materials and what is known of a filter are written before they are packaged.
pub(crate) fn documents(project: &Project) -> PathBuf {
    project.state().join("package")
}

/// What an image says of its filter.
fn facts_of(project: &Project, port: &Port, built: &Built, commit: &Commit) -> Result<Value> {
    let package = project.package("xtask")?;
    // A filter without a configuration has no schema, and says nothing of one.
    let schema = fs::read_to_string(port.dir.join("config.schema.json")).unwrap_or_default();
    Ok(json!({
        "filter": port.filter,
        "language": port.language.name(),
        "version": package.version.to_string(),
        "summary": port.manifest()?.summary,
        "license": package.license.clone().unwrap_or_default(),
        "minimum_envoy": MINIMUM_ENVOY,
        "tested_envoy": envoy::pinned(project)?,
        "source_digest": built.input,
        "toolchain": built.toolchain,
        "size_profile": built.size_profile.to_string(),
        "revision": commit.revision.clone().unwrap_or_default(),
        "source": source(),
        "created": commit.time,
        "config_schema": schema,
    }))
}

/// Where the sources are, as far as the machine that packages knows: GitHub's runners say it.
fn source() -> String {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match (set("GITHUB_SERVER_URL"), set("GITHUB_REPOSITORY")) {
        (Some(server), Some(repository)) => format!("{server}/{repository}"),
        _ => String::new(),
    }
}
