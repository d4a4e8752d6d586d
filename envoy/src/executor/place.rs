//! What one case has of its own in an Envoy that serves all.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::{Context, Result};
use weir_cases::{Answer, Case, Http};

use crate::bootstrap::{Cluster, Filter, Listener, Protocol};
use crate::http::{Pace, Server};

/// The listener, the servers, and what they are called.
#[derive(Debug)]
pub(super) struct Place {
    /// Its name is that of listener, filter, VM and the cluster of the upstream.
    pub(super) listener: Listener,
    pub(super) upstream: Server,
    /// The servers of callouts, by what the case calls their clusters.
    pub(super) callouts: BTreeMap<String, Server>,
    /// Whether the listener is added only when the case begins: time matters in it, or what the filter counts.
    pub(super) waits_for_its_turn: bool,
}

impl Place {
    pub(super) async fn new(key: &str, wasm: &Path, case: &Case, pace: Pace) -> Result<Place> {
        // What stands in a step is said of it again when the step comes; here it is known to be sayable.
        let answers: Vec<Answer> = case.steps.iter().map(|step| step.upstream.clone()).collect();
        let upstream = Server::answering(&answers, pace.clone()).await.context("upstream")?;
        let mut callouts = BTreeMap::new();
        for (name, cluster) in &case.clusters {
            let server = Server::of_callouts(cluster, pace.clone()).await;
            callouts.insert(name.clone(), server.with_context(|| format!("clusters.{name}"))?);
        }
        let configuration = case.configuration(|name| cluster_name(key, name));
        let filters = vec![Filter { name: key.into(), wasm: wasm.into(), configuration }];
        let (name, cluster, others) = (key.into(), key.into(), Vec::new());
        let listener = Listener { name, port: 0, filters, others, cluster, authority: None };
        let idle = case.steps.iter().any(|step| step.request.is_none());
        let timed = idle || !case.waits().is_zero() || !case.clusters.is_empty();
        Ok(Place { listener, upstream, callouts, waits_for_its_turn: timed || case.expects_metrics() })
    }

    /// The clusters of the upstream and of callouts.
    pub(super) fn clusters(&self, case: &Case) -> Vec<Cluster> {
        let key = &self.listener.name;
        let upstream = cluster(key.clone(), &self.upstream, Protocol::AsDownstream, false);
        let callout = |(name, server): (&String, &Server)| {
            let two = case.clusters.get(name).is_some_and(|it| it.http == Http::Two);
            cluster(cluster_name(key, name), server, if two { Protocol::Http2 } else { Protocol::Http1 }, true)
        };
        [upstream].into_iter().chain(self.callouts.iter().map(callout)).collect()
    }
}

fn cluster(name: String, server: &Server, protocol: Protocol, tells_thread: bool) -> Cluster {
    Cluster { name, host: Ipv4Addr::LOCALHOST.to_string(), port: server.port, tls: None, protocol, tells_thread }
}

/// Envoy's clusters are global, so what a case calls them is not what they are called.
fn cluster_name(key: &str, name: &str) -> String {
    format!("{key}-{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn place(text: &str) -> (Place, Vec<Cluster>) {
        let case = weir_cases::parse("f", &format!("[[case]]\nname = 'a'\n{text}")).unwrap().remove(0);
        let place = Place::new("case-7", Path::new("a.wasm"), &case, None).await.unwrap();
        let clusters = place.clusters(&case);
        (place, clusters)
    }

    #[tokio::test]
    async fn clusters_are_called_as_the_configuration_is_told() {
        let text = "configuration = 'a ${k} ${l}'\nclusters = { k = { http = 2 }, l = {} }\nexpect.log = []";
        let (place, clusters) = place(text).await;
        let said: Vec<_> = clusters.iter().map(|it| (it.name.as_str(), it.protocol)).collect();
        let expected =
            [("case-7", Protocol::AsDownstream), ("case-7-k", Protocol::Http2), ("case-7-l", Protocol::Http1)];
        assert_eq!(said, expected);
        assert_eq!(clusters[1].port, place.callouts["k"].port);
        assert_eq!(place.listener.filters[0].configuration.as_deref(), Some(&b"a case-7-k case-7-l"[..]));
    }

    #[tokio::test]
    async fn only_where_time_or_numbers_matter_is_a_listener_added_late() {
        for (text, late) in [
            ("expect.response.status = 200", false),
            ("[[case.step]]\n[[case.step]]\nexpect.log = []", false),
            ("[[case.step]]\nadvance = '1ms'\nexpect.log = []", true),
            ("[[case.step]]\nidle = true\nexpect.log = []", true),
            ("expect.metrics.m = 0", true),
            ("configuration = '${k}'\nclusters.k = {}\nexpect.log = []", true),
        ] {
            assert_eq!(place(text).await.0.waits_for_its_turn, late, "{text}");
        }
    }
}
