//! What an Envoy is told: the bootstrap, and the listeners that it watches a file for.
//!
//! Built as JSON values and not as text with holes, so that no path, name or configuration can break out of its place;
//! goldens in the tests show the whole text. Listeners come from a file and not from the bootstrap for two reasons: a
//! listener whose filter refuses its configuration is rejected alone, where it would end Envoy if it stood in the
//! bootstrap; and a running Envoy takes another version of the file without dropping the socket.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde_json::{Value, json};

/// One Wasm filter of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// What Envoy's log calls it; also its `vm_id`, because what a filter logs while it is configured carries only
    /// that. Filters of one name share a VM and with it their shared data.
    pub name: String,
    /// The module, as an absolute path.
    pub wasm: PathBuf,
    /// The configuration's bytes; `None` gives the filter none.
    pub configuration: Option<Vec<u8>>,
}

/// One listener on the loopback address, with its chain of filters and the cluster behind them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Unique among the listeners.
    pub name: String,
    /// The port on 127.0.0.1; 0 lets the kernel choose.
    pub port: u16,
    /// The chain, first to see the request first.
    pub filters: Vec<Filter>,
    /// The chain's filters that are no Wasm, as Envoy is told them; a request meets them after those that are.
    pub others: Vec<Value>,
    /// The name of a cluster of the bootstrap.
    pub cluster: String,
    /// What the upstream is told as `:authority`; `None` passes on what the client said.
    pub authority: Option<String>,
}

/// One upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Unique among the clusters.
    pub name: String,
    /// An address or a name.
    pub host: String,
    /// The port.
    pub port: u16,
    /// For TLS, the file with the certificate authorities to trust.
    pub tls: Option<PathBuf>,
    /// Which version of HTTP it is spoken to in.
    pub protocol: Protocol,
    /// Whether a request says with the header [`THREAD`] which thread of Envoy sent it.
    pub tells_thread: bool,
}

/// The header in which the name of a thread is told, as the kernel knows it.
pub const THREAD: &str = "x-weir-thread";

/// Which version of HTTP an upstream is spoken to in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2.
    Http2,
    /// That of the request which goes there.
    AsDownstream,
}

/// The bootstrap: the admin interface on a port of the kernel's choice, the clusters, and the file to watch.
pub fn bootstrap(clusters: &[Cluster], listeners: &Path) -> Value {
    json!({
        "node": { "id": "weir", "cluster": "weir" },
        "admin": { "address": socket_address("127.0.0.1", 0) },
        "dynamic_resources": {
            "lds_config": { "path_config_source": { "path": listeners }, "resource_api_version": "V3" },
        },
        "static_resources": { "clusters": clusters.iter().map(cluster).collect::<Vec<_>>() },
        // Without a bound Envoy warns at every start that there is none.
        "overload_manager": {
            "resource_monitors": [{
                "name": "envoy.resource_monitors.global_downstream_max_connections",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                    "max_active_downstream_connections": 10000,
                },
            }],
        },
    })
}

/// The file of listeners, in one version.
pub fn listeners(version: &str, listeners: &[Listener]) -> Value {
    json!({ "version_info": version, "resources": listeners.iter().map(listener).collect::<Vec<_>>() })
}

fn socket_address(host: &str, port: u16) -> Value {
    json!({ "socket_address": { "address": host, "port_value": port } })
}

/// One cluster.
pub fn cluster(cluster: &Cluster) -> Value {
    let is_address = cluster.host.parse::<IpAddr>().is_ok();
    let mut value = json!({
        "name": cluster.name,
        "type": if is_address { "STATIC" } else { "LOGICAL_DNS" },
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": cluster.name,
            "endpoints": [{
                "lb_endpoints": [{ "endpoint": { "address": socket_address(&cluster.host, cluster.port) } }],
            }],
        },
    });
    if !is_address {
        // A name may have addresses of both families where the upstream listens on one, `localhost` first of all.
        value["dns_lookup_family"] = json!("ALL");
    }
    let mut options = protocol(cluster.protocol);
    if cluster.tells_thread {
        options["http_filters"] = json!([tell_thread(), {
            "name": "envoy.filters.http.upstream_codec",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec",
            },
        }]);
    }
    // HTTP/1.1 and no more is what Envoy takes of itself.
    if cluster.protocol != Protocol::Http1 || cluster.tells_thread {
        value["typed_extension_protocol_options"] = json!({ HTTP_PROTOCOL_OPTIONS: options });
    }
    if let Some(authorities) = &cluster.tls {
        value["transport_socket"] = tls(&cluster.host, is_address, authorities);
    }
    value
}

