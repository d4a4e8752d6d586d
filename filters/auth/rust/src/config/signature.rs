//! Signed requests.

use weir_kit::json::{Error, Reader};

use super::Read;
use super::text::{OWNER, is_owner, small};
use crate::auth::Kind;
use crate::base64;
use crate::replay::Table;
use crate::signature::{Policy, Secret, is_component};

/// The most secrets of one credential.
pub(crate) const MOST_SECRETS: usize = 256;
/// The most parts of a request that a signature has to cover.
pub(crate) const MOST_PARTS: usize = 32;
/// The longest window, in seconds: a request may be signed once and kept for years.
pub(crate) const MOST_WINDOW: u32 = 4_000_000_000;
/// The longest leeway, in seconds.
pub(crate) const MOST_LEEWAY: u32 = 3600;
/// The most signatures that are remembered.
pub(crate) const MOST_USED: u32 = 1 << 20;
const WINDOW: u32 = 300;
const LEEWAY: u32 = 5;
const PARTS: [&str; 4] = ["@method", "@authority", "@path", "@query"];

pub(super) const FIELDS: [&str; 7] = ["keys", "cover", "label", "window", "leeway", "sign_body", "remember_nonces"];
pub(super) const KEY_FIELDS: [&str; 3] = ["id", "consumer", "secret"];

pub(super) fn read(reader: &mut Reader<'_>) -> Result<Read, Error> {
    let mut policy = Policy {
        keys: Vec::new(),
        cover: PARTS.map(str::to_owned).to_vec(),
        label: None,
        window: WINDOW,
        leeway: LEEWAY,
        body: true,
        nonce: false,
    };
    let mut table = None;
    reader.object(&FIELDS, &mut |reader, field| {
        match field {
            0 => reader.array(MOST_SECRETS, &mut |reader| {
                let key = key(reader)?;
                if policy.keys.iter().any(|other| other.id() == key.id()) {
                    return Err(reader.refuse("id", "an id that no other key has", "one that stands twice"));
                }
                policy.keys.push(key);
                Ok(())
            })?,
            1 => {
                policy.cover.clear();
                reader.array(MOST_PARTS, &mut |reader| {
                    let expected = "a header in lower case, or \"@method\", \"@authority\", \"@scheme\", \"@target-uri\", \"@request-target\", \"@path\", \"@query\"";
                    policy.cover.push(reader.string_as(expected, |part| is_component(part).then(|| part.to_owned()))?);
                    Ok(())
                })?;
            }
            2 => policy.label = Some(reader.string_where("a label, such as \"sig1\"", is_label)?),
            3 => policy.window = small(reader, 1, MOST_WINDOW)?,
            4 => policy.leeway = small(reader, 0, MOST_LEEWAY)?,
            5 => policy.body = reader.boolean()?,
            _ => {
                policy.nonce = true;
                // Named when the credential's name is known.
                table = Some(Table::new("", small(reader, 1, MOST_USED)?));
            }
        }
        Ok(())
    })?;
    if policy.keys.is_empty() {
        return Err(reader.refuse("keys", "at least one key", "none"));
    }
    Ok((Kind::Signature(policy, table), Vec::new()))
}

fn key(reader: &mut Reader<'_>) -> Result<Secret, Error> {
    let (mut id, mut consumer, mut secret) = (None, None, None);
    reader.object(&KEY_FIELDS, &mut |reader, field| {
        match field {
            0 => id = Some(reader.string_where("1 to 256 characters of ASCII", is_id)?),
            1 => consumer = Some(reader.string_where(OWNER, is_owner)?),
            // Shown in no message.
            _ => secret = Some(base64::standard(reader.string()?.as_bytes())),
        }
        Ok(())
    })?;
    let Some(id) = id else {
        return Err(reader.refuse("id", "a string", "nothing"));
    };
    let Some(consumer) = consumer else {
        return Err(reader.refuse("consumer", "a string", "nothing"));
    };
    let Some(secret) = secret else {
        return Err(reader.refuse("secret", "a string", "nothing"));
    };
    let key = secret.and_then(|secret| Secret::new(id, consumer, &secret));
    key.ok_or_else(|| reader.refuse("secret", "32 to 1024 bytes in base64", "something else"))
}

/// What a string of a structured field can hold (RFC 9651, section 3.3.3).
fn is_id(text: &[u8]) -> bool {
    (1..=256).contains(&text.len()) && text.iter().all(|byte| (b' '..=b'~').contains(byte))
}

/// A key of a structured field (RFC 9651, section 3.1.2).
fn is_label(text: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(byte);
    (1..=64).contains(&text.len())
        && text.first().is_some_and(|byte| byte.is_ascii_lowercase() || *byte == b'*')
        && text.iter().all(fits)
}
