//! An Envoy that is up: started on a bootstrap, waited for, asked, stopped.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;

use crate::admin::{self, ListenerState};
use crate::bootstrap::{self, Cluster, Listener};
use crate::log::Log;
use crate::runtime::{Process, Runtime, admin_file, bootstrap_file};

/// Envoy compiles every module before it is ready; on a busy machine a large one takes long.
const START: Duration = Duration::from_secs(60);

/// How long Envoy may take for another version of the listeners.
const RELOAD: Duration = Duration::from_secs(30);

/// What an Envoy is started with.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The upstreams, fixed for the Envoy's life.
    pub clusters: Vec<Cluster>,
    /// The first version of the listeners.
    pub listeners: Vec<Listener>,
}

/// A running Envoy. Dropping it stops it and removes its files.
pub struct Envoy {
    process: Box<dyn Process>,
    /// Its log so far.
    pub log: Arc<Log>,
    /// The address of its admin interface.
    pub admin: SocketAddr,
    dir: Mutex<Option<TempDir>>,
    listeners: PathBuf,
}

impl std::fmt::Debug for Envoy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Envoy").field("pid", &self.process.pid()).field("admin", &self.admin).finish_non_exhaustive()
    }
}

impl Envoy {
    /// Starts an Envoy and waits until it is ready; listeners that Envoy refuses do not keep it from being so.
    ///
    /// Its files live in a directory of its own under `state`. The first version of the listeners is `1`.
    ///
    /// # Errors
    /// The files cannot be written, Envoy ends, or it is not ready within a minute; with Envoy's own errors and the
    /// filters' log.
    pub async fn start(runtime: &Runtime, plan: &Plan, state: &Path, log: Arc<Log>) -> Result<Envoy> {
        let dir = state_dir(state)?;
        let listeners = dir.path().join("listeners.json");
        replace(&listeners, &bootstrap::listeners("1", &plan.listeners))?;
        replace(&bootstrap_file(dir.path()), &bootstrap::bootstrap(&plan.clusters, &listeners))?;
        let process = runtime.start(dir.path(), &log)?;
        let admin = wait_until_ready(process.as_ref(), dir.path(), &log).await?;
        Ok(Envoy { process, log, admin, dir: Mutex::new(Some(dir)), listeners })
    }

    /// Its process number on this machine; `None` in a container.
    pub fn pid(&self) -> Option<u32> {
        self.process.pid()
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

    /// Gives Envoy another version of the listeners, and waits until it took or refused each of them.
    ///
    /// # Errors
    /// The file cannot be written, Envoy ended, or it did neither within half a minute.
    pub async fn reload(&self, version: &str, listeners: &[Listener]) -> Result<Vec<ListenerState>> {
        let before = admin::listeners(self.admin).await?;
        replace(&self.listeners, &bootstrap::listeners(version, listeners))?;
        let deadline = Instant::now() + RELOAD;
        loop {
            let now = admin::listeners(self.admin).await?;
            if listeners.iter().all(|it| settled(&it.name, version, &before, &now)) {
                return Ok(now);
            }
            if Instant::now() > deadline {
                bail!("Envoy neither took nor refused the new listeners:\n{}", self.log.explanation());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether Envoy has taken this version of a listener, or refused it since `before`.
fn settled(name: &str, version: &str, before: &[ListenerState], now: &[ListenerState]) -> bool {
    let find = |states: &[ListenerState]| states.iter().find(|it| it.name == name).cloned();
    let Some(now) = find(now) else { return false };
    let refused_before = find(before).and_then(|it| it.refused);
    now.version.as_deref() == Some(version) || (now.refused.is_some() && now.refused != refused_before)
}

fn state_dir(state: &Path) -> Result<TempDir> {
    let context = || format!("cannot write under {}; name another directory with --state DIR", state.display());
    std::fs::create_dir_all(state).with_context(context)?;
    // Envoy is told absolute paths: in a container it has another working directory.
    let state = state.canonicalize().with_context(context)?;
    tempfile::Builder::new().prefix("run-").tempdir_in(&state).with_context(context)
}

/// Writes a file and puts it in its place in one step: Envoy watches for that, and never reads half a file.
fn replace(path: &Path, value: &Value) -> Result<()> {
    let context = || format!("cannot write {}", path.display());
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new("."))).with_context(context)?;
    file.write_all(&serde_json::to_vec_pretty(value)?).with_context(context)?;
    file.persist(path).with_context(context)?;
    Ok(())
}

async fn wait_until_ready(process: &dyn Process, dir: &Path, log: &Log) -> Result<SocketAddr> {
    let deadline = Instant::now() + START;
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
            bail!("Envoy was not ready within {} seconds; it said:\n{}", START.as_secs(), log.explanation());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::Refusal;

    fn state(version: &str, refused: Option<&str>) -> Vec<ListenerState> {
        let refused = refused.map(|text| Refusal { reason: "no".into(), attempted: text.into() });
        vec![ListenerState { name: "a".into(), version: Some(version.into()), refused }]
    }

    #[test]
    fn a_reload_is_over_when_it_is_taken_or_refused_anew() {
        let settled = |before: &[ListenerState], now: &[ListenerState]| settled("a", "2", before, now);
        assert!(settled(&state("1", None), &state("2", None)));
        assert!(settled(&state("1", None), &state("1", Some("x"))));
        assert!(!settled(&state("1", None), &state("1", None)));
        assert!(!settled(&state("1", Some("x")), &state("1", Some("x"))), "an older refusal says nothing");
        assert!(!settled(&[], &[]));
    }
}
