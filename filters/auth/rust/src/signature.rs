//! Signed requests: HTTP Message Signatures (RFC 9421) with HMAC-SHA256 and a secret that both sides know.
//!
//! The client says in `signature-input` what it signed and when, in `signature` with what outcome, and signs the body by
//! way of its digest (`content-digest`, RFC 9530).

mod base;
mod digest;
mod field;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::refusal::Reason;
use crate::request::Request;
pub(crate) use base::is_component;
pub(crate) use digest::{BodyDigest, Hashing};
use field::{Item, Member};

/// The most bytes of `signature-input` and of `signature`.
const MOST_FIELD: usize = 4 * 1024;
/// The fewest bytes of a secret: those of the hash, as RFC 7518 has it for the same MAC.
pub(crate) const LEAST_SECRET: usize = 32;
/// The most.
pub(crate) const MOST_SECRET: usize = 1024;

/// What a signature has to be.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// The secrets by their `keyid`, of which none stands twice.
    pub keys: Vec<Secret>,
    /// The parts of the request that have to be signed, as RFC 9421 names them.
    pub cover: Vec<String>,
    /// The name under which the signature stands; where there is none here, it must be the only one.
    pub label: Option<String>,
    /// For how many seconds after it was made a signature is taken.
    pub window: u32,
    /// By how many seconds the client's clock may differ from ours.
    pub leeway: u32,
    /// Whether a body has to be signed.
    pub body: bool,
    /// Whether a signature must have a `nonce`.
    pub nonce: bool,
}

/// A secret and whose it is.
#[derive(Clone)]
pub(crate) struct Secret {
    id: String,
    owner: String,
    mac: Hmac<Sha256>,
}

impl Secret {
    /// None where the secret is of a length that is refused.
    pub(crate) fn new(id: String, owner: String, secret: &[u8]) -> Option<Secret> {
        if !(LEAST_SECRET..=MOST_SECRET).contains(&secret.len()) {
            return None;
        }
        Some(Secret { id, owner, mac: Hmac::new_from_slice(secret).ok()? })
    }

    /// The name that signatures call it by.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

// A secret belongs in no log.
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A signature that was found good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verified<'a> {
    /// Whose secret signed it.
    pub owner: &'a str,
    /// What makes it different from others, where it has to be; and the second from which on it is taken no more.
    pub once: Option<([u8; 16], i64)>,
    /// What the body has to be.
    pub body: Option<BodyDigest>,
}

/// Judges a request's signature at `now`, in seconds since 1970. Nothing where the request has none.
///
/// # Errors
/// The first thing that is wrong with it.
pub(crate) fn verify<'a>(request: &Request<'_>, policy: &'a Policy, now: i64) -> Result<Option<Verified<'a>>, Reason> {
    let (Some(input), Some(signature)) = (only(request, "signature-input")?, only(request, "signature")?) else {
        // One without the other is a signature that somebody took half of.
        let some = request.all("signature-input").chain(request.all("signature")).next();
        return if some.is_some() { Err(Reason::Malformed) } else { Ok(None) };
    };
    let inputs = field::dictionary(input).ok_or(Reason::Malformed)?;
    let signatures = field::dictionary(signature).ok_or(Reason::Malformed)?;
    let (label, components, parameters) = chosen(&inputs, policy.label.as_deref())?;
    let mac = signatures
        .iter()
        .find_map(|(name, member)| match member {
            Member::Item(Item::Bytes(bytes), _) if *name == label => Some(bytes),
            _ => None,
        })
        .ok_or(Reason::Malformed)?;

    let said = Parameters::read(parameters)?;
    let key = policy.keys.iter().find(|key| key.id == said.key).ok_or(Reason::UnknownKey)?;
    let base = base::build(request, components, parameters)?;
    key.mac.clone().chain_update(&base).verify_slice(mac).map_err(|_| Reason::Signature)?;

    // What follows is the client's own word.
    let until = said.until(policy);
    if now >= until {
        return Err(Reason::Expired);
    }
    if said.created > now.saturating_add(policy.leeway.into()) {
        return Err(Reason::NotYet);
    }
    let covers = |part: &str| components.iter().any(|component| component.as_str() == part);
    if !policy.cover.iter().all(|part| covers(part)) {
        return Err(Reason::Coverage);
    }
    let once = match (policy.nonce, said.nonce) {
        (false, _) => None,
        (true, None) => return Err(Reason::Coverage),
        (true, Some(nonce)) => Some((identity(&key.id, &nonce), until)),
    };
    let body = if covers("content-digest") {
        Some(BodyDigest::read(request).ok_or(Reason::Digest)?)
    } else if policy.body && !request.ends {
        return Err(Reason::Coverage);
    } else {
        None
    };
    Ok(Some(Verified { owner: &key.owner, once, body }))
}

