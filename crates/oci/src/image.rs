//! An image: a manifest, and the blobs that it names. Made from a module, or read from whoever made it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use oci_client::manifest::{OciDescriptor, OciImageManifest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::archive;
use crate::digest::Digest;
use crate::facts::Facts;
use crate::{MOST_DOCUMENT_BYTES, MOST_MODULE_BYTES};
use crate::{canonical, media};

/// How a module lies in an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// A container image with one layer that holds plugin.wasm: what Istio, Envoy Gateway and kgateway pull.
    Compat,
    /// The same with Docker's media types.
    Docker,
    /// The Wasm artifact for Envoy: the module itself, and its runtime configuration.
    Oci,
    /// The CNCF's Wasm artifact: the module itself.
    Cncf,
}

impl Layout {
    /// What stands behind the version in the tag of an image of this layout.
    pub fn suffix(self) -> &'static str {
        match self {
            Layout::Compat => "",
            Layout::Docker => "-docker",
            Layout::Oci => "-oci",
            Layout::Cncf => "-cncf",
        }
    }

    /// The name of the layout.
    pub fn name(self) -> &'static str {
        match self {
            Layout::Compat => "compat",
            Layout::Docker => "docker",
            Layout::Oci => "oci",
            Layout::Cncf => "cncf",
        }
    }

    /// The layout that a manifest has, by the type of the layer that holds the module.
    pub fn of(manifest: &OciImageManifest) -> Option<Layout> {
        module_layer(manifest).map(|(layout, _)| layout)
    }
}

/// The layer that holds the module, and how it lies in it.
///
/// A mesh takes the last layer of a container image, and the first one of the right type of an artifact.
pub fn module_layer(manifest: &OciImageManifest) -> Option<(Layout, &OciDescriptor)> {
    let artifact = manifest.layers.iter().find_map(|layer| match layer.media_type.as_str() {
        media::WASM_LAYER => Some((Layout::Oci, layer)),
        media::CNCF_LAYER => Some((Layout::Cncf, layer)),
        _ => None,
    });
    artifact.or_else(|| {
        let layer = manifest.layers.last()?;
        match layer.media_type.as_str() {
            media::LAYER => Some((Layout::Compat, layer)),
            media::DOCKER_LAYER => Some((Layout::Docker, layer)),
            _ => None,
        }
    })
}

/// Some bytes and what describes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// The digest of the bytes.
    pub digest: Digest,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Blob {
    /// Describes bytes.
    pub fn new(bytes: Vec<u8>) -> Blob {
        Blob { digest: Digest::of(&bytes), bytes }
    }

    /// What a manifest says of these bytes, under a file's name if they have one.
    pub(crate) fn described(&self, media_type: &str, title: Option<&str>) -> OciDescriptor {
        let title =
            title.map(|title| BTreeMap::from([("org.opencontainers.image.title".to_owned(), title.to_owned())]));
        OciDescriptor {
            media_type: media_type.to_owned(),
            digest: self.digest.to_string(),
            size: self.bytes.len() as i64,
            annotations: title,
            ..OciDescriptor::default()
        }
    }
}

/// An image in memory.
#[derive(Clone, Debug)]
pub struct Image {
    /// The manifest as it was read or will be written: its digest is the image's.
    pub manifest: Blob,
    /// The same, read.
    pub parsed: OciImageManifest,
    /// Configuration and layers, each once.
    pub blobs: Vec<Blob>,
}

