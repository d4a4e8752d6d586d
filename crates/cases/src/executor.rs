//! What can execute a case.

use std::path::PathBuf;

use crate::case::Case;
use crate::observed::Observed;

/// A module under test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// What reports call it: the file's stem, such as `hello-header` or `hello-header.go`.
    pub label: String,
    /// The module.
    pub wasm: PathBuf,
}

/// Runs cases and says what it saw; it never judges.
///
/// Cases may run at the same time, and in any order: an executor keeps them apart. The steps of one case share a VM, its
/// configuration, and the servers of callouts, whose answers go on from step to step.
pub trait Executor: Sync {
    /// Runs one case against one module.
    ///
    /// # Errors
    /// The case could not be run at all: the proxy is gone, or the request cannot be sent. That a configuration is
    /// refused, or that the answer is another than expected, is something seen and no error.
    fn execute(&self, subject: &Subject, case: &Case) -> anyhow::Result<Observed>;
}
