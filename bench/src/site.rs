//! An Envoy with contenders in it, and what is around it: the upstream, and the ports that the kernel gave.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use weir_envoy::bootstrap::{Cluster, Listener, Protocol};
use weir_envoy::{Envoy, Id, Launch, Plan, Runtime, admin};

use crate::scenario::Scenario;
use crate::subject::{Contender, Subject};
use crate::upstream::Upstream;

/// What a run has to work with.
#[derive(Clone, Debug)]
pub struct Tools {
    /// How Envoy is run.
    pub runtime: Runtime,
    /// The load generator.
    pub oha: Option<PathBuf>,
    /// Where state files go.
    pub state: PathBuf,
}

/// An Envoy that serves contenders, each on a port of its own.
#[derive(Debug)]
pub struct Site {
    /// The Envoy.
    pub envoy: Envoy,
    ports: HashMap<String, u16>,
    _upstream: Upstream,
}

impl Site {
    /// Starts an Envoy with a listener for each contender.
    ///
    /// # Errors
    /// Envoy does not start, or refuses a listener; with its log.
    pub async fn start(
        tools: &Tools,
        subject: &Subject,
        scenario: &Scenario,
        contenders: &[&Contender],
        launch: Launch,
    ) -> Result<Site> {
        let upstream = Upstream::start(scenario).await?;
        let protocol = if scenario.http == 2 { Protocol::Http2 } else { Protocol::Http1 };
        let host = Ipv4Addr::LOCALHOST.to_string();
        let name = "upstream".to_owned();
        let cluster = Cluster { name, host, port: upstream.port, tls: None, protocol, tells_thread: false };
        let configuration = subject.configuration(scenario).context("the filter has no such request")?;
        let listeners = contenders.iter().map(|contender| {
            let (filters, others) = contender.chain(scenario.chain, configuration);
            let name = contender.label.clone();
            Listener { name, port: 0, filters, others, cluster: "upstream".into(), authority: None }
        });
        let plan = Plan { clusters: vec![cluster], listeners: listeners.collect(), launch, ..Plan::default() };
        let envoy = Envoy::start(&tools.runtime, &plan, &tools.state, Arc::default()).await?;
        if let Some(refused) = admin::listeners(envoy.admin).await?.into_iter().find_map(|it| it.refused) {
            bail!("Envoy refuses it: {refused}; it said:\n{}", envoy.log.explanation());
        }
        let ports = admin::ports(envoy.admin).await?.into_iter().collect();
        Ok(Site { envoy, ports, _upstream: upstream })
    }

    /// The port of a contender.
    ///
    /// # Errors
    /// Envoy does not serve it.
    pub fn port(&self, contender: &Contender) -> Result<u16> {
        self.ports.get(&contender.label).copied().with_context(|| format!("Envoy does not serve {}", contender.label))
    }

    /// Envoy's process.
    ///
    /// # Errors
    /// It runs in a container.
    pub fn pid(&self) -> Result<i32> {
        match self.envoy.id() {
            Id::Pid(pid) => Ok(pid),
            id => bail!("only a native Envoy is measured, and this is {id}"),
        }
    }
}
