//! `resolve`: a module's file, wherever the module comes from. Other tasks ask this where a filter is an image.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

use super::Common;
use crate::digest::Digest;
use crate::source::{Found, Source};
use crate::store::Store;
use crate::whole;

#[derive(Debug, Args)]
pub(super) struct Resolve {
    /// A file, a local image or a reference.
    source: Source,
    /// The folder that the module's file goes to, named by its digest.
    #[arg(long, value_name = "FOLDER")]
    modules: PathBuf,
    #[command(flatten)]
    common: Common,
}

impl Resolve {
    pub(super) async fn run(self, store: &Store) -> Result<()> {
        let found = self.source.find(store, &self.common.connection).await?;
        let path = written(&found, &self.modules)?;
        let digest = found.image.as_ref().map(|entry| entry.image.digest());
        let Found { filter, facts, .. } = &found;
        println!("{}", json!({ "filter": filter, "language": facts.language, "digest": digest, "module": path }));
        Ok(())
    }
}

/// Writes a module to a file that is named by its digest, and so is the same whenever it is the same.
///
/// # Errors
/// The folder cannot be written.
pub(crate) fn written(found: &Found, folder: &Path) -> Result<PathBuf> {
    let path = folder.join(format!("{}-{}.wasm", found.filter, Digest::of(&found.module).short()));
    if !fs::read(&path).is_ok_and(|present| present == found.module) {
        whole::write(&path, &found.module)?;
    }
    std::path::absolute(&path).with_context(|| format!("cannot name {}", path.display()))
}
