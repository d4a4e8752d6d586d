//! A configuration in force, between the proxy and the modules that decide.

use weir_kit::LogLevel;
use weir_kit::clock::{Clock, HostClock, SECOND};
use weir_kit::headers::{Headers, HostHeaders};
use weir_kit::host;
use weir_kit::metrics::Counter;
use weir_kit::property::HostProperties;
use weir_kit::reply::Reply;
use weir_kit::shared::HostSharedData;

use crate::bucket::seconds;
use crate::budget::{Budgets, Outcome, Standing, Verdict};
use crate::config::Config;
use crate::dialect::{self, Shown};
use crate::key::Facts;
use crate::policy::{self, Policy};
use crate::slots::Table;

/// A configuration in force.
#[derive(Debug)]
pub(crate) struct Running {
    config: Config,
    /// Those of the policies, in their order, as are the counters.
    tables: Vec<Table>,
    counters: Vec<Counters>,
    /// Requests of which nothing was known.
    undecided: Counter,
}

/// What is counted of one policy.
#[derive(Debug)]
struct Counters {
    allowed: Counter,
    limited: Counter,
    shadowed: Counter,
    conflicts: Counter,
    evictions: Counter,
}

impl Counters {
    fn define(policy: &str) -> Counters {
        let define = |what: &str| Counter::define(&["weir_ratelimit.", policy, ".", what].concat());
        Counters {
            allowed: define("allowed"),
            limited: define("limited"),
            shadowed: define("shadowed"),
            conflicts: define("conflicts"),
            evictions: define("evictions"),
        }
    }
}

