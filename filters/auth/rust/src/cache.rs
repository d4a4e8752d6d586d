//! What a worker remembers so as not to work it out again. All of it is bounded, and all of it may be forgotten.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use subtle::ConstantTimeEq;

/// How many entries share a place: of those, the one that was used least lately makes room.
const WAYS: usize = 4;

/// Tokens that were found good, each with what was made of it.
///
/// A token is found by a short hash and recognised by its bytes: equal bytes have an equal verdict, and no collision of
/// a hash can make one token pass for another. (A digest that is safe to compare alone costs as much for a short token
/// as verifying an HMAC anew.) Only good tokens come in, so nobody who has none can drive others out.
#[derive(Clone, Debug)]
pub(crate) struct Verdicts<V> {
    places: Vec<[Option<Entry<V>>; WAYS]>,
    clock: u64,
}

#[derive(Clone, Debug)]
struct Entry<V> {
    hash: u64,
    token: Box<[u8]>,
    verdict: Rc<V>,
    used: u64,
}

impl<V> Verdicts<V> {
    /// Room for `most` tokens, rounded up to whole places; none for zero.
    pub(crate) fn new(most: usize) -> Verdicts<V> {
        Verdicts { places: (0..most.div_ceil(WAYS)).map(|_| [const { None }; WAYS]).collect(), clock: 0 }
    }

    /// The verdict on this token.
    pub(crate) fn get(&mut self, token: &[u8]) -> Option<Rc<V>> {
        let hash = short_hash(token);
        self.clock += 1;
        let clock = self.clock;
        let entry = place(&mut self.places, hash)?.iter_mut().flatten().find(|entry| entry.is(hash, token))?;
        entry.used = clock;
        Some(Rc::clone(&entry.verdict))
    }

    /// Remembers a verdict on a token that is not here.
    pub(crate) fn insert(&mut self, token: &[u8], verdict: Rc<V>) {
        let hash = short_hash(token);
        self.clock += 1;
        let used = self.clock;
        let Some(place) = place(&mut self.places, hash) else { return };
        let oldest = place.iter_mut().min_by_key(|entry| entry.as_ref().map_or(0, |entry| entry.used));
        if let Some(entry) = oldest {
            *entry = Some(Entry { hash, token: token.into(), verdict, used });
        }
    }

    /// Forgets a token.
    pub(crate) fn remove(&mut self, token: &[u8]) {
        let hash = short_hash(token);
        for entry in place(&mut self.places, hash).into_iter().flatten() {
            if entry.as_ref().is_some_and(|entry| entry.is(hash, token)) {
                *entry = None;
            }
        }
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        for place in &mut self.places {
            *place = [const { None }; WAYS];
        }
    }
}

impl<V> Entry<V> {
    /// In constant time once the hashes agree: a token is a secret.
    fn is(&self, hash: u64, token: &[u8]) -> bool {
        self.hash == hash && bool::from(self.token.ct_eq(token))
    }
}

/// Digests that came lately.
#[derive(Clone, Debug)]
pub(crate) struct Recent<D>(Verdicts<()>, std::marker::PhantomData<D>);

impl<D: AsRef<[u8]>> Recent<D> {
    /// Room for `most` digests.
    pub(crate) fn new(most: usize) -> Recent<D> {
        Recent(Verdicts::new(most), std::marker::PhantomData)
    }

    /// Whether this one came lately.
    pub(crate) fn contains(&mut self, digest: &D) -> bool {
        self.0.get(digest.as_ref()).is_some()
    }

    /// It comes now.
    pub(crate) fn insert(&mut self, digest: D) {
        self.0.insert(digest.as_ref(), Rc::new(()));
    }
}

fn place<V>(places: &mut [[Option<Entry<V>>; WAYS]], hash: u64) -> Option<&mut [Option<Entry<V>>; WAYS]> {
    let count = places.len() as u64;
    let index = hash.checked_rem(count)?;
    places.get_mut(usize::try_from(index).ok()?)
}

fn short_hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_remembered_is_found_by_all_of_its_bytes() {
        let mut verdicts = Verdicts::new(64);
        verdicts.insert(b"token", Rc::new(7));
        assert_eq!(verdicts.get(b"token").as_deref(), Some(&7));
        for other in [&b"token "[..], b"toke", b"Token", b""] {
            assert_eq!(verdicts.get(other), None);
        }
        verdicts.remove(b"toke");
        assert!(verdicts.get(b"token").is_some());
        verdicts.remove(b"token");
        assert_eq!(verdicts.get(b"token"), None);
    }

    #[test]
    fn a_hash_that_collides_makes_no_other_token_pass() {
        let mut verdicts = Verdicts::new(4);
        verdicts.insert(b"good", Rc::new(1));
        let forged = b"forged";
        for entry in verdicts.places[0].iter_mut().flatten() {
            entry.hash = short_hash(forged);
        }
        assert_eq!(verdicts.get(forged), None);
    }

    #[test]
    fn it_holds_no_more_than_it_may_and_keeps_what_is_used() {
        let mut verdicts = Verdicts::new(WAYS);
        for round in 0..100_u32 {
            verdicts.insert(&round.to_le_bytes(), Rc::new(round));
            // The first is asked for all the time.
            assert_eq!(verdicts.get(&0_u32.to_le_bytes()).as_deref(), Some(&0));
        }
        let held = (0..100_u32).filter(|round| verdicts.get(&round.to_le_bytes()).is_some()).count();
        assert_eq!(held, WAYS);
        verdicts.clear();
        assert_eq!(verdicts.get(&0_u32.to_le_bytes()), None);
    }

    #[test]
    fn no_room_remembers_nothing() {
        let mut verdicts = Verdicts::new(0);
        verdicts.insert(b"a", Rc::new(()));
        assert_eq!(verdicts.get(b"a"), None);
    }
}
