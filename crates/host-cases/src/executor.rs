//! Cases on the host: a host, a worker and a clock of its own for each.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use weir_cases::{
    Case, Executor, Expected, Http, Mismatch, Observed, Outcome, Reply, Reset, Seen, SeenCallout, Step, Subject, Trap,
    judge_step,
};
use weir_host::{
    Answer, End, Exchange, GrpcAnswer, GrpcEvent, Host, LogLevel, LogLine, Message, Metric, Module, Plugin, StartCause,
    StreamInfo, Worker,
};

use crate::{grpc, wire};

/// How long an answer may take beyond the delays that the case itself asks for.
const ANSWER: Duration = Duration::from_secs(10);

/// How long none is waited for where none is expected.
const NO_ANSWER: Duration = Duration::from_secs(1);

/// How long what is expected may take to come after the answer.
const LATE: Duration = Duration::from_secs(2);

/// How much time passes until it is looked for again.
const AGAIN: Duration = Duration::from_millis(10);

/// Runs cases in process. Modules are compiled once.
#[derive(Debug, Default)]
pub struct HostExecutor {
    modules: Mutex<HashMap<PathBuf, Module>>,
}

impl HostExecutor {
    fn module(&self, wasm: &Path) -> Result<Module> {
        let mut modules = lock(&self.modules);
        if let Some(module) = modules.get(wasm) {
            return Ok(module.clone());
        }
        let module = Module::read(wasm).with_context(|| wasm.display().to_string())?;
        modules.insert(wasm.to_owned(), module.clone());
        Ok(module)
    }
}

impl Executor for HostExecutor {
    fn execute(&self, subject: &Subject, case: &Case) -> Result<Observed> {
        let module = self.module(&subject.wasm)?;
        let (host, callouts) = host(case);
        let named = || "case".to_owned();
        let plugin = Plugin {
            name: named(),
            root_id: named(),
            vm_id: named(),
            configuration: case.configuration(str::to_owned).unwrap_or_default(),
            log_level: LogLevel::Info,
            ..Plugin::new(&module)
        };
        match Worker::new(&host, [plugin]) {
            Ok(worker) => {
                let (began, traps, numbers) = (host.now(), Vec::new(), BTreeMap::new());
                let mut running = Running { case, host, worker, callouts, began, traps, numbers };
                let mut steps = Vec::new();
                for (index, step) in case.steps.iter().enumerate() {
                    steps.push(running.step(step, index));
                    if case.hostile && !running.traps.is_empty() {
                        // Nothing lives that could see the rest.
                        break;
                    }
                }
                Ok(Observed { outcome: Outcome::Served(steps), traps: running.traps, notes: Vec::new() })
            }
            Err(error) => {
                let reason = error.cause.to_string();
                let trap = matches!(error.cause, StartCause::Trap(_)).then(|| Trap { step: 0, text: reason.clone() });
                let outcome = Outcome::Refused { reason, log: texts(error.log) };
                Ok(Observed { outcome, traps: trap.into_iter().collect(), notes: Vec::new() })
            }
        }
    }
}

/// A callout and its place among all.
type Callouts = Arc<Mutex<Vec<SeenCallout>>>;

/// A host with the clusters of a case, and what arrives at them.
fn host(case: &Case) -> (Host, Callouts) {
    let (host, callouts) = (Host::new(), Callouts::default());
    for (name, cluster) in &case.clusters {
        let counter = Arc::new(Mutex::new(0));
        let next = |counter: &Mutex<usize>| {
            let mut counter = lock(counter);
            *counter += 1;
            *counter - 1
        };
        let (script, seen, count) = (cluster.clone(), callouts.clone(), counter.clone());
        host.cluster(name, move |callout| {
            let with_body = !callout.request.chunks.is_empty();
            let request = wire::seen_request(&callout.request, script.http, with_body);
            lock(&seen).push(SeenCallout { cluster: callout.cluster.clone(), request });
            answer(&script.answer(next(&count)), script.http)
        });
        let (script, seen) = (cluster.clone(), callouts.clone());
        host.grpc_cluster(name, move |call, event| {
            let (message, answers) = match &event {
                GrpcEvent::Call(message) => (Some(message.as_slice()), true),
                GrpcEvent::Open => (Some(&b""[..]), false),
                // A scripted server answers a stream when it has heard all of it.
                GrpcEvent::Message { end, .. } => (None, *end),
                GrpcEvent::HalfClose => (None, true),
            };
            if let Some(message) = message {
                let request = grpc::seen(call, message);
                lock(&seen).push(SeenCallout { cluster: call.cluster.clone(), request });
            }
            if !answers {
                return GrpcAnswer::default();
            }
            let answer = script.answer(next(&counter));
            GrpcAnswer { frames: grpc::frames(&answer, call), after: answer.delay }
        });
    }
    (host, callouts)
}

