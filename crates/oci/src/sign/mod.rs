//! Signatures as cosign makes and finds them: a small document that names the image's digest, signed, and kept in the
//! image's repository under the tag `sha256-DIGEST.sig`.

mod key;
mod payload;

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use oci_client::Reference;
use oci_client::manifest::{OciDescriptor, OciImageManifest};
use serde_json::json;

use crate::canonical;
use crate::digest::Digest;
use crate::failure::Failure;
use crate::image::{self, Blob, Image};
use crate::media;
use crate::registry::{Registry, at_tag};

pub use key::{PASSWORD, PrivateKey, PublicKey};

/// The annotation of a layer that holds its signature.
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// The annotation of a layer that was signed without a key of one's own.
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";

/// The most bytes that a signed document may have.
const MOST_PAYLOAD_BYTES: i64 = 1 << 20;

/// Signs the image of that digest in the repository of a reference, beside the signatures that it has.
///
/// # Errors
/// The registry fails, or holds something else where signatures belong.
pub async fn sign(registry: &Registry, reference: &Reference, digest: &Digest, key: &PrivateKey) -> Result<()> {
    let repository = format!("{}/{}", reference.registry(), reference.repository());
    let payload = Blob::new(payload::written(&repository, digest).into_bytes());
    let signature = BASE64.encode(key.sign(&payload.bytes));
    let place = place(reference, digest);
    let mut layers = match registry.manifest(&place).await {
        Ok(manifest) => image::read_manifest(&manifest.bytes)?.layers,
        Err(Failure::NotFound(_)) => Vec::new(),
        Err(failure) => return Err(failure.into()),
    };
    let same = |layer: &OciDescriptor| signature_of(layer) == Some(signature.as_str());
    if layers.iter().any(same) {
        return Ok(());
    }
    layers.push(OciDescriptor {
        media_type: media::SIMPLE_SIGNING.into(),
        digest: payload.digest.to_string(),
        size: payload.bytes.len() as i64,
        annotations: Some(BTreeMap::from([(SIGNATURE.to_owned(), signature)])),
        ..OciDescriptor::default()
    });
    let diff_ids: Vec<&str> = layers.iter().map(|layer| layer.digest.as_str()).collect();
    let rootfs = json!({ "type": "layers", "diff_ids": diff_ids });
    let config = json!({ "architecture": "", "os": "", "config": {}, "rootfs": rootfs });
    let config = Blob::new(canonical::bytes(&config));
    let parsed = OciImageManifest {
        media_type: Some(media::MANIFEST.into()),
        config: OciDescriptor {
            media_type: media::CONFIG.into(),
            digest: config.digest.to_string(),
            size: config.bytes.len() as i64,
            ..OciDescriptor::default()
        },
        layers,
        ..OciImageManifest::default()
    };
    // The payloads of earlier signatures are in the registry already.
    registry.push(&place, &Image::new(parsed, vec![config, payload])?).await?;
    Ok(())
}

/// Makes sure that the image of that digest is signed with the key, and gives the number of signatures that say so.
///
/// # Errors
/// It is not signed, or by others only, or what is signed is another image.
pub async fn verify(registry: &Registry, reference: &Reference, digest: &Digest, key: &PublicKey) -> Result<usize> {
    let subject = format!("{}/{}@{digest}", reference.registry(), reference.repository());
    let place = place(reference, digest);
    let manifest = match registry.manifest(&place).await {
        Ok(manifest) => image::read_manifest(&manifest.bytes)?,
        Err(Failure::NotFound(_)) => bail!(
            "{subject} is not signed; whoever built it signs it with `cargo xtask sign`, and what they did not sign is not theirs"
        ),
        Err(failure) => return Err(failure.into()),
    };
    let mut refused = Vec::new();
    let mut good = 0;
    for layer in &manifest.layers {
        match judge(registry, &place, layer, digest, key).await? {
            Ok(()) => good += 1,
            Err(reason) => refused.push(reason),
        }
    }
    if good == 0 {
        let reasons = if refused.is_empty() { "there is none".to_owned() } else { refused.join("; ") };
        bail!("{subject} has no signature by {key}: {reasons}");
    }
    Ok(good)
}

/// Why a signature does not count, if it does not.
async fn judge(
    registry: &Registry,
    place: &Reference,
    layer: &OciDescriptor,
    digest: &Digest,
    key: &PublicKey,
) -> Result<Result<(), String>> {
    if layer.media_type != media::SIMPLE_SIGNING || layer.size > MOST_PAYLOAD_BYTES {
        return Ok(Err(format!("{} is no signed document", layer.digest)));
    }
    let Some(signature) = signature_of(layer).and_then(|text| BASE64.decode(text).ok()) else {
        return Ok(Err(format!("{} carries no signature", layer.digest)));
    };
    let payload = registry.blob(place, layer).await?;
    if !key.signed(&payload.bytes, &signature) {
        let keyless = layer.annotations.as_ref().is_some_and(|it| it.contains_key(CERTIFICATE));
        let mend = if keyless { ", which `cosign verify --certificate-identity …` can tell" } else { "" };
        return Ok(Err(format!("one is by somebody else{mend}")));
    }
    Ok(payload::judge(&payload.bytes, digest))
}

fn signature_of(layer: &OciDescriptor) -> Option<&str> {
    layer.annotations.as_ref()?.get(SIGNATURE).map(String::as_str)
}

/// Where the signatures of an image are.
fn place(reference: &Reference, digest: &Digest) -> Reference {
    at_tag(reference, &format!("sha256-{}.sig", digest.hex()))
}
