//! Envoy's admin interface, as far as it is asked here.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::http;

/// What became of one listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerState {
    /// The listener's name.
    pub name: String,
    /// The version of the file from which the listener that now serves came; `None` where none serves.
    pub version: Option<String>,
    /// The last version that was refused, and why.
    pub refused: Option<Refusal>,
}

/// A version of a listener that Envoy did not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What Envoy says of it.
    pub reason: String,
    /// The configuration that was refused, as Envoy shows it; tells one refusal from the next.
    pub attempted: Value,
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

fn listener_states(dump: &Value) -> Result<Vec<ListenerState>> {
    // Without any listener Envoy leaves the list out.
    let configs = dump["configs"].as_array().map_or(&[][..], Vec::as_slice);
    configs.iter().map(listener_state).collect()
}

fn listener_state(config: &Value) -> Result<ListenerState> {
    // A listener that never served has its name only in the configuration that was refused.
    let name = config["name"].as_str().or(config["error_state"]["failed_configuration"]["name"].as_str());
    let name = name.with_context(|| format!("a listener without a name: {config}"))?;
    let refused = config["error_state"].as_object().map(|error| Refusal {
        reason: error.get("details").and_then(Value::as_str).unwrap_or("no reason given").to_owned(),
        attempted: error.get("failed_configuration").cloned().unwrap_or_default(),
    });
    let version = config["active_state"]["version_info"].as_str().map(str::to_owned);
    Ok(ListenerState { name: name.into(), version, refused })
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
        assert_eq!(states[0], ListenerState { name: "a".into(), version: Some("2".into()), refused: None });
        assert_eq!(states[1].version, None);
        assert_eq!(states[1].name, "b");
        assert_eq!(states[1].refused, Some(Refusal { reason: "no".into(), attempted: json!({ "name": "b" }) }));
        assert_eq!(listener_states(&json!({})).unwrap(), []);
    }

    #[test]
    fn ports_are_read_by_name() {
        let address = json!({ "socket_address": { "address": "127.0.0.1", "port_value": 4711 } });
        let listeners = json!({ "listener_statuses": [{ "name": "a", "local_address": address }] });
        assert_eq!(listener_ports(&listeners).unwrap(), [("a".to_owned(), 4711)]);
        assert!(listener_ports(&json!({ "listener_statuses": [{ "name": "a" }] })).is_err());
    }
}
