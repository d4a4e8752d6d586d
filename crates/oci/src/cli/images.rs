//! `push`, `pull`, `tag` and `rm`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use oci_client::Reference;
use serde_json::json;
use weir_common::{say, thousands};

use super::{Common, Format};
use crate::digest::Digest;
use crate::reference::{Name, remote};
use crate::registry::{Registry, at_tag};
use crate::sign::PublicKey;
use crate::source;
use crate::store::Store;
use crate::whole;

#[derive(Debug, Args)]
pub(super) struct Push {
    /// The local image: NAME[:TAG], or a reference that it was given with `tag`.
    image: Name,
    /// Where it goes: REGISTRY/REPOSITORY[:TAG]; without a tag, the local one. May be left out for an image that has
    /// a registry in its name.
    #[arg(value_name = "REFERENCE")]
    to: Option<String>,
    /// How to print what was pushed.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    common: Common,
}

impl Push {
    pub(super) async fn run(self, store: &Store) -> Result<()> {
        let entry = store.find(&self.image)?;
        let tag = entry.tag.as_deref();
        let to = target(&self.image, self.to.as_deref(), tag)?;
        source::checked(&entry.image).with_context(|| format!("{} is not pushed", self.image))?;
        let registry = Registry::new(&to, &self.common.connection)?;
        registry.push(&to, &entry.image).await?;
        for artifact in store.attached(&entry.repository, entry.image.digest(), None)? {
            registry.attach(&to, &artifact).await?;
        }
        let digest = entry.image.digest();
        match self.format {
            Format::Text => println!("pushed {to}\ndigest {digest}"),
            Format::Json => println!("{}", json!({ "reference": to.to_string(), "digest": digest })),
        }
        Ok(())
    }
}

/// Where an image goes: the named place, with the local tag where it has none.
fn target(image: &Name, to: Option<&str>, tag: Option<&str>) -> Result<Reference> {
    let to = match (to, image) {
        (Some(text), _) => text.to_owned(),
        (None, Name::Remote(_)) => image.to_string(),
        (None, Name::Local { .. }) => {
            bail!("where should {image} go? `cargo xtask push {image} REGISTRY/REPOSITORY[:TAG]` says it")
        }
    };
    let reference = remote(&to).map_err(anyhow::Error::msg)?;
    if reference.digest().is_some() {
        bail!("{to}: an image is pushed to a tag; its digest follows from its bytes");
    }
    // The parser adds `latest` where no tag stands.
    let has_tag = to.rsplit('/').next().is_some_and(|last| last.contains(':'));
    match (has_tag, tag) {
        (false, Some(tag)) => Ok(at_tag(&reference, tag)),
        _ => Ok(reference),
    }
}

#[derive(Debug, Args)]
pub(super) struct Pull {
    /// The image: REGISTRY/REPOSITORY[:TAG][@DIGEST].
    #[arg(value_parser = remote)]
    reference: Reference,
    /// Take it only if it is signed with this public key: a file, or env://NAME.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Write the module to this file too.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How to print what was pulled.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    common: Common,
}

impl Pull {
    pub(super) async fn run(self, store: &Store) -> Result<()> {
        let key = self.key.as_deref().map(PublicKey::read).transpose()?;
        let entry = source::pull(store, &self.reference, &self.common.connection, key.as_ref()).await?;
        let (digest, facts) = (entry.image.digest(), entry.image.facts());
        if let Some(path) = &self.output {
            let module = source::checked(&entry.image)?;
            whole::write(path, &module)?;
            say!("the module is in {} ({} bytes)", path.display(), thousands(module.len() as u64));
        }
        match self.format {
            Format::Text => println!("pulled {}\ndigest {digest}", self.reference),
            Format::Json => {
                let reference = self.reference.to_string();
                println!("{}", json!({ "reference": reference, "digest": digest, "filter": facts.filter }));
            }
        }
        Ok(())
    }
}

#[derive(Debug, Args)]
pub(super) struct Tag {
    /// The local image.
    image: Name,
    /// The name that it gets beside its own: NAME:TAG or REGISTRY/REPOSITORY:TAG.
    name: Name,
}

impl Tag {
    pub(super) fn run(self, store: &Store) -> Result<()> {
        if self.name.tag().is_none() || self.name.digest().is_some() {
            bail!("{}: a new name needs a tag, and no digest", self.name);
        }
        let entry = store.find(&self.image)?;
        let attached = store.attached(&entry.repository, entry.image.digest(), None)?;
        store.keep(&self.name, &entry.image, &attached)?;
        println!("tagged {}\ndigest {}", self.name, entry.image.digest());
        Ok(())
    }
}

#[derive(Debug, Args)]
pub(super) struct Rm {
    /// The images.
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<Name>,
    /// Delete them in their registry, with every tag that names the same bytes, and not here.
    #[arg(long)]
    remote: bool,
    #[command(flatten)]
    common: Common,
}

impl Rm {
    pub(super) async fn run(self, store: &Store) -> Result<()> {
        for name in &self.images {
            match (self.remote, name) {
                (false, _) => println!("removed {name}\ndigest {}", store.remove(name)?),
                (true, Name::Remote(reference)) => {
                    println!("deleted {name}\ndigest {}", self.delete(reference).await?);
                }
                (true, Name::Local { .. }) => bail!("{name} names no registry to delete it from"),
            }
        }
        Ok(())
    }

    async fn delete(&self, reference: &Reference) -> Result<Digest> {
        let registry = Registry::new(reference, &self.common.connection)?;
        let digest = registry.manifest(reference).await?.digest;
        registry.delete(reference, &digest).await?;
        Ok(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(image: &str, to: Option<&str>, tag: Option<&str>) -> Result<String> {
        target(&image.parse().unwrap(), to, tag).map(|reference| reference.to_string())
    }

    #[test]
    fn an_image_goes_where_it_is_told_with_the_tag_that_it_has() {
        assert_eq!(to("demo", Some("ghcr.io/a/demo"), Some("0.1.0")).unwrap(), "ghcr.io/a/demo:0.1.0");
        assert_eq!(to("demo", Some("127.0.0.1:5000/a/demo"), Some("0.1.0")).unwrap(), "127.0.0.1:5000/a/demo:0.1.0");
        assert_eq!(to("demo", Some("ghcr.io/a/demo:2"), Some("0.1.0")).unwrap(), "ghcr.io/a/demo:2");
        assert_eq!(to("ghcr.io/a/demo:1", None, Some("1")).unwrap(), "ghcr.io/a/demo:1");
    }

    #[test]
    fn a_place_that_is_none_is_told() {
        assert!(to("demo", None, Some("1")).unwrap_err().to_string().contains("where should demo go?"));
        assert!(to("demo", Some("other:1"), Some("1")).unwrap_err().to_string().contains("names no registry"));
        let digest = format!("ghcr.io/a/b@{}", Digest::of(b""));
        assert!(to("demo", Some(&digest), Some("1")).unwrap_err().to_string().contains("pushed to a tag"));
    }
}
