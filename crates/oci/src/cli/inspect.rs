//! `inspect`: what a file, a local image or a reference holds.

use anyhow::{Context, Result};
use clap::Args;
use weir_shrink::{about, symbols};

use super::{Common, Format};
use crate::digest::Digest;
use crate::image::Layout;
use crate::inspect::{InImage, Report, by_size, text};
use crate::source::Source;
use crate::store::Store;

#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// A file that ends with .wasm, a local image NAME[:TAG], or a reference.
    source: Source,
    /// Show this many of the largest functions; needs the module's .symbols beside it or attached to its image.
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// How to print what was found.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    common: Common,
}

impl Inspect {
    pub(super) async fn run(self, store: &Store) -> Result<()> {
        let found = self.source.find(store, &self.common.connection).await?;
        let about = about::about(&found.module)?;
        let module = Digest::of(&found.module);
        let symbols = found.symbols.as_deref().map(symbols::parse).transpose().context("its symbols")?;
        // Symbols of another build would tell wrong names.
        let functions_by_size =
            symbols.filter(|it| it.sha256 == module.hex()).map(|it| by_size(&it)).unwrap_or_default();
        let mut attached = Vec::new();
        if let Some(entry) = &found.image {
            let artifacts = store.attached(&entry.repository, entry.image.digest(), None)?;
            attached.extend(artifacts.into_iter().filter_map(|artifact| artifact.parsed.artifact_type));
        }
        let image = found.image.map(|entry| InImage {
            name: entry.repository,
            tag: entry.tag,
            digest: entry.image.digest().clone(),
            layout: Layout::of(&entry.image.parsed).map(Layout::name),
        });
        let source = match &self.source {
            Source::File(path) => path.display().to_string(),
            Source::Image(name) => name.to_string(),
        };
        let bytes = found.module.len() as u64;
        let report = Report { source, image, facts: found.facts, module, bytes, about, functions_by_size, attached };
        match self.format {
            Format::Json => println!("{}", serde_json::to_string_pretty(&report)?),
            Format::Text => print!("{}", text(&report, self.top)),
        }
        Ok(())
    }
}
