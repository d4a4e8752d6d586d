//! The listeners that Envoy has, and those that it gets for as long as a case runs.
//!
//! A VM's time begins when its listener is added. So a case in which time matters has its listener added when it
//! begins, one at a time, and taken away with the next change after it.

use anyhow::{Context, Result};
use tokio::sync::Mutex;

use super::Served;
use crate::admin;
use crate::bootstrap::Listener;
use crate::envoy::Envoy;

/// The listeners that Envoy was told last.
#[derive(Debug)]
pub(super) struct Listeners(Mutex<Told>);

#[derive(Debug)]
struct Told {
    version: u64,
    listeners: Vec<Listener>,
    /// Those that were added, and are to stay for now.
    added: Vec<String>,
}

impl Listeners {
    /// Those of the first version.
    pub(super) fn new(listeners: Vec<Listener>) -> Listeners {
        Listeners(Mutex::new(Told { version: 1, listeners, added: Vec::new() }))
    }

    /// Adds a listener, and says what became of it.
    ///
    /// # Errors
    /// See [`Envoy::update`]; or Envoy takes it and serves it nowhere.
    pub(super) async fn add(&self, envoy: &Envoy, listener: &Listener) -> Result<Served> {
        let mut told = self.0.lock().await;
        told.version += 1;
        told.listeners.push(listener.clone());
        if let Some(reason) = envoy.update(&told.version.to_string(), &told.listeners).await? {
            told.listeners.pop();
            return Ok(Served::Refused(reason));
        }
        told.added.push(listener.name.clone());
        let ports = admin::ports(envoy.admin).await?;
        let port = ports.into_iter().find(|(name, _)| *name == listener.name);
        port.map(|(_, port)| Served::On(port)).with_context(|| format!("Envoy does not serve {}", listener.name))
    }

    /// Takes a listener away that was added, with the next one that is.
    pub(super) async fn remove(&self, name: &str) {
        let mut told = self.0.lock().await;
        if told.added.iter().any(|it| it == name) {
            told.listeners.retain(|it| it.name != name);
            told.added.retain(|it| it != name);
        }
    }
}