impl Image {
    /// Makes an image of a module. The same module and facts give the same bytes.
    ///
    /// # Errors
    /// None is expected: everything is written to memory.
    pub fn of_module(layout: Layout, module: &[u8], facts: &Facts) -> Result<Image> {
        let manifest = |media: &str| OciImageManifest {
            media_type: Some(media.to_owned()),
            annotations: Some(facts.annotations()),
            ..OciImageManifest::default()
        };
        match layout {
            Layout::Compat | Layout::Docker => {
                let (archive, layer) = archive::pack(module)?;
                let config = Blob::new(canonical::bytes(&container_config(facts, &Digest::of(&archive))));
                let layer = Blob::new(layer);
                let mut parsed = manifest(media::MANIFEST);
                parsed.config = config.described(media::CONFIG, None);
                parsed.layers = vec![layer.described(media::LAYER, None)];
                if layout == Layout::Docker {
                    // Docker's manifest has no annotations; the labels of its configuration say the same.
                    parsed.annotations = None;
                    parsed.media_type = Some(media::DOCKER_MANIFEST.to_owned());
                    parsed.config.media_type = media::DOCKER_CONFIG.to_owned();
                    parsed.layers[0].media_type = media::DOCKER_LAYER.to_owned();
                }
                Image::new(parsed, vec![config, layer])
            }
            Layout::Oci => {
                let config = Blob::new(canonical::bytes(&runtime_config(facts)));
                let module = Blob::new(module.to_vec());
                let mut parsed = manifest(media::MANIFEST);
                parsed.config = config.described(media::WASM_CONFIG, None);
                // Istio takes this layout only with both layers.
                parsed.layers = vec![
                    module.described(media::WASM_LAYER, Some(archive::MODULE)),
                    config.described(media::WASM_CONFIG, Some("runtime-config.json")),
                ];
                Image::new(parsed, vec![config, module])
            }
            Layout::Cncf => {
                let module = Blob::new(module.to_vec());
                let config = Blob::new(canonical::bytes(&cncf_config(facts, &module.digest)));
                let mut parsed = manifest(media::MANIFEST);
                parsed.config = config.described(media::CNCF_CONFIG, None);
                parsed.layers = vec![module.described(media::CNCF_LAYER, Some(archive::MODULE))];
                Image::new(parsed, vec![config, module])
            }
        }
    }

    /// Makes an artifact that is attached to an image: a bill of materials, say.
    ///
    /// # Errors
    /// None is expected: everything is written to memory.
    pub fn attached(subject: &Image, media: &str, title: &str, bytes: Vec<u8>) -> Result<Image> {
        let (config, layer) = (Blob::new(b"{}".to_vec()), Blob::new(bytes));
        let parsed = OciImageManifest {
            media_type: Some(media::MANIFEST.to_owned()),
            artifact_type: Some(media.to_owned()),
            config: config.described(media::EMPTY, None),
            layers: vec![layer.described(media, Some(title))],
            subject: Some(subject.descriptor()),
            ..OciImageManifest::default()
        };
        Image::new(parsed, vec![config, layer])
    }

    /// Makes an image of a manifest and the blobs that it names.
    ///
    /// # Errors
    /// None is expected: a manifest can always be written.
    pub fn new(parsed: OciImageManifest, blobs: Vec<Blob>) -> Result<Image> {
        let manifest = Blob::new(serde_json::to_vec(&parsed)?);
        Ok(Image { manifest, parsed, blobs })
    }

    /// The image's digest.
    pub fn digest(&self) -> &Digest {
        &self.manifest.digest
    }

    /// What others name the image with.
    pub fn descriptor(&self) -> OciDescriptor {
        self.manifest.described(self.media_type(), None)
    }

    /// The type of the manifest.
    pub fn media_type(&self) -> &str {
        self.parsed.media_type.as_deref().unwrap_or(media::MANIFEST)
    }

    /// The blob of that digest.
    ///
    /// # Errors
    /// The image does not hold it.
    pub fn blob(&self, digest: &str) -> Result<&[u8]> {
        let found = self.blobs.iter().find(|blob| blob.digest.to_string() == digest);
        Ok(&found.with_context(|| format!("the image lacks the blob {digest}"))?.bytes)
    }