/// An answer of a case as the host takes it.
fn answer(answer: &weir_cases::Answer, http: Http) -> Answer {
    let reply = match answer.reset {
        Reset::Never => weir_host::Reply::Response(wire::answer(answer, http)),
        Reset::BeforeHeaders => weir_host::Reply::Reset,
        Reset::InBody => weir_host::Reply::ResetWithin(wire::answer(answer, http)),
    };
    Answer { reply, after: answer.delay }
}

/// A case that runs.
struct Running<'a> {
    case: &'a Case,
    host: Host,
    worker: Worker,
    callouts: Callouts,
    /// When the last exchange ended.
    began: Duration,
    traps: Vec<Trap>,
    /// The counters when the last step ended.
    numbers: BTreeMap<String, u64>,
}

impl Running<'_> {
    fn step(&mut self, step: &Step, index: usize) -> Seen {
        let number = index + 1;
        // Time passes from one exchange to the next: what looking took is a part of it.
        let due = self.began + step.advance;
        self.worker.advance(due.saturating_sub(self.host.now()));
        let mut seen = Seen { log: texts(self.worker.take_log()), ..Seen::default() };
        if let Some(request) = &step.request {
            let exchange = self.exchange(step, request, number);
            let with_body = !wire::request(request, number).chunks.is_empty();
            let upstream = exchange.upstream.as_ref();
            seen.upstream = upstream.map(|it| wire::seen_request(it, request.http, with_body));
            let head = request.method == "HEAD";
            seen.response = response(&exchange, request.http, head, self.host.now(), self.patience(step));
            seen.log.extend(texts(exchange.log));
            self.trapped(index, exchange.traps);
        }
        self.began = self.host.now();
        self.look(step, index, &mut seen);
        let numbers = counters(&self.host);
        seen.metrics = grown(&self.numbers, &self.host);
        self.numbers = numbers;
        seen
    }

    fn exchange(&mut self, step: &Step, request: &weir_cases::Request, number: usize) -> Exchange {
        let protocol = if request.http == Http::Two { "HTTP/2" } else { "HTTP/1.1" };
        let otherwise = StreamInfo::default();
        let source = wire::client(request).unwrap_or(otherwise.source);
        let info = StreamInfo { protocol: protocol.into(), source, ..otherwise };
        self.worker.patience = self.patience(step);
        let message = wire::request(request, number);
        self.worker.exchange_with(info, &message, |request: &Message| match wire::never_ends(request) {
            true => Answer::silence(),
            false => answer(&step.upstream, if protocol == "HTTP/2" { Http::Two } else { Http::One }),
        })
    }

    /// How long the answer of a step may take.
    fn patience(&self, step: &Step) -> Duration {
        let answers = self.case.clusters.values().flat_map(|it| &it.answers);
        let delays: Duration = answers.map(|it| it.delay).chain([step.upstream.delay]).sum();
        let none = matches!(step.expect.response, Some(Expected::Absent));
        delays + if none { NO_ANSWER } else { ANSWER }
    }

    fn trapped(&mut self, step: usize, traps: Vec<weir_host::Trap>) {
        self.traps.extend(traps.iter().map(|trap| Trap { step, text: trap.to_string() }));
    }

    /// Looks at what came beside the answer, until what is expected is there.
    fn look(&mut self, step: &Step, index: usize, seen: &mut Seen) {
        let mut waited = Duration::ZERO;
        loop {
            seen.log.extend(texts(self.worker.take_log()));
            seen.callouts.append(&mut lock(&self.callouts));
            seen.metrics = grown(&self.numbers, &self.host);
            let traps = self.worker.take_traps();
            self.trapped(index, traps);
            if waited >= LATE || !judge_step(step, seen).iter().any(may_still_come) {
                return;
            }
            self.worker.advance(AGAIN);
            waited += AGAIN;
        }
    }
}

/// What came back to the client.
fn response(exchange: &Exchange, http: Http, head: bool, now: Duration, patience: Duration) -> Reply {
    let broken = !matches!(exchange.end, End::Complete);
    match (&exchange.response, &exchange.end) {
        (Some(response), _) => {
            let mut seen = wire::seen_response(response, http, head, now);
            seen.broken |= broken;
            Reply::Response(seen)
        }
        (None, End::Reset(why)) => Reply::Nothing(format!("the stream ended before an answer ({why})")),
        (None, _) => Reply::Nothing(format!("no answer within {} seconds", patience.as_secs_f64())),
    }
}

/// Whether a mismatch may mend itself with time.
fn may_still_come(mismatch: &Mismatch) -> bool {
    mismatch.lacking && mismatch.field.first().is_some_and(|it| it != "response")
}

fn counters(host: &Host) -> BTreeMap<String, u64> {
    let numbers = host.metrics().into_iter().filter_map(|(name, metric)| match metric {
        Metric::Counter(value) => Some((name, value)),
        Metric::Gauge(_) | Metric::Histogram(_) => None,
    });
    numbers.collect()
}

/// By how much each counter grew, and what each gauge holds.
fn grown(before: &BTreeMap<String, u64>, host: &Host) -> BTreeMap<String, u64> {
    let numbers = host.metrics().into_iter().filter_map(|(name, metric)| match metric {
        Metric::Counter(value) => {
            let grew = value.saturating_sub(before.get(&name).copied().unwrap_or(0));
            Some((name, grew))
        }
        Metric::Gauge(value) => Some((name, value)),
        Metric::Histogram(_) => None,
    });
    numbers.collect()
}

