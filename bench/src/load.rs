//! Load on a real Envoy: oha in a closed loop for throughput, in an open loop at a fixed rate for latency.
//!
//! In the open loop a request's time counts from when it was due, not from when it could be sent, so that an Envoy that
//! stalls does not hide the requests that it kept from being sent.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tokio::process::Command;
use weir_envoy::Launch;

use crate::client::Client;
use crate::machine::{self, Pins, taskset};
use crate::results::{Figure, Figures};
use crate::scenario::Scenario;
use crate::site::{Site, Tools};
use crate::subject::{Contender, Subject};

/// How long the parts of one measurement take.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Load before any is measured.
    pub warm: Duration,
    /// The closed loop.
    pub closed: Duration,
    /// The open loop.
    pub open: Duration,
}

impl Times {
    /// For figures.
    pub const WHOLE: Times =
        Times { warm: Duration::from_millis(500), closed: Duration::from_secs(2), open: Duration::from_secs(3) };
    /// For a look.
    pub const QUICK: Times = Times {
        warm: Duration::from_millis(200),
        closed: Duration::from_millis(700),
        open: Duration::from_millis(800),
    };
}

/// How many requests are under way at a time, for each worker.
const AT_A_TIME: u16 = 16;

/// The share of the bare listener's throughput that the open loop sends.
const SHARE: f64 = 0.3;

/// The rate of an open loop, from the throughput of the bare listener: the same for all contenders of a scenario.
pub fn rate(throughput: f64) -> u32 {
    ((throughput * SHARE / 50.0).floor() * 50.0).clamp(50.0, 100_000.0) as u32
}

/// Measures a contender by itself, in an Envoy of its own. Without a rate there is no open loop.
///
/// # Errors
/// Envoy does not start, the generator fails, or an answer is not as it should be.
pub async fn measure(
    tools: &Tools,
    subject: &Subject,
    scenario: &Scenario,
    contender: &Contender,
    times: Times,
    rate: Option<u32>,
) -> Result<Figures> {
    let (site, mut figures) = start(tools, subject, scenario, contender).await?;
    let oha = tools.oha.as_deref().context("there is no load generator; name one with --oha PATH")?;
    let load = Load { oha, subject, scenario, contender, port: site.port(contender)? };
    let pid = site.pid()?;
    load.run(times.warm, None).await?;
    let before = machine::cpu_time(pid)?;
    let closed = load.run(times.closed, None).await?;
    let spent = machine::cpu_time(pid)? - before;
    figures.set(Figure::Throughput, closed.summary.requests_per_sec);
    figures.set(Figure::CpuTime, spent as f64 / 1e3 / closed.answers() as f64);
    figures.set(Figure::Resident, machine::resident(pid)? as f64 / 1024.0);
    if let Some(rate) = rate {
        let open = load.run(times.open, Some(rate)).await?;
        let latency = &open.latency_percentiles;
        for (figure, seconds) in [
            (Figure::P50, latency.p50),
            (Figure::P90, latency.p90),
            (Figure::P99, latency.p99),
            (Figure::P999, latency.p999),
        ] {
            if let Some(seconds) = seconds {
                figures.set(figure, seconds * 1e3);
            }
        }
    }
    if let Some(status) = site.envoy.ended() {
        bail!("Envoy ended under load ({status}); it said:\n{}", site.envoy.log.explanation());
    }
    Ok(figures)
}

/// Starts an Envoy with a contender: how long that takes, and its first request.
///
/// # Errors
/// Envoy does not start, or the answer is not as it should be.
pub async fn start(
    tools: &Tools,
    subject: &Subject,
    scenario: &Scenario,
    contender: &Contender,
) -> Result<(Site, Figures)> {
    let workers = scenario.workers.into();
    // This process is pinned, and what it starts would be.
    let under = match Pins::here(scenario.workers.into()) {
        Some(pins) => taskset(&pins.envoy),
        None => taskset(machine::cores()),
    };
    let began = Instant::now();
    let launch = Launch { workers, under, ..Launch::default() };
    let site = Site::start(tools, subject, scenario, &[contender], launch).await?;
    let mut figures = Figures::default();
    figures.set(Figure::Start, began.elapsed().as_secs_f64() * 1e3);
    let status = subject.status(scenario, contender);
    let mut client = Client::connect(site.port(contender)?, scenario, &subject.headers(scenario), status).await?;
    client.pass(subject.before(scenario)).await?;
    let sent = Instant::now();
    client.send().await.with_context(|| format!("the first request to {}", contender.label))?;
    figures.set(Figure::First, sent.elapsed().as_secs_f64() * 1e3);
    figures.set(Figure::Resident, machine::resident(site.pid()?)? as f64 / 1024.0);
    Ok((site, figures))
}

