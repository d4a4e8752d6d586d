//! The chain: filters in their order, each with its configuration, checked.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use oci_client::Reference;
use serde_json::Value;

use super::output::Format;
use super::schema;
use crate::image::Layout;
use crate::registry::Connection;
use crate::source::{Found, Source};
use crate::store::Store;

/// The filters of a chain and what all of them share.
#[derive(Debug, Args)]
pub struct ChainArgs {
    /// The filters, in the order in which a request meets them: a local image NAME[:TAG], a reference, or a .wasm file;
    /// NAME=IMAGE gives one another name in the chain.
    #[arg(required = true, value_delimiter = ',', value_name = "[NAME=]IMAGE")]
    images: Vec<Named>,
    /// A filter's configuration, as JSON or as @FILE; in a chain NAME=JSON or NAME=@FILE, once for each.
    #[arg(long, value_name = "[NAME=]JSON|@FILE")]
    config: Vec<String>,
    /// The schema of a filter's configuration where its image carries none.
    #[arg(long, value_name = "NAME=FILE")]
    schema: Vec<SchemaFile>,
    /// What becomes of requests when a filter cannot be loaded, or has failed.
    #[arg(long, value_enum, default_value = "closed")]
    failure_policy: FailurePolicy,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "yaml")]
    pub(super) format: Format,
    #[command(flatten)]
    connection: Connection,
}

/// A source, and its name in the chain where that is not the filter's own.
#[derive(Clone, Debug)]
struct Named {
    name: Option<String>,
    source: Source,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Named, String> {
        let (name, source) =
            text.split_once('=').map_or((None, text), |(name, source)| (Some(name.to_owned()), source));
        Ok(Named { name, source: source.parse()? })
    }
}

/// A name and a file.
#[derive(Clone, Debug)]
struct SchemaFile {
    name: String,
    file: PathBuf,
}

impl FromStr for SchemaFile {
    type Err = String;

    fn from_str(text: &str) -> Result<SchemaFile, String> {
        let (name, file) = text.split_once('=').ok_or_else(|| format!("expected NAME=FILE, found {text:?}"))?;
        Ok(SchemaFile { name: name.to_owned(), file: file.into() })
    }
}

/// What becomes of requests when a filter cannot be loaded, or has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailurePolicy {
    /// They are refused.
    Closed,
    /// They pass as if the filter were not there.
    Open,
    /// The filter is loaded again, and until then they are refused.
    Reload,
}

/// One filter of a chain.
#[derive(Clone, Debug)]
pub struct Link {
    /// Its name in the chain, unlike all others.
    pub name: String,
    /// Its module, and the image that it came in.
    pub found: Found,
    /// Its configuration as it was given; `None` gives it none.
    pub configuration: Option<String>,
}

/// Filters in their order.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The filters, first to see a request first.
    pub links: Vec<Link>,
    /// What becomes of requests when one fails.
    pub policy: FailurePolicy,
}

impl ChainArgs {
    /// Finds every filter, and checks every configuration.
    ///
    /// # Errors
    /// A filter is not there or is not usable, two have one name, a configuration is for none of them or is not what its
    /// filter takes.
    pub(super) async fn chain(&self, store: &Store) -> Result<Chain> {
        let mut links: Vec<Link> = Vec::new();
        for Named { name, source } in &self.images {
            let found = source.find(store, &self.connection).await?;
            let name = name.clone().unwrap_or_else(|| found.filter.clone());
            if links.iter().any(|link| link.name == name) {
                bail!("{name} is in the chain twice; give each a name of its own: NAME={name}");
            }
            links.push(Link { name, found, configuration: None });
        }
        let names: Vec<&str> = links.iter().map(|link| link.name.as_str()).collect();
        let mut configurations = configurations(&self.config, &names)?;
        for link in &mut links {
            link.configuration = configurations.remove(&link.name);
            let given = self.schema.iter().find(|it| it.name == link.name).map(|it| &it.file);
            let schema = match given {
                Some(file) => fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?,
                None => link.found.facts.config_schema.clone(),
            };
            if let (Some(configuration), false) = (&link.configuration, schema.is_empty()) {
                schema::check(&link.name, &schema, configuration)?;
            }
        }
        Ok(Chain { links, policy: self.failure_policy })
    }
}

/// The configuration of each filter by its name, with files read.
fn configurations(given: &[String], names: &[&str]) -> Result<BTreeMap<String, String>> {
    let mut configurations = BTreeMap::new();
    for text in given {
        let (name, value) = match (text.split_once('='), names) {
            (Some((name, value)), _) if names.contains(&name) => (name, value),
            (_, [only]) => (*only, text.as_str()),
            _ => bail!("--config {text}: expected NAME=JSON, where NAME is one of: {}", names.join(", ")),
        };
        let value = match value.strip_prefix('@') {
            Some(file) => fs::read_to_string(file).with_context(|| format!("--config: cannot read {file}"))?,
            None => value.to_owned(),
        };
        if configurations.insert(name.to_owned(), value).is_some() {
            bail!("--config: {name} is configured twice");
        }
    }
    Ok(configurations)
}

