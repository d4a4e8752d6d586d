//! A bench that is stopped in the middle of its load: nothing is left behind, and what was finished is kept.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use weir_bench::results::Results;

use crate::filter::Filter;

/// A generator that answers as oha does, and in the second round does not come to an end: every call is a line in
/// `calls`, and the rate is settled by 2, a round by 3 for each of its 4 contenders.
const GENERATOR: &str = r#"#!/bin/sh
echo call >>"$0.calls"
[ "$(wc -l <"$0.calls")" -lt 20 ] || exec sleep 600
echo '{"summary":{"requestsPerSec":1000.0},"latencyPercentiles":{"p50":0.001,"p90":0.001,"p99":0.001,"p99.9":0.001},
  "statusCodeDistribution":{"200":100},"errorDistribution":{}}'
"#;

/// Longer than a machine that is busy takes to start ten Envoys.
const PATIENCE: Duration = Duration::from_secs(300);

#[test]
#[ignore = "it runs the Envoy that WEIR_ENVOY names: `cargo xtask test` has one, and calls this"]
fn a_signal_under_load_leaves_nothing_behind_and_keeps_the_rounds_that_were_finished() {
    let envoy = std::env::var("WEIR_ENVOY").expect("WEIR_ENVOY names an Envoy");
    let filter = Filter::new();
    filter.paced(1, 1);
    let generator = filter.path("generator");
    fs::write(&generator, GENERATOR).unwrap();
    fs::set_permissions(&generator, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = filter.command("run");
    command.args(["--envoy", &envoy, "--command", "bench", "--scenario", "headers", "--rounds", "5"]);
    command.arg("--oha").arg(&generator).arg("--state").arg(filter.path("state")).arg("--out").arg(filter.path("out"));
    let mut bench = command.stdout(Stdio::null()).spawn().unwrap();
    let id = Pid::from_child(&bench);

    until("the load of the second round", || descendants(id).iter().any(|it| it.command.starts_with("sleep 600")));
    let started = descendants(id);
    assert!(started.iter().any(|it| it.command.contains(&envoy)), "{started:?}");
    kill_process(id, Signal::INT).unwrap();
    let status = bench.wait().unwrap();

    assert_eq!(status.code(), Some(130));
    until("the end of all that was started", || processes().iter().all(|it| !started.iter().any(|known| known.is(it))));
    let results = Results::read(&filter.path("out/results.json")).unwrap();
    assert_eq!(results.incomplete.as_deref(), Some("it was stopped by a signal"));
    let load = &results.filters[0].load[0];
    assert_eq!(load.series.len(), 4);
    assert!(load.series.iter().all(|it| it.rounds.len() == 1), "{load:?}");
    assert!(fs::read_to_string(filter.path("out/report.html")).unwrap().contains("not whole"));
}

/// Waits until something holds.
fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A process, as the kernel tells of it.
#[derive(Clone, Debug)]
struct Process {
    id: Pid,
    parent: Option<Pid>,
    command: String,
}

impl Process {
    /// Whether another look found the same one; its parent may have ended in between.
    fn is(&self, other: &Process) -> bool {
        (self.id, &self.command) == (other.id, &other.command)
    }

    fn read(folder: &Path) -> Option<Process> {
        let stat = fs::read_to_string(folder.join("stat")).ok()?;
        // After the name, which may hold anything, come the state and the parent.
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        let command = fs::read_to_string(folder.join("cmdline")).ok()?.replace('\0', " ");
        let id = folder.file_name()?.to_str()?.parse().ok()?;
        Some(Process { id: Pid::from_raw(id)?, parent: Pid::from_raw(parent), command })
    }
}

/// Those that run, and those that ended and were not waited for.
fn processes() -> Vec<Process> {
    fs::read_dir("/proc").unwrap().filter_map(|entry| Process::read(&entry.ok()?.path())).collect()
}

/// The processes that one started, and those that these started.
fn descendants(of: Pid) -> Vec<Process> {
    let (mut found, others): (Vec<_>, Vec<_>) = processes().into_iter().partition(|it| it.parent == Some(of));
    let mut at = 0;
    while let Some(known) = found.get(at).map(|it| it.id) {
        found.extend(others.iter().filter(|it| it.parent == Some(known)).cloned());
        at += 1;
    }
    found
}
