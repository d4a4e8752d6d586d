//! Tokens: signed JWTs in compact form (RFC 7515, RFC 7519), judged as RFC 8725 says.
//!
//! Lengths are judged first, then the form, then the key, then the signature, and only then is a claim looked at: what
//! nobody signed decides nothing but which key it is held against.

mod claims;

use crate::base64;
use crate::json::{Malformed, Value};
use crate::jwks::{KeySet, NoKey};
use crate::keys::Algorithm;
use crate::refusal::Reason;

#[cfg(test)]
pub(crate) use claims::Window;
pub(crate) use claims::{Audiences, Policy, Verified};

/// The most bytes of a token.
pub(crate) const MOST_TOKEN: usize = 16 * 1024;
/// The most bytes of a token's header, encoded: it names a key, and carries none that is looked at.
const MOST_HEADER: usize = 4 * 1024;

/// Judges a token at `now`, in seconds since 1970.
///
/// # Errors
/// The first thing that is wrong with it.
pub(crate) fn verify(token: &[u8], keys: &KeySet, policy: &Policy, now: i64) -> Result<Verified, Reason> {
    let token = Token::read(token)?;
    token.header.accept(policy)?;
    let key = keys.find(token.header.key.as_deref(), token.header.algorithm).map_err(|error| match error {
        NoKey::Name => Reason::UnknownKey,
        NoKey::Algorithm => Reason::Algorithm,
    })?;
    if !key.verifier.verifies(token.signed, &token.signature) {
        return Err(Reason::Signature);
    }
    let payload = base64::url(token.payload).ok_or(Reason::Malformed)?;
    claims::judge(&payload, policy, now)
}

/// A token taken apart; nothing of it is known to be true.
struct Token<'a> {
    header: Header,
    /// Header and payload as they were signed.
    signed: &'a [u8],
    payload: &'a [u8],
    signature: Vec<u8>,
}

impl<'a> Token<'a> {
    fn read(token: &'a [u8]) -> Result<Token<'a>, Reason> {
        if token.len() > MOST_TOKEN {
            return Err(Reason::TooLong);
        }
        let mut parts = token.split(|byte| *byte == b'.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Reason::Malformed);
        };
        if header.len() > MOST_HEADER {
            return Err(Reason::TooLong);
        }
        let signed = token.get(..header.len() + 1 + payload.len()).ok_or(Reason::Malformed)?;
        let header = Header::read(&base64::url(header).ok_or(Reason::Malformed)?)?;
        let signature = base64::url(signature).ok_or(Reason::Malformed)?;
        Ok(Token { header, signed, payload, signature })
    }
}

/// What a token's header says (RFC 7515, section 4).
struct Header {
    algorithm: Algorithm,
    key: Option<String>,
    kind: Option<String>,
}

impl Header {
    fn read(text: &[u8]) -> Result<Header, Reason> {
        let members = Value::read(text).and_then(Value::members).map_err(malformed)?;
        let (mut algorithm, mut key, mut kind) = (None, None, None);
        for (name, value) in members {
            match &*name {
                "alg" => algorithm = Some(value.string().map_err(malformed)?),
                "kid" => key = Some(value.string().map_err(malformed)?.into_owned()),
                "typ" => kind = Some(value.string().map_err(malformed)?.into_owned()),
                // RFC 7515, section 4.1.11: whatever it lists must be understood, and no extension is.
                "crit" => return Err(Reason::Critical),
                // RFC 7797: a payload that is not encoded. It has to be in `crit`, and is refused without it as well.
                "b64" => return Err(Reason::Critical),
                _ => {}
            }
        }
        let algorithm = algorithm.ok_or(Reason::Malformed)?;
        let algorithm = Algorithm::named(&algorithm).ok_or(Reason::Algorithm)?;
        Ok(Header { algorithm, key, kind })
    }

    /// Holds the type against the one that is taken; `application/` before it says nothing (RFC 7515, section 4.1.9).
    fn accept(&self, policy: &Policy) -> Result<(), Reason> {
        let Some(wanted) = &policy.kind else {
            return Ok(());
        };
        let bare = |kind: &str| match kind.get(..12) {
            Some(prefix) if prefix.eq_ignore_ascii_case("application/") => kind.get(12..).unwrap_or("").to_owned(),
            _ => kind.to_owned(),
        };
        match &self.kind {
            Some(kind) if bare(kind).eq_ignore_ascii_case(&bare(wanted)) => Ok(()),
            _ => Err(Reason::Type),
        }
    }
}

fn malformed(_: Malformed) -> Reason {
    Reason::Malformed
}

#[cfg(test)]
mod tests;
