//! HTTP Basic.

use weir_kit::json::{Error, Reader};

use super::Read;
use super::text::small;
use crate::auth::Kind;
use crate::basic::{Hash, HashError, Users};
use crate::place::Place;

/// The most users of one credential.
pub(crate) const MOST_USERS: usize = 1024;
/// The most passwords that a worker works out in a second.
pub(crate) const MOST_CHECKS: u32 = 1000;
const CHECKS: u32 = 10;

pub(super) const FIELDS: [&str; 2] = ["users", "checks_per_second"];
pub(super) const USER_FIELDS: [&str; 2] = ["name", "bcrypt"];

pub(super) fn read(reader: &mut Reader<'_>) -> Result<Read, Error> {
    let mut users = Users { users: Vec::new(), checks_per_second: CHECKS };
    reader.object(&FIELDS, &mut |reader, field| {
        match field {
            0 => reader.array(MOST_USERS, &mut |reader| {
                let user = user(reader)?;
                if users.users.iter().any(|(name, _)| *name == user.0) {
                    return Err(reader.refuse("name", "a name that no other user has", "one that stands twice"));
                }
                users.users.push(user);
                Ok(())
            })?,
            _ => users.checks_per_second = small(reader, 1, MOST_CHECKS)?,
        }
        Ok(())
    })?;
    if users.users.is_empty() {
        return Err(reader.refuse("users", "at least one user", "none"));
    }
    let place = Place::Header { name: "authorization".to_owned(), scheme: Some("Basic".to_owned()) };
    Ok((Kind::Basic(users), vec![place]))
}

fn user(reader: &mut Reader<'_>) -> Result<(String, Hash), Error> {
    let (mut name, mut hash) = (None, None);
    reader.object(&USER_FIELDS, &mut |reader, field| {
        match field {
            0 => name = Some(reader.string_where("1 to 256 bytes without control characters and colons", is_user)?),
            // Shown in no message: what stands here may be a password.
            _ => hash = Some(Hash::read(&reader.string()?)),
        }
        Ok(())
    })?;
    match (name, hash) {
        (Some(name), Some(Ok(hash))) => Ok((name, hash)),
        (None, _) => Err(reader.refuse("name", "a string", "nothing")),
        (_, None) => Err(reader.refuse("bcrypt", "a string", "nothing")),
        (_, Some(Err(HashError::Malformed))) => {
            Err(reader.refuse("bcrypt", "a hash as `htpasswd -B` writes it, \"$2y$…\"", "something else"))
        }
        (_, Some(Err(HashError::Cost))) => {
            Err(reader.refuse("bcrypt", "a hash of cost 4 to 12", "one of another cost"))
        }
    }
}

fn is_user(text: &[u8]) -> bool {
    super::text::is_owner(text) && !text.contains(&b':')
}