const HTTP_PROTOCOL_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// How a version of HTTP is asked for.
fn protocol(protocol: Protocol) -> Value {
    let mut options = match protocol {
        Protocol::Http1 => json!({ "explicit_http_config": { "http_protocol_options": {} } }),
        Protocol::Http2 => json!({ "explicit_http_config": { "http2_protocol_options": {} } }),
        Protocol::AsDownstream => json!({
            "use_downstream_protocol_config": { "http_protocol_options": {}, "http2_protocol_options": {} },
        }),
    };
    options["@type"] = json!(format!("type.googleapis.com/{HTTP_PROTOCOL_OPTIONS}"));
    options
}

/// A filter towards the upstream; each thread has a Lua of its own, which asks the kernel where it runs.
fn tell_thread() -> Value {
    let code = format!(
        r#"function envoy_on_request(handle)
  local file = io.open("/proc/thread-self/comm")
  if file then
    handle:headers():replace("{THREAD}", file:read() or "")
    file:close()
  end
end"#
    );
    json!({
        "name": "envoy.filters.http.lua",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": { "inline_string": code },
        },
    })
}

/// TLS towards an upstream, whose certificate must be for the host and from an authority of the file.
fn tls(host: &str, is_address: bool, authorities: &Path) -> Value {
    let kind = if is_address { "IP_ADDRESS" } else { "DNS" };
    let mut value = json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": {
                "validation_context": {
                    "trusted_ca": { "filename": authorities },
                    "match_typed_subject_alt_names": [{ "san_type": kind, "matcher": { "exact": host } }],
                },
            },
        },
    });
    if !is_address {
        value["typed_config"]["sni"] = json!(host);
    }
    value
}

/// One listener, as the file of listeners holds it: with its type.
pub fn listener(listener: &Listener) -> Value {
    let mut filters: Vec<Value> =
        listener.filters.iter().map(http_filter).chain(listener.others.iter().cloned()).collect();
    filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
    }));
    let mut route = json!({ "cluster": listener.cluster });
    if let Some(authority) = &listener.authority {
        route["host_rewrite_literal"] = json!(authority);
    }
    json!({
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "name": listener.name,
        "address": socket_address("127.0.0.1", listener.port),
        // Otherwise a second Envoy could listen on the same port, and each would answer a part of the requests.
        "enable_reuse_port": false,
        "filter_chains": [{
            "filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                    "stat_prefix": listener.name,
                    "route_config": {
                        "virtual_hosts": [{
                            "name": "all",
                            "domains": ["*"],
                            "routes": [{ "match": { "prefix": "/" }, "route": route }],
                        }],
                    },
                    "http_filters": filters,
                },
            }],
        }],
    })
}

/// One entry of `http_filters`.
pub fn http_filter(filter: &Filter) -> Value {
    let mut config = json!({
        "name": filter.name,
        "failure_policy": "FAIL_CLOSED",
        "vm_config": {
            "vm_id": filter.name,
            "runtime": "envoy.wasm.runtime.v8",
            "code": { "local": { "filename": filter.wasm } },
        },
    });
    if let Some(bytes) = &filter.configuration {
        config["configuration"] = configuration(bytes);
    }
    json!({
        "name": filter.name,
        "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm", "config": config },
    })
}

/// Envoy hands a filter the bare bytes of either kind of value; a StringValue can hold only UTF-8.
fn configuration(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!({ "@type": "type.googleapis.com/google.protobuf.StringValue", "value": text }),
        Err(_) => json!({
            "@type": "type.googleapis.com/google.protobuf.BytesValue",
            "value": base64::engine::general_purpose::STANDARD.encode(bytes),
        }),
    }
}
