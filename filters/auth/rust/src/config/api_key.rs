//! API keys.

use weir_kit::json::{Error, Reader};

use super::text::{OWNER, is_owner};
use super::{Read, place};
use crate::api_key::{ApiKeys, KeyDigest};
use crate::auth::Kind;
use crate::hex;
use crate::place::Place;

/// The most keys of one credential.
pub(crate) const MOST_KEYS: usize = 4096;

pub(super) const FIELDS: [&str; 2] = ["keys", "from"];
pub(super) const KEY_FIELDS: [&str; 2] = ["consumer", "sha256"];

pub(super) fn read(reader: &mut Reader<'_>) -> Result<Read, Error> {
    let (mut keys, mut places) = (Vec::new(), Vec::new());
    reader.object(&FIELDS, &mut |reader, field| {
        match field {
            0 => reader.array(MOST_KEYS, &mut |reader| {
                keys.push(key(reader)?);
                Ok(())
            })?,
            _ => places = place::list(reader)?,
        }
        Ok(())
    })?;
    if keys.is_empty() {
        return Err(reader.refuse("keys", "at least one key", "none"));
    }
    if places.is_empty() {
        places.push(Place::Header { name: "x-api-key".to_owned(), scheme: None });
    }
    let keys = ApiKeys::new(keys).map_err(|_| reader.refuse("keys", "each key once", "one that stands twice"))?;
    Ok((Kind::ApiKey(keys), places))
}

fn key(reader: &mut Reader<'_>) -> Result<(KeyDigest, String), Error> {
    let (mut consumer, mut digest) = (None, None);
    reader.object(&KEY_FIELDS, &mut |reader, field| {
        match field {
            0 => consumer = Some(reader.string_where(OWNER, is_owner)?),
            _ => {
                // Shown in no message: who pastes a key instead of its digest must not find it in a log.
                let text = reader.string()?;
                digest = Some(hex::decode(&text).and_then(|bytes| KeyDigest::try_from(bytes).ok()));
            }
        }
        Ok(())
    })?;
    match (consumer, digest) {
        (Some(consumer), Some(Some(digest))) => Ok((digest, consumer)),
        (None, _) => Err(reader.refuse("consumer", "a string", "nothing")),
        (_, None) => Err(reader.refuse("sha256", "a string", "nothing")),
        (_, Some(None)) => {
            Err(reader.refuse("sha256", "the SHA-256 digest of a key, 64 hexadecimal digits", "something else"))
        }
    }
}
