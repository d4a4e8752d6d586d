//! Tokens: whose are taken, where their keys are, what becomes of their claims.

use weir_kit::json::{Error, Kind as Value, Reader};
use weir_kit::property;

use super::text::{own_header, small};
use super::{Read, place};
use crate::auth::{Jwt, Keys, Kind, Output};
use crate::jwk::Unusable;
use crate::jwks::KeySet;
use crate::jwks::fetch::Source;
use crate::jwt::{Audiences, Policy};
use crate::keys::{Algorithm, NAMES};
use crate::place::Place;

/// The most issuers, and audiences.
pub(crate) const MOST_PARTIES: usize = 32;
/// The most claims that are passed on.
pub(crate) const MOST_CLAIMS: usize = 32;
/// The most names that lead to a claim.
pub(crate) const MOST_STEPS: usize = 8;
/// The longest leeway, in seconds.
pub(crate) const MOST_LEEWAY: u32 = 3600;
/// The most tokens that a worker remembers.
pub(crate) const MOST_REMEMBERED: u32 = 65_536;
/// How deep a JWK set nests.
const DEPTH: usize = 16;
const LEEWAY: u32 = 60;
const REMEMBERED: u32 = 1024;

pub(super) const FIELDS: [&str; 13] = [
    "issuers",
    "audiences",
    "any_audience",
    "algorithms",
    "jwks",
    "remote_jwks",
    "from",
    "typ",
    "leeway",
    "without_expiry",
    "consumer",
    "claims",
    "remember",
];
pub(super) const CLAIM_FIELDS: [&str; 3] = ["claim", "header", "property"];
pub(super) const REMOTE_FIELDS: [&str; 6] = ["cluster", "authority", "path", "ttl", "cooldown", "timeout"];

pub(super) fn read(reader: &mut Reader<'_>, sources: &mut Vec<Source>) -> Result<Read, Error> {
    let mut policy = Policy {
        issuers: Vec::new(),
        audiences: Audiences::OneOf(Vec::new()),
        kind: None,
        leeway: LEEWAY,
        forever: false,
        consumer: vec!["sub".to_owned()],
        pass: Vec::new(),
    };
    let (mut audiences, mut any_audience) = (None, false);
    let (mut allowed, mut inline, mut remote) = (Vec::new(), None, None);
    let (mut places, mut outputs, mut remember) = (Vec::new(), Vec::new(), REMEMBERED);
    reader.object(&FIELDS, &mut |reader, field| {
        match field {
            0 => policy.issuers = parties(reader)?,
            1 => audiences = Some(parties(reader)?),
            2 => any_audience = reader.boolean()?,
            3 => reader.array(NAMES.len(), &mut |reader| {
                allowed.extend(Algorithm::at(reader.word(&NAMES)?));
                Ok(())
            })?,
            4 => inline = Some(reader.raw(DEPTH)?),
            5 => remote = Some(source(reader)?),
            6 => places = place::list(reader)?,
            7 => policy.kind = Some(reader.string_where("1 to 128 characters", is_type)?),
            8 => policy.leeway = small(reader, 0, MOST_LEEWAY)?,
            9 => policy.forever = reader.boolean()?,
            10 => policy.consumer = steps(reader)?,
            11 => reader.array(MOST_CLAIMS, &mut |reader| {
                let (steps, output) = claim(reader)?;
                policy.pass.push(steps);
                outputs.push(output);
                Ok(())
            })?,
            _ => remember = small(reader, 0, MOST_REMEMBERED)?,
        }
        Ok(())
    })?;
    if policy.issuers.is_empty() {
        return Err(reader.refuse("issuers", "at least one issuer", "none"));
    }
    if policy.consumer.is_empty() {
        return Err(reader.refuse("consumer", "a string or an array of strings", "an empty array"));
    }
    policy.audiences = match (audiences, any_audience) {
        (None, true) => Audiences::Any,
        (Some(list), false) if !list.is_empty() => Audiences::OneOf(list),
        (None, false) => Audiences::OneOf(Vec::new()),
        (Some(_), false) => return Err(reader.refuse("audiences", "at least one audience, or no list at all", "none")),
        (Some(_), true) => {
            return Err(reader.refuse("any_audience", "\"audiences\" or \"any_audience\": true", "both"));
        }
    };
    let keys = match (inline, remote) {
        (Some(text), None) => Keys::Inline(inline_keys(reader, text, &allowed)?),
        (None, Some(source)) => Keys::Remote(shared(sources, Source { allowed, ..source })),
        (None, None) => return Err(reader.refuse("jwks", "\"jwks\" or \"remote_jwks\"", "neither")),
        (Some(_), Some(_)) => return Err(reader.refuse("jwks", "\"jwks\" or \"remote_jwks\"", "both")),
    };
    if places.is_empty() {
        places.push(Place::Header { name: "authorization".to_owned(), scheme: Some("Bearer".to_owned()) });
    }
    let remember = usize::try_from(remember).unwrap_or(0);
    Ok((Kind::Jwt(Jwt { policy, keys, outputs, remember }), places))
}

