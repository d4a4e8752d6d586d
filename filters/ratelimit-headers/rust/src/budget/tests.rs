use std::cell::Cell;
use std::ops::RangeInclusive;

use weir_kit::clock::SECOND;
use weir_kit::headers::Refused;
use weir_kit::shared::Version;
use weir_testing::{Dice, TestSharedData};

use super::*;
use crate::bucket::{Algorithm, Limit};
use crate::cost::Cost;
use crate::exempt::Exempt;
use crate::slots::Fingerprint;

const NOW: u64 = 1_780_000_000 * SECOND;

fn policy(name: &str, algorithm: Algorithm, quota: u32) -> Policy {
    Policy {
        name: name.to_owned(),
        key: Vec::new(),
        skip_missing: false,
        limit: Limit { algorithm, quota, capacity: quota, window: 60 * SECOND },
        cost: Cost::Constant(1),
        shadow: false,
        exempt: Exempt::default(),
    }
}

fn gcra(name: &str, quota: u32) -> Policy {
    policy(name, Algorithm::Gcra, quota)
}

fn shadow(name: &str, quota: u32) -> Policy {
    Policy { shadow: true, ..gcra(name, quota) }
}

fn tables(shared: &dyn SharedData, policies: &[Policy]) -> Vec<Table> {
    policies
        .iter()
        .map(|policy| Table::open(shared, "default", &policy.name, 64, NOW, &policy.limit).unwrap())
        .collect()
}

fn claims(policies: &[Policy], cost: u32) -> Vec<Claim> {
    (0..policies.len()).map(|policy| Claim { policy, fingerprint: Fingerprint(7), cost }).collect()
}

/// One request of one unit, at a time.
fn admit(shared: &dyn SharedData, policies: &[Policy], now: u64) -> Verdict {
    let tables = tables(shared, policies);
    Budgets { policies, tables: &tables, shared, retries: 3, now }.admit(&claims(policies, 1))
}

fn remaining(verdict: &Verdict) -> Vec<u32> {
    verdict.standings.iter().map(|standing| standing.remaining).collect()
}

fn exceeded(verdict: &Verdict) -> Vec<bool> {
    verdict.standings.iter().map(|standing| standing.exceeded).collect()
}

#[test]
fn the_last_of_a_quota_is_allowed_and_the_next_is_limited() {
    let shared = TestSharedData::default();
    let policies = [gcra("a", 3)];
    for left in [2, 1, 0] {
        let verdict = admit(&shared, &policies, NOW);
        assert_eq!((verdict.outcome, remaining(&verdict)), (Outcome::Allowed, vec![left]));
    }
    let verdict = admit(&shared, &policies, NOW);
    assert_eq!(verdict.outcome, Outcome::Limited { wait: Some(20 * SECOND) });
    assert_eq!((remaining(&verdict), exceeded(&verdict)), (vec![0], vec![true]));
    assert_eq!(verdict.standings[0].reset, 60 * SECOND);
    assert_eq!(admit(&shared, &policies, NOW + 20 * SECOND - 1).outcome, Outcome::Limited { wait: Some(1) });
    assert_eq!(admit(&shared, &policies, NOW + 20 * SECOND).outcome, Outcome::Allowed);
}

#[test]
fn the_most_restrictive_decides_and_none_is_charged_in_vain() {
    let shared = TestSharedData::default();
    let policies = [gcra("wide", 10), gcra("tight", 2), policy("window", Algorithm::FixedWindow, 5)];
    for _ in 0..2 {
        assert_eq!(admit(&shared, &policies, NOW).outcome, Outcome::Allowed);
    }
    for _ in 0..5 {
        let verdict = admit(&shared, &policies, NOW);
        assert_eq!(verdict.outcome, Outcome::Limited { wait: Some(30 * SECOND) });
        assert_eq!((remaining(&verdict), exceeded(&verdict)), (vec![8, 0, 3], vec![false, true, false]));
    }
}

#[test]
fn the_longest_wait_counts() {
    let shared = TestSharedData::default();
    let policies = [gcra("a", 6), gcra("b", 2), gcra("c", 3)];
    let tables = tables(&shared, &policies);
    let budgets = Budgets { policies: &policies, tables: &tables, shared: &shared, retries: 0, now: NOW };
    budgets.settle(&claims(&policies, 1)[0], 6).unwrap();
    budgets.settle(&claims(&policies, 1)[1], 2).unwrap();
    budgets.settle(&claims(&policies, 1)[2], 3).unwrap();
    assert_eq!(budgets.admit(&claims(&policies, 1)).outcome, Outcome::Limited { wait: Some(30 * SECOND) });
    // A request that costs more than one of them ever has waits in vain.
    assert_eq!(budgets.admit(&claims(&policies, 3)).outcome, Outcome::Limited { wait: None });
}

