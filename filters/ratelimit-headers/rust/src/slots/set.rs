//! One set of a table: some keys and what they have used, and the floor of all others.

use super::Fingerprint;
use crate::bucket::{Algorithm, Limit, State};

/// How many keys a set has room for. More make the floor rise later, and every request copy more bytes.
pub(crate) const WAYS: usize = 8;

const HEAD: usize = 17;
const ENTRY: usize = 8 + State::SIZE;

/// As it is in shared data: the limit that the states were kept under, the floor, and the keys that have used something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Set {
    limit: Limit,
    floor: State,
    keys: Vec<(Fingerprint, State)>,
}

impl Set {
    pub(crate) fn new(limit: &Limit) -> Set {
        Set { limit: *limit, floor: State::default(), keys: Vec::new() }
    }

    /// What a key that is not in the set may have used.
    pub(crate) fn floor(&self) -> State {
        self.floor
    }

    pub(crate) fn find(&self, fingerprint: Fingerprint) -> Option<State> {
        self.keys.iter().find(|(known, _)| *known == fingerprint).map(|(_, state)| *state)
    }

    /// Keeps what a key has used. Where there is no room, the key that has used the least makes some, and the floor rises
    /// to what that one has used; says whether one did.
    pub(crate) fn put(&mut self, fingerprint: Fingerprint, state: State, limit: &Limit, now: u64) -> bool {
        if let Some(place) = self.keys.iter_mut().find(|(known, _)| *known == fingerprint) {
            place.1 = state;
            return false;
        }
        self.floor = limit.at(self.floor, now);
        for (_, state) in &mut self.keys {
            *state = limit.at(*state, now);
        }
        self.keys.retain(|(_, state)| !limit.is_unused(*state));
        let mut evicted = false;
        if self.keys.len() >= WAYS {
            let least = (0..self.keys.len())
                .min_by_key(|index| self.keys.get(*index).map(|(_, state)| limit.level(*state, now)));
            let (_, state) = self.keys.swap_remove(least.unwrap_or_default());
            self.floor = self.floor.join(state, limit);
            evicted = true;
        }
        self.keys.push((fingerprint, state));
        evicted
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD + State::SIZE + ENTRY * self.keys.len());
        bytes.push(self.limit.algorithm as u8);
        bytes.extend_from_slice(&self.limit.quota.to_le_bytes());
        bytes.extend_from_slice(&self.limit.capacity.to_le_bytes());
        bytes.extend_from_slice(&self.limit.window.to_le_bytes());
        bytes.extend_from_slice(&self.floor.encode());
        for (fingerprint, state) in &self.keys {
            bytes.extend_from_slice(&fingerprint.0.to_le_bytes());
            bytes.extend_from_slice(&state.encode());
        }
        bytes
    }

    /// Reads a set, and where it was kept under another limit, carries over what every key has used. Bytes that are no
    /// set, which nobody writes, are an empty one.
    pub(crate) fn decode(bytes: &[u8], limit: &Limit, now: u64) -> Set {
        let mut set = Set::parse(bytes).unwrap_or_else(|| Set::new(limit));
        if set.limit != *limit {
            set.floor = limit.adopt(set.floor, &set.limit, now);
            for (_, state) in &mut set.keys {
                *state = limit.adopt(*state, &set.limit, now);
            }
            set.limit = *limit;
        }
        set
    }

    fn parse(bytes: &[u8]) -> Option<Set> {
        let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
        let (algorithm, head) = head.split_first()?;
        let (quota, head) = head.split_first_chunk()?;
        let (capacity, window) = head.split_first_chunk()?;
        let algorithm = match algorithm {
            0 => Algorithm::Gcra,
            1 => Algorithm::FixedWindow,
            2 => Algorithm::SlidingWindow,
            _ => return None,
        };
        let limit = Limit {
            algorithm,
            quota: u32::from_le_bytes(*quota),
            capacity: u32::from_le_bytes(*capacity),
            window: u64::from_le_bytes(window.try_into().ok()?),
        };
        let (floor, rest) = rest.split_first_chunk()?;
        let mut keys = Vec::with_capacity(WAYS);
        for entry in rest.chunks_exact(ENTRY) {
            let (fingerprint, state) = entry.split_first_chunk()?;
            keys.push((Fingerprint(u64::from_le_bytes(*fingerprint)), State::decode(state.try_into().ok()?)));
        }
        Some(Set { limit, floor: State::decode(*floor), keys })
    }
}
