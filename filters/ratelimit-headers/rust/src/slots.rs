//! The table of keys of one policy, in data that all workers share.
//!
//! Shared data cannot be removed, so a table has a fixed number of sets, made when it is configured, and each set room
//! for [`WAYS`] keys. A key belongs to one set. Where a set is full, the key that has used the least makes room, and the
//! set's *floor* remembers that any key that is not in it may have used so much: a key that comes in starts from there.
//! So no key is ever taken to have used less than it has, however many there are; one may be taken to have used more, by
//! no more than a seventh of what all keys of its set have used.

use std::hash::{DefaultHasher, Hasher};

use weir_kit::push_decimal;
use weir_kit::shared::{NotWritten, SharedData, Version};

use crate::bucket::{Limit, State};

mod set;

pub(crate) use set::{Set, WAYS};

/// What a key is known by: a digest of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(pub(crate) u64);

/// What stands before every key of shared data, with the version of the layout.
const PREFIX: &str = "weir.ratelimit.1/";

/// A policy's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    /// What the keys of its sets begin with.
    name: String,
    sets: u32,
    seed: u64,
}

/// A key's place in its set, as it was read.
#[derive(Debug)]
pub(crate) struct Place {
    key: String,
    set: Set,
    version: Option<Version>,
    fingerprint: Fingerprint,
    /// What the key has used, or may have used.
    pub(crate) state: State,
}

impl Table {
    /// Opens the table of this name with room for at least `slots` keys, and makes it where there is none. Where there
    /// is one, it stays as it is, whatever its size: a new configuration refills nobody. `now` seeds the digests, so
    /// that nobody outside can tell which keys share a set.
    ///
    /// # Errors
    /// The host does not share data.
    pub(crate) fn open(
        shared: &dyn SharedData,
        state: &str,
        policy: &str,
        slots: u32,
        now: u64,
        limit: &Limit,
    ) -> Result<Table, NotWritten> {
        let name = [PREFIX, state, "/", policy].concat();
        let sets = slots.div_ceil(WAYS as u32);
        let record = [sets.to_le_bytes().as_slice(), &now.to_le_bytes()].concat();
        let table = Table { name, sets, seed: now };
        match shared.create(&table.name, &record) {
            Ok(()) => {
                let empty = Set::new(limit).encode();
                for index in 0..sets {
                    match shared.create(&table.key(index), &empty) {
                        Ok(()) | Err(NotWritten::Conflict) => {}
                        Err(NotWritten::Refused) => return Err(NotWritten::Refused),
                    }
                }
                Ok(table)
            }
            Err(NotWritten::Conflict) => {
                let (record, _) = shared.get(&table.name).ok().flatten().ok_or(NotWritten::Refused)?;
                table.recorded(&record).ok_or(NotWritten::Refused)
            }
            Err(NotWritten::Refused) => Err(NotWritten::Refused),
        }
    }

    fn recorded(self, record: &[u8]) -> Option<Table> {
        let (sets, seed) = record.split_first_chunk::<4>()?;
        let sets = u32::from_le_bytes(*sets);
        Some(Table { sets, seed: u64::from_le_bytes(seed.try_into().ok()?), ..self })
    }

    /// How many keys it has room for.
    pub(crate) fn slots(&self) -> u32 {
        self.sets.saturating_mul(WAYS as u32)
    }

    /// A digest to which the parts of a key are to be written.
    pub(crate) fn hasher(&self) -> impl Hasher + use<> {
        // Its outcome is the same in every worker, for they run the same module.
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.seed);
        hasher
    }

    fn key(&self, index: u32) -> String {
        let mut key = String::with_capacity(self.name.len() + 8);
        key.push_str(&self.name);
        key.push('/');
        push_decimal(&mut key, index.into());
        key
    }

    /// Reads the place of a key.
    ///
    /// # Errors
    /// The host hands nothing over.
    pub(crate) fn read(
        &self,
        shared: &dyn SharedData,
        fingerprint: Fingerprint,
        limit: &Limit,
        now: u64,
    ) -> Result<Place, NotWritten> {
        let key = self.key((fingerprint.0 % u64::from(self.sets.max(1))) as u32);
        let (set, version) = match shared.get(&key).map_err(|_| NotWritten::Refused)? {
            Some((bytes, version)) => (Set::decode(&bytes, limit, now), Some(version)),
            None => (Set::new(limit), None),
        };
        let state = limit.at(set.find(fingerprint).unwrap_or(set.floor()), now);
        Ok(Place { key, set, version, fingerprint, state })
    }
}

impl Place {
    /// Writes what the key has now used, and says whether another key made room for it.
    ///
    /// # Errors
    /// Another worker has written since it was read, or the host refuses.
    pub(crate) fn write(
        mut self,
        shared: &dyn SharedData,
        limit: &Limit,
        state: State,
        now: u64,
    ) -> Result<bool, NotWritten> {
        let evicted = self.set.put(self.fingerprint, state, limit, now);
        let bytes = self.set.encode();
        match self.version {
            Some(version) => shared.replace(&self.key, &bytes, version)?,
            None => shared.create(&self.key, &bytes)?,
        }
        Ok(evicted)
    }
}

#[cfg(test)]
mod tests;
