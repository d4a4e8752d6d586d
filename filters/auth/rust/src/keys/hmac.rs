//! HS256, HS384, HS512 (RFC 7518, section 3.2).

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384, Sha512};

use super::{Algorithm, KeyError};

/// The longest secret, in bytes. Anything beyond the hash's block is hashed first and adds nothing.
const MOST_SECRET: usize = 1024;

/// A secret that went through the hash already, which is half the work for a short message.
#[derive(Clone)]
pub(crate) enum Secret {
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Sha512(Hmac<Sha512>),
}

impl Secret {
    /// # Errors
    /// The secret is shorter than the hash, which RFC 7518 forbids, or unreasonably long.
    pub(super) fn new(algorithm: Algorithm, secret: &[u8]) -> Result<Secret, KeyError> {
        let least = match algorithm {
            Algorithm::Hs256 => 32,
            Algorithm::Hs384 => 48,
            _ => 64,
        };
        if !(least..=MOST_SECRET).contains(&secret.len()) {
            return Err(KeyError::Size);
        }
        match algorithm {
            Algorithm::Hs256 => Hmac::new_from_slice(secret).map(Secret::Sha256),
            Algorithm::Hs384 => Hmac::new_from_slice(secret).map(Secret::Sha384),
            _ => Hmac::new_from_slice(secret).map(Secret::Sha512),
        }
        .map_err(|_| KeyError::Malformed)
    }

    /// Compares in constant time; a tag that is not as long as the hash is none.
    pub(super) fn verifies(&self, message: &[u8], tag: &[u8]) -> bool {
        match self {
            Secret::Sha256(mac) => mac.clone().chain_update(message).verify_slice(tag).is_ok(),
            Secret::Sha384(mac) => mac.clone().chain_update(message).verify_slice(tag).is_ok(),
            Secret::Sha512(mac) => mac.clone().chain_update(message).verify_slice(tag).is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    /// RFC 4231, section 4.7 and 4.8: the published keys that are long enough for RFC 7518, and their tags.
    #[test]
    fn verifies_the_vectors_of_rfc_4231() {
        let key = [0xaa; 131];
        let message = b"Test Using Larger Than Block-Size Key - Hash Key First";
        let vectors = [
            (Algorithm::Hs256, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
            (
                Algorithm::Hs384,
                "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952",
            ),
            (
                Algorithm::Hs512,
                "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5\
                 295e64f73f63f0aec8b915a985d786598",
            ),
        ];
        for (algorithm, tag) in vectors {
            let secret = Secret::new(algorithm, &key).unwrap();
            let mut tag = hex::decode(tag).unwrap();
            assert!(secret.verifies(message, &tag), "{algorithm:?}");
            assert!(!secret.verifies(b"", &tag));
            // A tag that was cut off is not half right.
            assert!(!secret.verifies(message, &tag[..tag.len() / 2]));
            assert!(!secret.verifies(message, b""));
            *tag.last_mut().unwrap() ^= 1;
            assert!(!secret.verifies(message, &tag));
        }
    }

    #[test]
    fn a_secret_is_as_long_as_its_hash_at_least() {
        for (algorithm, least) in [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)] {
            assert!(Secret::new(algorithm, &vec![1; least]).is_ok());
            assert_eq!(Secret::new(algorithm, &vec![1; least - 1]).err(), Some(KeyError::Size));
            assert!(Secret::new(algorithm, &[1; MOST_SECRET]).is_ok());
            assert_eq!(Secret::new(algorithm, &[1; MOST_SECRET + 1]).err(), Some(KeyError::Size));
        }
    }
}
