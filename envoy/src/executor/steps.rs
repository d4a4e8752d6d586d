//! The steps of one case, and what is seen of each.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::Result;
use weir_cases::{
    Case, Expected, Mismatch, Observed, Outcome, Reply, Seen, SeenCallout, SeenRequest, Step, Trap, judge_step,
};

use super::place::Place;
use super::{AGAIN, EnvoyExecutor};
use crate::admin::{self, Metric};
use crate::http::{self, Arrived};
use crate::log::Line;

/// How long an answer may take beyond the delays that the case itself asks for.
const ANSWER: Duration = Duration::from_secs(10);

/// How long none is waited for where none is expected.
const NO_ANSWER: Duration = Duration::from_secs(1);

/// How long what is expected may take to come after the answer: a callout, a line of the log, a number.
const LATE: Duration = Duration::from_secs(2);

/// How long is waited for what is expected not to come.
const SILENCE: Duration = Duration::from_millis(50);

/// What filters count, in the whole Envoy.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    counters: BTreeMap<String, u64>,
    gauges: BTreeMap<String, u64>,
}

impl Numbers {
    pub(super) async fn read(admin: SocketAddr) -> Result<Numbers> {
        let counters = admin::metrics(admin, Metric::Counter).await?;
        Ok(Numbers { counters, gauges: admin::metrics(admin, Metric::Gauge).await? })
    }

    /// By how much each counter grew, and what each gauge holds.
    fn since(&self, before: &Numbers) -> BTreeMap<String, u64> {
        let grew = |(name, now): (&String, &u64)| {
            let before = before.counters.get(name).copied().unwrap_or(0);
            (name.clone(), now.saturating_sub(before))
        };
        let gauges = self.gauges.iter().map(|(name, now)| (name.clone(), *now));
        gauges.chain(self.counters.iter().map(grew)).collect()
    }
}

/// Up to where everything was seen.
#[derive(Clone, Debug, Default)]
struct Mark {
    log: usize,
    upstream: usize,
    callouts: BTreeMap<String, usize>,
    numbers: Numbers,
}

impl EnvoyExecutor {
    pub(super) async fn steps(&self, place: &Place, port: u16, case: &Case, numbers: Numbers) -> Result<Observed> {
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (mut mark, mut steps, mut traps) = (Mark { numbers, ..Mark::default() }, Vec::new(), Vec::new());
        // Time passes from one exchange to the next: what looking takes is a part of it, and ticks keep their measure.
        let mut began = Instant::now();
        for (index, step) in case.steps.iter().enumerate() {
            let log = self.envoy.log.mark();
            tokio::time::sleep_until((began + step.advance).into()).await;
            place.upstream.answer(&step.upstream)?;
            let response = match &step.request {
                Some(request) => http::exchange(to, request, patience(case, step), Some(self.marker.clone())).await?,
                None => Reply::default(),
            };
            began = Instant::now();
            let (seen, after) = self.look(place, step, &mark, response).await?;
            steps.push(seen);
            mark = after;
            if case.hostile {
                // Envoy does not say whose VM trapped: hostile cases take turns. Nothing lives that could see the rest.
                let fallen = self.envoy.log.since(log).into_iter().find(Line::is_trap);
                traps.extend(fallen.map(|line| Trap { step: index, text: line.text }));
                if !traps.is_empty() {
                    break;
                }
            }
        }
        Ok(Observed { outcome: Outcome::Served(steps), traps, notes: Vec::new() })
    }

    /// Looks until what is expected is there, and once more where something is expected not to be.
    async fn look(&self, place: &Place, step: &Step, mark: &Mark, response: Reply) -> Result<(Seen, Mark)> {
        let deadline = Instant::now() + LATE;
        let expects_numbers = !step.expect.metrics.is_empty();
        loop {
            let (mut seen, after) = self.glance(place, mark, expects_numbers).await?;
            seen.response = response.clone();
            if judge_step(step, &seen).iter().any(may_still_come) && Instant::now() < deadline {
                tokio::time::sleep(AGAIN).await;
                continue;
            }
            if !step.expect.expects_silence() {
                return Ok((seen, after));
            }
            tokio::time::sleep(SILENCE).await;
            let (mut seen, after) = self.glance(place, mark, expects_numbers).await?;
            seen.response = response;
            return Ok((seen, after));
        }
    }

