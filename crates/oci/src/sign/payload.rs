//! What is signed: the "simple signing" document of containers/image, as cosign writes it.

use serde::Deserialize;
use serde_json::json;

use crate::canonical;
use crate::digest::Digest;

/// What the document says it is.
const TYPE: &str = "cosign container image signature";

/// The document for an image.
pub(super) fn written(repository: &str, digest: &Digest) -> String {
    let critical = json!({
        "identity": { "docker-reference": repository },
        "image": { "docker-manifest-digest": digest },
        "type": TYPE,
    });
    canonical::sorted(&json!({ "critical": critical, "optional": null })).to_string()
}

#[derive(Deserialize)]
struct Document {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    image: Image,
    r#type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Image {
    docker_manifest_digest: String,
}

/// Why a document, whose signature is good, says nothing of this image.
///
/// # Errors
/// It is no such document, or is of another image.
pub(super) fn judge(payload: &[u8], digest: &Digest) -> Result<(), String> {
    let document: Document = serde_json::from_slice(payload)
        .map_err(|error| format!("what is signed is no simple-signing document: {error}"))?;
    let Critical { image, r#type } = document.critical;
    // An attestation is signed with the same key, and says something else.
    if r#type != TYPE {
        return Err(format!("what is signed is {type:?}, not {TYPE:?}"));
    }
    match image.docker_manifest_digest == digest.to_string() {
        true => Ok(()),
        false => Err(format!("what is signed is another image, {}", image.docker_manifest_digest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_of_one_image() {
        let (one, other) = (Digest::of(b"1"), Digest::of(b"2"));
        let text = written("ghcr.io/a/b", &one);
        judge(text.as_bytes(), &one).unwrap();
        assert!(judge(text.as_bytes(), &other).unwrap_err().contains("another image"));
        let else_where = text.replace("container image", "something");
        assert!(judge(else_where.as_bytes(), &one).unwrap_err().contains("not \"cosign container image signature\""));
        assert!(judge(b"{}", &one).is_err());
    }
}
