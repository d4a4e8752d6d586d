//! Keys that verify signatures, each for one algorithm.
//!
//! What a token says of its algorithm is compared to the key's and never chooses anything (RFC 8725, section 3.1), so
//! that nobody can have an RSA key's public bytes taken for the secret of an HMAC. `none` is not among them.

#[cfg(any(feature = "es256", feature = "es384"))]
mod ecdsa;
#[cfg(feature = "eddsa")]
mod eddsa;
#[cfg(feature = "hs")]
mod hmac;
#[cfg(any(feature = "rs", feature = "ps"))]
mod rsa;

/// An algorithm of RFC 7518, section 3.1, or RFC 8037.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// HMAC with SHA-256, SHA-384, SHA-512.
    Hs256,
    Hs384,
    Hs512,
    /// RSASSA-PKCS1-v1_5.
    Rs256,
    Rs384,
    Rs512,
    /// RSASSA-PSS with a salt as long as the hash.
    Ps256,
    Ps384,
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519, which RFC 9864 calls by that name.
    EdDsa,
}

/// The algorithms by the names that tokens and configurations give them.
pub(crate) const NAMES: [&str; 12] =
    ["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

const ALGORITHMS: [Algorithm; 12] = [
    Algorithm::Hs256,
    Algorithm::Hs384,
    Algorithm::Hs512,
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::EdDsa,
];

impl Algorithm {
    /// The algorithm at this place of [`NAMES`].
    pub(crate) fn at(index: usize) -> Option<Algorithm> {
        ALGORITHMS.get(index).copied()
    }

    /// The algorithm of this name. `Ed25519` (RFC 9864) is another name of `EdDSA`, of which only that curve is here.
    pub(crate) fn named(name: &str) -> Option<Algorithm> {
        let name = if name == "Ed25519" { "EdDSA" } else { name };
        NAMES.iter().position(|known| *known == name).and_then(Algorithm::at)
    }

    /// Whether keys of this algorithm are RSA's.
    pub(crate) fn is_rsa(self) -> bool {
        matches!(
            self,
            Algorithm::Rs256
                | Algorithm::Rs384
                | Algorithm::Rs512
                | Algorithm::Ps256
                | Algorithm::Ps384
                | Algorithm::Ps512
        )
    }

    /// Whether keys of this algorithm are secrets.
    pub(crate) fn is_hmac(self) -> bool {
        matches!(self, Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512)
    }
}

/// Why bytes make no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyError {
    /// They are no key of the algorithm: a point off the curve, an even modulus, a missing part.
    Malformed,
    /// They are one that is shorter than the algorithm's specification demands, or longer than this filter works with.
    Size,
    /// This build was made without the algorithm.
    LeftOut,
}

/// The parts of a key as a JWK has them (RFC 7518, section 6), decoded.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parts<'a> {
    /// The secret `k`.
    Secret(&'a [u8]),
    /// The modulus `n` and the exponent `e`, big-endian.
    Rsa(&'a [u8], &'a [u8]),
    /// The point `x`, `y`, big-endian, each as long as the field.
    Ec(&'a [u8], &'a [u8]),
    /// The encoded point `x`.
    Ed(&'a [u8]),
}

impl Parts<'_> {
    fn fit(&self, algorithm: Algorithm) -> bool {
        match self {
            Parts::Secret(_) => algorithm.is_hmac(),
            Parts::Rsa(..) => algorithm.is_rsa(),
            Parts::Ec(..) => matches!(algorithm, Algorithm::Es256 | Algorithm::Es384),
            Parts::Ed(_) => algorithm == Algorithm::EdDsa,
        }
    }
}

/// What verifies signatures of one algorithm.
#[derive(Clone)]
pub(crate) enum Verifier {
    #[cfg(feature = "hs")]
    Hmac(hmac::Secret),
    #[cfg(any(feature = "rs", feature = "ps"))]
    Rsa(rsa::Key),
    #[cfg(feature = "es256")]
    P256(p256::ecdsa::VerifyingKey),
    #[cfg(feature = "es384")]
    P384(p384::ecdsa::VerifyingKey),
    #[cfg(feature = "eddsa")]
    Ed25519(ed25519_dalek::VerifyingKey),
}

impl Verifier {
    /// Makes a verifier of `algorithm` from the parts of a key.
    ///
    /// # Errors
    /// The parts are of another algorithm's key, are no key, or are one of a size that is refused; or this build has
    /// no such algorithm.
    pub(crate) fn new(algorithm: Algorithm, parts: Parts<'_>) -> Result<Verifier, KeyError> {
        if !parts.fit(algorithm) {
            return Err(KeyError::Malformed);
        }
        match (algorithm, parts) {
            #[cfg(feature = "hs")]
            (algorithm, Parts::Secret(secret)) => hmac::Secret::new(algorithm, secret).map(Verifier::Hmac),
            #[cfg(feature = "rs")]
            (Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512, Parts::Rsa(n, e)) => {
                rsa::Key::new(algorithm, n, e).map(Verifier::Rsa)
            }
            #[cfg(feature = "ps")]
            (Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512, Parts::Rsa(n, e)) => {
                rsa::Key::new(algorithm, n, e).map(Verifier::Rsa)
            }
            #[cfg(feature = "es256")]
            (Algorithm::Es256, Parts::Ec(x, y)) => ecdsa::p256(x, y).map(Verifier::P256),
            #[cfg(feature = "es384")]
            (Algorithm::Es384, Parts::Ec(x, y)) => ecdsa::p384(x, y).map(Verifier::P384),
            #[cfg(feature = "eddsa")]
            (Algorithm::EdDsa, Parts::Ed(x)) => eddsa::key(x).map(Verifier::Ed25519),
            _ => Err(KeyError::LeftOut),
        }
    }

    /// Whether `signature` is one of `message` by the owner of this key.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            #[cfg(feature = "hs")]
            Verifier::Hmac(secret) => secret.verifies(message, signature),
            #[cfg(any(feature = "rs", feature = "ps"))]
            Verifier::Rsa(key) => key.verifies(message, signature),
            #[cfg(feature = "es256")]
            Verifier::P256(key) => ecdsa::p256_verifies(key, message, signature),
            #[cfg(feature = "es384")]
            Verifier::P384(key) => ecdsa::p384_verifies(key, message, signature),
            #[cfg(feature = "eddsa")]
            Verifier::Ed25519(key) => eddsa::verifies(key, message, signature),
        }
    }
}

// A secret must not reach a log by way of `{:?}`.
impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_algorithms_agree() {
        for (index, name) in NAMES.iter().enumerate() {
            assert_eq!(Algorithm::named(name), Algorithm::at(index));
        }
        assert_eq!(Algorithm::named("Ed25519"), Some(Algorithm::EdDsa));
        for name in ["none", "None", "NONE", "hs256", "ES512", "HS256 ", "", "RSA-OAEP", "Ed448"] {
            assert_eq!(Algorithm::named(name), None, "{name:?}");
        }
    }

    #[test]
    fn a_key_of_another_kind_is_refused() {
        let long = [1; 256];
        let kinds = [Parts::Secret(&long), Parts::Rsa(&long, &[3]), Parts::Ec(&long, &long), Parts::Ed(&long)];
        for (index, algorithm) in ALGORITHMS.into_iter().enumerate() {
            for (kind, parts) in kinds.into_iter().enumerate() {
                let own = [0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 3][index] == kind;
                if !own {
                    assert_eq!(
                        Verifier::new(algorithm, parts).err(),
                        Some(KeyError::Malformed),
                        "{algorithm:?} {kind}"
                    );
                }
            }
        }
    }
}
