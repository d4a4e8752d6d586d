//! Charging a request to all policies that are for it, or to none.

use weir_kit::shared::{NotWritten, SharedData};

use crate::bucket::State;
use crate::policy::{Claim, Policy};
use crate::slots::{Place, Table};

/// What a request meets: the policies, their tables, and the data that all workers share.
#[derive(Clone, Copy)]
pub(crate) struct Budgets<'a> {
    pub policies: &'a [Policy],
    /// Those of the policies, in their order.
    pub tables: &'a [Table],
    pub shared: &'a dyn SharedData,
    /// How often a write may conflict, in one request, before it is undecided.
    pub retries: u32,
    /// Nanoseconds since 1970.
    pub now: u64,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Every policy that is for it has been charged; those in shadow that had too little left have not.
    Allowed,
    /// At least one has too little left, and none was charged. After so many nanoseconds they all would have enough, if
    /// nobody else came; none where the request costs more than there ever is.
    Limited { wait: Option<u64> },
    /// Shared data was too busy or is out of order, and nothing is known.
    Undecided,
}

/// How one policy stands after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub claim: Claim,
    /// Whether it had too little left for the request.
    pub exceeded: bool,
    /// Units left.
    pub remaining: u32,
    /// Nanoseconds until all of them have come back.
    pub reset: u64,
    /// How often a write met that of another worker.
    pub conflicts: u32,
    /// Whether another key had to make room in the table.
    pub evicted: bool,
}

/// What becomes of a request, and how each policy that is for it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub outcome: Outcome,
    pub standings: Vec<Standing>,
}

