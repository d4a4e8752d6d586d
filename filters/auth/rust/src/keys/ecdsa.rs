//! ES256 and ES384 (RFC 7518, section 3.4). A signature is `r` and `s` side by side, each as long as the field.

use super::KeyError;

/// The point of a key, uncompressed (SEC 1, section 2.3.3). `LENGTH` is that of a coordinate.
fn point<const LENGTH: usize>(x: &[u8], y: &[u8]) -> Result<Vec<u8>, KeyError> {
    // RFC 7518, section 6.2.1.2: a coordinate has the full length, with its leading zeros.
    if x.len() != LENGTH || y.len() != LENGTH {
        return Err(KeyError::Malformed);
    }
    Ok([&[4], x, y].concat())
}

/// # Errors
/// A coordinate has another length, or the point is not on the curve.
#[cfg(feature = "es256")]
pub(super) fn p256(x: &[u8], y: &[u8]) -> Result<p256::ecdsa::VerifyingKey, KeyError> {
    p256::ecdsa::VerifyingKey::from_sec1_bytes(&point::<32>(x, y)?).map_err(|_| KeyError::Malformed)
}

#[cfg(feature = "es256")]
pub(super) fn p256_verifies(key: &p256::ecdsa::VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
    use p256::ecdsa::signature::Verifier;
    p256::ecdsa::Signature::from_slice(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
}

/// # Errors
/// A coordinate has another length, or the point is not on the curve.
#[cfg(feature = "es384")]
pub(super) fn p384(x: &[u8], y: &[u8]) -> Result<p384::ecdsa::VerifyingKey, KeyError> {
    p384::ecdsa::VerifyingKey::from_sec1_bytes(&point::<48>(x, y)?).map_err(|_| KeyError::Malformed)
}

#[cfg(feature = "es384")]
pub(super) fn p384_verifies(key: &p384::ecdsa::VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
    use p384::ecdsa::signature::Verifier;
    p384::ecdsa::Signature::from_slice(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
}
