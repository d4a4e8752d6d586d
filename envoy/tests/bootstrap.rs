//! What Envoy is told, as a whole. `WEIR_BLESS=1` writes the goldens anew.

use std::path::{Path, PathBuf};

use serde_json::Value;
use weir_envoy::bootstrap::{self, Cluster, Filter, Listener, Protocol};

fn holds(name: &str, value: &Value) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens").join(name);
    if std::env::var_os("WEIR_BLESS").is_some_and(|it| it == "1") {
        std::fs::write(&golden, format!("{value:#}\n")).expect("a golden can be written");
    }
    let text = std::fs::read_to_string(&golden).unwrap_or_default();
    // Compared as values: the order of a table's fields depends on the features that other crates ask serde_json for.
    let expected: Value = serde_json::from_str(&text).unwrap_or_default();
    assert!(*value == expected, "{} differs, and WEIR_BLESS=1 accepts this:\n{value:#}", golden.display());
}

fn cluster(name: &str, host: &str, tls: bool, protocol: Protocol) -> Cluster {
    let tls = tls.then(|| PathBuf::from("/etc/ssl/certs/ca-certificates.crt"));
    Cluster {
        name: name.into(),
        host: host.into(),
        port: 8443,
        tls,
        protocol,
        tells_thread: protocol == Protocol::AsDownstream,
    }
}

fn filter(name: &str, configuration: Option<&[u8]>) -> Filter {
    Filter { name: name.into(), wasm: "/dist/a \"b\".wasm".into(), configuration: configuration.map(<[u8]>::to_vec) }
}

#[test]
fn the_bootstrap() {
    let clusters = [
        cluster("address", "127.0.0.1", false, Protocol::Http1),
        cluster("name", "example.org", true, Protocol::Http2),
        cluster("tls-address", "127.0.0.1", true, Protocol::AsDownstream),
    ];
    holds("bootstrap.json", &bootstrap::bootstrap(&clusters, Path::new("/state/listeners.json")));
}

#[test]
fn the_listeners() {
    let chain = vec![filter("none", None), filter("text", Some(b"{\"a\": 1}")), filter("bytes", Some(b"caf\xe9"))];
    let lua = serde_json::json!({ "name": "lua", "typed_config": { "a": 1 } });
    let listener = |name: &str, port, filters: Vec<Filter>, authority: Option<&str>| Listener {
        name: name.into(),
        port,
        others: if filters.is_empty() { vec![lua.clone()] } else { Vec::new() },
        filters,
        cluster: "upstream".into(),
        authority: authority.map(str::to_owned),
    };
    let listeners = [listener("chain", 8080, chain, Some("example.org")), listener("other", 0, Vec::new(), None)];
    holds("listeners.json", &bootstrap::listeners("7", &listeners));
}
