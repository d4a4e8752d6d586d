//! A set of keys (RFC 7517, section 5).

pub(crate) mod fetch;

use crate::json::Value;
use crate::jwk::{self, Key, Unusable};
use crate::keys::Algorithm;

/// The most keys of a set.
pub(crate) const MOST_KEYS: usize = 64;

/// Keys, of which no two answer to the same name for the same algorithm.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeySet(Vec<Key>);

/// What a token asks for and a set has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoKey {
    /// No key has this name: perhaps a newer set has one.
    Name,
    /// The key of this name is for another algorithm than the token says.
    Algorithm,
}

impl KeySet {
    /// Reads a set from the JSON of a JWK set, `{"keys": [...]}`. The second part is why the first of the keys that are
    /// not used is not.
    ///
    /// A key that cannot be used is passed over, as RFC 7517 says: the set may serve others as well.
    ///
    /// # Errors
    /// This is no set, it has more than [`MOST_KEYS`], two of its keys cannot be told apart by a token, or none is used.
    pub(crate) fn read(text: &[u8], allowed: &[Algorithm]) -> Result<(KeySet, Option<(usize, Unusable)>), SetError> {
        let set = Value::read(text).and_then(Value::members).map_err(|_| SetError::Malformed)?;
        let keys = set.iter().find(|(name, _)| name == "keys").ok_or(SetError::Malformed)?;
        let keys = keys.1.elements().map_err(|_| SetError::Malformed)?;
        if keys.len() > MOST_KEYS {
            return Err(SetError::TooMany);
        }
        let mut usable: Vec<Key> = Vec::new();
        let mut passed_over = None;
        for (index, key) in keys.into_iter().enumerate() {
            match jwk::read(key, allowed) {
                Ok(key) if usable.iter().any(|other| other.id == key.id && other.algorithm == key.algorithm) => {
                    return Err(SetError::Twins);
                }
                Ok(key) => usable.push(key),
                Err(why) => {
                    passed_over.get_or_insert((index, why));
                }
            }
        }
        if usable.is_empty() {
            return Err(SetError::Empty(passed_over.map(|(_, why)| why)));
        }
        Ok((KeySet(usable), passed_over))
    }

    /// The key that a token names, for the algorithm that it says. A token without a name is served by the key without
    /// one, and by no other.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Result<&Key, NoKey> {
        let mut named = self.0.iter().filter(|key| key.id.as_deref() == id).peekable();
        if named.peek().is_none() {
            return Err(NoKey::Name);
        }
        named.find(|key| key.algorithm == algorithm).ok_or(NoKey::Algorithm)
    }

    /// How many keys there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Why a text makes no set of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetError {
    /// It is no JWK set.
    Malformed,
    /// It has more than [`MOST_KEYS`] keys.
    TooMany,
    /// Two keys have the same `kid`, or none, and the same algorithm.
    Twins,
    /// It has no key that can be used; the first was passed over for this.
    Empty(Option<Unusable>),
}

impl SetError {
    /// What is wrong, for a person.
    pub(crate) fn message(self) -> &'static str {
        match self {
            SetError::Malformed => "something else",
            SetError::TooMany => "more than 64 keys",
            SetError::Twins => "two keys with the same \"kid\", or none, and the same algorithm",
            SetError::Empty(None) => "no key",
            SetError::Empty(Some(Unusable::Malformed)) => "no key that can be used, the first being malformed",
            SetError::Empty(Some(Unusable::Purpose)) => {
                "no key that can be used, the first not being for verifying signatures"
            }
            SetError::Empty(Some(Unusable::Algorithm)) => {
                "no key that can be used, the first being for an algorithm that is unknown or not allowed here"
            }
            SetError::Empty(Some(Unusable::Size)) => {
                "no key that can be used, the first being of a size that is refused"
            }
            SetError::Empty(Some(Unusable::LeftOut)) => {
                "no key that can be used, the first being for an algorithm that this build was made without"
            }
        }
    }
}

#[cfg(test)]
mod tests;
