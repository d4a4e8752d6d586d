//! Cases through a real Envoy: one Envoy for all, and for each case a listener, a cluster and an upstream of its own.
//!
//! Each case has a VM of its own, too: a trap in one, or what it keeps in shared data, must not change what another
//! sees; and what a filter logs while it is configured carries no name but its VM's. A VM costs Envoy some 30 ms.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::runtime::Handle;
use weir_cases::{Answer, Case, Executor, Observed, Outcome, Reply, Request, Seen, Subject};

use crate::admin;
use crate::bootstrap::{Cluster, Filter, Listener};
use crate::envoy::{Envoy, Plan};
use crate::http::{self, Upstream};
use crate::log::{Line, Log};
use crate::runtime::Runtime;

/// Envoy's log comes through a pipe: what it wrote may take this long to be read.
const PIPE: Duration = Duration::from_millis(20);

/// An Envoy that was started with the listeners of all the cases that it is going to be asked for.
#[derive(Debug)]
pub struct EnvoyExecutor {
    /// The Envoy.
    pub envoy: Envoy,
    places: HashMap<(String, String), Place>,
    /// Where the log stood when Envoy was ready: traps after that are the cases' doing.
    ready: usize,
    handle: Handle,
}

/// What one case has of its own.
#[derive(Debug)]
struct Place {
    /// The name of listener, cluster, filter and VM.
    key: String,
    upstream: Upstream,
    served: Served,
}

#[derive(Clone, Debug)]
enum Served {
    On(u16),
    Refused(String),
}

impl EnvoyExecutor {
    /// Starts an Envoy for these cases.
    ///
    /// # Errors
    /// A module is not there, the kernel gives no port, or Envoy does not start: see [`Envoy::start`].
    pub async fn start(runtime: &Runtime, suites: &[(Subject, Vec<Case>)], state: &Path) -> Result<EnvoyExecutor> {
        let (mut plan, mut upstreams) = (Plan::default(), Vec::new());
        for (subject, cases) in suites {
            let wasm = subject.wasm.canonicalize();
            let wasm = wasm.with_context(|| format!("{} is not there; build it first", subject.wasm.display()))?;
            for case in cases {
                let key = format!("case-{}", upstreams.len());
                let upstream = Upstream::answering(&answer(case)).await;
                let upstream = upstream.with_context(|| format!("case {:?}: upstream", case.name))?;
                plan.clusters.push(cluster(&key, upstream.port));
                plan.listeners.push(listener(&key, &wasm, case));
                upstreams.push(((subject.label.clone(), case.name.clone()), key, upstream));
            }
        }
        let envoy = Envoy::start(runtime, &plan, state, Arc::default()).await?;
        let served = served(envoy.admin).await?;
        let place = |key: String, upstream| -> Result<Place> {
            let served =
                served.get(&key).cloned().with_context(|| format!("Envoy does not know the listener {key}"))?;
            Ok(Place { key, upstream, served })
        };
        let places = upstreams.into_iter().map(|(id, key, upstream)| Ok((id, place(key, upstream)?)));
        let places = places.collect::<Result<_>>()?;
        let ready = envoy.log.mark();
        Ok(EnvoyExecutor { envoy, places, ready, handle: Handle::current() })
    }

    /// What went wrong beside the cases' own verdicts: Envoy ended, or a VM trapped.
    pub fn aftermath(&self) -> Vec<String> {
        std::thread::sleep(PIPE);
        let ended = self
            .envoy
            .ended()
            .map(|status| format!("Envoy ended during the run ({status}); it said:\n{}", self.envoy.log.explanation()));
        let traps = self.envoy.log.since(self.ready);
        let traps = traps.iter().filter(|line| line.is_trap()).map(|line| format!("a VM trapped:\n  {}", line.text));
        ended.into_iter().chain(traps).collect()
    }

