//! `weir-host e2e`: cases as named trials, each on a host of its own.

use std::sync::Arc;

use anyhow::Result;
use weir_cases::harness::{Harness, Run, bless_asked, conclude};

use crate::executor::HostExecutor;

/// What `e2e` is asked.
#[derive(Clone, Debug)]
pub struct E2e {
    /// The modules with their cases.
    pub runs: Vec<Run>,
    /// Whether what was seen is written over the expectations that do not hold.
    pub bless: bool,
    /// The test harness's own arguments: a filter, `--exact`, `--list`, …
    pub harness: Vec<String>,
}

impl E2e {
    /// Runs the cases and gives the exit code: 0 where every one holds.
    ///
    /// # Errors
    /// Nothing could be run, because a file cannot be read or no case is left; or a filter trapped, whatever its case
    /// expected.
    pub fn run(self) -> Result<i32> {
        let harness = Harness::read("weir-host e2e", &self.runs, &self.harness, self.bless || bless_asked())?;
        if harness.listed() {
            return Ok(0);
        }
        println!("runtime: host (in process)");
        let executor = Arc::new(HostExecutor::default());
        let conclusion = harness.run(&executor, None);
        conclude(&conclusion, &executor.aftermath())
    }
}
