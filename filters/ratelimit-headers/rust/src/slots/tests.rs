use std::collections::HashMap;

use weir_kit::clock::SECOND;
use weir_testing::{Dice, TestSharedData};

use super::*;
use crate::bucket::Algorithm;

const NOW: u64 = 1_780_000_000 * SECOND;

fn limit(algorithm: Algorithm, quota: u32) -> Limit {
    Limit { algorithm, quota, capacity: quota, window: 60 * SECOND }
}

fn gcra() -> Limit {
    limit(Algorithm::Gcra, 100)
}

fn open(shared: &TestSharedData, slots: u32) -> Table {
    Table::open(shared, "default", "policy", slots, NOW, &gcra()).unwrap()
}

/// Charges a key, whatever is left, and says what it had used before and whether another made room.
fn charge(shared: &TestSharedData, table: &Table, limit: &Limit, key: u64, cost: u32, now: u64) -> (u32, bool) {
    let place = table.read(shared, Fingerprint(key), limit, now).unwrap();
    let (state, used) = (limit.charge(place.state, now, cost), limit.used(place.state, now));
    (used, place.write(shared, limit, state, now).unwrap())
}

fn used(shared: &TestSharedData, table: &Table, limit: &Limit, key: u64, now: u64) -> u32 {
    limit.used(table.read(shared, Fingerprint(key), limit, now).unwrap().state, now)
}

#[test]
fn a_table_is_made_once_and_of_a_fixed_size() {
    let shared = TestSharedData::default();
    let table = open(&shared, 100);
    assert_eq!((table.sets, table.slots(), shared.keys()), (13, 104, 14));
    for key in 0..1000 {
        charge(&shared, &table, &gcra(), key, 1, NOW);
    }
    assert_eq!(shared.keys(), 14);
    // Another worker, and a new configuration, find what is there, the seed as well.
    let again = Table::open(&shared, "default", "policy", 5000, NOW + 1, &gcra()).unwrap();
    assert_eq!(again, table);
    let other = Table::open(&shared, "default", "other", 1, NOW + 1, &gcra()).unwrap();
    assert_eq!((other.sets, shared.keys()), (1, 16));
}

#[test]
fn a_host_that_shares_nothing_is_an_error() {
    let shared = TestSharedData::default();
    shared.break_down(true);
    let opened = Table::open(&shared, "default", "policy", 8, NOW, &gcra());
    assert_eq!(opened, Err(NotWritten::Refused));
    shared.break_down(false);
    let table = open(&shared, 8);
    shared.break_down(true);
    assert!(table.read(&shared, Fingerprint(1), &gcra(), NOW).is_err());
}

#[test]
fn a_worker_that_comes_while_the_table_is_made_finds_an_empty_set() {
    let (whole, half) = (TestSharedData::default(), TestSharedData::default());
    let table = open(&whole, 64);
    // Nothing of the table but its record is there.
    half.create("weir.ratelimit.1/default/policy", &[8_u32.to_le_bytes().as_slice(), &NOW.to_le_bytes()].concat())
        .unwrap();
    assert_eq!(open(&half, 64), table);
    assert_eq!(charge(&half, &table, &gcra(), 3, 5, NOW), (0, false));
    assert_eq!(used(&half, &table, &gcra(), 3, NOW), 5);
    // Two who both find no set do not overwrite each other.
    let places = [0, 1].map(|_| table.read(&half, Fingerprint(4), &gcra(), NOW).unwrap());
    let [first, second] = places.map(|place| {
        let state = gcra().charge(place.state, NOW, 1);
        place.write(&half, &gcra(), state, NOW)
    });
    assert_eq!((first, second), (Ok(false), Err(NotWritten::Conflict)));
}

#[test]
fn keys_do_not_mix() {
    let shared = TestSharedData::default();
    let table = open(&shared, 8);
    for key in 0..8 {
        charge(&shared, &table, &gcra(), key, key as u32 + 1, NOW);
    }
    for key in 0..8 {
        assert_eq!(used(&shared, &table, &gcra(), key, NOW), key as u32 + 1);
    }
}

#[test]
fn a_key_that_has_used_nothing_for_long_makes_room_unnoticed() {
    let shared = TestSharedData::default();
    let table = open(&shared, 8);
    for key in 0..8 {
        assert_eq!(charge(&shared, &table, &gcra(), key, 1, NOW), (0, false));
    }
    let later = NOW + 120 * SECOND;
    for key in 8..16 {
        assert_eq!(charge(&shared, &table, &gcra(), key, 1, later), (0, false), "{key}");
    }
}

