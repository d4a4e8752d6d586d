//! `weir-envoy e2e`: cases as named trials, all through one Envoy.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use libtest_mimic::{Arguments, Conclusion, Failed, Trial};
use weir_cases::{Case, Executor, Subject};

use crate::executor::EnvoyExecutor;
use crate::runtime::{Kind, Runtime};
use crate::signals::stop_requested;

/// One module and the cases that it has to hold: `filters/x/cases.toml=dist/x.wasm`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The file of cases.
    pub cases: PathBuf,
    /// The module.
    pub wasm: PathBuf,
}

impl FromStr for Run {
    type Err = String;

    fn from_str(text: &str) -> Result<Run, String> {
        match text.split_once('=') {
            Some((cases, wasm)) if !cases.is_empty() && !wasm.is_empty() => {
                Ok(Run { cases: cases.into(), wasm: wasm.into() })
            }
            _ => Err(format!("expected CASES.toml=MODULE.wasm, found {text:?}")),
        }
    }
}

/// What `e2e` is asked.
#[derive(Clone, Debug)]
pub struct E2e {
    /// Which runtime.
    pub runtime: Kind,
    /// The native binary.
    pub envoy: Option<PathBuf>,
    /// Where state files go.
    pub state: PathBuf,
    /// The modules with their cases.
    pub runs: Vec<Run>,
    /// The test harness's own arguments: a filter, `--exact`, `--list`, …
    pub harness: Vec<String>,
}

impl E2e {
    /// Runs the cases and gives the exit code: 0 where every one holds.
    ///
    /// # Errors
    /// Nothing could be run: a file cannot be read, the runtime is not there, Envoy does not start, or no case is left.
    pub fn run(self) -> Result<i32> {
        let arguments = Arguments::from_iter(["weir-envoy e2e".to_owned()].into_iter().chain(self.harness.clone()));
        let suites = self.runs.iter().map(suite).collect::<Result<Vec<_>>>()?;
        check_labels(&suites)?;
        if arguments.list {
            libtest_mimic::run(&arguments, trials(&suites, None)).exit();
        }
        let runtime = Runtime::find(self.runtime, self.envoy.as_deref())?;
        println!("runtime: {runtime}");
        let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        tokio.block_on(run(&runtime, suites, &self.state, arguments))
    }
}

async fn run(runtime: &Runtime, suites: Vec<(Subject, Vec<Case>)>, state: &Path, arguments: Arguments) -> Result<i32> {
    let stopped = stop_requested()?;
    tokio::pin!(stopped);
    let executor = tokio::select! {
        started = EnvoyExecutor::start(runtime, &suites, state) => Arc::new(started?),
        signal = &mut stopped => return Ok(128 + signal),
    };
    let trials = trials(&suites, Some(&executor));
    let harness = tokio::task::spawn_blocking(move || libtest_mimic::run(&arguments, trials));
    let conclusion = tokio::select! {
        conclusion = harness => conclusion?,
        signal = &mut stopped => {
            // The harness cannot be interrupted: stop what it talks to, and leave it.
            executor.envoy.stop();
            std::process::exit(128 + signal);
        }
    };
    let aftermath = tokio::task::block_in_place(|| executor.aftermath());
    executor.envoy.stop();
    conclude(&conclusion, &aftermath)
}

/// The exit code of a run, the harness's own 101 where a trial failed.
fn conclude(conclusion: &Conclusion, aftermath: &[String]) -> Result<i32> {
    if !aftermath.is_empty() {
        bail!("{}", aftermath.join("\n"));
    }
    if conclusion.num_passed + conclusion.num_failed == 0 {
        bail!("no case was run: {} were filtered out, {} ignored", conclusion.num_filtered_out, conclusion.num_ignored);
    }
    Ok(if conclusion.has_failed() { 101 } else { 0 })
}

fn suite(run: &Run) -> Result<(Subject, Vec<Case>)> {
    let label = run.wasm.file_stem().with_context(|| format!("{} names no file", run.wasm.display()))?;
    let subject = Subject { label: label.to_string_lossy().into_owned(), wasm: run.wasm.clone() };
    Ok((subject, weir_cases::read(&run.cases)?))
}

fn check_labels(suites: &[(Subject, Vec<Case>)]) -> Result<()> {
    for (at, (subject, _)) in suites.iter().enumerate() {
        if suites[..at].iter().any(|(other, _)| other.label == subject.label) {
            bail!("--run names two modules {:?}; their trials could not be told apart", subject.label);
        }
    }
    Ok(())
}

/// A trial for every case; without an executor they can only be listed.
fn trials(suites: &[(Subject, Vec<Case>)], executor: Option<&Arc<EnvoyExecutor>>) -> Vec<Trial> {
    let cases = suites.iter().flat_map(|(subject, cases)| cases.iter().map(move |case| (subject, case)));
    cases
        .map(|(subject, case)| {
            let name = format!("{}::{}", subject.label, case.name);
            let (subject, case, executor) = (subject.clone(), case.clone(), executor.cloned());
            Trial::test(name, move || match executor {
                Some(executor) => trial(executor.as_ref(), &subject, &case),
                None => Err("there is nothing to run it on".into()),
            })
        })
        .collect()
}

fn trial(executor: &dyn Executor, subject: &Subject, case: &Case) -> Result<(), Failed> {
    let observed = executor.execute(subject, case).map_err(|error| format!("{error:#}"))?;
    weir_cases::report(case, &observed).map_or(Ok(()), |text| Err(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_names_cases_and_module() {
        assert_eq!("a.toml=b.wasm".parse(), Ok(Run { cases: "a.toml".into(), wasm: "b.wasm".into() }));
        for wrong in ["a.toml", "=b.wasm", "a.toml="] {
            assert!(wrong.parse::<Run>().unwrap_err().contains("CASES.toml=MODULE.wasm"), "{wrong}");
        }
    }

    #[test]
    fn a_run_without_a_case_is_an_error_and_a_trap_is_one() {
        let conclusion = |passed, failed| Conclusion {
            num_filtered_out: 3,
            num_passed: passed,
            num_failed: failed,
            num_ignored: 0,
            num_measured: 0,
        };
        assert_eq!(conclude(&conclusion(1, 0), &[]).unwrap(), 0);
        assert_eq!(conclude(&conclusion(1, 1), &[]).unwrap(), 101);
        assert!(conclude(&conclusion(0, 0), &[]).unwrap_err().to_string().contains("3 were filtered out"));
        assert!(conclude(&conclusion(1, 0), &["a VM trapped".into()]).is_err());
    }
}