#[test]
fn a_shadow_counts_and_lets_through() {
    let shared = TestSharedData::default();
    let policies = [shadow("shadow", 1), gcra("real", 3)];
    for (outcome, left, over) in [
        (Outcome::Allowed, [0, 2], [false, false]),
        (Outcome::Allowed, [0, 1], [true, false]),
        (Outcome::Allowed, [0, 0], [true, false]),
        (Outcome::Limited { wait: Some(20 * SECOND) }, [0, 0], [true, true]),
    ] {
        let verdict = admit(&shared, &policies, NOW);
        assert_eq!((verdict.outcome, remaining(&verdict), exceeded(&verdict)), (outcome, left.to_vec(), over.to_vec()));
    }
}

#[test]
fn costs_are_charged_and_settled() {
    let shared = TestSharedData::default();
    let policies = [gcra("a", 10)];
    let tables = tables(&shared, &policies);
    let budgets = Budgets { policies: &policies, tables: &tables, shared: &shared, retries: 0, now: NOW };
    assert_eq!(remaining(&budgets.admit(&claims(&policies, 4))), [6]);
    assert_eq!(budgets.admit(&claims(&policies, 7)).outcome, Outcome::Limited { wait: Some(6 * SECOND) });
    let settled = budgets.settle(&claims(&policies, 4)[0], 9).unwrap();
    assert_eq!((settled.remaining, settled.reset, settled.exceeded), (0, 78 * SECOND, false));
    assert_eq!(budgets.admit(&claims(&policies, 1)).outcome, Outcome::Limited { wait: Some(24 * SECOND) });
}

#[test]
fn conflicts_are_retried_within_a_bound() {
    let shared = TestSharedData::default();
    let policies = [gcra("a", 10)];
    admit(&shared, &policies, NOW);
    shared.conflict(3);
    let verdict = admit(&shared, &policies, NOW);
    assert_eq!((verdict.outcome, remaining(&verdict), verdict.standings[0].conflicts), (Outcome::Allowed, vec![8], 3));
    shared.conflict(4);
    let verdict = admit(&shared, &policies, NOW);
    assert_eq!((verdict.outcome, verdict.standings[0].conflicts), (Outcome::Undecided, 4));
    assert_eq!(remaining(&admit(&shared, &policies, NOW)), [7]);
    shared.break_down(true);
    let tables: Vec<Table> = Vec::new();
    let budgets = Budgets { policies: &policies, tables: &tables, shared: &shared, retries: 3, now: NOW };
    assert_eq!(budgets.admit(&claims(&policies, 1)).outcome, Outcome::Undecided);
    assert_eq!(budgets.settle(&claims(&policies, 1)[0], 1), None);
}

/// What is left of two policies after a request of two units whose third policy was never written; each has eight of ten
/// units left before it. Writes that take back conflict `conflicts` times.
fn left_after_a_failure(conflicts: usize) -> Vec<u32> {
    let shared = TestSharedData::default();
    let policies = [gcra("a", 10), policy("b", Algorithm::FixedWindow, 10), policy("c", Algorithm::SlidingWindow, 10)];
    let tables = tables(&shared, &policies);
    let budgets = Budgets { policies: &policies, tables: &tables, shared: &shared, retries: 3, now: NOW };
    assert_eq!(remaining(&budgets.admit(&claims(&policies, 2))), [8, 8, 8]);
    // The first two writes charge, the next four fail, and those after them take back.
    let fails = 3..=6 + conflicts;
    let racing = Racing { shared: &shared, writes: Cell::new(0), fails };
    let outcome = Budgets { shared: &racing, ..budgets }.admit(&claims(&policies, 2)).outcome;
    assert_eq!(outcome, Outcome::Undecided);
    remaining(&budgets.admit(&claims(&policies, 0)))
}

#[test]
fn a_charge_is_taken_back_where_a_later_policy_fails() {
    assert_eq!(left_after_a_failure(0), [8, 8, 8]);
    assert_eq!(left_after_a_failure(3), [8, 8, 8]);
    // Where other workers are faster again and again, it stays charged: never the other way.
    assert_eq!(left_after_a_failure(4), [6, 8, 8]);
    assert_eq!(left_after_a_failure(8), [6, 6, 8]);
}

/// Shared data in which these writes, counted from one, conflict.
struct Racing<'a> {
    shared: &'a TestSharedData,
    writes: Cell<usize>,
    fails: RangeInclusive<usize>,
}

impl SharedData for Racing<'_> {
    fn get(&self, key: &str) -> Result<Option<(Vec<u8>, Version)>, Refused> {
        self.shared.get(key)
    }

    fn replace(&self, key: &str, value: &[u8], version: Version) -> Result<(), NotWritten> {
        self.writes.set(self.writes.get() + 1);
        if self.fails.contains(&self.writes.get()) {
            Err(NotWritten::Conflict)
        } else {
            self.shared.replace(key, value, version)
        }
    }

    fn create(&self, key: &str, value: &[u8]) -> Result<(), NotWritten> {
        self.shared.create(key, value)
    }

    fn overwrite(&self, key: &str, value: &[u8]) -> Result<(), Refused> {
        self.shared.overwrite(key, value)
    }
}

mod race;
