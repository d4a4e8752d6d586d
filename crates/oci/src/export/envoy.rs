//! Envoy's own configuration.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use clap::Args;
use serde_json::{Value, json};
use weir_common::say;
use weir_envoy::UpstreamUrl;
use weir_envoy::bootstrap::{self, Cluster, Filter, Listener, Protocol};

use super::chain::{Chain, ChainArgs, FailurePolicy, Link};
use super::{capabilities, merge, output};
use crate::digest::Digest;
use crate::store::Store;
use crate::whole;

/// What is written for Envoy.
#[derive(Debug, Args)]
pub struct Envoy {
    #[command(flatten)]
    chain: ChainArgs,
    /// Write only the entries of http_filters.
    #[arg(long, conflicts_with_all = ["bootstrap", "listen", "upstream", "admin"])]
    minimal: bool,
    /// Write this bootstrap, YAML or JSON, with the chain merged into its HTTP connection managers, before the router;
    /// `-` reads it from the standard input. Comments are lost.
    #[arg(long, short, value_name = "FILE|-", conflicts_with_all = ["listen", "upstream", "admin"])]
    bootstrap: Option<String>,
    /// Merge into the listener of this name only.
    #[arg(long, value_name = "NAME", requires = "bootstrap")]
    listener: Option<String>,
    /// The address that Envoy listens on.
    #[arg(long, default_value = "127.0.0.1:10000")]
    listen: SocketAddr,
    /// Where requests go.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    upstream: UpstreamUrl,
    /// The address of Envoy's admin interface.
    #[arg(long, default_value = "127.0.0.1:9901")]
    admin: SocketAddr,
    #[command(flatten)]
    code: CodeArgs,
}

/// Where Envoy finds the modules.
#[derive(Debug, Args)]
struct CodeArgs {
    /// The folder that the modules are written to; their names hold their digests.
    #[arg(long, value_name = "FOLDER", default_value = "dist/modules")]
    modules: PathBuf,
    /// Where Envoy will see that folder, if it runs elsewhere; nothing is written then.
    #[arg(long, value_name = "PATH")]
    modules_at: Option<PathBuf>,
    /// Put the modules into the configuration itself, in base64.
    #[arg(long, conflicts_with_all = ["modules_at"])]
    inline: bool,
    /// The vm_id of every filter, in place of its name: filters that share one share data, and a VM if they share a
    /// module.
    #[arg(long, value_name = "ID")]
    vm_id: Option<String>,
    /// Do not restrict what a module may ask of Envoy to what it imports: Envoy 1.40 warns of the field, which it is to
    /// lose.
    #[arg(long)]
    unrestricted: bool,
}

/// Where Envoy finds a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// In a file.
    File(PathBuf),
    /// In the configuration.
    Inline,
}

impl Envoy {
    pub(super) async fn run(self, store: &Store) -> Result<String> {
        let chain = self.chain.chain(store).await?;
        let codes: Vec<Code> = chain.links.iter().map(|link| self.code.of(link)).collect::<Result<_>>()?;
        let mut filters = filters(&chain, &codes, self.code.vm_id.as_deref())?;
        if self.code.unrestricted {
            let configs = filters.iter_mut().filter_map(|filter| filter.pointer_mut("/typed_config/config"));
            configs.filter_map(Value::as_object_mut).for_each(|config| drop(config.remove(RESTRICTION)));
        }
        let document = match &self.bootstrap {
            _ if self.minimal => json!(filters),
            Some(place) => merge::merged(&read(place)?, &filters, self.listener.as_deref())?,
            None => bootstrap(&filters, self.listen, &self.upstream, self.admin),
        };
        output::written(&[document], self.chain.format)
    }
}

impl CodeArgs {
    fn of(&self, link: &Link) -> Result<Code> {
        let file = file_name(link);
        if self.inline {
            return Ok(Code::Inline);
        }
        if let Some(folder) = &self.modules_at {
            return Ok(Code::File(folder.join(file)));
        }
        let path = self.modules.join(file);
        if !std::fs::read(&path).is_ok_and(|present| present == link.found.module) {
            whole::write(&path, &link.found.module)?;
            say!("{} is in {}", link.name, path.display());
        }
        Ok(Code::File(std::path::absolute(&path).with_context(|| format!("cannot name {}", path.display()))?))
    }
}

/// The name of a module's file. It holds the digest, because Envoy looks at a file only when its name is new.
pub(super) fn file_name(link: &Link) -> String {
    format!("{}-{}.wasm", link.found.filter, Digest::of(&link.found.module).short())
}

fn read(place: &str) -> Result<Value> {
    let text = match place {
        "-" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("cannot read the standard input")?;
            text
        }
        file => std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?,
    };
    let value: Value = serde_saphyr::from_str(&text).with_context(|| format!("the bootstrap {place} is no YAML"))?;
    match value.is_object() {
        true => Ok(value),
        false => bail!("the bootstrap {place} is no object"),
    }
}

/// The entries of `http_filters` for a chain, in its order.
pub(super) fn filters(chain: &Chain, codes: &[Code], vm_id: Option<&str>) -> Result<Vec<Value>> {
    let entries = chain.links.iter().zip(codes).map(|(link, code)| filter(link, code, chain.policy, vm_id));
    entries.collect()
}