/// A set of keys in the configuration: all of them are meant to be used, but for those that say that they are not.
fn inline_keys(reader: &mut Reader<'_>, text: &[u8], allowed: &[Algorithm]) -> Result<KeySet, Error> {
    match KeySet::read(text, allowed) {
        Ok((keys, None | Some((_, Unusable::Purpose)))) => Ok(keys),
        Ok((_, Some((index, why)))) => {
            let mut field = String::from("keys of which each can be used, got at ");
            weir_kit::push_decimal(&mut field, index as u64);
            Err(reader.refuse("jwks", &field, why.message()))
        }
        Err(error) => {
            Err(reader.refuse("jwks", "a JWK set, {\"keys\":[…]}, with keys that can be used", error.message()))
        }
    }
}

/// The place of a source in the list, which has it once.
fn shared(sources: &mut Vec<Source>, source: Source) -> usize {
    if let Some(place) = sources.iter().position(|known| *known == source) {
        return place;
    }
    sources.push(source);
    sources.len() - 1
}

fn source(reader: &mut Reader<'_>) -> Result<Source, Error> {
    let (mut cluster, mut authority, mut path) = (None, None, None);
    let (mut ttl, mut cooldown, mut timeout) = (300, 30, 5);
    reader.object(&REMOTE_FIELDS, &mut |reader, field| {
        match field {
            0 => cluster = Some(reader.string_where("a cluster's name: 1 to 256 bytes", is_party)?),
            1 => authority = Some(reader.string_where("a host, with a port where it has one", is_authority)?),
            2 => path = Some(reader.string_where("a path that begins with \"/\"", is_path)?),
            3 => ttl = reader.integer(1, 86_400)?,
            4 => cooldown = reader.integer(1, 3600)?,
            _ => timeout = reader.integer(1, 60)?,
        }
        Ok(())
    })?;
    let Some(cluster) = cluster else {
        return Err(reader.refuse("cluster", "a string", "nothing"));
    };
    let Some(path) = path else {
        return Err(reader.refuse("path", "a string", "nothing"));
    };
    let authority = authority.unwrap_or_else(|| cluster.clone());
    let allowed = Vec::new();
    Ok(Source {
        cluster,
        authority,
        path,
        allowed,
        ttl: ttl * 1000,
        cooldown: cooldown * 1000,
        timeout: timeout * 1000,
    })
}

fn parties(reader: &mut Reader<'_>) -> Result<Vec<String>, Error> {
    let mut parties = Vec::new();
    reader.array(MOST_PARTIES, &mut |reader| {
        parties.push(reader.string_where("1 to 256 bytes", is_party)?);
        Ok(())
    })?;
    Ok(parties)
}

fn claim(reader: &mut Reader<'_>) -> Result<(Vec<String>, Output), Error> {
    let (mut path, mut output, mut property) = (None, Output::default(), false);
    reader.object(&CLAIM_FIELDS, &mut |reader, field| {
        match field {
            0 => path = Some(steps(reader)?),
            1 => output.header = Some(own_header(reader)?),
            _ => property = reader.boolean()?,
        }
        Ok(())
    })?;
    let Some(path) = path.filter(|path| !path.is_empty()) else {
        return Err(reader.refuse("claim", "a string or an array of strings", "nothing"));
    };
    if property {
        output.property = Some([property::CLAIM, &path.join(".")].concat());
    }
    if output == Output::default() {
        return Err(reader.refuse("header", "a \"header\", or \"property\": true", "neither"));
    }
    Ok((path, output))
}

/// A claim's name, or the names that lead to it through objects; the caller refuses an empty list.
fn steps(reader: &mut Reader<'_>) -> Result<Vec<String>, Error> {
    let expected = "a claim's name: 1 to 256 bytes";
    if reader.kind() != Value::Array {
        return Ok(vec![reader.string_where(expected, is_party)?]);
    }
    let mut steps = Vec::new();
    reader.array(MOST_STEPS, &mut |reader| {
        steps.push(reader.string_where(expected, is_party)?);
        Ok(())
    })?;
    Ok(steps)
}

fn is_party(text: &[u8]) -> bool {
    (1..=256).contains(&text.len())
}

fn is_type(text: &[u8]) -> bool {
    (1..=128).contains(&text.len())
}

fn is_authority(text: &[u8]) -> bool {
    (1..=256).contains(&text.len()) && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(byte))
}

fn is_path(text: &[u8]) -> bool {
    text.first() == Some(&b'/') && text.len() <= 1024 && text.iter().all(u8::is_ascii_graphic)
}
