//! A key as JSON has it (RFC 7517), turned into what verifies.

use std::borrow::Cow;

use crate::base64;
use crate::json::{Malformed, Value};
use crate::keys::{Algorithm, KeyError, Parts, Verifier};

/// The most bytes of a key's `kid`.
pub(crate) const MOST_ID: usize = 256;

/// A key, the one algorithm that it is for, and the name that tokens call it by.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    /// The `kid`. A key without one serves tokens without one.
    pub id: Option<String>,
    /// The only algorithm whose signatures it verifies.
    pub algorithm: Algorithm,
    /// What verifies them.
    pub verifier: Verifier,
}

/// Why a JWK is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// It is no JWK: not an object, a member of another type, one that is missing, or no key.
    Malformed,
    /// Its `use` or `key_ops` say that it is for something else.
    Purpose,
    /// Its `kty`, `crv` or `alg` is not known here, they do not agree, or the algorithm is not among those allowed.
    Algorithm,
    /// It is shorter than its algorithm's specification demands, or longer than this filter works with.
    Size,
    /// This build was made without its algorithm.
    LeftOut,
}

impl Unusable {
    /// What is wrong, for a person.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Unusable::Malformed => "one that is malformed",
            Unusable::Purpose => "one whose \"use\" or \"key_ops\" is not to verify signatures",
            Unusable::Algorithm => "one whose algorithm is unknown or not allowed here",
            Unusable::Size => "one of a size that is refused",
            Unusable::LeftOut => "one whose algorithm this build was made without",
        }
    }
}

impl From<Malformed> for Unusable {
    fn from(Malformed: Malformed) -> Unusable {
        Unusable::Malformed
    }
}

impl From<KeyError> for Unusable {
    fn from(error: KeyError) -> Unusable {
        match error {
            KeyError::Malformed => Unusable::Malformed,
            KeyError::Size => Unusable::Size,
            KeyError::LeftOut => Unusable::LeftOut,
        }
    }
}

/// Reads a key that is to verify signatures of one of the algorithms in `allowed`; no list allows all.
///
/// A key that does not say which algorithm it is for (`alg`) is for the one that its curve is for. An RSA key or a
/// secret could serve several: it is for the first in `allowed` that it fits, and for RS256 or HS256 without a list.
///
/// # Errors
/// It is not used, and why.
pub(crate) fn read(jwk: Value<'_>, allowed: &[Algorithm]) -> Result<Key, Unusable> {
    let jwk = Members(jwk.members()?);
    if jwk.text("use")?.is_some_and(|purpose| purpose != "sig") {
        return Err(Unusable::Purpose);
    }
    if let Some(operations) = jwk.get("key_ops") {
        let operations = operations.elements()?;
        if !operations.iter().any(|operation| operation.string().is_ok_and(|name| name == "verify")) {
            return Err(Unusable::Purpose);
        }
    }
    let id = jwk.text("kid")?;
    if id.as_ref().is_some_and(|id| id.len() > MOST_ID) {
        return Err(Unusable::Malformed);
    }
    let kind = jwk.text("kty")?.ok_or(Unusable::Malformed)?;
    let candidates = candidates(&kind, jwk.text("crv")?.as_deref())?;
    let algorithm = match jwk.text("alg")? {
        Some(name) => Algorithm::named(&name).filter(|named| candidates.contains(named)),
        None if allowed.is_empty() => candidates.first().copied(),
        None => allowed.iter().copied().find(|algorithm| candidates.contains(algorithm)),
    };
    let algorithm = algorithm.ok_or(Unusable::Algorithm)?;
    if !allowed.is_empty() && !allowed.contains(&algorithm) {
        return Err(Unusable::Algorithm);
    }
    let (first, second) = match candidates.first() {
        Some(Algorithm::Hs256) => (jwk.bytes("k")?, Vec::new()),
        Some(Algorithm::Rs256) => (jwk.bytes("n")?, jwk.bytes("e")?),
        Some(Algorithm::EdDsa) => (jwk.bytes("x")?, Vec::new()),
        _ => (jwk.bytes("x")?, jwk.bytes("y")?),
    };
    let parts = match candidates.first() {
        Some(Algorithm::Hs256) => Parts::Secret(&first),
        Some(Algorithm::Rs256) => Parts::Rsa(&first, &second),
        Some(Algorithm::EdDsa) => Parts::Ed(&first),
        _ => Parts::Ec(&first, &second),
    };
    let verifier = Verifier::new(algorithm, parts)?;
    Ok(Key { id: id.map(Cow::into_owned), algorithm, verifier })
}

/// The algorithms that a key of this type and curve can be for.
fn candidates(kind: &str, curve: Option<&str>) -> Result<&'static [Algorithm], Unusable> {
    use Algorithm::*;
    match (kind, curve) {
        ("oct", None) => Ok(&[Hs256, Hs384, Hs512]),
        ("RSA", None) => Ok(&[Rs256, Rs384, Rs512, Ps256, Ps384, Ps512]),
        ("EC", Some("P-256")) => Ok(&[Es256]),
        ("EC", Some("P-384")) => Ok(&[Es384]),
        ("OKP", Some("Ed25519")) => Ok(&[EdDsa]),
        _ => Err(Unusable::Algorithm),
    }
}

struct Members<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

impl<'a> Members<'a> {
    fn get(&self, name: &str) -> Option<Value<'a>> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    fn text(&self, name: &str) -> Result<Option<Cow<'a, str>>, Malformed> {
        self.get(name).map(Value::string).transpose()
    }

    /// A member in base64url, which must be there.
    fn bytes(&self, name: &str) -> Result<Vec<u8>, Unusable> {
        let text = self.text(name)?.ok_or(Unusable::Malformed)?;
        base64::url(text.as_bytes()).ok_or(Unusable::Malformed)
    }
}

#[cfg(test)]
mod tests;
