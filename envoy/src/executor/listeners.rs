//! The listeners that Envoy has, and those that it gets for as long as a case runs.
//!
//! A VM's time begins when its listener is added. So a case in which time matters has its listener added when it
//! begins, and taken away with the next change after it.
//!
//! They are added one by one. Envoy gives a listener whose port is of the kernel's choice the socket of one that is being
//! taken away, if that is still open; it would give the same to each of several, which would answer for each other.

use anyhow::{Context, Result};
use tokio::sync::Mutex;

use super::{Served, served};
use crate::bootstrap::Listener;
use crate::envoy::Envoy;

/// The listeners that Envoy was told last.
#[derive(Debug)]
pub(super) struct Listeners {
    told: Mutex<Told>,
}

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
        let told = Told { version: 1, lasting, ..Told::default() };
        Listeners { told: Mutex::new(told) }
    }

    /// Adds a listener, after those that were to be added before it, and says what became of it.
    ///
    /// # Errors
    /// See [`Envoy::update`]; or Envoy takes it and serves it nowhere.
    pub(super) async fn add(&self, envoy: &Envoy, listener: &Listener) -> Result<Served> {
        let name = &listener.name;
        // Who has waited longest is let in first.
        let mut told = self.told.lock().await;
        told.passing.push(listener.clone());
        let (version, listeners) = told.next();
        // Whether it refuses this one is asked for by name.
        envoy.update(&version, &listeners).await?;
        let became = served(envoy.admin).await?.remove(name);
        if !matches!(became, Some(Served::On(_))) {
            // Kept, it would be tried again, and refused again, with every other.
            told.forget(name);
        }
        became.with_context(|| format!("Envoy does not serve {name}"))
    }

    /// Takes a listener that was added away, with the next one that is added.
    pub(super) async fn remove(&self, name: &str) {
        self.told.lock().await.forget(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(name: &str) -> Listener {
        let (name, cluster) = (name.into(), "c".into());
        Listener { name, port: 0, filters: Vec::new(), others: Vec::new(), cluster, authority: None }
    }

    #[tokio::test]
    async fn what_was_added_goes_with_the_next_version_and_what_was_there_stays() {
        let listeners = Listeners::new(vec![listener("a")]);
        listeners.told.lock().await.passing.extend([listener("b"), listener("c")]);
        listeners.remove("a").await;
        listeners.remove("b").await;
        let (version, told) = listeners.told.lock().await.next();
        assert_eq!(version, "2");
        assert_eq!(told.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    }
}
