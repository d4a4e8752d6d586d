//! Several workers at one store, with other workers' requests between any two of their calls.

use std::cell::RefCell;

use super::*;

/// Shared data in which, before a worker's call is carried out, others may serve whole requests of their own.
struct Crowd<'a> {
    shared: TestSharedData,
    policies: &'a [Policy],
    tables: RefCell<Vec<Table>>,
    dice: RefCell<Dice>,
    /// How many workers stand between the request in hand and the store: each call may be interrupted by the next one.
    depth: Cell<u32>,
    left: Cell<u32>,
    outcomes: RefCell<Vec<Outcome>>,
    conflicts: Cell<u32>,
}

impl Crowd<'_> {
    const WORKERS: u32 = 4;

    /// One request; the others that come in between are counted as well.
    fn serve(&self, now: u64) {
        self.left.set(self.left.get() - 1);
        let tables = self.tables.borrow().clone();
        let budgets = Budgets { policies: self.policies, tables: &tables, shared: self, retries: 1000, now };
        let verdict = budgets.admit(&claims(self.policies, 1));
        self.conflicts
            .set(self.conflicts.get() + verdict.standings.iter().map(|standing| standing.conflicts).sum::<u32>());
        self.outcomes.borrow_mut().push(verdict.outcome);
    }

    fn interrupt(&self) {
        while self.depth.get() + 1 < Crowd::WORKERS && self.left.get() > 0 && self.dice.borrow_mut().below(3) == 0 {
            self.depth.set(self.depth.get() + 1);
            // Their clocks differ by up to a microsecond.
            let now = NOW + self.dice.borrow_mut().below(1000) as u64;
            self.serve(now);
            self.depth.set(self.depth.get() - 1);
        }
    }
}

impl SharedData for Crowd<'_> {
    fn get(&self, key: &str) -> Result<Option<(Vec<u8>, Version)>, Refused> {
        self.interrupt();
        self.shared.get(key)
    }

    fn replace(&self, key: &str, value: &[u8], version: Version) -> Result<(), NotWritten> {
        self.interrupt();
        self.shared.replace(key, value, version)
    }

    fn create(&self, key: &str, value: &[u8]) -> Result<(), NotWritten> {
        self.interrupt();
        self.shared.create(key, value)
    }

    fn overwrite(&self, key: &str, value: &[u8]) -> Result<(), Refused> {
        self.shared.overwrite(key, value)
    }
}

/// Serves `requests` requests by four workers, and says how many were allowed and how many writes conflicted.
fn serve(policies: &[Policy], requests: u32, seed: u64) -> (usize, u32) {
    let crowd = Crowd {
        shared: TestSharedData::default(),
        policies,
        tables: RefCell::new(Vec::new()),
        dice: RefCell::new(Dice(seed)),
        depth: Cell::new(0),
        left: Cell::new(requests),
        outcomes: RefCell::new(Vec::new()),
        conflicts: Cell::new(0),
    };
    *crowd.tables.borrow_mut() = tables(&crowd.shared, policies);
    while crowd.left.get() > 0 {
        crowd.serve(NOW);
    }
    let outcomes = crowd.outcomes.borrow();
    assert_eq!(outcomes.len(), requests as usize);
    (outcomes.iter().filter(|outcome| **outcome == Outcome::Allowed).count(), crowd.conflicts.get())
}

#[test]
fn of_a_quota_exactly_as_many_are_allowed_whoever_serves_them() {
    for algorithm in [Algorithm::Gcra, Algorithm::FixedWindow, Algorithm::SlidingWindow] {
        for seed in 1..5 {
            let (allowed, conflicts) = serve(&[policy("a", algorithm, 500)], 2000, seed * 0x9e37_79b9_7f4a);
            assert_eq!(allowed, 500, "{algorithm:?}");
            assert!(conflicts > 100, "{conflicts}");
        }
    }
}

#[test]
fn of_several_quotas_never_more_than_the_smallest() {
    for seed in 1..5 {
        let policies =
            [gcra("a", 400), policy("b", Algorithm::FixedWindow, 300), policy("c", Algorithm::SlidingWindow, 350)];
        let (allowed, conflicts) = serve(&policies, 2000, seed * 0x9e37_79b9_7f4a);
        // A request that was charged to one policy and then limited by another gets its charge back; whom it kept out
        // meanwhile stays out.
        assert!(allowed <= 300 && allowed > 290, "{allowed}");
        assert!(conflicts > 100, "{conflicts}");
    }
}
