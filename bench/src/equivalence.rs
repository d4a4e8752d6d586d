//! That an equivalent is one: the cases that it claims, through a real Envoy.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use weir_cases::{Case, Observed, Outcome, Reply, Seen};
use weir_envoy::bootstrap::{Cluster, Listener, Protocol};
use weir_envoy::http::{Server, send};
use weir_envoy::{Envoy, Plan, Runtime, admin};

use crate::subject::{Subject, entry};

/// Runs all claims of a filter, and gives a line for each that holds.
///
/// # Errors
/// Names filter, equivalent and case: a claim is of no case, of one with another configuration or of one that no
/// equivalent can be asked, or it does not hold.
pub async fn check(runtime: &Runtime, state: &Path, subject: &Subject) -> Result<Vec<String>> {
    let cases = weir_cases::read(&subject.dir.join("cases.toml"))?;
    let mut held = Vec::new();
    for equivalent in &subject.bench.equivalent {
        for name in &equivalent.cases {
            let claim = || format!("{}: {} claims {name:?}", subject.name, equivalent.name);
            let case = cases.iter().find(|case| case.name == *name);
            let case = case.with_context(|| format!("{}, and cases.toml has no such case", claim()))?;
            let case = claimed(subject, case).with_context(claim)?;
            let configuration = case.configuration.as_ref().map(|it| it.0.as_slice());
            let usual = subject.bench.configuration.as_deref().map(str::as_bytes);
            let entry = entry(&subject.dir, equivalent, configuration != usual)?;
            let observed = run(runtime, state, entry, &case).await.with_context(claim)?;
            if let Some(report) = weir_cases::report(&case, &observed) {
                bail!("{}, which it does not hold:\n{report}", claim());
            }
            held.push(format!("{}: {} holds {name:?}", subject.name, equivalent.name));
        }
    }
    Ok(held)
}

/// The case as an equivalent can be asked: what a filter logs and counts is its own business.
fn claimed(subject: &Subject, case: &Case) -> Result<Case> {
    let configuration = case.configuration.as_ref().map(|it| it.0.as_slice());
    let bench = [subject.bench.configuration.as_deref(), rejected(subject)];
    if !bench.iter().any(|it| it.map(str::as_bytes) == configuration) {
        bail!("the case has another configuration than [bench]");
    }
    if case.refused.is_some() || !case.clusters.is_empty() || !case.waits().is_zero() {
        bail!("the case is about a refusal, callouts or time, which an equivalent is not asked");
    }
    let mut case = case.clone();
    for step in &mut case.steps {
        step.expect.log = None;
        step.expect.metrics.clear();
        step.expect.callouts = None;
        if step.expect.upstream.is_none() && step.expect.response.is_none() {
            bail!("a step of the case expects nothing but log, metrics or callouts, which an equivalent is not asked");
        }
    }
    Ok(case)
}

fn rejected(subject: &Subject) -> Option<&str> {
    subject.bench.rejected.as_ref()?.configuration.as_deref()
}

async fn run(runtime: &Runtime, state: &Path, entry: Value, case: &Case) -> Result<Observed> {
    let answers: Vec<_> = case.steps.iter().map(|step| step.upstream.clone()).collect();
    let upstream = Server::answering(&answers, None).await?;
    let (name, host, protocol) = ("upstream".to_owned(), Ipv4Addr::LOCALHOST.to_string(), Protocol::AsDownstream);
    let cluster = Cluster { name, host, port: upstream.port, tls: None, protocol, tells_thread: false };
    let listener = Listener {
        name: "equivalent".into(),
        port: 0,
        filters: Vec::new(),
        others: vec![entry],
        cluster: "upstream".into(),
        authority: None,
    };
    let plan = Plan { clusters: vec![cluster], listeners: vec![listener], ..Plan::default() };
    let envoy = Envoy::start(runtime, &plan, state, Arc::default()).await?;
    if let Some(refused) = admin::listeners(envoy.admin).await?.into_iter().find_map(|it| it.refused) {
        bail!("Envoy refuses it: {refused}");
    }
    let ports = admin::ports(envoy.admin).await?;
    let (_, port) = ports.first().context("Envoy does not listen")?;
    let mut seen = Vec::new();
    for step in &case.steps {
        let arrived = upstream.arrived().len();
        upstream.answer(&step.upstream)?;
        let request = step.request.clone().unwrap_or_default();
        let response = match send(SocketAddr::from((Ipv4Addr::LOCALHOST, *port)), &request).await {
            Ok(response) => Reply::Response(response),
            Err(error) => Reply::Nothing(format!("{error:#}")),
        };
        let upstream = upstream.arrived().into_iter().skip(arrived).last().map(|it| it.request);
        seen.push(Seen { upstream, response, ..Seen::default() });
    }
    Ok(Observed { outcome: Outcome::Served(seen), traps: Vec::new(), notes: Vec::new() })
}
