//! Carries out what [`fetch`](crate::jwks::fetch) decides: asks clusters for keys, and hands the answers over.

use weir_kit::callout::{Answer, Callout};
use weir_kit::clock::{Clock, HostClock};
use weir_kit::shared::HostSharedData;
use weir_kit::{LogLevel, host};

use crate::Plugin;
use crate::jwks::fetch::{Fetcher, MOST_BODY, Source, Step};

/// How often the workers look whether keys are due, in milliseconds.
const PERIOD: u32 = 1000;
/// How often while keys are missing.
const SHORT_PERIOD: u32 = 100;

/// The questions that are under way, and how often there is a tick.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// The callout's token, and the number of the source.
    asked: Vec<(u32, usize)>,
    period: u32,
}

impl Sources {
    /// Begins with these sources: with the keys that other workers have, or had under the configuration before.
    pub(crate) fn configure(&mut self, sources: Vec<Source>) -> Vec<Fetcher> {
        let mut fetchers: Vec<Fetcher> = sources.into_iter().map(Fetcher::new).collect();
        for fetcher in &mut fetchers {
            fetcher.recall(&HostSharedData);
        }
        // An answer to the configuration before is nobody's any more.
        self.asked.clear();
        self.tick_as_needed(&fetchers);
        fetchers
    }

    /// Asks for what is due.
    pub(crate) fn on_tick(&mut self, plugin: &Plugin) {
        let Ok(now) = HostClock.now() else { return };
        let mut memory = plugin.memory.borrow_mut();
        for source in 0..memory.fetchers.len() {
            let Some(fetcher) = memory.fetchers.get_mut(source) else { continue };
            let (step, renewed) = fetcher.tick(&HostSharedData, now / 1_000_000);
            if step == Step::Fetch {
                match ask(fetcher.source()) {
                    Some(token) => self.asked.push((token, source)),
                    None => failed(plugin, fetcher, "the cluster takes no request"),
                }
            }
            if renewed {
                memory.keys_changed(&plugin.auth, source);
            }
        }
        self.tick_as_needed(&memory.fetchers);
    }

    /// Takes an answer.
    pub(crate) fn on_answer(&mut self, plugin: &Plugin, token: u32, headers: usize, body_size: usize) {
        let Some(place) = self.asked.iter().position(|(asked, _)| *asked == token) else { return };
        let (_, source) = self.asked.swap_remove(place);
        let mut memory = plugin.memory.borrow_mut();
        let Some(fetcher) = memory.fetchers.get_mut(source) else { return };
        let answer = Answer::read(headers, body_size, MOST_BODY).ok().flatten();
        let outcome = match answer {
            None => Err("no answer"),
            Some(answer) => match (answer.status(), answer.body) {
                (Some(200), Some(body)) => Ok(body),
                (Some(200), None) => Err("more than 256 KiB"),
                _ => Err("another status than 200"),
            },
        };
        match (outcome, HostClock.now()) {
            (Ok(body), Ok(now)) => match fetcher.arrived(&HostSharedData, &body, now / 1_000_000) {
                Ok(_) => {
                    plugin.metrics.fetched(true);
                    memory.keys_changed(&plugin.auth, source);
                }
                Err(error) => tell(plugin, fetcher, error.message()),
            },
            (Err(why), _) => failed(plugin, fetcher, why),
            (Ok(_), Err(_)) => failed(plugin, fetcher, "the proxy has no clock"),
        }
        self.tick_as_needed(&memory.fetchers);
    }

    fn tick_as_needed(&mut self, fetchers: &[Fetcher]) {
        let period = match fetchers {
            [] => 0,
            some if some.iter().any(Fetcher::hurries) => SHORT_PERIOD,
            _ => PERIOD,
        };
        if period != self.period && host::tick_every(period).is_ok() {
            self.period = period;
        }
    }
}

fn ask(source: &Source) -> Option<u32> {
    let callout = Callout {
        cluster: &source.cluster,
        method: "GET",
        path: &source.path,
        authority: &source.authority,
        headers: &[("accept", "application/jwk-set+json, application/json")],
        body: &[],
        timeout: std::time::Duration::from_millis(source.timeout),
    };
    callout.dispatch().ok()
}

fn failed(plugin: &Plugin, fetcher: &mut Fetcher, why: &str) {
    fetcher.failed(&HostSharedData);
    tell(plugin, fetcher, why);
}

fn tell(plugin: &Plugin, fetcher: &Fetcher, why: &str) {
    plugin.metrics.fetched(false);
    let line = ["keys of cluster ", &fetcher.source().cluster, " were not fetched: got ", why].concat();
    host::log(LogLevel::Warn, &line);
}
