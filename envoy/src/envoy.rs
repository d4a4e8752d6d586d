//! An Envoy that is up: started on a bootstrap, waited for, asked, stopped.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::admin;
use crate::bootstrap::{self, Cluster, Listener};
use crate::log::Log;
use crate::runtime::{Id, Process, Runtime, admin_file, bootstrap_file};
use crate::scratch::{self, Scratch};

/// Envoy compiles every module before it is ready; on a busy machine a large one takes long.
const START: Duration = Duration::from_secs(60);

/// How long Envoy may take for another version of the listeners.
const RELOAD: Duration = Duration::from_secs(30);

/// How often Envoy is asked while it reloads, and how long its workers get to follow.
const SETTLE: Duration = Duration::from_millis(20);

/// What an Envoy is started with.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The upstreams, fixed for the Envoy's life.
    pub clusters: Vec<Cluster>,
    /// The first version of the listeners.
    pub listeners: Vec<Listener>,
    /// Modules that later versions are going to name.
    pub modules: Vec<PathBuf>,
    /// How Envoy is run.
    pub launch: Launch,
}

/// How an Envoy is run.
#[derive(Clone, Debug)]
pub struct Launch {
    /// How many workers it has, and so how many VMs of each filter. One is what a case and a developer want to look at.
    pub workers: u16,
    /// A command that Envoy runs under, with its arguments: a profiler, `taskset`. Only for a native Envoy, and only one
    /// that becomes Envoy by `exec`, or Envoy's process would be another than the one that is kept.
    pub under: Vec<String>,
    /// How long it may take until it is ready.
    pub patience: Duration,
}

impl Default for Launch {
    fn default() -> Launch {
        Launch { workers: 1, under: Vec::new(), patience: START }
    }
}

impl Plan {
    /// The modules of all chains, now and later, each once.
    fn modules(&self) -> Vec<PathBuf> {
        let filters = self.listeners.iter().flat_map(|listener| &listener.filters);
        let modules = filters.map(|filter| filter.wasm.clone()).chain(self.modules.iter().cloned());
        modules.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// A running Envoy. Dropping it stops it and removes its files.
pub struct Envoy {
    process: Box<dyn Process>,
    /// Its log so far.
    pub log: Arc<Log>,
    /// The address of its admin interface.
    pub admin: SocketAddr,
    dir: Mutex<Option<Scratch>>,
    listeners: PathBuf,
}

impl std::fmt::Debug for Envoy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Envoy").field("id", &self.process.id()).field("admin", &self.admin).finish_non_exhaustive()
    }
}

impl Envoy {
    /// Starts an Envoy and waits until it is ready; listeners that Envoy refuses do not keep it from being so.
    ///
    /// Its files live in a directory of its own under `state`. The first version of the listeners is `1`.
    ///
    /// # Errors
    /// The files cannot be written, Envoy ends, or it is not ready in time; with Envoy's own errors and the
    /// filters' log.
    pub async fn start(runtime: &Runtime, plan: &Plan, state: &Path, log: Arc<Log>) -> Result<Envoy> {
        let dir = Scratch::new(state, scratch::RUN)?;
        let listeners = dir.path().join("listeners.json");
        replace(&listeners, &bootstrap::listeners("1", &plan.listeners))?;
        replace(&bootstrap_file(dir.path()), &bootstrap::bootstrap(&plan.clusters, &listeners))?;
        let process = runtime.start(dir.path(), &plan.modules(), &plan.launch, &log)?;
        let admin = wait_until_ready(process.as_ref(), dir.path(), plan.launch.patience, &log).await?;
        Ok(Envoy { process, log, admin, dir: Mutex::new(Some(dir)), listeners })
    }

    /// Which one it is.
    pub fn id(&self) -> Id {
        self.process.id()
    }

    /// How it ended, where it did.
    pub fn ended(&self) -> Option<String> {
        self.process.ended()
    }

    /// Stops it, waits until it is gone, and removes its files. Stopping twice does nothing.
    pub fn stop(&self) {
        self.process.stop();
        self.dir.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Gives Envoy other listeners, and waits until it took them or refused some, which then stay as they were.
    ///
    /// Gives why it refused one, where it did; the others are served.
    ///
    /// # Errors
    /// The file cannot be written, Envoy ended, or it did neither within half a minute.
    pub async fn update(&self, version: &str, listeners: &[Listener]) -> Result<Option<String>> {
        let before = admin::updates(self.admin).await?;
        replace(&self.listeners, &bootstrap::listeners(version, listeners))?;
        let deadline = Instant::now() + RELOAD;
        while Instant::now() < deadline {
            tokio::time::sleep(SETTLE).await;
            let now = admin::updates(self.admin).await?;
            if now.refused > before.refused {
                let refused = admin::listeners(self.admin).await?.into_iter().find_map(|it| it.refused);
                return Ok(Some(refused.unwrap_or_else(|| "Envoy cannot read its listeners".into())));
            }
            if now.taken > before.taken {
                return Ok(None);
            }
        }
        bail!("Envoy neither took nor refused the new listeners:\n{}", self.log.explanation());
    }

    /// Gives Envoy other listeners in place of all that it has, and waits until they serve.
    ///
    /// # Errors
    /// Envoy refuses one, and says why; what served goes on serving. Or as [`Envoy::update`].
    pub async fn reload(&self, version: &str, listeners: &[Listener]) -> Result<()> {
        match self.update(version, listeners).await? {
            Some(reason) => bail!("{reason}"),
            None => {
                // Envoy does not say when its workers have the new chain; it is a matter of a millisecond.
                tokio::time::sleep(SETTLE).await;
                Ok(())
            }
        }
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Writes a file and puts it in its place in one step: Envoy watches for that, and never reads half a file.
fn replace(path: &Path, value: &Value) -> Result<()> {
    let context = || format!("cannot write {}", path.display());
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new("."))).with_context(context)?;
    file.write_all(&serde_json::to_vec_pretty(value)?).with_context(context)?;
    file.persist(path).with_context(context)?;
    Ok(())
}

async fn wait_until_ready(process: &dyn Process, dir: &Path, patience: Duration, log: &Log) -> Result<SocketAddr> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(status) = process.ended() {
            bail!("Envoy ended before it was ready ({status}); it said:\n{}", log.explanation());
        }
        let address = std::fs::read_to_string(admin_file(dir)).ok().and_then(|text| text.trim().parse().ok());
        if let Some(admin) = address
            && admin::get(admin, "/ready").await.is_ok()
        {
            return Ok(admin);
        }
        if Instant::now() > deadline {
            bail!("Envoy was not ready within {} seconds; it said:\n{}", patience.as_secs(), log.explanation());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