    async fn exchange(&self, place: &Place, port: u16, case: &Case) -> Result<Observed> {
        let mark = self.envoy.log.mark();
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let request = case.steps.first().and_then(|step| step.request.clone()).unwrap_or_default();
        if case.steps.len() > 1 || !plain(&request, &answer(case)) || !case.clusters.is_empty() {
            bail!("this executor runs cases of one plain step only");
        }
        let response = http::send(to, &request).await?;
        tokio::time::sleep(PIPE).await;
        let log = self.envoy.log.of_filter(&place.key);
        let traps = self.envoy.log.since(mark).into_iter().filter(Line::is_trap);
        let notes = traps.map(|line| format!("(Envoy, while this case ran) {}", line.text)).collect();
        let upstream = place.upstream.requests().pop();
        let seen = Seen { upstream, response: Reply::Response(response), log, ..Seen::default() };
        Ok(Observed { outcome: Outcome::Served(vec![seen]), traps: Vec::new(), notes })
    }

    async fn refusal(&self, place: &Place, reason: &str) -> Observed {
        let deadline = Instant::now() + Duration::from_secs(2);
        let ends = format!("listener '{}' config rejected", place.key);
        while !self.envoy.log.all().iter().any(|line| line.text.contains(&ends)) && Instant::now() < deadline {
            tokio::time::sleep(PIPE).await;
        }
        let reason = load_errors(&self.envoy.log, &place.key).into_iter().chain([reason.to_owned()]);
        let reason = reason.collect::<Vec<_>>().join("; ");
        let log = self.envoy.log.of_filter(&place.key);
        Observed { outcome: Outcome::Refused { reason, log }, traps: Vec::new(), notes: Vec::new() }
    }
}

impl Executor for EnvoyExecutor {
    fn execute(&self, subject: &Subject, case: &Case) -> Result<Observed> {
        let place = self.places.get(&(subject.label.clone(), case.name.clone()));
        let place = place.with_context(|| format!("Envoy was not started for {}::{}", subject.label, case.name))?;
        if let Some(status) = self.envoy.ended() {
            bail!("Envoy ended ({status}); it said:\n{}", self.envoy.log.explanation());
        }
        self.handle.block_on(async {
            match &place.served {
                Served::On(port) => self.exchange(place, *port, case).await,
                Served::Refused(reason) => Ok(self.refusal(place, reason).await),
            }
        })
    }
}

fn answer(case: &Case) -> Answer {
    case.steps.first().map(|step| step.upstream.clone()).unwrap_or_default()
}

fn plain(request: &Request, answer: &Answer) -> bool {
    let http = request.http == weir_cases::Http::One;
    let whole = [&request.body, &answer.body].into_iter().all(|body| matches!(body, weir_cases::Body::Whole(_)));
    http && whole && answer.delay.is_zero() && answer.reset == weir_cases::Reset::Never
}

fn cluster(key: &str, port: u16) -> Cluster {
    Cluster { name: key.into(), host: Ipv4Addr::LOCALHOST.to_string(), port, tls: None }
}

fn listener(key: &str, wasm: &Path, case: &Case) -> Listener {
    let configuration = case.configuration.clone().map(|bytes| bytes.0);
    Listener {
        name: key.into(),
        port: 0,
        filters: vec![Filter { name: key.into(), wasm: wasm.into(), configuration }],
        cluster: key.into(),
        authority: None,
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
            "[error][wasm] Wasm VM failed Missing or unknown Proxy-Wasm ABI version",
            "[error][wasm] Wasm VM failed Failed to load Wasm code",
            "[critical][wasm] Plugin case-0 failed to load",
            "[critical][wasm] Plugin configured to fail closed failed to load",
            "[warning][upstream] lds: listener 'case-0' config rejected: Unable to create Wasm plugin case-0",
            "[error][wasm] wasm log case-1: request: expected a list",
            "[error][wasm] Wasm VM failed Failed to configure base Wasm plugin",
            "[critical][wasm] Plugin case-1 failed to load",
        ] {
            log.push(line);
        }
        assert_eq!(load_errors(&log, "case-0").len(), 2);
        assert_eq!(load_errors(&log, "case-1"), ["Wasm VM failed Failed to configure base Wasm plugin"]);
        assert_eq!(load_errors(&log, "case-2"), [""; 0]);
    }
}
