//! A chain merged into a bootstrap that somebody else wrote.

use anyhow::{Result, bail};
use serde_json::Value;

/// The bootstrap with the filters before the last filter, the router, of each HTTP connection manager of its static
/// listeners; with a name, of that listener only. Filters of the same names are replaced, so that merging twice is as
/// merging once.
///
/// # Errors
/// There is no such listener, or no HTTP connection manager in it that ends with a router.
pub(super) fn merged(bootstrap: &Value, filters: &[Value], listener: Option<&str>) -> Result<Value> {
    let mut document = bootstrap.clone();
    let listeners = document.pointer_mut("/static_resources/listeners").and_then(Value::as_array_mut);
    let Some(listeners) = listeners else {
        bail!(
            "the bootstrap has no static_resources.listeners; a chain for listeners from elsewhere is written with --minimal"
        )
    };
    let names: Vec<String> = listeners.iter().map(|it| it["name"].as_str().unwrap_or("(no name)").to_owned()).collect();
    let mut managers = 0;
    let wanted = |it: &&mut Value| listener.is_none_or(|name| it["name"].as_str() == Some(name));
    for listener in listeners.iter_mut().filter(wanted) {
        managers += managers_of(listener)
            .into_iter()
            .try_fold(0, |count, manager| insert(manager, filters).map(|()| count + 1))?;
    }
    match (managers, listener) {
        (0, Some(name)) => bail!(
            "the bootstrap has no listener {name:?} with an HTTP connection manager; its listeners are: {}",
            names.join(", ")
        ),
        (0, None) => bail!("no listener of the bootstrap has an HTTP connection manager to put filters into"),
        _ => Ok(document),
    }
}

/// The configurations of a listener's HTTP connection managers.
fn managers_of(listener: &mut Value) -> Vec<&mut Value> {
    let mut chains: Vec<&mut Value> = Vec::new();
    if let Some(fields) = listener.as_object_mut() {
        for (name, value) in fields {
            match (name.as_str(), value) {
                ("filter_chains", Value::Array(list)) => chains.extend(list),
                ("default_filter_chain", chain) => chains.push(chain),
                _ => {}
            }
        }
    }
    let filters = chains.into_iter().filter_map(|chain| chain.get_mut("filters")?.as_array_mut()).flatten();
    let configs = filters.filter_map(|filter| filter.get_mut("typed_config"));
    configs.filter(|it| it["@type"].as_str().is_some_and(|it| it.ends_with(".HttpConnectionManager"))).collect()
}

fn insert(manager: &mut Value, filters: &[Value]) -> Result<()> {
    let names: Vec<&Value> = filters.iter().map(|filter| &filter["name"]).collect();
    let Some(list) = manager.get_mut("http_filters").and_then(Value::as_array_mut) else {
        bail!("an HTTP connection manager of the bootstrap has no http_filters, and so no router")
    };
    list.retain(|filter| !names.contains(&&filter["name"]));
    let is_router = |filter: &Value| {
        let type_url = filter["typed_config"]["@type"].as_str().unwrap_or_default();
        type_url.ends_with(".Router") || filter["name"] == "envoy.filters.http.router"
    };
    let Some(router) = list.iter().position(is_router) else {
        bail!("an HTTP connection manager of the bootstrap has no router to put filters before")
    };
    list.splice(router..router, filters.iter().cloned());
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bootstrap() -> Value {
        let text = r#"
admin: { address: { socket_address: { address: 127.0.0.1, port_value: 9901 } } }
static_resources:
  listeners:
  - name: http
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: http
          http_filters:
          - { name: cors }
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
  - name: tcp
    filter_chains:
    - filters: [{ name: envoy.filters.network.tcp_proxy }]
"#;
        serde_saphyr::from_str(text).unwrap()
    }

    fn names(document: &Value) -> Vec<&str> {
        let list =
            document.pointer("/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters");
        list.unwrap().as_array().unwrap().iter().filter_map(|it| it["name"].as_str()).collect()
    }

    #[test]
    fn a_chain_stands_before_the_router_in_its_order_and_once() {
        let chain = [json!({ "name": "b", "v": 1 }), json!({ "name": "a", "v": 1 })];
        let once = merged(&bootstrap(), &chain, None).unwrap();
        assert_eq!(names(&once), ["cors", "b", "a", "envoy.filters.http.router"]);
        assert_eq!(merged(&once, &chain, Some("http")).unwrap(), once);
        let other = merged(&once, &[json!({ "name": "b", "v": 2 })], None).unwrap();
        assert_eq!(names(&other), ["cors", "a", "b", "envoy.filters.http.router"]);
        assert_eq!(once["admin"], bootstrap()["admin"], "all else stays");
    }

    #[test]
    fn a_bootstrap_without_a_place_is_told() {
        let error = |document: &Value, listener| merged(document, &[], listener).unwrap_err().to_string();
        assert!(error(&json!({}), None).contains("no static_resources.listeners"));
        let tcp = error(&bootstrap(), Some("tcp"));
        assert!(tcp.contains("no listener \"tcp\"") && tcp.contains("http, tcp"), "{tcp}");
        let mut without = bootstrap();
        *without
            .pointer_mut("/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters")
            .unwrap() = json!([{ "name": "cors" }]);
        assert!(error(&without, None).contains("no router"));
    }
}
