//! What this checkout holds: its filters and their ports, found from the workspace and never listed by hand.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use cargo_metadata::{CrateType, Metadata, MetadataCommand, Package};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use weir_cases::manifest::Manifest;

/// A language that a port can be written in, and so the name of its folder below the filter's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Language {
    Rust,
}

impl Language {
    /// The name of the port's folder, and of the language in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Language::Rust => "rust",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One filter in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Port {
    /// The filter's name: its folder below `filters/`, and its Cargo package.
    pub(crate) filter: String,
    pub(crate) language: Language,
    /// The filter's folder.
    pub(crate) dir: PathBuf,
}

impl Port {
    /// The stem of the artifact's file name: `hello-header`, or `hello-header.go` for another language than Rust.
    pub(crate) fn artifact(&self) -> String {
        match self.language {
            Language::Rust => self.filter.clone(),
        }
    }

    /// The filter's manifest, read anew.
    ///
    /// # Errors
    /// See [`Manifest::read`].
    pub(crate) fn manifest(&self) -> Result<Manifest> {
        Manifest::read(&self.dir.join("filter.toml"))
    }
}

/// The checkout that the task runs in.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) metadata: Metadata,
    pub(crate) root: PathBuf,
}

impl Project {
    /// Asks cargo what the workspace holds.
    ///
    /// # Errors
    /// Cargo cannot read the workspace; its own words say where.
    pub(crate) fn find() -> Result<Project> {
        let metadata = MetadataCommand::new().exec().context("cannot read the workspace")?;
        let root = metadata.workspace_root.clone().into_std_path_buf();
        Ok(Project { metadata, root })
    }

    /// What is shipped.
    pub(crate) fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    /// What is fetched, built on the way, or remembered.
    pub(crate) fn state(&self) -> PathBuf {
        self.metadata.target_directory.join("weir").into_std_path_buf()
    }

    /// All ports, by filter and language.
    ///
    /// # Errors
    /// A folder below `filters/` is not laid out as a filter: the error names it and what it lacks.
    pub(crate) fn ports(&self) -> Result<Vec<Port>> {
        let filters = self.root.join("filters");
        let mut ports = Vec::new();
        let mut folders: Vec<PathBuf> = std::fs::read_dir(&filters)
            .with_context(|| format!("cannot list {}", filters.display()))?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.is_dir())
            .collect();
        folders.sort();
        for dir in folders {
            let Some(filter) = dir.file_name().and_then(|name| name.to_str()).map(str::to_owned) else {
                bail!("filters/{}: a filter's name must be UTF-8", dir.display());
            };
            match self.package_at(&dir.join(Language::Rust.name()).join("Cargo.toml")) {
                Some(package) => check_package(&filter, package)?,
                None => bail!("filters/{filter}: has no port; expected a Cargo package in filters/{filter}/rust"),
            }
            ports.push(Port { filter, language: Language::Rust, dir });
        }
        Ok(ports)
    }

    /// The ports that a command was asked for: all of them where no filter is named.
    ///
    /// # Errors
    /// A name is not a filter's: the error lists the known ones.
    pub(crate) fn select(&self, filters: &[String], language: Option<Language>) -> Result<Vec<Port>> {
        choose(self.ports()?, filters, language)
    }

    fn package_at(&self, manifest: &Path) -> Option<&Package> {
        self.metadata.packages.iter().find(|package| package.manifest_path.as_std_path() == manifest)
    }

    /// The workspace's package of that name.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn package(&self, name: &str) -> Result<&Package> {
        let found = self.metadata.workspace_packages().into_iter().find(|package| package.name.as_str() == name);
        found.with_context(|| format!("the workspace has no package {name}"))
    }
}

fn choose(ports: Vec<Port>, filters: &[String], language: Option<Language>) -> Result<Vec<Port>> {
    for name in filters {
        if !ports.iter().any(|port| &port.filter == name) {
            let mut known: Vec<&str> = ports.iter().map(|port| port.filter.as_str()).collect();
            known.dedup();
            bail!("there is no filter {name:?}; the filters are: {}", known.join(", "));
        }
    }
    let wanted = |port: &Port| {
        (filters.is_empty() || filters.contains(&port.filter)) && language.is_none_or(|wanted| wanted == port.language)
    };
    Ok(ports.into_iter().filter(wanted).collect())
}

fn check_package(filter: &str, package: &Package) -> Result<()> {
    let manifest = format!("filters/{filter}/rust/Cargo.toml");
    if package.name.as_str() != filter {
        bail!("{manifest}: package.name is {:?}; expected the folder's name, {filter:?}", package.name);
    }
    let types: Vec<&CrateType> = package.targets.iter().flat_map(|target| &target.crate_types).collect();
    // A second crate type beside cdylib makes rustc leave out link-time optimisation without a word.
    if types.iter().filter(|kind| ***kind != CrateType::Bin).count() != 1 || !types.contains(&&CrateType::CDyLib) {
        bail!("{manifest}: lib.crate-type must be [\"cdylib\"] and nothing else");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(filter: &str) -> Port {
        Port { filter: filter.into(), language: Language::Rust, dir: PathBuf::new() }
    }

    #[test]
    fn no_name_means_all() {
        let chosen = choose(vec![port("auth"), port("hello-header")], &[], None).unwrap();
        assert_eq!(chosen.iter().map(Port::artifact).collect::<Vec<_>>(), ["auth", "hello-header"]);
    }

    #[test]
    fn a_name_means_that_one() {
        let chosen = choose(vec![port("auth"), port("hello-header")], &["auth".into()], Some(Language::Rust)).unwrap();
        assert_eq!(chosen.iter().map(Port::artifact).collect::<Vec<_>>(), ["auth"]);
    }

    #[test]
    fn an_unknown_name_gets_the_known_ones() {
        let error = choose(vec![port("auth"), port("hello-header")], &["helo".into()], None).unwrap_err().to_string();
        assert_eq!(error, "there is no filter \"helo\"; the filters are: auth, hello-header");
    }
}
