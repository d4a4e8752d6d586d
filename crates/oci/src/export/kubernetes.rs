//! Kubernetes without a mesh: a ConfigMap with Envoy's configuration, and a patch that puts an Envoy beside a
//! Deployment's containers.

use std::net::SocketAddr;

use anyhow::{Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use clap::Args;
use serde_json::{Map, Value, json};
use weir_common::thousands;
use weir_envoy::UpstreamUrl;

use super::chain::{Chain, ChainArgs};
use super::envoy::{self, Code, file_name};
use super::istio::metadata;
use super::output::{self, Format};
use crate::digest::Digest;
use crate::image::Layout;
use crate::store::Store;
use crate::{archive, canonical};

/// The most bytes that a ConfigMap may hold, less what Kubernetes itself needs in it.
const MOST_BYTES: usize = 1_000_000;

/// Where the configuration is in the sidecar.
const CONFIG: &str = "/etc/weir";
/// Where images' files are in the sidecar.
const FILTERS: &str = "/filters";

/// What is written for Kubernetes.
#[derive(Debug, Args)]
pub struct Kubernetes {
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Debug, Args)]
struct Place {
    /// The Deployment that gets an Envoy.
    #[arg(long, value_name = "NAME")]
    workload: String,
    /// The Deployment's namespace.
    #[arg(long)]
    namespace: Option<String>,
    /// The address that Envoy listens on in the pod.
    #[arg(long, default_value = "0.0.0.0:10000")]
    listen: SocketAddr,
    /// Where requests go: the workload's own container.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    upstream: UpstreamUrl,
    /// The address of Envoy's admin interface in the pod.
    #[arg(long, default_value = "127.0.0.1:9901")]
    admin: SocketAddr,
    /// Envoy's image; one with a digest is the same tomorrow.
    #[arg(long, value_name = "IMAGE", default_value = concat!("docker.io/envoyproxy/envoy:v", include_str!("../../../../envoy/VERSION")))]
    envoy_image: String,
    /// Mount the filters' images, by their digests, in place of modules in the ConfigMap; needs Kubernetes 1.33.
    #[arg(long)]
    image_volume: bool,
}

impl Kubernetes {
    pub(super) async fn run(self, store: &Store) -> Result<String> {
        let chain = self.chain.chain(store).await?;
        output::written(&resources(&chain, &self.place)?, self.chain.format)
    }
}

fn resources(chain: &Chain, place: &Place) -> Result<Vec<Value>> {
    let codes: Vec<Code> = chain
        .links
        .iter()
        .map(|link| match place.image_volume {
            true => Code::File(format!("{FILTERS}/{}/{}", link.name, archive::MODULE).into()),
            false => Code::File(format!("{CONFIG}/{}", file_name(link)).into()),
        })
        .collect();
    let filters = envoy::filters(chain, &codes, None)?;
    let document = envoy::bootstrap(&filters, place.listen, &place.upstream, place.admin);
    let text = output::written(&[document], Format::Yaml)?;
    let mut modules = Map::new();
    let mut bytes = text.len();
    if !place.image_volume {
        for link in &chain.links {
            bytes += link.found.module.len();
            modules.insert(file_name(link), json!(BASE64.encode(&link.found.module)));
        }
    }
    if bytes > MOST_BYTES {
        bail!(
            "the modules and their configuration have {} bytes, and a ConfigMap holds about {}; --image-volume mounts the images in its place",
            thousands(bytes as u64),
            thousands(MOST_BYTES as u64)
        );
    }
    let content = format!("{text}{}", canonical::sorted(&Value::Object(modules.clone())));
    // A new content gets a new name, so that a rollout, and a rollback, each find their own.
    let name = format!("{}-weir-{}", place.workload, &Digest::of(content.as_bytes()).hex()[..8]);
    let mut map = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(&name, place.namespace.as_deref()),
        "immutable": true,
        "data": { "envoy.yaml": text },
    });
    if !modules.is_empty() {
        map["binaryData"] = Value::Object(modules);
    }
    Ok(vec![map, patch(chain, place, &name)?])
}