fn texts(log: Vec<LogLine>) -> Vec<String> {
    log.into_iter().map(|line| line.message).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A filter that asks a gRPC service as soon as it is configured, and logs what it is told.
    const ASKS: &str = r#"(module
        (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
        (import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
        (import "env" "proxy_grpc_call" (func $call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1) (data (i32.const 16) "keyspackage.ServiceMethodask")
        (func (export "proxy_abi_version_0_2_1"))
        (func (export "malloc") (param i32) (result i32) (i32.const 1024))
        (func (export "proxy_on_configure") (param i32 i32) (result i32)
            (i32.eqz (call $call (i32.const 16) (i32.const 4) (i32.const 20) (i32.const 15) (i32.const 35) (i32.const 6)
                (i32.const 0) (i32.const 0) (i32.const 41) (i32.const 3) (i32.const 1000) (i32.const 64))))
        (func (export "proxy_on_grpc_receive") (param i32 i32 i32)
            (drop (call $buffer (i32.const 5) (i32.const 0) (i32.const 99) (i32.const 64) (i32.const 68)))
            (drop (call $log (i32.const 2) (i32.load (i32.const 64)) (i32.load (i32.const 68)))))
        (func (export "proxy_on_grpc_close") (param i32 i32 i32)
            (drop (call $log (i32.const 3) (i32.const 35) (i32.const 6)))))"#;

    /// A filter that logs the seconds' last digit with every request, `debug` below what Envoy keeps, and `late` in a tick.
    const TELLS_TIME: &str = r#"(module
        (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
        (import "env" "proxy_get_current_time_nanoseconds" (func $time (param i32) (result i32)))
        (import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))
        (memory (export "memory") 1) (data (i32.const 16) "debuglate")
        (func (export "proxy_abi_version_0_2_1"))
        (func (export "malloc") (param i32) (result i32) (i32.const 1024))
        (func (export "proxy_on_tick") (param i32)
            (drop (call $tick (i32.const 0)))
            (drop (call $log (i32.const 2) (i32.const 21) (i32.const 4))))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (drop (call $log (i32.const 1) (i32.const 16) (i32.const 5)))
            (drop (call $time (i32.const 64)))
            (i32.store8 (i32.const 72) (i32.add (i32.const 48) (i32.wrap_i64
                (i64.rem_u (i64.div_u (i64.load (i32.const 64)) (i64.const 1000000000)) (i64.const 10)))))
            (drop (call $tick (i32.const 500)))
            (call $log (i32.const 2) (i32.const 72) (i32.const 1))))"#;

    #[test]
    fn time_passes_from_exchange_to_exchange_and_looking_is_a_part_of_it() {
        let executor = HostExecutor::default();
        let wasm = PathBuf::from("time.wasm");
        lock(&executor.modules).insert(wasm.clone(), Module::new(&wat::parse_str(TELLS_TIME).unwrap()).unwrap());
        // The first step is looked at for half a second, until the tick has come.
        let text = "[[case]]\nname = 'a'\n[[case.step]]\nexpect.log = ['0', 'late']\n\
            expect.response.headers = { server = 'envoy', date = 'Thu, 01 Jan 2026 00:00:00 GMT' }\n\
            [[case.step]]\nadvance = '600ms'\nexpect.log = [{ matches = '^0$' }]";
        let case = weir_cases::parse("f", text).unwrap().remove(0);
        let observed = executor.execute(&Subject { label: "time".into(), wasm }, &case).unwrap();
        assert_eq!(weir_cases::report(&case, &observed), None);
        let Outcome::Served(steps) = observed.outcome else { panic!("refused") };
        let logs: Vec<_> = steps.iter().map(|seen| seen.log.join(" ")).collect();
        assert_eq!(logs, ["0 late", "0"]);
    }

    #[test]
    fn a_grpc_service_is_scripted_in_http() {
        let executor = HostExecutor::default();
        let wasm = PathBuf::from("asks.wasm");
        lock(&executor.modules).insert(wasm.clone(), Module::new(&wat::parse_str(ASKS).unwrap()).unwrap());
        let text = "[[case]]\nname = 'a'\nconfiguration = '${keys}'\n\
            clusters.keys = { http = 2, answers = [{ body = { hex = '00000000026f6b' }, delay = '20ms', trailers = [['grpc-status', '0']] }] }\n\
            [[case.step]]\nidle = true\nexpect.log = ['ok']\n\
            expect.callouts = [{ cluster = 'keys', method = 'POST', path = '/package.Service/Method', body = { hex = '000000000361736b' } }]";
        let case = weir_cases::parse("f", text).unwrap().remove(0);
        let observed = executor.execute(&Subject { label: "asks".into(), wasm }, &case).unwrap();
        assert_eq!(weir_cases::report(&case, &observed), None);
    }
}
