//! `weir-envoy hold`: an Envoy without filters, held until told to stop. What the selftest kills.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;

use crate::envoy::{Envoy, Plan};
use crate::runtime::{Kind, Runtime};
use crate::signals::stop_requested;

/// What `hold` is asked.
#[derive(Clone, Debug)]
pub struct Hold {
    /// Which runtime.
    pub runtime: Kind,
    /// The native binary.
    pub envoy: Option<PathBuf>,
    /// Where state files go.
    pub state: PathBuf,
}

impl Hold {
    /// Starts an Envoy, prints a line `held: …` with its identity, and waits for a signal.
    ///
    /// # Errors
    /// The runtime is not there, or Envoy does not start.
    pub fn run(self) -> Result<i32> {
        let runtime = Runtime::find(self.runtime, self.envoy.as_deref())?;
        tokio::runtime::Runtime::new()?.block_on(async {
            let stopped = stop_requested()?;
            let envoy = Envoy::start(&runtime, &Plan::default(), &self.state, Arc::default()).await?;
            println!("held: {}", envoy.id());
            Ok(128 + stopped.await)
        })
    }
}
