//! A policy: for whom, how much, and at what cost.

use crate::bucket::Limit;
use crate::cost::Cost;
use crate::exempt::Exempt;
use crate::key::{self, Facts, Part};
use crate::slots::{Fingerprint, Table};

/// One quota and whom it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    pub name: String,
    pub key: Vec<Part>,
    /// Whether requests that lack a part of the key are none of this policy's; else they share one budget.
    pub skip_missing: bool,
    pub limit: Limit,
    pub cost: Cost,
    /// Whether it only counts and marks.
    pub shadow: bool,
    pub exempt: Exempt,
}

/// A policy that is for the request in hand: which one, for which key, and what the request costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Its place among the policies.
    pub policy: usize,
    pub fingerprint: Fingerprint,
    pub cost: u32,
}

/// The policies that are for a request. `tables` are those of the policies, in their order.
pub(crate) fn claims(policies: &[Policy], tables: &[Table], facts: &Facts<'_>) -> Vec<Claim> {
    let mut claims = Vec::new();
    for (index, (policy, table)) in policies.iter().zip(tables).enumerate() {
        let mut hasher = table.hasher();
        if policy.exempt.covers(facts) || !key::digest(&policy.key, facts, policy.skip_missing, &mut hasher) {
            continue;
        }
        let fingerprint = Fingerprint(std::hash::Hasher::finish(&hasher));
        claims.push(Claim { policy: index, fingerprint, cost: policy.cost.before(facts) });
    }
    claims
}
