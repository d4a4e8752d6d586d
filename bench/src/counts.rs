//! What a filter takes, counted in process: the same in every run on every machine.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use weir_host::{Host, Message, Module, Plugin, StreamInfo, Worker};

use crate::profile;
use crate::scenario::{Measure, Scenario};
use crate::subject::{Port, Subject};

/// How many requests are played before any is counted: first requests make what later ones find.
const WARM: u32 = 20;

/// How many requests are counted.
const COUNTED: u32 = 100;

/// What one request takes, the mean of [`COUNTED`] of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Instructions that the guest executes.
    pub instructions: u64,
    /// Calls from the guest into the host, by name.
    pub host_calls: BTreeMap<String, u64>,
    /// Calls from the host into the guest, by name.
    pub callbacks: BTreeMap<String, u64>,
    /// The most bytes of memory that a VM of the chain came to.
    pub memory: u64,
}

impl Counts {
    /// All calls into the host.
    pub fn calls(&self) -> u64 {
        self.host_calls.values().sum()
    }

    /// All calls into the guest.
    pub fn crossed(&self) -> u64 {
        self.callbacks.values().sum()
    }
}

/// What is played: a chain of one module, requests, and the answer to them.
#[derive(Clone, Debug)]
pub struct Play<'a> {
    /// How often the module stands in the chain.
    pub chain: u32,
    /// The configuration.
    pub configuration: Option<&'a str>,
    /// The version of HTTP.
    pub http: u8,
    /// The request.
    pub request: Message,
    /// The answer of the upstream.
    pub answer: Message,
    /// The status that comes out.
    pub status: u16,
    /// How many requests pass before that.
    pub before: u32,
    /// How many requests are played before any is counted.
    pub warm: u32,
}

