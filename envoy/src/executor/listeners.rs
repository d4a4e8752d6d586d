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

#[derive(Debug, Default)]
struct Told {
    version: u64,
    /// Those that were there from the start.
    lasting: Vec<Listener>,
    /// Those of the cases that are running.
    passing: Vec<Listener>,
}

impl Told {
    /// The next version.
    fn next(&mut self) -> (String, Vec<Listener>) {
        self.version += 1;
        (self.version.to_string(), self.lasting.iter().chain(&self.passing).cloned().collect())
    }

    fn forget(&mut self, name: &str) {
        self.passing.retain(|it| it.name != name);
    }
}

impl Listeners {
    /// Those of the first version.
    pub(super) fn new(lasting: Vec<Listener>) -> Listeners {
        Listeners(Mutex::new(Told { version: 1, lasting, passing: Vec::new() }))
    }

    /// Adds a listener, and says what became of it.
    ///
    /// # Errors
    /// See [`Envoy::update`]; or Envoy takes it and serves it nowhere.
    pub(super) async fn add(&self, envoy: &Envoy, listener: &Listener) -> Result<Served> {
        let mut told = self.0.lock().await;
        told.passing.push(listener.clone());
        let (version, listeners) = told.next();
        if let Some(reason) = envoy.update(&version, &listeners).await? {
            told.forget(&listener.name);
            return Ok(Served::Refused(reason));
        }
        let ports = admin::ports(envoy.admin).await?;
        let port = ports.into_iter().find(|(name, _)| *name == listener.name);
        port.map(|(_, port)| Served::On(port)).with_context(|| format!("Envoy does not serve {}", listener.name))
    }

    /// Takes a listener that was added away, with the next one that is added.
    pub(super) async fn remove(&self, name: &str) {
        self.0.lock().await.forget(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(name: &str) -> Listener {
        Listener { name: name.into(), port: 0, filters: Vec::new(), cluster: "c".into(), authority: None }
    }

    #[tokio::test]
    async fn what_was_added_goes_with_the_next_version_and_what_was_there_stays() {
        let listeners = Listeners::new(vec![listener("a")]);
        listeners.0.lock().await.passing.extend([listener("b"), listener("c")]);
        listeners.remove("a").await;
        listeners.remove("b").await;
        let (version, told) = listeners.0.lock().await.next();
        assert_eq!(version, "2");
        assert_eq!(told.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    }
}
