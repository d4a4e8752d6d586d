//! `weir-envoy selftest`: that an Envoy never outlives who started it, and that what goes wrong is told.
//!
//! With real processes and a real Envoy, so it is a command and no part of `cargo test`, which needs neither.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use libtest_mimic::{Arguments, Trial};
use rustix::process::{Pid, Signal, kill_process};

use crate::envoy::{Envoy, Plan};
use crate::runtime::{Id, Kind, Runtime};

/// A filter that refuses every configuration, and traps on every request.
const CONTRARY: &[u8] = include_bytes!("../fixtures/contrary.wasm");

/// A filter that does everything a case can see, the cases that it holds, and some that it does not.
const PROBE: &[u8] = include_bytes!("../fixtures/probe.wasm");
const PROBE_CASES: &str = include_str!("../fixtures/probe.toml");
const WRONG_CASES: &str = include_str!("../fixtures/wrong.toml");

/// A filter that traps on a header that is not UTF-8, and the cases that its author thought of.
const FRAGILE: &[u8] = include_bytes!("../fixtures/fragile.wasm");
const FRAGILE_CASES: &str = include_str!("../fixtures/fragile.toml");

/// Nothing here takes long; what does has gone wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// What `selftest` is asked.
#[derive(Clone, Debug)]
pub struct Selftest {
    /// Which runtime.
    pub runtime: Kind,
    /// The native binary.
    pub envoy: PathBuf,
    /// Where state files go.
    pub state: PathBuf,
    /// The test harness's own arguments.
    pub harness: Vec<String>,
}

type Check = fn(&Bench) -> Result<()>;

const CHECKS: [(&str, Check); 19] = [
    ("Envoy is stopped when its owner panics", stopped_by_panic),
    ("Envoy is stopped by Ctrl-C", |bench| stopped_by(bench, Signal::INT, Some(130))),
    ("Envoy is stopped by SIGTERM", |bench| stopped_by(bench, Signal::TERM, Some(143))),
    ("Envoy is stopped when its owner is killed", |bench| stopped_by(bench, Signal::KILL, None)),
    ("Envoy is stopped when its owner's parent is killed", stopped_with_grandparent),
    ("Envoy behind a script is stopped by SIGTERM", |bench| stopped_behind_script(bench, Signal::TERM)),
    ("Envoy behind a script is stopped when its owner is killed", |bench| stopped_behind_script(bench, Signal::KILL)),
    ("serve ends well with the standard input", |bench| serve_ends(bench, None)),
    ("serve ends well by Ctrl-C", |bench| serve_ends(bench, Some(Signal::INT))),
    ("serve ends when its Envoy does", serve_ends_with_envoy),
    ("serve tells that a port is in use", port_in_use),
    ("serve tells why a configuration is refused", configuration_refused),
    ("a reload that is refused leaves the old chain serving", reload_refused),
    ("e2e fails on a trap, and on a run without a case", e2e_fails),
    ("cases: what the format can say is what Envoy does", cases_hold),
    ("e2e finds with hostile input what a filter's cases do not", hostile_input_finds),
    ("cases: what does not hold fails, and holds when it is blessed", cases_fail_and_are_blessed),
    ("cases: waits of different cases overlap", cases_overlap),
    ("cases: what comes a little later is looked for", cases_look_again),
];

impl Selftest {
    /// Runs the checks and gives the exit code: 0 where every one holds.
    ///
    /// # Errors
    /// The runtime is not there, or the state directory cannot be written.
    pub fn run(self) -> Result<i32> {
        let arguments = ["weir-envoy selftest".to_owned()].into_iter().chain(self.harness);
        let arguments = Arguments::from_iter(arguments);
        let runtime = Runtime::find(self.runtime, Some(&self.envoy))?;
        println!("runtime: {runtime}");
        std::fs::create_dir_all(&self.state)?;
        let files = tempfile::Builder::new().prefix("selftest-").tempdir_in(&self.state)?;
        // Who is killed leaves its files, and they go with those of the selftest.
        let (state, wasm) = (files.path().join("state"), files.path().join("contrary.wasm"));
        std::fs::write(&wasm, CONTRARY)?;
        std::fs::write(files.path().join("probe.wasm"), PROBE)?;
        let kind = if matches!(runtime, Runtime::Native(_)) { "native" } else { "container" };
        let bench = Arc::new(Bench { runtime, kind, envoy: self.envoy, state, wasm, files });
        let trials = CHECKS.iter().map(|(name, check)| {
            let bench = Arc::clone(&bench);
            Trial::test(*name, move || check(&bench).map_err(|error| format!("{error:#}").into()))
        });
        Ok(if libtest_mimic::run(&arguments, trials.collect()).has_failed() { 101 } else { 0 })
    }
}

