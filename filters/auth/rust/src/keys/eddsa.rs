//! EdDSA with Ed25519 (RFC 8037, section 3.1).

use ed25519_dalek::{Signature, VerifyingKey};

use super::KeyError;

/// # Errors
/// The bytes are no point, or one of small order, under which anybody can sign.
pub(super) fn key(x: &[u8]) -> Result<VerifyingKey, KeyError> {
    let bytes = x.try_into().map_err(|_| KeyError::Malformed)?;
    let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::Malformed)?;
    if key.is_weak() { Err(KeyError::Malformed) } else { Ok(key) }
}

/// Strict, as RFC 8032 has it: a signature has one spelling.
pub(super) fn verifies(key: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
    Signature::from_slice(signature).is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
}
