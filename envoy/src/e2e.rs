//! `weir-envoy e2e`: cases as named trials, all through one Envoy.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use weir_cases::harness::{Harness, Run, bless_asked, conclude};
use weir_cases::hostile::Amount;

use crate::executor::{AT_A_TIME, EnvoyExecutor};
use crate::runtime::{Kind, Runtime};
use crate::signals::stop_requested;

/// How much hostile input a module is given. Each configuration costs Envoy a VM; in process there is room for more.
const HOSTILE: Amount = Amount { served: 4, requests: 50, configurations: 24 };

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
    /// Whether each module is also given hostile input, made from its cases.
    pub hostile: bool,
    /// Whether what was seen is written over the expectations that do not hold.
    pub bless: bool,
    /// The test harness's own arguments: a filter, `--exact`, `--list`, …
    pub harness: Vec<String>,
}

impl E2e {
    /// Runs the cases and gives the exit code: 0 where every one holds.
    ///
    /// # Errors
    /// Nothing could be run: a file cannot be read, the runtime is not there, Envoy does not start, or no case is left.
    pub fn run(self) -> Result<i32> {
        let (hostile, bless) = (self.hostile.then_some(HOSTILE), self.bless || bless_asked());
        let harness = Harness::read("weir-envoy e2e", &self.runs, hostile, &self.harness, bless)?;
        if harness.listed() {
            return Ok(0);
        }
        let runtime = Runtime::find(self.runtime, self.envoy.as_deref())?;
        println!("runtime: {runtime}");
        let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        tokio.block_on(run(&runtime, harness, &self.state))
    }
}

async fn run(runtime: &Runtime, harness: Harness, state: &Path) -> Result<i32> {
    let stopped = stop_requested()?;
    tokio::pin!(stopped);
    let suites = harness.wanted();
    let executor = tokio::select! {
        started = EnvoyExecutor::start(runtime, &suites, state) => Arc::new(started?),
        signal = &mut stopped => return Ok(128 + signal),
    };
    let runs = Arc::clone(&executor);
    let trials = tokio::task::spawn_blocking(move || harness.run(&runs, Some(AT_A_TIME)));
    let conclusion = tokio::select! {
        conclusion = trials => conclusion?,
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
