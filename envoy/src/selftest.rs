//! `weir-envoy selftest`: that an Envoy never outlives who started it, and that what goes wrong is told.
//!
//! With real processes and a real Envoy, so it is a command and no part of `cargo test`, which needs neither.

mod ending;
mod running;

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use libtest_mimic::{Arguments, Trial};
use rustix::process::Signal;

use crate::runtime::{Kind, Runtime};
use ending::{
    serve_ends, serve_ends_with_envoy, stopped_behind_script, stopped_by, stopped_by_panic, stopped_with_grandparent,
};
use running::{Running, fails, succeeds};

/// A filter that refuses every configuration, and traps on every request.
const CONTRARY: &[u8] = include_bytes!("../fixtures/contrary.wasm");

/// A filter that does everything a case can see, the cases that it holds, and some that it does not.
const PROBE: &[u8] = include_bytes!("../fixtures/probe.wasm");
const PROBE_CASES: &str = include_str!("../fixtures/probe.toml");
const WRONG_CASES: &str = include_str!("../fixtures/wrong.toml");

/// A filter that traps on a header that is not UTF-8, and the cases that its author thought of.
const FRAGILE: &[u8] = include_bytes!("../fixtures/fragile.wasm");
const FRAGILE_CASES: &str = include_str!("../fixtures/fragile.toml");

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
