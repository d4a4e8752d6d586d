//! Where a module comes from: a file, an image that is here, or a registry. What comes from a registry is looked at
//! before it is kept.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use oci_client::Reference;
use weir_common::say;
use weir_shrink::lint;

use crate::digest::Digest;
use crate::facts::Facts;
use crate::image::Image;
use crate::reference::{Name, is_repository};
use crate::registry::{Connection, Registry, at_digest};
use crate::sign::{self, PublicKey};
use crate::store::{Entry, Store};
use crate::{MOST_DOCUMENT_BYTES, MOST_MODULE_BYTES, media};

/// Where a module is to come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file: what ends with `.wasm`.
    File(PathBuf),
    /// An image.
    Image(Name),
}

impl std::str::FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Source, String> {
        match text.ends_with(".wasm") {
            true => Ok(Source::File(text.into())),
            false => text.parse().map(Source::Image),
        }
    }
}

/// A module, and what is known of it.
#[derive(Clone, Debug)]
pub struct Found {
    /// The filter's name, as far as it is known.
    pub filter: String,
    /// The module.
    pub module: Vec<u8>,
    /// The image that it came in.
    pub image: Option<Entry>,
    /// What the image says of it.
    pub facts: Facts,
    /// The text of its `.symbols`.
    pub symbols: Option<String>,
}

impl Found {
    /// The reference that a cluster pulls: with its digest, so that it means the same tomorrow.
    ///
    /// # Errors
    /// The image is in no registry.
    pub fn pinned(&self) -> Result<Reference> {
        let Some(entry) = &self.image else {
            bail!("{} is a file; a cluster pulls images: `cargo xtask package` and `push` make one", self.filter)
        };
        match format!("{}:x", entry.repository).parse::<Name>() {
            Ok(Name::Remote(reference)) => Ok(at_digest(&reference, entry.image.digest())),
            _ => bail!(
                "{} is on this machine only; a cluster pulls from a registry: `cargo xtask push {}:{} REGISTRY/REPOSITORY`",
                entry.repository,
                entry.repository,
                entry.tag.as_deref().unwrap_or_default()
            ),
        }
    }
}

impl Source {
    /// The module. An image of a registry whose digest is here already is not fetched again.
    ///
    /// # Errors
    /// It is not there, was altered, or is nothing that Envoy would take.
    pub async fn find(&self, store: &Store, connection: &Connection) -> Result<Found> {
        let entry = match self {
            Source::File(path) => return from_file(path),
            Source::Image(name @ Name::Local { .. }) => store.find(name)?,
            Source::Image(name @ Name::Remote(reference)) => match name.digest().map(|_| store.look_up(name)) {
                Some(found) => match found? {
                    Some(entry) => entry,
                    None => pull(store, reference, connection, None).await?,
                },
                None => pull(store, reference, connection, None).await?,
            },
        };
        let module = checked(&entry.image).with_context(|| format!("{} is not usable", entry.repository))?;
        let facts = entry.image.facts();
        let last = entry.repository.rsplit('/').next().unwrap_or_default();
        // What an image calls its filter becomes a part of file names, and may be anything.
        let filter = if is_repository(&facts.filter) { facts.filter.clone() } else { last.to_owned() };
        let symbols = store.attached(&entry.repository, entry.image.digest(), Some(media::SYMBOLS))?;
        let symbols = symbols.first().and_then(|it| it.blob(&it.parsed.layers.first()?.digest).ok());
        let symbols = symbols.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        Ok(Found { filter, module, facts, symbols, image: Some(entry) })
    }
}

fn from_file(path: &Path) -> Result<Found> {
    let module = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    check(&module).with_context(|| format!("{} is not usable", path.display()))?;
    let filter = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let symbols = fs::read_to_string(path.with_extension("symbols")).ok();
    Ok(Found { filter, module, image: None, facts: Facts::default(), symbols })
}

/// Brings an image from its registry into the store, with what is attached to it.
///
/// # Errors
/// It is not there, its bytes are not those of its digests, it is too large, Envoy would not take its module, or it is not
/// signed with the key that is asked for.
pub async fn pull(
    store: &Store,
    reference: &Reference,
    connection: &Connection,
    key: Option<&PublicKey>,
) -> Result<Entry> {
    let registry = Registry::new(reference, connection)?;
    let manifest = registry.manifest(reference).await?;
    if let Some(key) = key {
        sign::verify(&registry, reference, &manifest.digest, key).await?;
    }
    let name = Name::Remote(reference.clone());
    let by_digest = at_digest(reference, &manifest.digest);
    let entry = match store.look_up(&Name::Remote(by_digest.clone())).ok().flatten() {
        Some(entry) => entry.image,
        None => registry.pull(&by_digest).await?,
    };
    checked(&entry).with_context(|| format!("{reference} is not usable, and was not kept"))?;
    let mut attached = Vec::new();
    // Some registries know no lists of what is attached, and say so in their own ways; the image is whole without.
    let listed = registry.attached(reference, &manifest.digest).await.unwrap_or_else(|failure| {
        say!("{failure}; going on without");
        Vec::new()
    });
    for described in listed {
        let wanted = described.artifact_type.as_deref().is_none_or(|it| [media::SBOM, media::SYMBOLS].contains(&it));
        let digest = described.digest.parse::<Digest>();
        if let (true, Ok(digest), true) = (wanted, digest, described.size <= MOST_DOCUMENT_BYTES as i64) {
            attached.push(registry.pull(&at_digest(reference, &digest)).await?);
        }
    }
    store.keep(&name, &entry, &attached)?;
    store.find(&name)
}

/// The module of an image, if Envoy would take it.
///
/// # Errors
/// Says why it would not.
pub fn checked(image: &Image) -> Result<Vec<u8>> {
    let module = image.module()?;
    check(&module)?;
    Ok(module)
}

/// Makes sure that Envoy would take a module.
///
/// # Errors
/// Says why it would not.
pub(crate) fn check(module: &[u8]) -> Result<()> {
    if module.len() as u64 > MOST_MODULE_BYTES {
        bail!("the module has {} bytes, and a filter has at most {MOST_MODULE_BYTES}", module.len());
    }
    let findings: Vec<String> = lint::lint::<&str>(module, &[]).iter().map(ToString::to_string).collect();
    if !findings.is_empty() {
        bail!("Envoy would not take the module: {}", findings.join("; "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_ends_with_wasm_and_all_else_is_an_image() {
        assert_eq!("dist/a.wasm".parse(), Ok(Source::File("dist/a.wasm".into())));
        assert!(matches!("a:1".parse(), Ok(Source::Image(Name::Local { .. }))));
        assert!(matches!("ghcr.io/a/b:1".parse(), Ok(Source::Image(Name::Remote(_)))));
        assert!("dist/a".parse::<Source>().is_err());
    }

    #[test]
    fn only_what_envoy_takes_is_usable() {
        let error = check(b"junk").unwrap_err().to_string();
        assert!(error.contains("not a WebAssembly module"), "{error}");
        let empty = wat::parse_str("(module)").unwrap();
        assert!(check(&empty).unwrap_err().to_string().contains("does not say which ABI"));
    }

    #[test]
    fn what_is_in_no_registry_cannot_be_pinned() {
        let found =
            Found { filter: "demo".into(), module: Vec::new(), image: None, facts: Facts::default(), symbols: None };
        assert!(found.pinned().unwrap_err().to_string().contains("`cargo xtask package`"));
    }
}
