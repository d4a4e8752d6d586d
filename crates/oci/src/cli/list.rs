//! `list`: what is here, and what is in a registry.

use anyhow::Result;
use clap::Args;
use oci_client::Reference;
use oci_client::manifest::OciImageManifest;
use serde::Serialize;
use weir_common::thousands;

use super::{Common, Format};
use crate::digest::Digest;
use crate::facts::Facts;
use crate::image::{self, Layout};
use crate::registry::{Registry, at_tag};
use crate::store::Store;
use crate::words::table;

#[derive(Debug, Args)]
pub(super) struct List {
    /// List the tags of this repository in its registry: REGISTRY/REPOSITORY.
    #[arg(long, value_name = "REPOSITORY", value_parser = crate::reference::remote)]
    remote: Option<Reference>,
    /// How to print the list.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    common: Common,
}

/// One image of the list.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    tag: Option<String>,
    filter: String,
    language: String,
    layout: Layout,
    /// Bytes of configuration and layers, as a registry keeps them.
    size: u64,
    digest: Digest,
    /// The day of its sources, such as 2026-01-31; empty where the image does not say.
    date: String,
}

impl List {
    pub(super) async fn run(self, store: &Store) -> Result<()> {
        let rows = match &self.remote {
            Some(reference) => self.in_registry(reference).await?,
            None => here(store)?,
        };
        match self.format {
            Format::Json => println!("{}", serde_json::to_string_pretty(&serde_json::json!({ "images": rows }))?),
            Format::Text => print!("{}", written(&rows)),
        }
        Ok(())
    }

    async fn in_registry(&self, reference: &Reference) -> Result<Vec<Row>> {
        let registry = Registry::new(reference, &self.common.connection)?;
        let mut rows = Vec::new();
        for tag in registry.tags(reference).await? {
            // Signatures and lists of what is attached have tags of this form.
            if tag.starts_with("sha256-") {
                continue;
            }
            let manifest = registry.manifest(&at_tag(reference, &tag)).await?;
            // A repository may hold other things than filters.
            let Ok(parsed) = image::read_manifest(&manifest.bytes) else { continue };
            let Some(layout) = Layout::of(&parsed) else { continue };
            let facts = match &parsed.annotations {
                Some(annotations) => Facts::read(annotations),
                // Docker's manifest has none; its configuration says the same.
                None => image::labels(&registry.blob(reference, &parsed.config).await?.bytes),
            };
            let name = format!("{}/{}", reference.registry(), reference.repository());
            rows.push(Row::new(name, Some(tag), layout, &parsed, &facts, manifest.digest));
        }
        Ok(rows)
    }
}

fn here(store: &Store) -> Result<Vec<Row>> {
    let row = |entry: crate::store::Entry| {
        let layout = Layout::of(&entry.image.parsed)?;
        let (facts, digest) = (entry.image.facts(), entry.image.digest().clone());
        Some(Row::new(entry.repository, entry.tag, layout, &entry.image.parsed, &facts, digest))
    };
    Ok(store.list()?.into_iter().filter_map(row).collect())
}

impl Row {
    fn new(
        name: String,
        tag: Option<String>,
        layout: Layout,
        manifest: &OciImageManifest,
        facts: &Facts,
        digest: Digest,
    ) -> Row {
        let mut parts = vec![&manifest.config];
        // An artifact's configuration may be one of its layers too, and is kept once.
        parts.extend(manifest.layers.iter().filter(|layer| layer.digest != manifest.config.digest));
        let size = parts.iter().map(|part| u64::try_from(part.size).unwrap_or_default()).sum();
        let (filter, language, date) = (facts.filter.clone(), facts.language.clone(), facts.day());
        Row { name, tag, filter, language, layout, size, digest, date }
    }
}

fn written(rows: &[Row]) -> String {
    let head = ["name", "tag", "language", "layout", "bytes", "digest", "date"].map(str::to_owned).to_vec();
    let cells = |row: &Row| {
        let known = |text: &str| if text.is_empty() { "–".to_owned() } else { text.to_owned() };
        vec![
            row.name.clone(),
            known(row.tag.as_deref().unwrap_or_default()),
            known(&row.language),
            row.layout.name().to_owned(),
            thousands(row.size),
            format!("sha256:{}", row.digest.short()),
            known(&row.date),
        ]
    };
    table(&std::iter::once(head).chain(rows.iter().map(cells)).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Image;

    #[test]
    fn what_is_listed_is_what_a_registry_keeps() {
        let facts = Facts { filter: "demo".into(), created: Some(1_700_000_000), ..Facts::default() };
        for layout in [Layout::Compat, Layout::Oci] {
            let image = Image::of_module(layout, b"module", &facts).unwrap();
            let digest = image.digest().clone();
            let row = Row::new("demo".into(), None, layout, &image.parsed, &facts, digest);
            assert_eq!(row.size, image.size());
            let text = written(&[row]);
            let line = text.lines().nth(1).unwrap();
            assert!(line.starts_with("demo  –    –") && line.ends_with("2023-11-14"), "{line}");
        }
    }
}