impl Budgets<'_> {
    /// Charges a request to all the policies that claim it, or to none.
    pub(crate) fn admit(&self, claims: &[Claim]) -> Verdict {
        let mut verdict = Verdict { outcome: Outcome::Allowed, standings: Vec::with_capacity(claims.len()) };
        let mut places = Vec::with_capacity(claims.len());
        for claim in claims {
            let place = self.read(claim);
            verdict.standings.push(self.standing(claim, place.as_ref().ok()));
            places.push(place.ok());
        }
        if places.iter().any(Option::is_none) {
            verdict.outcome = Outcome::Undecided;
        } else if let Some(wait) = self.wait(&verdict.standings, &places) {
            verdict.outcome = Outcome::Limited { wait };
        } else {
            verdict.outcome = self.charge_all(&mut verdict.standings, places);
        }
        verdict
    }

    /// Charges the policies one after the other, and takes all charges back where one of them fails.
    fn charge_all(&self, standings: &mut [Standing], places: Vec<Option<Place>>) -> Outcome {
        let mut retries = self.retries;
        let mut charged: Vec<(Claim, State)> = Vec::with_capacity(standings.len());
        for (standing, place) in standings.iter_mut().zip(places) {
            if standing.exceeded {
                continue;
            }
            match self.charge(standing, place, &mut retries) {
                Ok(Some(state)) => charged.push((standing.claim, state)),
                Ok(None) if self.shadows(&standing.claim) => {}
                failed => {
                    for (claim, state) in charged {
                        self.take_back(&claim, state);
                    }
                    return match failed {
                        Ok(_) => Outcome::Limited { wait: self.wait_now(&standing.claim) },
                        Err(_) => Outcome::Undecided,
                    };
                }
            }
        }
        Outcome::Allowed
    }

    /// Charges one policy, again and again while other workers are faster. None where meanwhile too little is left.
    fn charge(
        &self,
        standing: &mut Standing,
        mut place: Option<Place>,
        retries: &mut u32,
    ) -> Result<Option<State>, NotWritten> {
        let claim = standing.claim;
        loop {
            let here = match place.take() {
                Some(place) => place,
                None => self.read(&claim)?,
            };
            let (policy, _) = self.of(&claim).ok_or(NotWritten::Refused)?;
            let limit = &policy.limit;
            let (conflicts, evicted) = (standing.conflicts, standing.evicted);
            if !limit.fits(here.state, self.now, claim.cost) {
                *standing = Standing { conflicts, evicted, ..self.standing(&claim, Some(&here)) };
                return Ok(None);
            }
            let state = limit.charge(here.state, self.now, claim.cost);
            match here.write(self.shared, limit, state, self.now) {
                Ok(evicted) => {
                    let (remaining, reset) = (limit.remaining(state, self.now), limit.reset(state, self.now));
                    *standing = Standing { remaining, reset, conflicts, evicted, ..*standing };
                    return Ok(Some(state));
                }
                Err(NotWritten::Conflict) => {
                    standing.conflicts += 1;
                    *retries = retries.checked_sub(1).ok_or(NotWritten::Conflict)?;
                }
                Err(NotWritten::Refused) => return Err(NotWritten::Refused),
            }
        }
    }

    /// Charges what a response turned out to cost beyond what was charged before, whether there is as much or not; says
    /// how the policy stands then. None where shared data was too busy: then it is not charged.
    pub(crate) fn settle(&self, claim: &Claim, cost: u32) -> Option<Standing> {
        let (policy, _) = self.of(claim)?;
        let mut conflicts = 0;
        loop {
            let place = self.read(claim).ok()?;
            let state = policy.limit.charge(place.state, self.now, cost);
            let standing = Standing {
                remaining: policy.limit.remaining(state, self.now),
                reset: policy.limit.reset(state, self.now),
                conflicts,
                exceeded: false,
                ..self.standing(claim, None)
            };
            match place.write(self.shared, &policy.limit, state, self.now) {
                Ok(evicted) => return Some(Standing { evicted, ..standing }),
                Err(NotWritten::Conflict) if conflicts < self.retries => conflicts += 1,
                Err(_) => return None,
            }
        }
    }

    /// Takes a charge back that was made to reach `charged`. Where other workers are faster again and again it stays: that
    /// gives nobody more than is theirs. Neither does taking it from the floor, where the key had to make room meanwhile:
    /// the floor is no less than what the key had used, this charge and all.
    fn take_back(&self, claim: &Claim, charged: State) {
        let Some((policy, _)) = self.of(claim) else {
            return;
        };
        for _ in 0..=self.retries {
            let Ok(place) = self.read(claim) else {
                return;
            };
            let state = policy.limit.take_back(place.state, charged, claim.cost);
            match place.write(self.shared, &policy.limit, state, self.now) {
                Err(NotWritten::Conflict) => {}
                _ => return,
            }
        }
    }

    fn of(&self, claim: &Claim) -> Option<(&Policy, &Table)> {
        Some((self.policies.get(claim.policy)?, self.tables.get(claim.policy)?))
    }

    fn shadows(&self, claim: &Claim) -> bool {
        self.of(claim).is_some_and(|(policy, _)| policy.shadow)
    }

    fn read(&self, claim: &Claim) -> Result<Place, NotWritten> {
        let (policy, table) = self.of(claim).ok_or(NotWritten::Refused)?;
        table.read(self.shared, claim.fingerprint, &policy.limit, self.now)
    }

    /// How a policy stands at a place, before anything is charged; where nothing is known, as if nothing were left.
    fn standing(&self, claim: &Claim, place: Option<&Place>) -> Standing {
        let nothing = Standing { claim: *claim, exceeded: false, remaining: 0, reset: 0, conflicts: 0, evicted: false };
        let (Some(Place { state, .. }), Some((Policy { limit, .. }, _))) = (place, self.of(claim)) else {
            return nothing;
        };
        Standing {
            exceeded: !limit.fits(*state, self.now, claim.cost),
            remaining: limit.remaining(*state, self.now),
            reset: limit.reset(*state, self.now),
            ..nothing
        }
    }

    /// How long until no policy that is enforced has too little left; none where all have enough.
    fn wait(&self, standings: &[Standing], places: &[Option<Place>]) -> Option<Option<u64>> {
        let mut longest = None;
        for (standing, place) in standings.iter().zip(places) {
            if standing.exceeded && !self.shadows(&standing.claim) {
                let wait = place.as_ref().and_then(|place| self.wait_at(&standing.claim, place));
                longest = Some(match (longest, wait) {
                    (None, wait) => wait,
                    (Some(Some(longest)), Some(wait)) => Some(wait.max(longest)),
                    (Some(_), _) => None,
                });
            }
        }
        longest
    }

    fn wait_at(&self, claim: &Claim, place: &Place) -> Option<u64> {
        let (policy, _) = self.of(claim)?;
        policy.limit.wait(place.state, self.now, claim.cost)
    }

    fn wait_now(&self, claim: &Claim) -> Option<u64> {
        self.wait_at(claim, &self.read(claim).ok()?)
    }
}

#[cfg(test)]
mod tests;
