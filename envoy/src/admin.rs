//! Envoy's admin interface, as far as it is asked here.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::http;

/// What became of one listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerState {
    /// The listener's name.
    pub name: String,
    /// Why its last configuration was refused, where it was; an earlier one may go on serving.
    pub refused: Option<String>,
}

/// How many versions of the listeners' file Envoy has come to an end with.
///
/// Counted, because Envoy leaves the version of a listener as it was when only its filter chain changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Updates {
    /// Taken whole.
    pub taken: u64,
    /// Refused in whole or in part, or unreadable.
    pub refused: u64,
}

/// Asks for a path and gives the body of the answer.
///
/// # Errors
/// Nothing answers there, or it answers with another status than 200.
pub async fn get(admin: SocketAddr, path: &str) -> Result<Vec<u8>> {
    let request = weir_cases::Request { path: path.into(), ..Default::default() };
    let answer = http::send(admin, &request).await.with_context(|| format!("cannot ask Envoy for {path}"))?;
    if answer.status != 200 {
        bail!("Envoy answers {path} with {}: {}", answer.status, answer.body);
    }
    Ok(answer.body.0)
}

/// Every listener that Envoy was given, served or refused.
///
/// # Errors
/// The admin interface does not answer, or not in the form that is known.
pub async fn listeners(admin: SocketAddr) -> Result<Vec<ListenerState>> {
    listener_states(&serde_json::from_slice(&get(admin, "/config_dump?resource=dynamic_listeners").await?)?)
}

/// The ports that the kernel gave, by the listener's name.
///
/// # Errors
/// As [`listeners`].
pub async fn ports(admin: SocketAddr) -> Result<Vec<(String, u16)>> {
    listener_ports(&serde_json::from_slice(&get(admin, "/listeners?format=json").await?)?)
}

/// The versions of the listeners' file so far.
///
/// # Errors
/// As [`listeners`].
pub async fn updates(admin: SocketAddr) -> Result<Updates> {
    let path = "/stats?format=json&filter=listener_manager.lds.update_";
    update_counts(&serde_json::from_slice(&get(admin, path).await?)?)
}

/// What the filters count, by the names that they gave: counters or gauges, of all filters of the Envoy together.
///
/// # Errors
/// As [`listeners`].
pub async fn metrics(admin: SocketAddr, kind: Metric) -> Result<BTreeMap<String, u64>> {
    let kind = match kind {
        Metric::Counter => "Counters",
        Metric::Gauge => "Gauges",
    };
    // Told as it is, and not with what the filters set free; `^` and `.` of the expression have to be written so.
    let path = format!("/stats?format=json&type={kind}&filter=%5Ewasmcustom%5C.");
    custom_stats(&serde_json::from_slice(&get(admin, &path).await?)?)
}

/// A kind of metric that has one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// It only grows.
    Counter,
    /// It is set.
    Gauge,
}

/// The namespace of what Wasm filters count.
const CUSTOM: &str = "wasmcustom.";

fn custom_stats(stats: &Value) -> Result<BTreeMap<String, u64>> {
    let list = stats["stats"].as_array().with_context(|| format!("no list of statistics: {stats}"))?;
    let custom = list.iter().filter_map(|it| Some((it["name"].as_str()?.strip_prefix(CUSTOM)?.to_owned(), it)));
    custom
        .map(|(name, it)| {
            let value = it["value"].as_u64().with_context(|| format!("a statistic without a number: {it}"))?;
            Ok((name, value))
        })
        .collect()
}

fn update_counts(stats: &Value) -> Result<Updates> {
    let list = stats["stats"].as_array().with_context(|| format!("no list of statistics: {stats}"))?;
    let count = |name: &str| {
        let name = format!("listener_manager.lds.update_{name}");
        let stat = list.iter().find(|it| it["name"] == name.as_str());
        stat.and_then(|it| it["value"].as_u64()).with_context(|| format!("Envoy does not count {name}"))
    };
    Ok(Updates { taken: count("success")?, refused: count("rejected")? + count("failure")? })
}

fn listener_states(dump: &Value) -> Result<Vec<ListenerState>> {
    // Without any listener Envoy leaves the list out.
    let configs = dump["configs"].as_array().map_or(&[][..], Vec::as_slice);
    configs.iter().map(listener_state).collect()
}

fn listener_state(config: &Value) -> Result<ListenerState> {
    // A listener that never served has its name only in the configuration that was refused.
    let name = config["name"].as_str().or(config["error_state"]["failed_configuration"]["name"].as_str());
    let name = name.with_context(|| format!("a listener without a name: {config}"))?;
    let refused = config["error_state"].as_object();
    let refused = refused.map(|it| it.get("details").and_then(Value::as_str).unwrap_or("no reason given").to_owned());
    Ok(ListenerState { name: name.into(), refused })
}

fn listener_ports(listeners: &Value) -> Result<Vec<(String, u16)>> {
    let statuses = listeners["listener_statuses"].as_array().map_or(&[][..], Vec::as_slice);
    statuses
        .iter()
        .map(|status| {
            let port = status["local_address"]["socket_address"]["port_value"].as_u64();
            let port = port.and_then(|port| u16::try_from(port).ok());
            Some((status["name"].as_str()?.to_owned(), port?))
        })
        .collect::<Option<_>>()
        .with_context(|| format!("a listener without name or port: {listeners}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn served_and_refused_listeners_are_told_apart() {
        let dump = json!({ "configs": [
            { "name": "a", "active_state": { "version_info": "2" } },
            { "error_state": { "details": "no", "failed_configuration": { "name": "b" } } },
        ]});
        let states = listener_states(&dump).unwrap();
        assert_eq!(states[0], ListenerState { name: "a".into(), refused: None });
        assert_eq!(states[1], ListenerState { name: "b".into(), refused: Some("no".into()) });
        assert_eq!(listener_states(&json!({})).unwrap(), []);
    }

    #[test]
    fn updates_are_counted() {
        let stat =
            |name: &str, value: u64| json!({ "name": format!("listener_manager.lds.update_{name}"), "value": value });
        let stats =
            json!({ "stats": [stat("success", 3), stat("rejected", 1), stat("failure", 1), { "histograms": {} }] });
        assert_eq!(update_counts(&stats).unwrap(), Updates { taken: 3, refused: 2 });
        assert!(update_counts(&json!({ "stats": [] })).is_err());
    }

    #[test]
    fn what_filters_count_is_told_by_their_names() {
        let stats = json!({ "stats": [
            { "name": "wasmcustom.requests.total", "value": 3 }, { "name": "wasm.envoy.active", "value": 1 },
        ]});
        assert_eq!(custom_stats(&stats).unwrap(), [("requests.total".to_owned(), 3)].into());
        assert!(custom_stats(&json!({ "stats": [{ "name": "wasmcustom.a" }] })).is_err());
        assert!(custom_stats(&json!({})).is_err());
    }

    #[test]
    fn ports_are_read_by_name() {
        let address = json!({ "socket_address": { "address": "127.0.0.1", "port_value": 4711 } });
        let listeners = json!({ "listener_statuses": [{ "name": "a", "local_address": address }] });
        assert_eq!(listener_ports(&listeners).unwrap(), [("a".to_owned(), 4711)]);
        assert!(listener_ports(&json!({ "listener_statuses": [{ "name": "a" }] })).is_err());
    }
}
