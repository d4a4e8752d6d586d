//! Istio's WasmPlugin: one resource for each filter, ordered by priority.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::chain::{Chain, ChainArgs, FailurePolicy};
use super::output;
use crate::store::Store;

/// What is written for Istio.
#[derive(Debug, Args)]
pub struct Istio {
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Debug, Default, Args)]
struct Place {
    /// The namespace of the resources.
    #[arg(long)]
    namespace: Option<String>,
    /// The workloads, by a label; without any, all of the namespace.
    #[arg(long, value_name = "KEY=VALUE", conflicts_with = "target")]
    selector: Vec<String>,
    /// The resource that the filters are for, such as Gateway/NAME or Service/NAME.
    #[arg(long, value_name = "KIND/NAME")]
    target: Vec<String>,
    /// Where in Istio's own chain the filters stand; without it, near the end, before the router.
    #[arg(long, value_enum)]
    phase: Option<Phase>,
    /// The priority of the last filter; those before it have higher ones, ten apart.
    #[arg(long, value_name = "N", default_value_t = 10)]
    priority: i32,
    /// The secret with the credentials for the registry.
    #[arg(long, value_name = "SECRET")]
    pull_secret: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Phase {
    /// Before Istio's authentication.
    Authn,
    /// Before its authorisation, after its authentication.
    Authz,
    /// Before its statistics, after its authorisation.
    Stats,
}

impl Istio {
    pub(super) async fn run(self, store: &Store) -> Result<String> {
        let chain = self.chain.chain(store).await?;
        output::written(&plugins(&chain, &self.place)?, self.chain.format)
    }
}

fn plugins(chain: &Chain, place: &Place) -> Result<Vec<Value>> {
    let count = chain.links.len();
    let mut plugins = Vec::new();
    for (at, link) in chain.links.iter().enumerate() {
        let mut spec = json!({
            "url": format!("oci://{}", link.pinned("Istio")?),
            "imagePullPolicy": "IfNotPresent",
            "pluginName": link.name,
            "type": "HTTP",
            "failStrategy": match chain.policy {
                FailurePolicy::Closed => "FAIL_CLOSE",
                FailurePolicy::Open => "FAIL_OPEN",
                FailurePolicy::Reload => "FAIL_RELOAD",
            },
            // Plugins of one phase run from the highest priority to the lowest.
            "priority": place.priority.saturating_add(10 * (count - 1 - at) as i32),
        });
        if let Some(configuration) = link.object()? {
            spec["pluginConfig"] = configuration;
        }
        if let Some(phase) = place.phase {
            spec["phase"] = json!(match phase {
                Phase::Authn => "AUTHN",
                Phase::Authz => "AUTHZ",
                Phase::Stats => "STATS",
            });
        }
        if let Some(secret) = &place.pull_secret {
            spec["imagePullSecret"] = json!(secret);
        }
        for label in &place.selector {
            let Some((key, value)) = label.split_once('=') else { bail!("--selector {label}: expected KEY=VALUE") };
            spec["selector"]["matchLabels"][key] = json!(value);
        }
        if !place.target.is_empty() {
            spec["targetRefs"] = place.target.iter().map(|text| target(text)).collect::<Result<_>>()?;
        }
        plugins.push(json!({
            "apiVersion": "extensions.istio.io/v1alpha1",
            "kind": "WasmPlugin",
            "metadata": metadata(&link.resource_name(), place.namespace.as_deref()),
            "spec": spec,
        }));
    }
    Ok(plugins)
}

/// The resource that a policy is for. Services are Kubernetes' own; the others are those of the Gateway API.
pub(super) fn target(text: &str) -> Result<Value> {
    let Some((kind, name)) = text.split_once('/').filter(|(kind, name)| !kind.is_empty() && !name.is_empty()) else {
        bail!("--target {text}: expected KIND/NAME, such as Gateway/web or HTTPRoute/api")
    };
    let group = match kind {
        "Service" => "",
        "ServiceEntry" => "networking.istio.io",
        _ => "gateway.networking.k8s.io",
    };
    Ok(json!({ "group": group, "kind": kind, "name": name }))
}

/// The metadata of a resource.
pub(super) fn metadata(name: &str, namespace: Option<&str>) -> Value {
    match namespace {
        Some(namespace) => json!({ "name": name, "namespace": namespace }),
        None => json!({ "name": name }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::envoy::tests::chain;
    use super::*;

    /// The golden was held against the published CRD, with unknown fields refused.
    #[test]
    fn the_whole_text() {
        let place = Place {
            namespace: Some("web".into()),
            target: vec!["Gateway/web".into()],
            phase: Some(Phase::Authz),
            pull_secret: Some("registry".into()),
            ..Place::default()
        };
        let text = output::written(&plugins(&chain(), &place).unwrap(), output::Format::Yaml).unwrap();
        output::holds("istio.yaml", &text);
    }

    #[test]
    fn filters_keep_their_order_by_priority() {
        let plugins = plugins(&chain(), &Place { priority: 10, ..Place::default() }).unwrap();
        let first = &plugins[0];
        assert_eq!((&first["kind"], &first["metadata"]["name"]), (&json!("WasmPlugin"), &json!("first")));
        assert_eq!((&first["spec"]["priority"], &plugins[1]["spec"]["priority"]), (&json!(20), &json!(10)));
        assert_eq!(first["spec"]["pluginConfig"], json!({ "a": 1 }));
        assert!(plugins[1]["spec"].get("pluginConfig").is_none());
        assert_eq!(first["spec"]["failStrategy"], "FAIL_OPEN");
        let url = first["spec"]["url"].as_str().unwrap();
        assert!(url.starts_with("oci://ghcr.io/weir/first@sha256:"), "{url}");
    }

    #[test]
    fn a_place_is_written_as_istio_asks() {
        let place = Place {
            namespace: Some("web".into()),
            selector: vec!["app=shop".into(), "app.kubernetes.io/part=a".into()],
            phase: Some(Phase::Authn),
            pull_secret: Some("registry".into()),
            ..Place::default()
        };
        let spec = &plugins(&chain(), &place).unwrap()[0]["spec"];
        assert_eq!(spec["selector"]["matchLabels"], json!({ "app": "shop", "app.kubernetes.io/part": "a" }));
        assert_eq!((&spec["phase"], &spec["imagePullSecret"]), (&json!("AUTHN"), &json!("registry")));
        let place = Place { target: vec!["Gateway/web".into(), "Service/shop".into()], ..Place::default() };
        let refs = &plugins(&chain(), &place).unwrap()[0]["spec"]["targetRefs"];
        assert_eq!(refs[0], json!({ "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "web" }));
        assert_eq!(refs[1]["group"], "");
        let wrong = Place { selector: vec!["app".into()], ..Place::default() };
        assert!(super::plugins(&chain(), &wrong).unwrap_err().to_string().contains("expected KEY=VALUE"));
        assert!(target("web").unwrap_err().to_string().contains("expected KIND/NAME"));
    }
}
