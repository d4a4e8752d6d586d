//! `weir-host e2e`: cases as named trials, each on a host of its own.

use std::sync::Arc;

use anyhow::Result;
use weir_cases::harness::{Harness, Run, bless_asked, conclude};
use weir_cases::hostile::Amount;

use crate::executor::HostExecutor;

/// How much hostile input a module is given: what a real proxy is, and much more.
const HOSTILE: Amount = Amount { served: 12, requests: 100, configurations: 300 };

/// What `e2e` is asked.
#[derive(Clone, Debug)]
pub struct E2e {
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
    /// Nothing could be run, because a file cannot be read or no case is left.
    pub fn run(self) -> Result<i32> {
        let (hostile, bless) = (self.hostile.then_some(HOSTILE), self.bless || bless_asked());
        let harness = Harness::read("weir-host e2e", &self.runs, hostile, &self.harness, bless)?;
        if harness.listed() {
            return Ok(0);
        }
        println!("runtime: host (in process)");
        let executor = Arc::new(HostExecutor::default());
        let conclusion = harness.run(&executor, None);
        conclude(&conclusion, &[])
    }
}