    /// What is there now since a mark, but for the response.
    async fn glance(&self, place: &Place, mark: &Mark, numbers: bool) -> Result<(Seen, Mark)> {
        let worker = self.marker.settle(&self.envoy.log).await?;
        let mut after = mark.clone();
        let mut seen = Seen::default();
        let name = &place.listener.name;
        let (lines, log) = self.envoy.log.of_filter_since(name, mark.log);
        after.log = log;
        // Of the worker's VM alone, as the callouts.
        let lines = lines.iter().filter(|line| line.thread == worker);
        seen.log = lines.filter_map(|line| line.of_filter(name)).map(str::to_owned).collect();
        let arrived = place.upstream.arrived();
        seen.upstream = arrived.get(mark.upstream..).and_then(|it| it.last()).map(|it| it.request.clone());
        after.upstream = arrived.len();
        let mut callouts = Vec::new();
        for (cluster, server) in &place.callouts {
            let arrived: Vec<_> = server.arrived().into_iter().filter(from_worker).collect();
            let known = mark.callouts.get(cluster).copied().unwrap_or(0);
            after.callouts.insert(cluster.clone(), arrived.len());
            callouts.extend(arrived.into_iter().skip(known).map(|it| (it.at, cluster, it.request)));
        }
        callouts.sort_by_key(|(at, ..)| *at);
        seen.callouts = callouts.into_iter().map(|(_, cluster, request)| callout(cluster, request)).collect();
        if numbers {
            after.numbers = Numbers::read(self.envoy.admin).await?;
            seen.metrics = after.numbers.since(&mark.numbers);
        }
        Ok((seen, after))
    }
}

/// Whether a callout is one of the VM that sees the requests. The main thread has a VM of its own, which is configured
/// and ticks just as well, and which no request ever sees; what it does is not what a case is about.
fn from_worker(arrived: &Arrived) -> bool {
    arrived.thread.as_ref().is_none_or(|thread| thread.starts_with("wrk:"))
}

fn callout(cluster: &str, request: SeenRequest) -> SeenCallout {
    SeenCallout { cluster: cluster.into(), request }
}

/// How long the answer of a step may take.
fn patience(case: &Case, step: &Step) -> Duration {
    let answers = case.clusters.values().flat_map(|it| &it.answers);
    let delays: Duration = answers.map(|it| it.delay).chain([step.upstream.delay]).sum();
    let none = matches!(step.expect.response, Some(Expected::Absent));
    delays + if none { NO_ANSWER } else { ANSWER }
}

/// Whether a mismatch may mend itself: the response is there as a whole, and what else is missing may come behind it.
fn may_still_come(mismatch: &Mismatch) -> bool {
    mismatch.lacking && mismatch.field.first().is_some_and(|it| it != "response")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_told_by_how_much_they_grew_and_gauges_as_they_are() {
        let numbers = |counter, gauge| Numbers {
            counters: [("c".to_owned(), counter)].into(),
            gauges: [("g".to_owned(), gauge)].into(),
        };
        let grown = numbers(7, 3).since(&numbers(5, 9));
        assert_eq!(grown, [("c".to_owned(), 2), ("g".to_owned(), 3)].into());
        assert_eq!(numbers(7, 3).since(&Numbers::default())["c"], 7);
    }

    #[test]
    fn an_answer_has_the_time_that_the_case_asks_for() {
        let text = "[[case]]\nname = 'a'\nconfiguration = '${k}'\nclusters.k.answers = [{ delay = '1s' }, { delay = '2s' }]\n\
                    [[case.step]]\nupstream.delay = '4s'\nexpect.response.status = 200\n\
                    [[case.step]]\nexpect.response.absent = true\n";
        let case = weir_cases::parse("f", text).unwrap().remove(0);
        assert_eq!(patience(&case, &case.steps[0]), ANSWER + Duration::from_secs(7));
        assert_eq!(patience(&case, &case.steps[1]), NO_ANSWER + Duration::from_secs(3));
    }
}
