//! What deploys a chain of filters: a bootstrap for Envoy, a WasmPlugin for Istio, an EnvoyExtensionPolicy for Envoy
//! Gateway, a ConfigMap with a sidecar for Kubernetes.
//!
//! Everything that a cluster pulls is named by its digest, and every configuration is checked against the filter's own
//! schema, so that what is applied is what was tested, and is not refused by the filter that it is for.

mod capabilities;
mod chain;
mod envoy;
mod gateway;
mod istio;
mod kubernetes;
mod merge;
mod output;
mod schema;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::store::Store;

pub use chain::{Chain, ChainArgs, FailurePolicy, Link};
pub use envoy::Envoy;
pub use gateway::EnvoyGateway;
pub use istio::Istio;
pub use kubernetes::Kubernetes;

/// What is to be written.
#[derive(Debug, Args)]
pub struct Export {
    #[command(subcommand)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Target {
    /// Envoy's own configuration: a whole bootstrap, the http_filters entries, or a bootstrap with them merged in.
    Envoy(Envoy),
    /// Istio's WasmPlugin, one for each filter.
    Istio(Istio),
    /// Envoy Gateway's EnvoyExtensionPolicy.
    EnvoyGateway(EnvoyGateway),
    /// A ConfigMap, and a patch that puts an Envoy beside a Deployment's containers.
    Kubernetes(Kubernetes),
}

impl Export {
    /// Writes it to the standard output.
    ///
    /// # Errors
    /// A filter is not there or is not usable, or a configuration is not what the filter takes.
    pub async fn run(self, store: &Store) -> Result<()> {
        let text = match self.target {
            Target::Envoy(target) => target.run(store).await?,
            Target::Istio(target) => target.run(store).await?,
            Target::EnvoyGateway(target) => target.run(store).await?,
            Target::Kubernetes(target) => target.run(store).await?,
        };
        print!("{text}");
        Ok(())
    }
}