impl<'a> Play<'a> {
    /// A filter in a scenario; `None` where it is none for the filter.
    pub fn new(subject: &'a Subject, scenario: &Scenario) -> Option<Play<'a>> {
        let configuration = subject.configuration(scenario)?;
        let status = subject.bench.rejected.as_ref().filter(|_| scenario.rejected).map_or(200, |it| it.status);
        Some(Play {
            chain: scenario.chain.into(),
            configuration,
            http: scenario.http,
            request: request(scenario, &subject.headers(scenario)),
            answer: answer(scenario),
            status,
            before: subject.before(scenario),
            warm: WARM,
        })
    }

    /// A worker with the chain.
    ///
    /// # Errors
    /// The filter does not start, or refuses its configuration; with what it logged.
    pub fn worker(&self, module: &Module) -> Result<Worker> {
        let plugin = |at: u32| {
            let name = format!("link-{at}");
            let mut plugin = Plugin { vm_id: name.clone(), root_id: name.clone(), name, ..Plugin::new(module) };
            plugin.configuration = self.configuration.unwrap_or_default().into();
            // The fuel of a block is that of all its instructions, and counting makes them several times as many.
            plugin.fuel *= 10;
            plugin
        };
        let mut worker = Worker::new(&Host::new(), (0..self.chain).map(plugin)).map_err(|error| anyhow!("{error}"))?;
        for _ in 0..self.before {
            let passing = Play { status: 200, ..self.clone() };
            passing.exchange(&mut worker, &self.request)?;
        }
        Ok(worker)
    }

    /// Plays one request to its end.
    ///
    /// # Errors
    /// The answer has another status than it should, or a filter trapped.
    pub fn exchange(&self, worker: &mut Worker, request: &Message) -> Result<weir_host::Counts> {
        let protocol = if self.http == 2 { "HTTP/2" } else { "HTTP/1.1" };
        let info = StreamInfo { protocol: protocol.into(), ..StreamInfo::default() };
        let exchange = worker.exchange_with(info, request, |_| self.answer.clone().into());
        if let Some(trap) = exchange.traps.first() {
            bail!("{trap}");
        }
        let status = exchange.response.as_ref().map_or(0, Message::status);
        if status != self.status {
            let log: Vec<_> = exchange.log.iter().map(|line| line.message.as_str()).collect();
            bail!("expected status {}, got {status}; the filter's log: {}", self.status, log.join("; "));
        }
        Ok(exchange.counts)
    }

    /// What a request takes when the filter has been at work for a while, of a module that [`profile::counting`] made.
    ///
    /// # Errors
    /// As [`Play::worker`] and [`Play::exchange`].
    pub fn counts(&self, module: &Module) -> Result<Counts> {
        let mut worker = self.worker(module)?;
        self.counts_of(&mut worker, |_| self.request.clone())
    }

    /// The same over requests that differ by their number.
    ///
    /// # Errors
    /// As [`Play::exchange`].
    pub fn counts_of(&self, worker: &mut Worker, request: impl Fn(u32) -> Message) -> Result<Counts> {
        for n in 0..self.warm {
            self.exchange(worker, &request(n))?;
        }
        let (before, executed) = (worker.counts(), profile::executed(worker, self.chain));
        for n in 0..COUNTED {
            self.exchange(worker, &request(self.warm + n))?;
        }
        let all = worker.counts().since(&before);
        let instructions = profile::executed(worker, self.chain) - executed;
        let each = |total: u64| (total + u64::from(COUNTED / 2)) / u64::from(COUNTED);
        let by_name = |all: BTreeMap<String, u64>| -> BTreeMap<String, u64> {
            all.into_iter().map(|(name, total)| (name, each(total))).filter(|(_, count)| *count > 0).collect()
        };
        Ok(Counts {
            instructions: each(instructions),
            host_calls: by_name(all.host_calls),
            callbacks: by_name(all.callbacks),
            memory: all.memory as u64,
        })
    }
}

/// The request of a scenario.
pub fn request(scenario: &Scenario, headers: &[(String, String)]) -> Message {
    let request = Message::request(&scenario.request.method, "/");
    let request = headers.iter().fold(request, |message, (name, value)| message.header(name, value));
    with_body(request, scenario.request.body)
}

fn answer(scenario: &Scenario) -> Message {
    let headers = scenario.answer_headers();
    let answer = headers.iter().fold(Message::response(200), |message, (name, value)| message.header(name, value));
    with_body(answer, scenario.answer.body)
}

/// In pieces of 16 KiB, as Envoy reads them off a socket.
fn with_body(message: Message, bytes: usize) -> Message {
    let body = vec![b'a'; bytes];
    body.chunks(16 << 10).fold(message, |message, chunk| message.chunk(chunk))
}

/// What each port takes in each scenario, by the port's label and the scenario's name.
pub type Table = BTreeMap<String, BTreeMap<String, Counts>>;

/// Counts all ports of a filter, side by side.
///
/// # Errors
/// A module cannot be run, or answers otherwise than it should: names port and scenario.
pub fn table(subject: &Subject, scenarios: &[Scenario]) -> Result<Table> {
    std::thread::scope(|scope| {
        let rows = subject.ports.iter().map(|port| (port, scope.spawn(move || row(subject, port, scenarios))));
        let rows: Vec<_> = rows.collect();
        let counted = rows.into_iter().map(|(port, row)| {
            let row = row.join().map_err(|_| anyhow!("{}: the counting panicked", port.label))??;
            Ok((port.label.clone(), row))
        });
        counted.collect()
    })
}

fn row(subject: &Subject, port: &Port, scenarios: &[Scenario]) -> Result<BTreeMap<String, Counts>> {
    let module = profile::counting(&port.wasm)?;
    let mut row = BTreeMap::new();
    for scenario in scenarios.iter().filter(|it| it.measures(Measure::Counts)) {
        let Some(play) = Play::new(subject, scenario) else { continue };
        let counts = play.counts(&module).with_context(|| format!("{}, {}", port.label, scenario.name))?;
        row.insert(scenario.name.clone(), counts);
    }
    Ok(row)
}
