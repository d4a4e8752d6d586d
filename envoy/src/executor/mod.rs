//! Cases through a real Envoy: one Envoy for all, and for each case a listener, clusters and servers of its own.
//!
//! Each case has a VM of its own, too: a trap in one, or what it keeps in shared data, must not change what another
//! sees; and what a filter logs while it is configured carries no name but its VM's. A VM costs Envoy some 30 ms.
//!
//! Cases run at the same time, so that their waits overlap. What has to be there is looked for until it is, and what
//! must not be there is given one short while to come.

mod listeners;
mod mark;
mod place;
mod steps;
mod turns;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::runtime::Handle;
use weir_cases::harness::Suite;
use weir_cases::{Case, Executor, Observed, Outcome, Subject, Trap};

use crate::admin;
use crate::envoy::{Envoy, Plan};
use crate::log::{Line, Log, tells_of_trap};
use crate::runtime::Runtime;
use listeners::Listeners;
use mark::Marker;
use place::Place;
use steps::Numbers;
use turns::Turns;

/// How many cases run at a time: most of what they do is to wait.
pub(crate) const AT_A_TIME: usize = 64;

/// How often something is looked for that is going to come.
const AGAIN: Duration = Duration::from_millis(10);

/// An Envoy that was started with the listeners of all the cases that it is going to be asked for.
#[derive(Debug)]
pub struct EnvoyExecutor {
    /// The Envoy.
    pub envoy: Envoy,
    places: HashMap<(String, String), Place>,
    /// What became of the listeners that were there from the start, by the key of their places.
    served: HashMap<String, Served>,
    listeners: Listeners,
    marker: Arc<Marker>,
    turns: Turns,
    /// Where the log stood when Envoy was ready: traps after that are the cases' doing.
    ready: usize,
    handle: Handle,
}

/// What became of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Served {
    On(u16),
    Refused(String),
}

impl EnvoyExecutor {
    /// Starts an Envoy for these cases.
    ///
    /// # Errors
    /// A module is not there, an answer cannot be said in HTTP, the kernel gives no port, or Envoy does not start: see
    /// [`Envoy::start`].
    pub async fn start(runtime: &Runtime, suites: &[Suite], state: &Path) -> Result<EnvoyExecutor> {
        let mut places = HashMap::new();
        let marker = Arc::new(Marker::new(state)?);
        let mut plan = Plan { clusters: vec![marker.cluster()], listeners: vec![marker.listener()], ..Plan::default() };
        for suite in suites {
            let wasm = suite.subject.wasm.canonicalize();
            let wasm =
                wasm.with_context(|| format!("{} is not there; build it first", suite.subject.wasm.display()))?;
            for case in &suite.cases {
                let key = format!("case-{}", places.len());
                let place = Place::new(&key, &wasm, case, Some(marker.clone()))
                    .await
                    .with_context(|| format!("case {:?}", case.name))?;
                plan.clusters.extend(place.clusters(case));
                if !place.waits_for_its_turn {
                    plan.listeners.push(place.listener.clone());
                }
                places.insert((suite.subject.label.clone(), case.name.clone()), place);
            }
        }
        plan.modules = places.values().flat_map(|it| &it.listener.filters).map(|it| it.wasm.clone()).collect();
        let envoy = Envoy::start(runtime, &plan, state, Arc::default()).await?;
        let served = served(envoy.admin).await?;
        match served.get(mark::NAME) {
            Some(Served::On(port)) => marker.served_on(*port),
            other => bail!("Envoy does not serve the listener that marks its log: {other:?}"),
        }
        // A listener that was refused would be tried anew, and refused again, with every listener that is added.
        plan.listeners.retain(|it| matches!(served.get(&it.name), Some(Served::On(_))));
        let (listeners, ready) = (Listeners::new(plan.listeners), envoy.log.mark());
        let (turns, handle) = (Turns::new(suites), Handle::current());
        Ok(EnvoyExecutor { envoy, places, served, listeners, marker, turns, ready, handle })
    }

    /// What went wrong beside the cases' own verdicts: Envoy ended, or a VM trapped.
    pub fn aftermath(&self) -> Vec<String> {
        let ended = self
            .envoy
            .ended()
            .map(|status| format!("Envoy ended during the run ({status}); it said:\n{}", self.envoy.log.explanation()));
        if ended.is_none() {
            // Where Envoy does not answer any more, what is there is all there is.
            drop(self.handle.block_on(self.marker.settle(&self.envoy.log)));
        }
        let traps = self.envoy.log.since(self.ready);
        let traps = traps.iter().filter(|line| line.is_trap()).map(|line| format!("a VM trapped:\n  {}", line.text));
        ended.into_iter().chain(traps).collect()
    }

