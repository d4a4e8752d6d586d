//! `package`: images of one module.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use weir_common::thousands;
use weir_shrink::{lint, symbols};

use crate::digest::Digest;
use crate::facts::Facts;
use crate::image::{Image, Layout};
use crate::media;
use crate::reference::Name;
use crate::source;
use crate::store::Store;
use crate::words::table;

#[derive(Debug, Args)]
pub(super) struct Package {
    /// The module, with its .sha256 and .symbols beside it.
    #[arg(value_name = "MODULE.wasm")]
    module: PathBuf,
    /// What is known of it: a file of JSON, see `Facts`.
    #[arg(long, value_name = "FILE")]
    facts: PathBuf,
    /// Its bill of materials, to be attached.
    #[arg(long, value_name = "FILE")]
    sbom: Option<PathBuf>,
    /// The local name of the images; the tag of each is the version with the layout behind it.
    #[arg(long)]
    name: String,
    /// The layouts to make.
    #[arg(long = "layout", value_enum, value_delimiter = ',', default_values = ["compat", "oci"])]
    layouts: Vec<Layout>,
}

impl Package {
    pub(super) fn run(self, store: &Store) -> Result<()> {
        let module = read(&self.module)?;
        check_digest(&self.module, &module)?;
        let text = String::from_utf8_lossy(&read(&self.facts)?).into_owned();
        let facts: Facts = serde_json::from_str(&text).with_context(|| self.facts.display().to_string())?;
        let abi = lint::abi_version(&module).map(|version| version.to_string()).unwrap_or_default();
        let facts = Facts { abi, ..facts }.checked().with_context(|| self.facts.display().to_string())?;
        let mut rows = Vec::new();
        for layout in self.layouts {
            let image = Image::of_module(layout, &module, &facts)?;
            source::checked(&image).with_context(|| format!("{} is not packaged", self.module.display()))?;
            let tag = format!("{}{}", facts.version, layout.suffix());
            let name: Name = format!("{}:{tag}", self.name).parse().map_err(anyhow::Error::msg)?;
            let mut attached = Vec::new();
            if let Some(path) = &self.sbom {
                attached.push(Image::attached(&image, media::SBOM, "sbom.cdx.json", read(path)?)?);
            }
            if let Some(text) = symbols_of(&self.module, &module)? {
                attached.push(Image::attached(&image, media::SYMBOLS, "plugin.symbols", text.into_bytes())?);
            }
            store.keep(&name, &image, &attached)?;
            rows.push(vec![
                name.to_string(),
                layout.name().into(),
                thousands(image.size()),
                image.digest().to_string(),
            ]);
        }
        print!("{}", table(&rows));
        Ok(())
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// A module whose `.sha256` says something else was changed after it was built.
fn check_digest(path: &Path, module: &[u8]) -> Result<()> {
    let beside = path.with_extension("sha256");
    let Ok(line) = fs::read_to_string(&beside) else { return Ok(()) };
    let said = line.split_whitespace().next().unwrap_or_default();
    if said != Digest::of(module).hex() {
        bail!("{} is not the module that {} describes; build it again", path.display(), beside.display());
    }
    Ok(())
}

/// The names of the module's functions, if they are there and are this module's.
fn symbols_of(path: &Path, module: &[u8]) -> Result<Option<String>> {
    let beside = path.with_extension("symbols");
    let Ok(text) = fs::read_to_string(&beside) else { return Ok(None) };
    let parsed = symbols::parse(&text).with_context(|| beside.display().to_string())?;
    if parsed.sha256 != Digest::of(module).hex() {
        bail!("{} describes another module than {}; build it again", beside.display(), path.display());
    }
    Ok(Some(text))
}