/// What every check works with.
struct Bench {
    runtime: Runtime,
    kind: &'static str,
    envoy: PathBuf,
    state: PathBuf,
    wasm: PathBuf,
    files: tempfile::TempDir,
}

impl Bench {
    /// This program, with the arguments that name Envoy and the state.
    fn command(&self, subcommand: &str, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        // Who blesses the goldens does not ask for these.
        command.env_remove("WEIR_BLESS");
        command.arg(subcommand).arg("--envoy").arg(&self.envoy).arg("--state").arg(&self.state).args(arguments);
        Ok(command)
    }

    fn hold(&self) -> Result<Command> {
        self.command("hold", &["--runtime", self.kind])
    }

    /// Cases on the probe, from a file of this name.
    fn probe(&self, file: &str, cases: &str, arguments: &[&str]) -> Result<Command> {
        let file = self.files.path().join(file);
        if !file.exists() {
            std::fs::write(&file, cases)?;
        }
        let run = format!("{}={}", file.display(), self.files.path().join("probe.wasm").display());
        self.command("e2e", &[&["--runtime", self.kind, "--run", &run], arguments].concat())
    }

    fn serve(&self, arguments: &[&str]) -> Result<Command> {
        let filter = format!("contrary={}", self.wasm.display());
        self.command("serve", &[&["--filter", &filter], arguments].concat())
    }
}

