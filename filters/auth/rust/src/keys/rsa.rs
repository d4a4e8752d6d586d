//! RS256, RS384, RS512 and PS256, PS384, PS512 (RFC 7518, sections 3.3 and 3.5).

use rsa::{BoxedUint, PublicKey};
use sha2::{Sha256, Sha384, Sha512};

use super::{Algorithm, KeyError};

/// The bits of a modulus: at least what RFC 7518 demands, at most what a worker is stopped by for long.
const LEAST_BITS: usize = 2048;
const MOST_BITS: usize = 4096;

/// A public key and the one algorithm that it is for.
#[derive(Clone)]
pub(crate) struct Key(Algorithm, PublicKey);

impl Key {
    /// # Errors
    /// The modulus is outside the bounds; or it is even, or the exponent is even, 1, or needs more than 33 bits.
    pub(super) fn new(algorithm: Algorithm, n: &[u8], e: &[u8]) -> Result<Key, KeyError> {
        // Bounded before any arithmetic: what a key set's server sends is no reason to allocate.
        if n.len() > MOST_BITS / 8 + 1 || e.len() > 8 {
            return Err(KeyError::Size);
        }
        let (n, e) = (BoxedUint::from_be_slice_vartime(n), BoxedUint::from_be_slice_vartime(e));
        PublicKey::new_with_size_limits(n, e, LEAST_BITS..=MOST_BITS).map(|key| Key(algorithm, key)).map_err(|error| {
            match error {
                rsa::Error::ModulusTooSmall | rsa::Error::ModulusTooLarge => KeyError::Size,
                _ => KeyError::Malformed,
            }
        })
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let Key(algorithm, key) = self;
        match algorithm {
            #[cfg(feature = "rs")]
            Algorithm::Rs256 => key.pkcs1v15_verify::<Sha256>(message, signature),
            #[cfg(feature = "rs")]
            Algorithm::Rs384 => key.pkcs1v15_verify::<Sha384>(message, signature),
            #[cfg(feature = "rs")]
            Algorithm::Rs512 => key.pkcs1v15_verify::<Sha512>(message, signature),
            #[cfg(feature = "ps")]
            Algorithm::Ps256 => key.pss_verify::<Sha256>(message, signature),
            #[cfg(feature = "ps")]
            Algorithm::Ps384 => key.pss_verify::<Sha384>(message, signature),
            #[cfg(feature = "ps")]
            Algorithm::Ps512 => key.pss_verify::<Sha512>(message, signature),
            _ => return false,
        }
        .is_ok()
    }
}