    /// The module in the image.
    ///
    /// # Errors
    /// The image holds none, or one that is too large.
    pub fn module(&self) -> Result<Vec<u8>> {
        let (layout, layer) = module_layer(&self.parsed).context(NO_MODULE)?;
        let bytes = self.blob(&layer.digest)?;
        match layout {
            Layout::Compat | Layout::Docker => Ok(archive::unpack(bytes, MOST_MODULE_BYTES)?),
            Layout::Oci | Layout::Cncf => Ok(bytes.to_vec()),
        }
    }

    /// What the image says of its filter: in its annotations, or in the labels of its configuration.
    pub fn facts(&self) -> Facts {
        match &self.parsed.annotations {
            Some(annotations) if !annotations.is_empty() => Facts::read(annotations),
            _ => self.blob(&self.parsed.config.digest).map(labels).unwrap_or_default(),
        }
    }

    /// The bytes of configuration and layers, as a registry keeps them.
    pub fn size(&self) -> u64 {
        self.blobs.iter().map(|blob| blob.bytes.len() as u64).sum()
    }
}

/// What is said of a manifest without a module.
pub const NO_MODULE: &str =
    "it is no image of a Wasm filter: it has neither a layer with plugin.wasm nor one that is a module";

/// What the labels of a container image's configuration say.
pub(crate) fn labels(config: &[u8]) -> Facts {
    let config: Value = serde_json::from_slice(config).unwrap_or_default();
    let labels: BTreeMap<String, String> =
        serde_json::from_value(config["config"]["Labels"].clone()).unwrap_or_default();
    Facts::read(&labels)
}

/// Reads a manifest, and checks before anything is fetched that what it names can be wanted.
///
/// # Errors
/// It is no manifest of an image, or names something that is too large.
pub fn read_manifest(bytes: &[u8]) -> Result<OciImageManifest> {
    let value: Value = serde_json::from_slice(bytes).context("the manifest is no JSON")?;
    if value.get("manifests").is_some() {
        bail!("it is an index of images and not one image; name one of them by its digest");
    }
    let manifest: OciImageManifest = serde_json::from_value(value).context("the manifest is none of an image")?;
    if manifest.schema_version != 2 {
        bail!("the manifest has the schema version {}; expected 2", manifest.schema_version);
    }
    for (what, limit, described) in std::iter::once(("configuration", MOST_DOCUMENT_BYTES, &manifest.config))
        .chain(manifest.layers.iter().map(|layer| ("layer", MOST_MODULE_BYTES, layer)))
    {
        described.digest.parse::<Digest>().with_context(|| format!("the manifest's {what}"))?;
        if !(0..=limit as i64).contains(&described.size) {
            bail!("its {what} has {} bytes, and a filter has at most {limit}: not fetched", described.size);
        }
    }
    Ok(manifest)
}

/// The configuration of a container image. A Wasm module runs on no machine's own architecture.
fn container_config(facts: &Facts, diff_id: &Digest) -> Value {
    let mut config = json!({
        "architecture": "wasm",
        "os": "wasip1",
        "config": { "Labels": facts.annotations() },
        "rootfs": { "type": "layers", "diff_ids": [diff_id] },
        "history": [{ "created_by": format!("weir package {}", facts.filter) }],
    });
    if let Some(time) = facts.time() {
        config["created"] = json!(time);
        config["history"][0]["created"] = json!(time);
    }
    config
}

/// The runtime configuration that the Wasm image specification asks for.
fn runtime_config(facts: &Facts) -> Value {
    json!({ "type": "envoy_proxy", "abiVersions": [facts.abi], "config": { "rootIds": [] } })
}