/// A process of this check, killed if the check ends before it.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Running {
    fn start(mut command: Command) -> Result<Running> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn()?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().context("no standard output")?);
        Ok(Running { child, input, output })
    }

    /// The rest of the first line that holds `mark`. It ends with the process, which [`Running::end`] bounds in time.
    fn after(&mut self, mark: &str) -> Result<String> {
        let mut line = String::new();
        while self.output.read_line(&mut line)? > 0 {
            if let Some((_, rest)) = line.split_once(mark) {
                return Ok(rest.trim().to_owned());
            }
            line.clear();
        }
        bail!("the process ended before it said {mark:?}")
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    fn say(&mut self, line: &str) -> Result<()> {
        Ok(writeln!(self.input.as_mut().context("the input is closed")?, "{line}")?)
    }

    fn end(&mut self) -> Result<ExitStatus> {
        let mut status = None;
        wait_until("the process ends", || {
            status = self.child.try_wait().ok().flatten();
            status.is_some()
        })?;
        status.context("the process did not end")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing happens where it has ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        ensure!(Instant::now() < deadline, "waited {} seconds, and still not: {what}", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Waits until an Envoy is gone; there was one, or the check would check nothing.
fn gone(id: &Id) -> Result<()> {
    wait_until(&format!("{id} is gone"), || !id.is_there())
}

fn stopped_by_panic(bench: &Bench) -> Result<()> {
    let (tell, told) = std::sync::mpsc::channel();
    let (runtime, state) = (bench.runtime.clone(), bench.state.clone());
    let owner = std::thread::spawn(move || {
        let tokio = tokio::runtime::Runtime::new().expect("tokio starts");
        let plan = Plan::default();
        let start = Envoy::start(&runtime, &plan, &state, Arc::default());
        let envoy = tokio.block_on(start).expect("Envoy starts");
        drop(tell.send((envoy.id(), envoy.id().is_there())));
        // Without the message that a panic prints: it would stand among the results.
        std::panic::resume_unwind(Box::new("on purpose"));
    });
    ensure!(owner.join().is_err(), "the owner did not panic");
    let (id, there) = told.recv()?;
    ensure!(there, "{id} never was there");
    gone(&id)
}

fn stopped_by(bench: &Bench, signal: Signal, code: Option<i32>) -> Result<()> {
    let mut owner = Running::start(bench.hold()?)?;
    let id: Id = owner.after("held: ")?.parse()?;
    ensure!(id.is_there(), "{id} never was there");
    owner.signal(signal)?;
    let status = owner.end()?;
    ensure!(status.code() == code, "the owner ended with {status}");
    gone(&id)
}

fn stopped_with_grandparent(bench: &Bench) -> Result<()> {
    let hold = bench.hold()?;
    let mut parent = Command::new("sh");
    // The input stays open when the shell dies, so it is not its end that stops the owner.
    parent.args(["-c", "\"$@\" <&0 & wait", "sh"]).arg(hold.get_program()).args(hold.get_args());
    let mut parent = Running::start(parent)?;
    let id: Id = parent.after("held: ")?.parse()?;
    ensure!(id.is_there(), "{id} never was there");
    parent.signal(Signal::KILL)?;
    gone(&id)
}

/// A script that does not become Envoy but runs it: neither the kernel's signal nor the shell's end reaches that.
fn stopped_behind_script(bench: &Bench, signal: Signal) -> Result<()> {
    let script = bench.files.path().join(format!("envoy-{}", signal.as_raw()));
    let told = script.with_extension("pid");
    let inner =
        format!("echo $$ > '{}'; exec '{}' \"$@\"", told.display(), std::path::absolute(&bench.envoy)?.display());
    std::fs::write(&script, format!("#!/bin/sh\nsh -c '{}' sh \"$@\"\nexit $?\n", inner.replace('\'', "'\\''")))?;
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let mut hold = Command::new(std::env::current_exe()?);
    hold.args(["hold", "--runtime", "native", "--envoy"]).arg(&script).arg("--state").arg(&bench.state);
    let mut owner = Running::start(hold)?;
    let leader: Id = owner.after("held: ")?.parse()?;
    let id = Id::Pid(std::fs::read_to_string(&told)?.trim().parse()?);
    ensure!(id.is_there() && id.to_string() != leader.to_string(), "{id} is not behind a script");
    owner.signal(signal)?;
    owner.end()?;
    gone(&id)?;
    gone(&leader)
}

fn serve_ends(bench: &Bench, signal: Option<Signal>) -> Result<()> {
    let mut serve = Running::start(bench.serve(&["--port", "0"])?)?;
    let id: Id = serve.after("process   ")?.parse()?;
    ensure!(id.is_there(), "{id} never was there");
    match signal {
        Some(signal) => serve.signal(signal)?,
        None => drop(serve.input.take()),
    }
    serve.after("stopped")?;
    let status = serve.end()?;
    ensure!(status.success(), "serve ended with {status}");
    gone(&id)
}

fn serve_ends_with_envoy(bench: &Bench) -> Result<()> {
    let mut serve = Running::start(bench.serve(&["--port", "0"])?)?;
    let id: Id = serve.after("process   ")?.parse()?;
    let Id::Pid(pid) = id else { bail!("serving is native, and this is {id}") };
    kill_process(Pid::from_raw(pid).context("no process")?, Signal::KILL)?;
    let status = serve.end()?;
    ensure!(status.code() == Some(1), "serve ended with {status}");
    gone(&id)
}

/// Runs a command that has to succeed, and gives what it printed.
fn succeeds(command: Command) -> Result<String> {
    let (success, said) = ends(command)?;
    ensure!(success, "it failed and said:\n{said}");
    Ok(said)
}

/// Runs a command that has to fail, and gives what it printed.
fn fails(command: Command) -> Result<String> {
    let (success, said) = ends(command)?;
    ensure!(!success, "it succeeded and said:\n{said}");
    Ok(said)
}

fn ends(mut command: Command) -> Result<(bool, String)> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let _input = child.stdin.take();
    let (mut output, mut errors) = (String::new(), String::new());
    child.stdout.take().context("no standard output")?.read_to_string(&mut output)?;
    child.stderr.take().context("no standard error")?.read_to_string(&mut errors)?;
    Ok((child.wait()?.success(), output + &errors))
}

fn says(text: &str, expected: &str) -> Result<()> {
    ensure!(text.contains(expected), "expected {expected:?} in:\n{text}");
    Ok(())
}

fn port_in_use(bench: &Bench) -> Result<()> {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let port = taken.local_addr()?.port().to_string();
    let said = fails(bench.serve(&["--port", &port])?)?;
    says(&said, &format!("127.0.0.1:{port}"))?;
    says(&said, "--port N")
}

fn configuration_refused(bench: &Bench) -> Result<()> {
    let said = fails(bench.serve(&["--port", "0", "--config", "contrary=x"])?)?;
    says(&said, "Envoy refuses the chain")?;
    says(&said, "configuration: expected nothing")
}

fn reload_refused(bench: &Bench) -> Result<()> {
    let file = bench.files.path().join("reload.json");
    std::fs::write(&file, "")?;
    let config = format!("contrary=@{}", file.display());
    let mut serve = Running::start(bench.serve(&["--port", "0", "--config", &config])?)?;
    let address: std::net::SocketAddr = serve.after("curl -i http://")?.trim_end_matches('/').parse()?;
    std::fs::write(&file, "x")?;
    serve.say("reload")?;
    says(&serve.after("reload: ")?, "refused, the old chain goes on serving")?;
    let tokio = tokio::runtime::Runtime::new()?;
    let answer = tokio.block_on(crate::http::send(address, &weir_cases::Request::default()))?;
    ensure!(answer.status == 500 || answer.status == 503, "the chain that traps answered {}", answer.status);
    std::fs::write(&file, "")?;
    serve.say("reload")?;
    says(&serve.after("reload: ")?, "nothing has changed")
}

fn e2e_fails(bench: &Bench) -> Result<()> {
    let cases = bench.files.path().join("cases.toml");
    let text = r#"
[[case]]
name = "traps"
expect.response.headers.x = { absent = true }
[[case]]
name = "refused"
configuration = "x"
expect.refused = "configuration: expected"
[[case]]
name = "refused when its time comes"
configuration = "${k}"
clusters.k = {}
expect.refused = "configuration: expected"
"#;
    std::fs::write(&cases, text)?;
    let run = format!("{}={}", cases.display(), bench.wasm.display());
    let e2e = |name: &str| bench.command("e2e", &["--runtime", bench.kind, "--run", &run, "--", name]);
    let said = fails(e2e("contrary::")?)?;
    says(&said, "test result: ok. 3 passed")?;
    says(&said, "a VM trapped")?;
    says(&said, "proxy_on_request_headers")?;
    says(&fails(e2e("no such case")?)?, "no case was run: 3 were filtered out")
}

fn hostile_input_finds(bench: &Bench) -> Result<()> {
    let [cases, wasm] = ["fragile.toml", "fragile.wasm"].map(|name| bench.files.path().join(name));
    std::fs::write(&cases, FRAGILE_CASES)?;
    std::fs::write(&wasm, FRAGILE)?;
    let run = format!("{}={}", cases.display(), wasm.display());
    let arguments = ["--runtime", bench.kind, "--run", &run];
    says(&succeeds(bench.command("e2e", &arguments)?)?, "test result: ok. 1 passed")?;
    let said = fails(bench.command("e2e", &[&arguments[..], &["--hostile"]].concat())?)?;
    says(&said, "traps: ")?;
    says(&said, "take_for_utf8")?;
    says(&said, "what was sent, as a case:\n[[case]]")
}

fn cases_hold(bench: &Bench) -> Result<()> {
    let number = PROBE_CASES.matches("[[case]]").count();
    let said = succeeds(bench.probe("probe.toml", PROBE_CASES, &[])?)?;
    says(&said, &format!("test result: ok. {number} passed"))
}

fn cases_fail_and_are_blessed(bench: &Bench) -> Result<()> {
    let number = WRONG_CASES.matches("[[case]]").count();
    let said = fails(bench.probe("wrong.toml", WRONG_CASES, &[])?)?;
    says(&said, &format!("test result: FAILED. 0 passed; {number} failed"))?;
    says(&said, "response status\n  expected: 404\n       got: 200\nthe filter logged nothing")?;
    let said = succeeds(bench.probe("wrong.toml", WRONG_CASES, &["--bless"])?)?;
    ensure!(said.matches("\nblessed ").count() == number, "each case is told once:\n{said}");
    says(&succeeds(bench.probe("wrong.toml", WRONG_CASES, &[])?)?, &format!("test result: ok. {number} passed"))
}

fn cases_overlap(bench: &Bench) -> Result<()> {
    let case =
        |at: usize| format!("[[case]]\nname = '{at}'\n[[case.step]]\nadvance = '2s'\nexpect.response.status = 200\n");
    let cases: String = (0..60).map(case).collect();
    let begun = Instant::now();
    says(&succeeds(bench.probe("overlap.toml", &cases, &[])?)?, "test result: ok. 60 passed")?;
    ensure!(begun.elapsed() < Duration::from_secs(60), "120 seconds of waits took {:?}", begun.elapsed());
    Ok(())
}

fn cases_look_again(bench: &Bench) -> Result<()> {
    // The tick comes after a second, and nothing in the case waits for it.
    let cases = "[[case]]\nname = 'late'\nconfiguration = 't'\n[[case.step]]\nidle = true\nexpect.log = ['tick']\n";
    says(&succeeds(bench.probe("late.toml", cases, &[])?)?, "test result: ok. 1 passed")
}
