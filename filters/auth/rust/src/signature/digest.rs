//! The digest of a body (RFC 9530).

use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

use super::field::{self, Item, Member};
use crate::request::Request;

/// What the body's digest has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BodyDigest {
    Sha256([u8; 32]),
    Sha512([u8; 64]),
}

impl BodyDigest {
    /// Reads `content-digest`: SHA-256 where it has that, else SHA-512. None where it has neither, or is no such field.
    pub(super) fn read(request: &Request<'_>) -> Option<BodyDigest> {
        let mut values = request.all("content-digest");
        let value = values.next().filter(|value| value.len() <= super::MOST_FIELD)?;
        if values.next().is_some() {
            return None;
        }
        let members = field::dictionary(value)?;
        let bytes = |wanted: &str| {
            members.iter().find_map(|(name, member)| match member {
                Member::Item(Item::Bytes(bytes), _) if *name == wanted => Some(bytes.clone()),
                _ => None,
            })
        };
        match bytes("sha-256") {
            Some(bytes) => bytes.try_into().ok().map(BodyDigest::Sha256),
            None => bytes("sha-512")?.try_into().ok().map(BodyDigest::Sha512),
        }
    }

    /// Begins to work out the digest of a body.
    pub(crate) fn start(self) -> Hashing {
        match self {
            BodyDigest::Sha256(wanted) => Hashing::Sha256(Sha256::new(), wanted),
            BodyDigest::Sha512(wanted) => Hashing::Sha512(Sha512::new(), wanted),
        }
    }
}

/// The digest of a body that is on its way.
#[derive(Clone, Debug)]
pub(crate) enum Hashing {
    Sha256(Sha256, [u8; 32]),
    Sha512(Sha512, [u8; 64]),
}

impl Hashing {
    /// Takes the next piece.
    pub(crate) fn update(&mut self, piece: &[u8]) {
        match self {
            Hashing::Sha256(hash, _) => hash.update(piece),
            Hashing::Sha512(hash, _) => hash.update(piece),
        }
    }

    /// Whether the body is the one that was signed.
    pub(crate) fn agrees(self) -> bool {
        match self {
            Hashing::Sha256(hash, wanted) => <[u8; 32]>::from(hash.finalize()).ct_eq(&wanted).into(),
            Hashing::Sha512(hash, wanted) => <[u8; 64]>::from(hash.finalize()).ct_eq(&wanted).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use weir_kit::headers::Pairs;

    use super::*;

    /// RFC 9530, appendix B.1's body, with its published digests.
    const BODY: &[u8] = b"{\"hello\": \"world\"}\n";
    const SHA256: &str = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
    const SHA512: &str =
        "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:";

    fn agrees(values: &[&str], pieces: &[&[u8]]) -> Option<bool> {
        let pairs = Pairs::from_iter(values.iter().map(|value| ("content-digest", value)));
        let mut hashing = BodyDigest::read(&Request::new(&pairs, false))?.start();
        pieces.iter().for_each(|piece| hashing.update(piece));
        Some(hashing.agrees())
    }

    #[test]
    fn the_published_digests_agree_however_the_body_is_cut() {
        for value in [SHA256, SHA512, &format!("{SHA512}, {SHA256}"), &format!("md5=:AA==:, {SHA256}")] {
            assert_eq!(agrees(&[value], &[BODY]), Some(true), "{value}");
            assert_eq!(agrees(&[value], &[&BODY[..5], b"", &BODY[5..]]), Some(true));
            assert_eq!(agrees(&[value], &[&BODY[1..]]), Some(false));
            assert_eq!(agrees(&[value], &[BODY, b"\n"]), Some(false));
            assert_eq!(agrees(&[value], &[]), Some(false));
        }
    }

    #[test]
    fn what_names_no_digest_is_none() {
        for values in [
            vec![],
            vec![""],
            vec!["md5=:AA==:"],
            vec!["sha-256=:AA==:"],
            vec!["sha-256=\"x\""],
            vec!["sha-256"],
            vec![SHA256, SHA256],
            vec!["SHA-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"],
            vec!["sha-512=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"],
        ] {
            assert_eq!(agrees(&values, &[BODY]), None, "{values:?}");
        }
    }
}
