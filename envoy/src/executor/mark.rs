//! How far Envoy's log was read: a filter that does nothing but log what it is told.
//!
//! The log comes through a pipe, or through an engine of containers, and later than the answers of a filter. One worker
//! serves all cases, so a line that it logs now comes behind all that it logged before.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::{Builder, NamedTempFile};
use weir_cases::Request;

use crate::bootstrap::{Cluster, Filter, Listener, Protocol};
use crate::http::{self, Pacer};
use crate::log::Log;

/// The name of listener, cluster, filter and VM.
pub(super) const NAME: &str = "mark";

const MODULE: &[u8] = include_bytes!("../../fixtures/mark.wasm");

/// A line takes milliseconds; where it does not come at all, Envoy is stuck.
const PATIENCE: Duration = Duration::from_secs(20);

/// The listener that marks the log.
#[derive(Debug)]
pub(super) struct Marker {
    /// Where it is served; 0 until it is.
    port: AtomicU16,
    /// Kept for as long as Envoy may read it.
    module: NamedTempFile,
    marks: AtomicU64,
}

impl Marker {
    /// One that is not served yet; its module is a file below `state`.
    pub(super) fn new(state: &Path) -> Result<Marker> {
        let context = || format!("cannot write under {}", state.display());
        std::fs::create_dir_all(state).with_context(context)?;
        let state = state.canonicalize().with_context(context)?;
        let mut module = Builder::new().prefix("mark-").suffix(".wasm").tempfile_in(state).with_context(context)?;
        module.write_all(MODULE).with_context(context)?;
        Ok(Marker { port: AtomicU16::new(0), module, marks: AtomicU64::new(0) })
    }

    /// The route has to lead to a cluster; no request gets there.
    pub(super) fn cluster(&self) -> Cluster {
        let host = Ipv4Addr::LOCALHOST.to_string();
        Cluster { name: NAME.into(), host, port: 1, tls: None, protocol: Protocol::Http1, tells_thread: false }
    }

    pub(super) fn listener(&self) -> Listener {
        let wasm = self.module.path().to_owned();
        Listener {
            name: NAME.into(),
            port: 0,
            filters: vec![Filter { name: NAME.into(), wasm, configuration: None }],
            others: Vec::new(),
            cluster: NAME.into(),
            authority: None,
        }
    }

    /// Says where it is served.
    pub(super) fn served_on(&self, port: u16) {
        self.port.store(port, Ordering::Relaxed);
    }

    /// Leaves a mark in Envoy's log.
    async fn mark(&self) -> Result<String> {
        let mark = format!("/{}", self.marks.fetch_add(1, Ordering::Relaxed));
        let request = Request { path: mark.clone(), ..Request::default() };
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port.load(Ordering::Relaxed)));
        http::send(to, &request).await?;
        Ok(mark)
    }

    /// Waits until all is read that the worker logged before this call, and gives the worker's thread.
    ///
    /// # Errors
    /// Envoy does not answer, or does not log any more.
    pub(super) async fn settle(&self, log: &Log) -> Result<String> {
        let before = log.mark();
        let mark = self.mark().await?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (lines, _) = log.of_filter_since(NAME, before);
            if let Some(line) = lines.into_iter().find(|line| line.of_filter(NAME) == Some(mark.as_str())) {
                return Ok(line.thread);
            }
            if Instant::now() > deadline {
                bail!("Envoy logged nothing for {} seconds; it said:\n{}", PATIENCE.as_secs(), log.explanation());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Pacer for Marker {
    /// The worker takes in what came before a request no later than the request, so it is enough that one is answered.
    fn taken_in(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        // An Envoy that does not answer any more takes nothing in, and is told by others.
        Box::pin(async { drop(self.mark().await) })
    }
}