/// A header that stands once, and is not too long.
fn only<'a>(request: &Request<'a>, name: &'static str) -> Result<Option<&'a [u8]>, Reason> {
    let mut values = request.all(name);
    let first = values.next();
    if values.next().is_some() {
        return Err(Reason::Repeated);
    }
    match first {
        Some(value) if value.len() > MOST_FIELD => Err(Reason::TooLong),
        value => Ok(value),
    }
}

type Chosen<'a, 'b> = (&'b str, &'a [String], &'a [(&'b str, Item)]);

/// The signature that is to be judged: its name, what it covers, and its parameters.
fn chosen<'a, 'b>(inputs: &'a [(&'b str, Member<'b>)], label: Option<&str>) -> Result<Chosen<'a, 'b>, Reason> {
    let named = inputs.iter().find(|(name, _)| label.is_none_or(|label| label == *name));
    match named {
        Some((name, Member::Components(components, parameters))) if label.is_some() || inputs.len() == 1 => {
            Ok((name, components, parameters))
        }
        _ => Err(Reason::Malformed),
    }
}

/// What a signature says of itself (RFC 9421, section 2.3).
struct Parameters {
    key: String,
    created: i64,
    expires: Option<i64>,
    nonce: Option<String>,
}

impl Parameters {
    fn read(parameters: &[(&str, Item)]) -> Result<Parameters, Reason> {
        let (mut key, mut created, mut expires, mut nonce) = (None, None, None, None);
        for (name, value) in parameters {
            match (*name, value) {
                ("keyid", Item::Text(text)) => key = Some(text.clone()),
                ("nonce", Item::Text(text)) => nonce = Some(text.clone()),
                ("created", Item::Integer(seconds)) => created = Some(*seconds),
                ("expires", Item::Integer(seconds)) => expires = Some(*seconds),
                ("alg", Item::Text(text)) if text == "hmac-sha256" => {}
                ("alg", Item::Text(_)) => return Err(Reason::Algorithm),
                ("keyid" | "nonce" | "created" | "expires" | "alg", _) => return Err(Reason::Malformed),
                _ => {}
            }
        }
        let (Some(key), Some(created)) = (key, created) else {
            return Err(Reason::Coverage);
        };
        Ok(Parameters { key, created, expires, nonce })
    }

    /// The second from which on the signature is taken no more.
    fn until(&self, policy: &Policy) -> i64 {
        let leeway = i64::from(policy.leeway);
        let window = self.created.saturating_add(policy.window.into());
        self.expires.map_or(window, |expires| expires.min(window)).saturating_add(leeway)
    }
}

/// What is remembered of a nonce: half a digest of it and of the key, which nobody else can use it up for.
fn identity(key: &str, nonce: &str) -> [u8; 16] {
    use sha2::Digest;
    let length = (key.len() as u32).to_le_bytes();
    let digest: [u8; 32] = Sha256::new().chain_update(length).chain_update(key).chain_update(nonce).finalize().into();
    let mut identity = [0; 16];
    for (place, byte) in identity.iter_mut().zip(digest) {
        *place = byte;
    }
    identity
}

#[cfg(test)]
mod tests;