fn cncf_config(facts: &Facts, module: &Digest) -> Value {
    let mut config = json!({ "architecture": "wasm", "os": "wasip1", "layerDigests": [module] });
    if let Some(time) = facts.time() {
        config["created"] = json!(time);
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUTS: [Layout; 4] = [Layout::Compat, Layout::Docker, Layout::Oci, Layout::Cncf];

    fn facts() -> Facts {
        Facts { filter: "demo".into(), abi: "0.2.1".into(), created: Some(1_700_000_000), ..Facts::default() }
    }

    fn image(layout: Layout) -> Image {
        Image::of_module(layout, b"\0asm module", &facts()).unwrap()
    }

    #[test]
    fn every_layout_gives_back_its_module_and_facts() {
        for layout in LAYOUTS {
            let image = image(layout);
            assert_eq!(image.module().unwrap(), b"\0asm module", "{layout:?}");
            assert_eq!(image.facts(), facts(), "{layout:?}");
            let read = read_manifest(&image.manifest.bytes).unwrap();
            assert_eq!(Layout::of(&read), Some(layout));
        }
    }

    #[test]
    fn the_same_module_gives_the_same_digest_and_another_does_not() {
        for layout in LAYOUTS {
            assert_eq!(image(layout).digest(), image(layout).digest());
            let other = Image::of_module(layout, b"\0asm other", &facts()).unwrap();
            assert_ne!(image(layout).digest(), other.digest(), "{layout:?}");
        }
    }

    #[test]
    fn media_types_are_those_that_meshes_know() {
        let types = |layout| {
            let image = image(layout);
            let layers: Vec<_> = image.parsed.layers.iter().map(|layer| layer.media_type.clone()).collect();
            (image.media_type().to_owned(), image.parsed.config.media_type.clone(), layers)
        };
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let expected =
            |manifest: &str, config: &str, layers: &[&str]| (manifest.to_owned(), config.to_owned(), owned(layers));
        assert_eq!(types(Layout::Compat), expected(media::MANIFEST, media::CONFIG, &[media::LAYER]));
        assert_eq!(
            types(Layout::Docker),
            expected(media::DOCKER_MANIFEST, media::DOCKER_CONFIG, &[media::DOCKER_LAYER])
        );
        // Istio refuses this layout with any other number of layers.
        let both = [media::WASM_LAYER, media::WASM_CONFIG];
        assert_eq!(types(Layout::Oci), expected(media::MANIFEST, media::WASM_CONFIG, &both));
        assert_eq!(types(Layout::Cncf), expected(media::MANIFEST, media::CNCF_CONFIG, &[media::CNCF_LAYER]));
    }

    #[test]
    fn a_mesh_takes_the_last_layer_of_a_container_image() {
        let mut two = image(Layout::Compat).parsed;
        let mut base = two.layers[0].clone();
        base.digest = Digest::of(b"base").to_string();
        two.layers.insert(0, base);
        let (layout, layer) = module_layer(&two).unwrap();
        assert_eq!((layout, &layer.digest), (Layout::Compat, &two.layers[1].digest));
    }

    #[test]
    fn what_is_too_large_is_refused_by_its_manifest() {
        let mut huge = image(Layout::Compat).parsed;
        huge.layers[0].size = 5 << 30;
        let error = read_manifest(&serde_json::to_vec(&huge).unwrap()).unwrap_err().to_string();
        assert!(error.contains("its layer has 5368709120 bytes") && error.contains("not fetched"), "{error}");
        huge.layers[0].size = -1;
        assert!(read_manifest(&serde_json::to_vec(&huge).unwrap()).is_err());
    }

    #[test]
    fn what_is_no_image_is_told() {
        let index = br#"{"schemaVersion":2,"manifests":[]}"#;
        assert!(read_manifest(index).unwrap_err().to_string().contains("an index of images"));
        assert!(read_manifest(b"{}").is_err());
        let mut wrong = image(Layout::Oci).parsed;
        wrong.layers[0].digest = "sha256:../../etc".into();
        assert!(read_manifest(&serde_json::to_vec(&wrong).unwrap()).is_err());
        let chart = Image::attached(&image(Layout::Compat), media::SBOM, "sbom.json", b"{}".to_vec()).unwrap();
        assert!(chart.module().unwrap_err().to_string().contains("no image of a Wasm filter"));
    }
}