/// One contender under load.
struct Load<'a> {
    oha: &'a Path,
    subject: &'a Subject,
    scenario: &'a Scenario,
    contender: &'a Contender,
    port: u16,
}

/// What oha says of a run, as far as it is used.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    summary: Summary,
    latency_percentiles: Percentiles,
    status_code_distribution: BTreeMap<String, u64>,
    #[serde(default)]
    error_distribution: BTreeMap<String, u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    requests_per_sec: f64,
}

/// In seconds; nothing where there were too few answers.
#[derive(Debug, Deserialize)]
struct Percentiles {
    p50: Option<f64>,
    p90: Option<f64>,
    p99: Option<f64>,
    #[serde(rename = "p99.9")]
    p999: Option<f64>,
}

impl Said {
    fn answers(&self) -> u64 {
        self.status_code_distribution.values().sum::<u64>().max(1)
    }

    /// Fails where an answer has another status, or an error is more than the end of the run.
    fn check(&self, status: u16) -> Result<()> {
        let status = status.to_string();
        if let Some((other, count)) = self.status_code_distribution.iter().find(|(it, _)| **it != status) {
            bail!("under load, {count} answers had status {other} and not {status}");
        }
        if self.status_code_distribution.is_empty() {
            bail!("under load there was no answer: {:?}", self.error_distribution);
        }
        // Requests that are under way when the time is over are counted as errors.
        let errors = self.error_distribution.iter().find(|(what, _)| !what.contains("deadline"));
        match errors {
            Some((what, count)) => bail!("under load, {count} requests failed: {what}"),
            None => Ok(()),
        }
    }
}

impl Load<'_> {
    async fn run(&self, time: Duration, rate: Option<u32>) -> Result<Said> {
        let mut command = Command::new(self.oha);
        command.args(["--no-tui", "--output-format", "json", "--disable-compression"]);
        command.args(["-z", &format!("{}ms", time.as_millis()), "-m", &self.scenario.request.method]);
        let at_a_time = AT_A_TIME * u16::from(self.scenario.workers);
        if self.scenario.http == 2 {
            command.args(["--http2", "-c", &(at_a_time / 8).to_string(), "-p", "8"]);
        } else {
            command.args(["-c", &at_a_time.to_string()]);
        }
        if let Some(rate) = rate {
            command.args(["-q", &rate.to_string(), "--latency-correction"]);
        }
        for (name, value) in self.subject.headers(self.scenario) {
            command.args(["-H", &format!("{name}: {value}")]);
        }
        if self.scenario.request.body > 0 {
            command.args(["-d", &"a".repeat(self.scenario.request.body)]);
        }
        command.arg(format!("http://127.0.0.1:{}/", self.port));
        // Ctrl-C goes to a terminal's whole foreground group; this process decides when its load stops.
        command.stdin(Stdio::null()).kill_on_drop(true).process_group(0);
        let output = command.output().await.with_context(|| format!("cannot start {}", self.oha.display()))?;
        if !output.status.success() {
            bail!("oha failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
        }
        let said: Said = serde_json::from_slice(&output.stdout).context("oha says something else than was expected")?;
        said.check(self.subject.status(self.scenario, self.contender))?;
        Ok(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(statuses: &str, errors: &str) -> Said {
        let text = format!(
            r#"{{"summary":{{"requestsPerSec":10.0,"more":1}},"latencyPercentiles":{{"p50":0.1,"p90":0.2,"p99":null,"p99.9":0.4}},
               "statusCodeDistribution":{statuses},"errorDistribution":{errors}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn the_generators_words_are_read_and_checked() {
        let good = said(r#"{"200":7}"#, r#"{"aborted due to deadline":3}"#);
        assert_eq!((good.answers(), good.latency_percentiles.p999), (7, Some(0.4)));
        good.check(200).unwrap();
        assert!(good.check(401).unwrap_err().to_string().contains("7 answers had status 200 and not 401"));
        let failed = said(r#"{"200":7}"#, r#"{"connection closed":3}"#).check(200).unwrap_err();
        assert!(failed.to_string().contains("3 requests failed: connection closed"));
        assert!(said("{}", "{}").check(200).is_err());
    }

    #[test]
    fn the_rate_is_a_share_of_the_bare_listeners_throughput() {
        assert_eq!(rate(10_000.0), 3000);
        assert_eq!(rate(10_300.0), 3050);
        assert_eq!(rate(1.0), 50);
    }
}