#[test]
fn the_least_used_key_makes_room_and_is_not_forgotten() {
    let shared = TestSharedData::default();
    let table = open(&shared, 8);
    for key in 0..8 {
        charge(&shared, &table, &gcra(), key, 10 + key as u32, NOW);
    }
    // Nobody had to make room before the ninth came, so it starts from nothing; whoever comes now may be the first again,
    // and starts from what that one has used.
    assert_eq!(charge(&shared, &table, &gcra(), 8, 1, NOW), (0, true));
    assert_eq!(used(&shared, &table, &gcra(), 0, NOW), 10);
    assert_eq!(used(&shared, &table, &gcra(), 7, NOW), 17);
    assert_eq!(used(&shared, &table, &gcra(), 99, NOW), 10);
    // The floor sinks as everything else does.
    assert_eq!(used(&shared, &table, &gcra(), 99, NOW + 6 * SECOND), 0);
}

/// Many more keys than slots, at random: what a key is taken to have used is never less than what it has, and no more
/// than that and a share of what its set has used.
fn never_less_and_hardly_more(algorithm: Algorithm, seed: u64, moves: bool) {
    let limit = Limit { algorithm, quota: 1000, capacity: 1000, window: 5 * SECOND };
    let shared = TestSharedData::default();
    let table = Table::open(&shared, "default", "policy", 8, NOW, &limit).unwrap();
    let mut truth: HashMap<u64, State> = HashMap::new();
    let (mut dice, mut now, mut evictions, mut all) = (Dice(seed), NOW, 0, 0);
    for _ in 0..20_000 {
        now += if moves { dice.below(3) as u64 * SECOND / 400 } else { 0 };
        // A few keys come often, many come now and then.
        let key = if dice.below(2) == 0 { dice.below(4) } else { dice.below(60) } as u64;
        let cost = 1 + dice.below(3) as u32;
        let state = truth.entry(key).or_default();
        let here = limit.at(*state, now);
        let really = limit.used(here, now);
        *state = limit.charge(here, now, cost);
        let (taken, evicted) = charge(&shared, &table, &limit, key, cost, now);
        assert!(taken >= really, "{key}: {taken} < {really}");
        evictions += usize::from(evicted);
        all += cost;
        assert!(moves || taken - really <= all / (WAYS as u32 - 1), "{taken} {really} {all}");
        if !moves && all >= 1000 {
            break;
        }
    }
    assert!(evictions > 50, "{evictions}");
}

#[test]
fn no_key_is_taken_to_have_used_less_than_it_has() {
    for algorithm in [Algorithm::Gcra, Algorithm::FixedWindow, Algorithm::SlidingWindow] {
        for seed in 1..6 {
            never_less_and_hardly_more(algorithm, seed * 0x9e37_79b9_7f4a, false);
            never_less_and_hardly_more(algorithm, seed * 0x9e37_79b9_7f4a, true);
        }
    }
}

#[test]
fn what_was_used_under_another_limit_is_still_used() {
    let shared = TestSharedData::default();
    let table = open(&shared, 8);
    for key in 0..9 {
        charge(&shared, &table, &gcra(), key, 10 + key as u32, NOW);
    }
    for new in [limit(Algorithm::Gcra, 50), limit(Algorithm::FixedWindow, 100), limit(Algorithm::SlidingWindow, 30)] {
        assert_eq!(used(&shared, &table, &new, 7, NOW), 17, "{new:?}");
        assert_eq!(used(&shared, &table, &new, 99, NOW), 10, "{new:?}");
    }
    // A write keeps it under the new limit.
    let new = limit(Algorithm::FixedWindow, 50);
    charge(&shared, &table, &new, 7, 3, NOW);
    assert_eq!(used(&shared, &table, &new, 7, NOW), 20);
    assert_eq!(used(&shared, &table, &new, 6, NOW), 16);
    assert_eq!(used(&shared, &table, &gcra(), 6, NOW), 16);
}

#[test]
fn a_set_is_kept_as_it_is_and_what_is_none_is_empty() {
    for algorithm in [Algorithm::Gcra, Algorithm::FixedWindow, Algorithm::SlidingWindow] {
        let limit = limit(algorithm, 100);
        let mut set = Set::new(&limit);
        for key in 0..9 {
            set.put(Fingerprint(key), limit.charge(limit.at(State::default(), NOW), NOW, 5 + key as u32), &limit, NOW);
        }
        let bytes = set.encode();
        assert_eq!(bytes.len(), 17 + 16 + 8 * 24);
        assert_eq!(Set::decode(&bytes, &limit, NOW), set);
        for length in 0..33 {
            assert_eq!(Set::decode(&bytes[..length], &limit, NOW), Set::new(&limit));
        }
    }
    let mut strange = Set::new(&gcra()).encode();
    strange[0] = 3;
    assert_eq!(Set::decode(&strange, &gcra(), NOW), Set::new(&gcra()));
}

#[test]
fn a_digest_depends_on_the_table() {
    let shared = TestSharedData::default();
    let first = open(&shared, 8);
    let second = Table::open(&shared, "default", "other", 8, NOW + 1, &gcra()).unwrap();
    let digest = |table: &Table| {
        let mut hasher = table.hasher();
        hasher.write(b"key");
        hasher.finish()
    };
    assert_eq!(digest(&first), digest(&open(&shared, 8)));
    assert_ne!(digest(&first), digest(&second));
}