impl Running {
    /// Puts a configuration into force: opens the tables and defines the counters.
    pub(crate) fn start(config: Config) -> Result<Running, &'static str> {
        let now = HostClock.now().map_err(|_| "the proxy tells no time")?;
        let mut tables = Vec::with_capacity(config.policies.len());
        for Policy { name, limit, .. } in &config.policies {
            let state = &config.state;
            let table = Table::open(&HostSharedData, &state.name, name, state.slots, now, limit)
                .map_err(|_| "the proxy shares no data between its workers")?;
            if table.slots() < state.slots {
                let message =
                    ["policy ", name, " keeps the fewer slots that it has: see \"slots\" in the README"].concat();
                host::log(LogLevel::Warn, &message);
            }
            tables.push(table);
        }
        let counters = config.policies.iter().map(|policy| Counters::define(&policy.name)).collect();
        Ok(Running { config, tables, counters, undecided: Counter::define("weir_ratelimit.undecided") })
    }

    fn budgets(&self, now: u64) -> Budgets<'_> {
        let (policies, retries) = (self.config.policies.as_slice(), self.config.state.retries);
        Budgets { policies, tables: &self.tables, shared: &HostSharedData, retries, now }
    }

    fn policy(&self, standing: &Standing) -> Option<&Policy> {
        self.config.policies.get(standing.claim.policy)
    }

    pub(crate) fn count(&self, verdict: &Verdict) {
        if verdict.outcome == Outcome::Undecided {
            self.undecided.increment(1);
        }
        for standing in &verdict.standings {
            let (Some(policy), Some(counters)) = (self.policy(standing), self.counters.get(standing.claim.policy))
            else {
                continue;
            };
            match (verdict.outcome, standing.exceeded, policy.shadow) {
                (_, true, true) => counters.shadowed.increment(1),
                (Outcome::Allowed, _, _) => counters.allowed.increment(1),
                (_, true, false) => counters.limited.increment(1),
                _ => {}
            }
            self.count_trouble(standing);
        }
    }

    fn count_trouble(&self, standing: &Standing) {
        if let Some(counters) = self.counters.get(standing.claim.policy) {
            if standing.conflicts > 0 {
                counters.conflicts.increment(standing.conflicts);
            }
            if standing.evicted {
                counters.evictions.increment(1);
            }
        }
    }

    /// What the client is told: how the policies that are enforced stand.
    fn shown(&self, standings: &[Standing]) -> Vec<Shown<'_>> {
        let mut shown = Vec::with_capacity(standings.len());
        for standing in standings {
            if let Some(Policy { name, limit, shadow: false, .. }) = self.policy(standing) {
                let (remaining, reset) = (standing.remaining, seconds(standing.reset));
                shown.push(Shown { name, quota: limit.quota, window: limit.window / SECOND, remaining, reset });
            }
        }
        shown
    }

    /// The names of the policies that were exceeded: of those in shadow, or of those that are enforced.
    fn exceeded<'a>(&'a self, standings: &'a [Standing], shadow: bool) -> impl Iterator<Item = &'a str> {
        let exceeded = standings.iter().filter(|standing| standing.exceeded);
        let policies = exceeded.filter_map(|standing| self.policy(standing));
        policies.filter(move |policy| policy.shadow == shadow).map(|policy| policy.name.as_str())
    }

    /// The answer to a request that is not let through; none for one that is.
    pub(crate) fn answer(&self, verdict: &Verdict, now: u64) -> Option<(Reply, &'static str)> {
        let answer = &self.config.answer;
        match verdict.outcome {
            Outcome::Limited { wait } => {
                let mut reply = answer.limited(wait, self.exceeded(&verdict.standings, false));
                let shown = self.shown(&verdict.standings);
                for dialect in &self.config.dialects {
                    for (name, value) in dialect::fields(*dialect, &shown, now / SECOND) {
                        reply = reply.header(name, value);
                    }
                }
                Some((reply, "weir_ratelimit_limited"))
            }
            Outcome::Undecided if !self.config.state.admit_undecided => {
                Some((answer.undecided(), "weir_ratelimit_undecided"))
            }
            Outcome::Allowed | Outcome::Undecided => None,
        }
    }

    /// Tells the upstream which policies in shadow were exceeded; what a client says of that is taken away.
    pub(crate) fn mark(&self, standings: &[Standing]) {
        if !self.config.policies.iter().any(|policy| policy.shadow) {
            return;
        }
        let exceeded: Vec<&str> = self.exceeded(standings, true).collect();
        let mut headers = HostHeaders::REQUEST;
        let name = &self.config.shadow_header;
        let marked =
            if exceeded.is_empty() { headers.remove(name) } else { headers.set(name, exceeded.join(", ").as_bytes()) };
        if marked.is_err() {
            host::log(LogLevel::Warn, "the proxy refused to mark a request");
        }
    }

    /// Charges what the response costs beyond what was charged before.
    pub(crate) fn settle(&self, standings: &mut [Standing]) {
        for standing in standings {
            let Some(policy) = self.policy(standing) else {
                continue;
            };
            let cost = policy.cost.after(&HostHeaders::RESPONSE);
            if cost == 0 || standing.exceeded {
                continue;
            }
            match HostClock.now().ok().and_then(|now| self.budgets(now).settle(&standing.claim, cost)) {
                Some(settled) => *standing = settled,
                None => host::log(LogLevel::Warn, "a response's cost could not be charged"),
            }
            self.count_trouble(standing);
        }
    }

    /// Tells the client how the policies stand, in the headers of a response to a request that came at `now`.
    pub(crate) fn tell(&self, standings: &[Standing], now: u64) {
        let (shown, mut headers) = (self.shown(standings), HostHeaders::RESPONSE);
        for dialect in &self.config.dialects {
            if dialect::write(&mut headers, *dialect, self.config.upstream, &shown, now / SECOND).is_err() {
                host::log(LogLevel::Warn, "the proxy refused a header of the response");
            }
        }
    }

    /// Decides what becomes of a request, at a time that is none where the proxy tells none.
    pub(crate) fn decide(&self, now: Option<u64>) -> Verdict {
        let facts = Facts::new(&HostHeaders::REQUEST, &HostProperties, &self.config.trust);
        let claims = match self.config.exempt.covers(&facts) {
            true => Vec::new(),
            false => policy::claims(&self.config.policies, &self.tables, &facts),
        };
        match now {
            _ if claims.is_empty() => Verdict { outcome: Outcome::Allowed, standings: Vec::new() },
            Some(now) => self.budgets(now).admit(&claims),
            None => Verdict { outcome: Outcome::Undecided, standings: Vec::new() },
        }
    }
}
