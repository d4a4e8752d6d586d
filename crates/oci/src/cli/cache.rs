//! `cache`: what was built, kept in a registry under the digest of its inputs, so that another machine need not build it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use oci_client::Reference;
use oci_client::manifest::OciImageManifest;
use serde_json::json;

use super::Common;
use crate::failure::Failure;
use crate::image::{Blob, Image};
use crate::reference::remote;
use crate::registry::{Registry, at_digest};
use crate::{media, source, whole};

/// The files of a build, the module's first: no other name is ever written.
const FILES: [(&str, &str); 3] = [
    ("module.wasm", "application/vnd.weir.build.module.v1+wasm"),
    ("module.symbols", media::SYMBOLS),
    ("built.json", "application/json"),
];

#[derive(Debug, Args)]
pub(super) struct Cache {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Brings a build, checked as any pull is, and says whether it was there.
    Get(Build),
    /// Keeps a build.
    Put(Build),
}

#[derive(Debug, Args)]
struct Build {
    /// Where it is kept: REGISTRY/REPOSITORY:KEY.
    #[arg(value_parser = remote)]
    reference: Reference,
    /// The folder with its files.
    folder: PathBuf,
    #[command(flatten)]
    common: Common,
}

impl Cache {
    pub(super) async fn run(self) -> Result<()> {
        match self.act {
            Act::Get(build) => {
                let found = get(&build).await?;
                println!("{}", json!({ "found": found }));
                Ok(())
            }
            Act::Put(build) => put(&build).await,
        }
    }
}

async fn get(build: &Build) -> Result<bool> {
    let registry = Registry::new(&build.reference, &build.common.connection)?;
    let manifest = match registry.manifest(&build.reference).await {
        Ok(manifest) => manifest,
        Err(Failure::NotFound(_)) => return Ok(false),
        Err(failure) => return Err(failure.into()),
    };
    let image = registry.pull(&at_digest(&build.reference, &manifest.digest)).await?;
    let files = FILES.map(|(name, media)| (name, file(&image, media)));
    for (name, bytes) in &files {
        let bytes = bytes.as_ref().with_context(|| format!("{} holds no {name}", build.reference))?;
        if *name == FILES[0].0 {
            source::check(bytes).with_context(|| format!("{} is not usable", build.reference))?;
        }
        whole::write(&build.folder.join(name), bytes)?;
    }
    Ok(true)
}

fn file<'a>(image: &'a Image, media: &str) -> Option<&'a [u8]> {
    let layer = image.parsed.layers.iter().find(|layer| layer.media_type == media)?;
    image.blob(&layer.digest).ok()
}

async fn put(build: &Build) -> Result<()> {
    let config = Blob::new(b"{}".to_vec());
    let mut blobs = Vec::new();
    let mut layers = Vec::new();
    for (name, media) in FILES {
        let blob = Blob::new(read(&build.folder.join(name))?);
        layers.push(blob.described(media, Some(name)));
        blobs.push(blob);
    }
    if build.reference.tag().is_none() {
        bail!("{}: a build is kept under a tag", build.reference);
    }
    let parsed = OciImageManifest {
        media_type: Some(media::MANIFEST.into()),
        artifact_type: Some(media::BUILD.into()),
        config: config.described(media::EMPTY, None),
        layers,
        ..OciImageManifest::default()
    };
    blobs.push(config);
    let registry = Registry::new(&build.reference, &build.common.connection)?;
    registry.push(&build.reference, &Image::new(parsed, blobs)?).await?;
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