fn filter(link: &Link, code: &Code, policy: FailurePolicy, vm_id: Option<&str>) -> Result<Value> {
    let file = match code {
        Code::File(path) => path.clone(),
        Code::Inline => PathBuf::new(),
    };
    let configuration = link.configuration.as_ref().map(|text| text.clone().into_bytes());
    let mut entry = bootstrap::http_filter(&Filter { name: link.name.clone(), wasm: file, configuration });
    let config = &mut entry["typed_config"]["config"];
    config["failure_policy"] = json!(match policy {
        FailurePolicy::Closed => "FAIL_CLOSED",
        FailurePolicy::Open => "FAIL_OPEN",
        FailurePolicy::Reload => "FAIL_RELOAD",
    });
    let about = weir_shrink::about::about(&link.found.module)?;
    let allowed: BTreeMap<String, Value> = capabilities::of(&about).into_iter().map(|name| (name, json!({}))).collect();
    config[RESTRICTION] = json!({ "allowed_capabilities": allowed });
    if let Some(id) = vm_id {
        config["vm_config"]["vm_id"] = json!(id);
    }
    if *code == Code::Inline {
        config["vm_config"]["code"] = json!({ "local": { "inline_bytes": BASE64.encode(&link.found.module) } });
    }
    Ok(entry)
}

/// The field that restricts what a module may ask of Envoy.
const RESTRICTION: &str = "capability_restriction_config";

/// The name of the one listener and the one cluster.
const NAME: &str = "weir";

/// Where the certificate authorities are in Envoy's own images, and on Debian and Alpine.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// A whole bootstrap with one listener.
pub(super) fn bootstrap(filters: &[Value], listen: SocketAddr, upstream: &UpstreamUrl, admin: SocketAddr) -> Value {
    let cluster = Cluster {
        name: NAME.into(),
        host: upstream.host.clone(),
        port: upstream.port,
        tls: upstream.tls.then(|| AUTHORITIES.into()),
        protocol: Protocol::Http1,
        tells_thread: false,
    };
    // An upstream of the same machine or pod is told what the client said.
    let is_address = upstream.host.parse::<std::net::IpAddr>().is_ok() || upstream.host == "localhost";
    let authority = (!is_address).then(|| upstream.authority.clone());
    let listener = Listener {
        name: NAME.into(),
        port: listen.port(),
        filters: Vec::new(),
        others: Vec::new(),
        cluster: NAME.into(),
        authority,
    };
    let mut listener = bootstrap::listener(&listener);
    // In a bootstrap a listener's type is known, and its own listening sockets for each worker serve it best.
    if let Some(fields) = listener.as_object_mut() {
        fields.remove("@type");
        fields.remove("enable_reuse_port");
    }
    listener["address"]["socket_address"]["address"] = json!(listen.ip().to_string());
    let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"];
    if let Some(list) = manager.as_array_mut() {
        list.splice(0..0, filters.iter().cloned());
    }
    let mut document = bootstrap::bootstrap(&[cluster], Path::new(""));
    if let Some(fields) = document.as_object_mut() {
        fields.remove("dynamic_resources");
    }
    document["static_resources"]["listeners"] = json!([listener]);
    let address = json!({ "address": admin.ip().to_string(), "port_value": admin.port() });
    document["admin"]["address"]["socket_address"] = address;
    document
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::chain::tests::link;
    use super::*;

    pub(crate) fn chain() -> Chain {
        let links = vec![link("first", Some(r#"{"a": 1}"#)), link("second", None)];
        Chain { links, policy: FailurePolicy::Open }
    }

    fn entries(inline: bool) -> Vec<Value> {
        let code = |name: &str| if inline { Code::Inline } else { Code::File(format!("/m/{name}.wasm").into()) };
        filters(&chain(), &[code("first"), code("second")], Some("shared")).unwrap()
    }

    #[test]
    fn an_entry_says_all_that_envoy_needs_and_allows_no_more() {
        let config = &entries(false)[0]["typed_config"]["config"];
        assert_eq!(config["failure_policy"], "FAIL_OPEN");
        assert_eq!(config["vm_config"]["vm_id"], "shared");
        assert_eq!(config["vm_config"]["code"]["local"]["filename"], "/m/first.wasm");
        assert_eq!(config["configuration"]["value"], r#"{"a": 1}"#);
        let allowed = config["capability_restriction_config"]["allowed_capabilities"].as_object().unwrap();
        assert_eq!(allowed.keys().collect::<Vec<_>>(), ["proxy_log", "proxy_on_context_create"]);
        let config = &entries(true)[1]["typed_config"]["config"];
        let code = config["vm_config"]["code"]["local"]["inline_bytes"].as_str().unwrap();
        assert_eq!(BASE64.decode(code).unwrap(), chain().links[1].found.module);
        assert!(config.get("configuration").is_none());
    }

    #[test]
    fn a_bootstrap_stands_alone_with_the_chain_before_the_router() {
        let upstream = "https://api.example.org".parse().unwrap();
        let document =
            bootstrap(&entries(false), "0.0.0.0:8000".parse().unwrap(), &upstream, "127.0.0.1:9901".parse().unwrap());
        assert!(document.get("dynamic_resources").is_none());
        let listener = &document["static_resources"]["listeners"][0];
        assert!(listener.get("@type").is_none());
        let address = json!({ "address": "0.0.0.0", "port_value": 8000 });
        assert_eq!(listener["address"]["socket_address"], address);
        let manager = &listener["filter_chains"][0]["filters"][0]["typed_config"];
        let names: Vec<&str> =
            manager["http_filters"].as_array().unwrap().iter().filter_map(|it| it["name"].as_str()).collect();
        assert_eq!(names, ["first", "second", "envoy.filters.http.router"]);
        let route = &manager["route_config"]["virtual_hosts"][0]["routes"][0]["route"];
        assert_eq!(route["host_rewrite_literal"], "api.example.org");
        assert_eq!(
            document["static_resources"]["clusters"][0]["transport_socket"]["typed_config"]["sni"],
            "api.example.org"
        );
    }
}
