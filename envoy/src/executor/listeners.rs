//! The listeners that Envoy has, and those that it gets for as long as a case runs.
//!
//! A VM's time begins when its listener is added. So a case in which time matters has its listener added when it
//! begins, and taken away with the next change after it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex as StdMutex, PoisonError};

use anyhow::{Context, Result};
use tokio::sync::Mutex;

use super::{Served, served};
use crate::bootstrap::Listener;
use crate::envoy::Envoy;

/// How many are added with one change: a change costs Envoy a look at all listeners, and each VM that is added makes the
/// ones before it wait for their cases to begin.
const AT_ONCE: usize = 4;

/// The listeners that Envoy was told last, and those that are to come.
#[derive(Debug)]
pub(super) struct Listeners {
    waiting: StdMutex<VecDeque<Listener>>,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    version: u64,
    /// Those that were there from the start.
    lasting: Vec<Listener>,
    /// Those of the cases that are running.
    passing: Vec<Listener>,
    /// What became of those that were added, until who wants to know has asked.
    became: HashMap<String, Served>,
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
        Listeners { waiting: StdMutex::default(), told: Mutex::new(told) }
    }

    /// Adds a listener, with others that wait to be added, and says what became of it.
    ///
    /// # Errors
    /// See [`Envoy::update`]; or Envoy takes it and serves it nowhere.
    pub(super) async fn add(&self, envoy: &Envoy, listener: &Listener) -> Result<Served> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(listener.clone());
        let mut told = self.told.lock().await;
        // Another case may have had it added together with its own.
        while !told.became.contains_key(&listener.name) {
            let batch = self.batch();
            if batch.is_empty() {
                break;
            }
            self.tell(envoy, &mut told, batch).await?;
        }
        told.became.remove(&listener.name).with_context(|| format!("Envoy does not serve {}", listener.name))
    }

    /// Takes those that have waited longest.
    fn batch(&self) -> Vec<Listener> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let number = waiting.len().min(AT_ONCE);
        waiting.drain(..number).collect()
    }

    async fn tell(&self, envoy: &Envoy, told: &mut Told, batch: Vec<Listener>) -> Result<()> {
        let names: Vec<_> = batch.iter().map(|it| it.name.clone()).collect();
        told.passing.extend(batch);
        let (version, listeners) = told.next();
        // Which of them it refuses is asked for by name.
        envoy.update(&version, &listeners).await?;
        let served = served(envoy.admin).await?;
        for name in names {
            match served.get(&name) {
                Some(Served::On(_)) => {}
                // Kept, it would be tried again, and refused again, with every other.
                Some(Served::Refused(_)) | None => told.forget(&name),
            }
            if let Some(it) = served.get(&name) {
                told.became.insert(name, it.clone());
            }
        }
        Ok(())
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

    #[test]
    fn those_that_wait_longest_come_first_and_a_few_at_once() {
        let listeners = Listeners::new(Vec::new());
        let names = ["a", "b", "c", "d", "e"];
        listeners.waiting.lock().unwrap().extend(names.map(listener));
        let batch = || listeners.batch().into_iter().map(|it| it.name).collect::<Vec<_>>();
        assert_eq!(batch(), ["a", "b", "c", "d"]);
        assert_eq!(batch(), ["e"]);
        assert_eq!(batch(), [""; 0]);
    }
}
