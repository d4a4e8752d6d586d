//! Limits how many requests a client may make, over all workers, and tells it so in headers.
//!
//! This file only translates between the proxy's callbacks and the modules that decide.

mod answer;
mod bucket;
mod budget;
mod config;
mod cost;
mod dialect;
mod exempt;
mod key;
mod path;
mod policy;
mod slots;
mod structured;

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};
use weir_kit::LogLevel;
use weir_kit::clock::{Clock, HostClock, SECOND};
use weir_kit::headers::{Headers, HostHeaders};
use weir_kit::host;
use weir_kit::metrics::Counter;
use weir_kit::property::HostProperties;
use weir_kit::reply::Reply;
use weir_kit::shared::HostSharedData;

use bucket::seconds;
use budget::{Budgets, Outcome, Standing, Verdict};
use config::Config;
use dialect::Shown;
use key::Facts;
use policy::Policy;
use slots::Table;

proxy_wasm::main! {{
    host::report_panics();
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
}}

/// One plugin in one VM. Several may live side by side, each with its own configuration.
#[derive(Debug, Default)]
struct Root {
    running: Option<Rc<Running>>,
}

/// A configuration in force.
#[derive(Debug)]
struct Running {
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
    fn start(config: Config) -> Result<Running, &'static str> {
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

    fn count(&self, verdict: &Verdict) {
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
    fn answer(&self, verdict: &Verdict, now: u64) -> Option<(Reply, &'static str)> {
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
    fn mark(&self, standings: &[Standing]) {
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
    fn settle(&self, standings: &mut [Standing]) {
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

    /// Decides what becomes of a request, at a time that is none where the proxy tells none.
    fn decide(&self, now: Option<u64>) -> Verdict {
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

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        let config = Config::read(&host::plugin_configuration(size)).map_err(|error| error.message().to_owned());
        match config.and_then(|config| Running::start(config).map_err(str::to_owned)) {
            Ok(running) => {
                self.running = Some(Rc::new(running));
                true
            }
            Err(message) => {
                host::log(LogLevel::Error, &message);
                false
            }
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream { running: self.running.clone(), standings: Vec::new(), now: 0 }))
    }
}

/// One request and its response, under the configuration that was in force when the request arrived.
#[derive(Debug)]
struct Stream {
    /// None only in a plugin whose configuration was refused, which a proxy sends no request to.
    running: Option<Rc<Running>>,
    /// How the policies stand that are for a request that was let through.
    standings: Vec<Standing>,
    /// When that was found out, in nanoseconds since 1970.
    now: u64,
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let Some(running) = self.running.clone() else {
            return Action::Continue;
        };
        let now = HostClock.now().ok();
        let verdict = running.decide(now);
        running.count(&verdict);
        if let Some((reply, details)) = running.answer(&verdict, now.unwrap_or_default()) {
            if reply.send(details).is_err() {
                host::log(LogLevel::Error, "the proxy refused the answer to a request that is limited");
            }
            return Action::Pause;
        }
        running.mark(&verdict.standings);
        if verdict.outcome == Outcome::Allowed {
            self.standings = verdict.standings;
            self.now = now.unwrap_or_default();
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        let Some(running) = self.running.clone().filter(|_| !self.standings.is_empty()) else {
            return Action::Continue;
        };
        running.settle(&mut self.standings);
        let shown = running.shown(&self.standings);
        let mut headers = HostHeaders::RESPONSE;
        for dialect in &running.config.dialects {
            let upstream = running.config.upstream;
            if dialect::write(&mut headers, *dialect, upstream, &shown, self.now / SECOND).is_err() {
                host::log(LogLevel::Warn, "the proxy refused a header of the response");
            }
        }
        Action::Continue
    }
}