/// The patch: a strategic merge adds the container and the volumes to those that are there.
fn patch(chain: &Chain, place: &Place, config: &str) -> Result<Value> {
    let mut volumes = vec![json!({ "name": "weir-config", "configMap": { "name": config } })];
    let mut mounts = vec![json!({ "name": "weir-config", "mountPath": CONFIG, "readOnly": true })];
    if place.image_volume {
        for link in &chain.links {
            let layout = link.found.image.as_ref().and_then(|entry| Layout::of(&entry.image.parsed));
            if !matches!(layout, Some(Layout::Compat | Layout::Docker)) {
                bail!("--image-volume mounts images of the compat layout, and {} is of another", link.name);
            }
            let (name, reference) =
                (format!("weir-{}", volume_name(&link.name)), link.pinned("Kubernetes")?.to_string());
            volumes.push(json!({ "name": name, "image": { "reference": reference, "pullPolicy": "IfNotPresent" } }));
            mounts.push(json!({ "name": name, "mountPath": format!("{FILTERS}/{}", link.name), "readOnly": true }));
        }
    }
    let port = place.listen.port();
    let container = json!({
        "name": "weir-envoy",
        "image": place.envoy_image.trim(),
        "args": ["-c", format!("{CONFIG}/envoy.yaml"), "--log-level", "warning", "--component-log-level", "wasm:info"],
        "ports": [{ "name": "weir", "containerPort": port }],
        "readinessProbe": { "tcpSocket": { "port": port } },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": { "drop": ["ALL"] },
            "readOnlyRootFilesystem": true,
            "runAsNonRoot": true,
            // The image's user is a name, and Kubernetes cannot tell that it is not root's.
            "runAsUser": 101,
        },
        "volumeMounts": mounts,
    });
    Ok(json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(&place.workload, place.namespace.as_deref()),
        "spec": { "template": { "spec": { "containers": [container], "volumes": volumes } } },
    }))
}

/// The name of a volume is a label, which has no dots.
fn volume_name(name: &str) -> String {
    name.replace(['.', '_'], "-")
}

#[cfg(test)]
mod tests {
    use super::super::envoy::tests::chain;
    use super::*;

    fn place(image_volume: bool) -> Place {
        Place {
            workload: "shop".into(),
            namespace: None,
            listen: "0.0.0.0:10000".parse().unwrap(),
            upstream: "http://127.0.0.1:8080".parse().unwrap(),
            admin: "127.0.0.1:9901".parse().unwrap(),
            envoy_image: "docker.io/envoyproxy/envoy:v1\n".into(),
            image_volume,
        }
    }

    #[test]
    fn a_config_map_holds_what_the_sidecar_mounts() {
        let resources = resources(&chain(), &place(false)).unwrap();
        let [map, patch] = resources.as_slice() else { panic!("expected two") };
        let files = map["binaryData"].as_object().unwrap();
        // Both links have one module and names of their own.
        assert_eq!(files.len(), 2);
        let document: Value = serde_saphyr::from_str(map["data"]["envoy.yaml"].as_str().unwrap()).unwrap();
        let pointer = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config/vm_config/code/local/filename";
        let file = document.pointer(pointer).unwrap().as_str().unwrap();
        assert!(files.contains_key(file.strip_prefix("/etc/weir/").unwrap()), "{file}");
        let pod = &patch["spec"]["template"]["spec"];
        assert_eq!(pod["volumes"][0]["configMap"]["name"], map["metadata"]["name"]);
        assert_eq!(pod["containers"][0]["image"], "docker.io/envoyproxy/envoy:v1");
    }

    #[test]
    fn another_content_has_another_name() {
        let name = |chain: &Chain| resources(chain, &place(false)).unwrap()[0]["metadata"]["name"].clone();
        let mut other = chain();
        other.links[0].configuration = Some("{}".into());
        assert_ne!(name(&chain()), name(&other));
        assert_eq!(name(&chain()), name(&chain()));
    }

    #[test]
    fn images_are_mounted_by_their_digests() {
        let resources = resources(&chain(), &place(true)).unwrap();
        assert!(resources[0].get("binaryData").is_none());
        let pod = &resources[1]["spec"]["template"]["spec"];
        let reference = pod["volumes"][1]["image"]["reference"].as_str().unwrap();
        assert!(reference.starts_with("ghcr.io/weir/first@sha256:"), "{reference}");
        assert_eq!(pod["containers"][0]["volumeMounts"][1]["mountPath"], "/filters/first");
    }

    #[test]
    fn what_is_too_large_for_a_config_map_is_told_with_the_mend() {
        let mut large = chain();
        large.links[0].configuration = Some(format!("{{\"a\": \"{}\"}}", "x".repeat(MOST_BYTES)));
        let error = resources(&large, &place(false)).unwrap_err().to_string();
        assert!(error.contains("--image-volume"), "{error}");
    }
}
