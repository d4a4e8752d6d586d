//! Envoy Gateway's EnvoyExtensionPolicy: one resource for the whole chain, whose order it keeps.

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};

use super::chain::{Chain, ChainArgs, FailurePolicy};
use super::istio::{metadata, target};
use super::output;
use crate::store::Store;

/// The most filters that a policy may hold.
const MOST_FILTERS: usize = 16;

/// The kinds that a policy may be for.
const KINDS: [&str; 7] = ["Gateway", "ListenerSet", "HTTPRoute", "GRPCRoute", "TCPRoute", "UDPRoute", "TLSRoute"];

/// What is written for Envoy Gateway.
#[derive(Debug, Args)]
pub struct EnvoyGateway {
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Debug, Default, Args)]
struct Place {
    /// The name of the policy; without it, the first filter's.
    #[arg(long)]
    name: Option<String>,
    /// The namespace of the policy.
    #[arg(long)]
    namespace: Option<String>,
    /// The resource that the chain is for, such as HTTPRoute/NAME or Gateway/NAME.
    #[arg(long, required = true, value_name = "KIND/NAME")]
    target: Vec<String>,
    /// The secret with the credentials for the registry.
    #[arg(long, value_name = "SECRET")]
    pull_secret: Option<String>,
}

impl EnvoyGateway {
    pub(super) async fn run(self, store: &Store) -> Result<String> {
        let chain = self.chain.chain(store).await?;
        output::written(&[policy(&chain, &self.place)?], self.chain.format)
    }
}

fn policy(chain: &Chain, place: &Place) -> Result<Value> {
    if chain.links.len() > MOST_FILTERS {
        bail!("a policy holds at most {MOST_FILTERS} filters, and the chain has {}", chain.links.len());
    }
    let fail_open = match chain.policy {
        FailurePolicy::Closed => false,
        FailurePolicy::Open => true,
        FailurePolicy::Reload => bail!("Envoy Gateway knows no reload; expected --failure-policy closed or open"),
    };
    let mut filters = Vec::new();
    for link in &chain.links {
        let reference = link.pinned("Envoy Gateway")?;
        let digest = reference.digest().context("a pinned reference has a digest")?;
        let hex = digest.trim_start_matches("sha256:");
        let mut image = json!({ "url": reference.to_string(), "sha256": hex });
        if let Some(secret) = &place.pull_secret {
            image["pullSecretRef"] = json!({ "group": "", "kind": "Secret", "name": secret });
        }
        let mut filter = json!({
            "name": link.name,
            "code": { "type": "Image", "image": image },
            "failOpen": fail_open,
        });
        if let Some(configuration) = link.object()? {
            filter["config"] = configuration;
        }
        filters.push(filter);
    }
    let targets: Vec<Value> = place.target.iter().map(|text| target(text)).collect::<Result<_>>()?;
    if let Some(wrong) = targets.iter().find(|it| !KINDS.iter().any(|kind| it["kind"] == *kind)) {
        bail!("--target: Envoy Gateway has no policies for a {}; expected one of {}", wrong["kind"], KINDS.join(", "));
    }
    let name = place.name.clone().or_else(|| chain.links.first().map(|link| link.resource_name())).unwrap_or_default();
    Ok(json!({
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "EnvoyExtensionPolicy",
        "metadata": metadata(&name, place.namespace.as_deref()),
        "spec": { "targetRefs": targets, "wasm": filters },
    }))
}

#[cfg(test)]
mod tests {
    use super::super::envoy::tests::chain;
    use super::*;

    fn place(targets: &[&str]) -> Place {
        Place { target: targets.iter().map(ToString::to_string).collect(), ..Place::default() }
    }

    /// The golden was held against the published CRD, with unknown fields refused.
    #[test]
    fn the_whole_text() {
        let place = Place {
            namespace: Some("web".into()),
            pull_secret: Some("registry".into()),
            ..place(&["HTTPRoute/api", "Gateway/web"])
        };
        let text = output::written(&[policy(&chain(), &place).unwrap()], output::Format::Yaml).unwrap();
        output::holds("envoy-gateway.yaml", &text);
    }

    #[test]
    fn one_policy_holds_the_chain_in_its_order() {
        let policy = policy(&chain(), &place(&["HTTPRoute/api"])).unwrap();
        assert_eq!(policy["metadata"]["name"], "first");
        let wasm = policy["spec"]["wasm"].as_array().unwrap();
        assert_eq!((&wasm[0]["name"], &wasm[1]["name"]), (&json!("first"), &json!("second")));
        assert_eq!(wasm[0]["config"], json!({ "a": 1 }));
        assert!(wasm[1].get("config").is_none());
        assert_eq!(wasm[0]["failOpen"], true);
        let image = &wasm[0]["code"]["image"];
        let url = image["url"].as_str().unwrap();
        assert_eq!(url, format!("ghcr.io/weir/first@sha256:{}", image["sha256"].as_str().unwrap()));
    }

    #[test]
    fn what_the_gateway_does_not_know_is_told() {
        let reload = Chain { policy: FailurePolicy::Reload, ..chain() };
        assert!(policy(&reload, &place(&["Gateway/a"])).unwrap_err().to_string().contains("closed or open"));
        assert!(
            policy(&chain(), &place(&["Service/a"])).unwrap_err().to_string().contains("no policies for a \"Service\"")
        );
        let long = Chain { links: vec![chain().links.remove(0); 17], ..chain() };
        assert!(policy(&long, &place(&["Gateway/a"])).unwrap_err().to_string().contains("at most 16"));
    }
}
