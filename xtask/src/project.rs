//! What this checkout holds: its filters and their ports, found from the workspace and never listed by hand.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use cargo_metadata::{Metadata, MetadataCommand, Package};
use weir_cases::manifest::Manifest;

use crate::build::Language;

/// One filter in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Port {
    /// The filter's name: its folder below `filters/`.
    pub(crate) filter: String,
    pub(crate) language: Language,
    /// The filter's folder.
    pub(crate) dir: PathBuf,
}

impl Port {
    /// The stem of the artifact's file name: `hello-header`, or `hello-header.go` for another language than Rust.
    pub(crate) fn artifact(&self) -> String {
        artifact(&self.filter, self.language)
    }

    /// What selects this port and no other: `hello-header.rust`.
    pub(crate) fn name(&self) -> String {
        format!("{}.{}", self.filter, self.language)
    }

    /// The folder of its sources.
    pub(crate) fn folder(&self) -> PathBuf {
        self.dir.join(self.language.name())
    }

    /// The filter's manifest, read anew.
    ///
    /// # Errors
    /// See [`Manifest::read`].
    pub(crate) fn manifest(&self) -> Result<Manifest> {
        let languages: Vec<&str> = Language::all().map(|language| language.name()).collect();
        Manifest::read(&self.dir.join("filter.toml"), &languages)
    }
}

/// The stem of the file name of a filter's artifact in one language.
pub(crate) fn artifact(filter: &str, language: Language) -> String {
    if language == Language::rust() { filter.to_owned() } else { format!("{filter}.{language}") }
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
            // What is still being written is no filter.
            if filter.starts_with('.') {
                continue;
            }
            let before = ports.len();
            for language in Language::all() {
                let port = Port { filter: filter.clone(), language, dir: dir.clone() };
                let mark = language.mark(&filter);
                if port.folder().join(&mark).is_file() {
                    language.check(self, &port)?;
                    ports.push(port);
                } else if port.folder().is_dir() {
                    bail!("filters/{filter}/{language}: is no port, because it has no {mark}");
                }
            }
            if ports.len() == before {
                let languages = Language::all().map(|language| language.to_string()).collect::<Vec<_>>().join(", ");
                bail!("filters/{filter}: has no port; expected a folder for one of the languages: {languages}");
            }
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

    /// The workspace's package of that name.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn package(&self, name: &str) -> Result<&Package> {
        let found = self.metadata.workspace_packages().into_iter().find(|package| package.name.as_str() == name);
        found.with_context(|| format!("the workspace has no package {name}"))
    }
}

/// See [`Project::select`].
pub(crate) fn choose(ports: Vec<Port>, names: &[String], language: Option<Language>) -> Result<Vec<Port>> {
    let is_meant = |port: &Port, name: &String| *name == port.filter || *name == port.name();
    for name in names {
        if !ports.iter().any(|port| is_meant(port, name)) {
            let mut known: Vec<&str> = ports.iter().map(|port| port.filter.as_str()).collect();
            known.dedup();
            bail!("there is no filter {name:?}; the filters are: {}", known.join(", "));
        }
    }
    let wanted = |port: &Port| {
        (names.is_empty() || names.iter().any(|name| is_meant(port, name)))
            && language.is_none_or(|wanted| wanted == port.language)
    };
    let chosen: Vec<Port> = ports.into_iter().filter(wanted).collect();
    match language {
        Some(language) if chosen.is_empty() => bail!("none of these filters has a port in {language}"),
        _ => Ok(chosen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str) -> Port {
        let (filter, language) = name.split_once('.').unwrap_or((name, "rust"));
        Port { filter: filter.into(), language: language.parse().unwrap(), dir: PathBuf::new() }
    }

    fn chosen(names: &[&str], language: Option<&str>) -> Result<Vec<String>> {
        let ports = ["auth", "hello-header", "hello-header.go"].map(port).into();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let language = language.map(|name| name.parse().unwrap());
        Ok(choose(ports, &names, language)?.iter().map(Port::artifact).collect())
    }

    #[test]
    fn no_name_means_all() {
        assert_eq!(chosen(&[], None).unwrap(), ["auth", "hello-header", "hello-header.go"]);
    }

    #[test]
    fn a_name_means_all_ports_of_that_filter_or_that_port() {
        assert_eq!(chosen(&["hello-header"], None).unwrap(), ["hello-header", "hello-header.go"]);
        assert_eq!(chosen(&["hello-header.go"], None).unwrap(), ["hello-header.go"]);
        assert_eq!(chosen(&["hello-header.rust"], None).unwrap(), ["hello-header"]);
    }

    #[test]
    fn a_language_means_its_ports() {
        assert_eq!(chosen(&[], Some("go")).unwrap(), ["hello-header.go"]);
        assert_eq!(chosen(&["hello-header"], Some("rust")).unwrap(), ["hello-header"]);
        let error = chosen(&["auth"], Some("go")).unwrap_err().to_string();
        assert_eq!(error, "none of these filters has a port in go");
    }

    #[test]
    fn an_unknown_name_gets_the_known_ones() {
        for name in ["helo", "auth.go"] {
            let error = chosen(&[name], None).unwrap_err().to_string();
            assert_eq!(error, format!("there is no filter {name:?}; the filters are: auth, hello-header"));
        }
    }
}