impl Link {
    /// The configuration as a cluster's manifest holds it: an object, or nothing.
    ///
    /// # Errors
    /// It is no JSON object, and a manifest can hold nothing else.
    pub(super) fn object(&self) -> Result<Option<Value>> {
        let Some(text) = &self.configuration else { return Ok(None) };
        match serde_json::from_str::<Value>(text) {
            Ok(value) if value.is_object() => Ok(Some(value)),
            _ => bail!("the configuration of {} is no JSON object, and this manifest can hold nothing else", self.name),
        }
    }

    /// The reference that a mesh pulls, by its digest.
    ///
    /// # Errors
    /// The image is in no registry, or its layout is none that `mesh` pulls.
    pub(super) fn pinned(&self, mesh: &str) -> Result<Reference> {
        let reference = self.found.pinned()?;
        let layout = self.found.image.as_ref().and_then(|entry| Layout::of(&entry.image.parsed));
        if layout == Some(Layout::Cncf) {
            bail!("{mesh} does not pull images of the CNCF's layout; push the compat layout of {}", self.name);
        }
        Ok(reference)
    }

    /// A name that Kubernetes takes.
    pub(super) fn resource_name(&self) -> String {
        self.name.replace('_', "-")
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::facts::Facts;
    use crate::image::Image;
    use crate::store::Entry;

    /// A module that Envoy would take, as small as can be.
    pub(crate) fn module() -> Vec<u8> {
        wat::parse_str(
            r#"(module
                (import "env" "proxy_log" (func (param i32 i32 i32) (result i32)))
                (memory (export "memory") 1)
                (func (export "proxy_abi_version_0_2_1"))
                (func (export "malloc") (param i32) (result i32) (i32.const 0))
                (func (export "proxy_on_context_create") (param i32 i32)))"#,
        )
        .unwrap()
    }

    /// A link to an image in a registry.
    pub(crate) fn link(name: &str, configuration: Option<&str>) -> Link {
        let facts = Facts { filter: name.into(), ..Facts::default() };
        let image = Image::of_module(Layout::Compat, &module(), &facts).unwrap();
        let entry = Entry { repository: format!("ghcr.io/weir/{name}"), tag: Some("1".into()), image };
        let found = Found { filter: name.into(), module: module(), image: Some(entry), facts, symbols: None };
        Link { name: name.into(), found, configuration: configuration.map(str::to_owned) }
    }

    fn read(given: &[&str], names: &[&str]) -> Result<BTreeMap<String, String>> {
        configurations(&given.iter().map(ToString::to_string).collect::<Vec<_>>(), names)
    }

    #[test]
    fn a_single_filter_needs_no_name_and_in_a_chain_each_has_its_own() {
        assert_eq!(read(&[r#"{"a":"b=c"}"#], &["auth"]).unwrap()["auth"], r#"{"a":"b=c"}"#);
        let two = read(&["b={}", "a=[]"], &["a", "b"]).unwrap();
        assert_eq!((two["a"].as_str(), two["b"].as_str()), ("[]", "{}"));
        assert!(read(&["{}"], &["a", "b"]).unwrap_err().to_string().contains("where NAME is one of: a, b"));
        assert!(read(&["a={}", "a={}"], &["a", "b"]).unwrap_err().to_string().contains("configured twice"));
        assert!(read(&["@absent.json"], &["a"]).unwrap_err().to_string().contains("absent.json"));
    }

    #[test]
    fn a_manifest_holds_an_object_and_pins_what_a_mesh_pulls() {
        assert_eq!(link("a", Some("{\"x\":1}")).object().unwrap(), Some(serde_json::json!({ "x": 1 })));
        assert_eq!(link("a", None).object().unwrap(), None);
        assert!(link("a", Some("[]")).object().unwrap_err().to_string().contains("no JSON object"));
        let reference = link("a", None).pinned("Istio").unwrap().to_string();
        assert!(reference.starts_with("ghcr.io/weir/a@sha256:"), "{reference}");
        let mut cncf = link("a", None);
        let image = Image::of_module(Layout::Cncf, &module(), &Facts::default()).unwrap();
        cncf.found.image.as_mut().unwrap().image = image;
        assert!(cncf.pinned("Istio").unwrap_err().to_string().contains("does not pull images of the CNCF's layout"));
        let mut local = link("a", None);
        local.found.image.as_mut().unwrap().repository = "a".into();
        let error = local.pinned("Istio").unwrap_err().to_string();
        assert!(error.contains("`cargo xtask push a:1 REGISTRY/REPOSITORY`"), "{error}");
    }

    #[test]
    fn a_source_may_have_another_name_in_the_chain() {
        let named: Named = "first=ghcr.io/a/b:1".parse().unwrap();
        assert_eq!(named.name.as_deref(), Some("first"));
        assert!("a/b".parse::<Named>().is_err());
    }
}