    async fn run(&self, place: &Place, subject: &Subject, case: &Case) -> Result<Observed> {
        let _turn = self.turns.take(subject, case).await;
        let began = self.envoy.log.mark();
        // Before the VM is there: what it counts while it is configured belongs to the first step.
        let numbers = if case.expects_metrics() { Numbers::read(self.envoy.admin).await? } else { Numbers::default() };
        let served = match self.served.get(&place.listener.name) {
            Some(served) => served.clone(),
            None => self.listeners.add(&self.envoy, &place.listener).await?,
        };
        let observed = match served {
            Served::On(port) => self.steps(place, port, case, numbers).await,
            Served::Refused(reason) => Ok(self.refusal(&place.listener.name, &reason).await),
        };
        self.listeners.remove(&place.listener.name).await;
        let traps = self.envoy.log.since(began).into_iter().filter(Line::is_trap);
        let notes = traps.map(|line| format!("(Envoy, while this case ran) {}", line.text)).collect();
        let observed = observed?;
        // What a hostile case did to its filter is told already.
        Ok(if case.hostile { observed } else { Observed { notes, ..observed } })
    }

    async fn refusal(&self, key: &str, reason: &str) -> Observed {
        let deadline = Instant::now() + Duration::from_secs(2);
        let ends = format!("listener '{key}' config rejected");
        while !self.envoy.log.all().iter().any(|line| line.text.contains(&ends)) && Instant::now() < deadline {
            tokio::time::sleep(AGAIN).await;
        }
        let reason = load_errors(&self.envoy.log, key).into_iter().chain([reason.to_owned()]);
        let reason = reason.collect::<Vec<_>>().join("; ");
        let log = self.envoy.log.of_filter(key);
        let traps = if tells_of_trap(&reason) { vec![Trap { step: 0, text: reason.clone() }] } else { Vec::new() };
        Observed { outcome: Outcome::Refused { reason, log }, traps, notes: Vec::new() }
    }
}

impl Executor for EnvoyExecutor {
    fn execute(&self, subject: &Subject, case: &Case) -> Result<Observed> {
        let place = self.places.get(&(subject.label.clone(), case.name.clone()));
        let place = place.with_context(|| format!("Envoy was not started for {}::{}", subject.label, case.name))?;
        if let Some(status) = self.envoy.ended() {
            bail!("Envoy ended ({status}); it said:\n{}", self.envoy.log.explanation());
        }
        self.handle.block_on(self.run(place, subject, case))
    }
}

/// What became of every listener, by its name.
async fn served(admin: SocketAddr) -> Result<HashMap<String, Served>> {
    let refused = admin::listeners(admin).await?.into_iter();
    let refused = refused.filter_map(|it| Some((it.name, Served::Refused(it.refused?))));
    let ports = admin::ports(admin).await?.into_iter().map(|(name, port)| (name, Served::On(port)));
    Ok(refused.chain(ports).collect())
}

/// What Envoy said right before it gave up a plugin: its errors carry no name, but they come in one piece.
fn load_errors(log: &Log, key: &str) -> Vec<String> {
    let lines = log.all();
    let failed = format!("Plugin {key} failed to load");
    let Some(end) = lines.iter().position(|line| line.text == failed) else { return Vec::new() };
    let before = lines[..end].iter().rev().take_while(|line| line.component == "wasm" && line.level != "critical");
    let mut errors: Vec<_> =
        before.filter(|line| line.is_error() && line.from_filter().is_none()).map(|line| line.text.clone()).collect();
    errors.reverse();
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_envoy_says_of_a_module_is_told_from_what_it_says_of_the_next() {
        let log = Log::default();
        for line in [
            "[7][error][wasm] Wasm VM failed Missing or unknown Proxy-Wasm ABI version",
            "[7][error][wasm] Wasm VM failed Failed to load Wasm code",
            "[7][critical][wasm] Plugin case-0 failed to load",
            "[7][critical][wasm] Plugin configured to fail closed failed to load",
            "[7][warning][upstream] lds: listener 'case-0' config rejected: Unable to create Wasm plugin case-0",
            "[7][error][wasm] wasm log case-1: request: expected a list",
            "[7][error][wasm] Wasm VM failed Failed to configure base Wasm plugin",
            "[7][critical][wasm] Plugin case-1 failed to load",
        ] {
            log.push(line);
        }
        assert_eq!(load_errors(&log, "case-0").len(), 2);
        assert_eq!(load_errors(&log, "case-1"), ["Wasm VM failed Failed to configure base Wasm plugin"]);
        assert_eq!(load_errors(&log, "case-2"), [""; 0]);
    }
}
