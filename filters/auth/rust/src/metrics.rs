//! What is counted: refusals by their reason, and fetches of keys.

use weir_kit::metrics::Counter;

use crate::refusal::{Reason, WORDS};

/// The counters of a plugin. Requests that pass are counted by the proxy anyway, and another call would be a tenth of
/// what the filter costs.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    refused: Vec<Counter>,
    #[cfg(feature = "jwt")]
    fetched: Counter,
    #[cfg(feature = "jwt")]
    failed: Counter,
}

impl Metrics {
    /// Defines them all: `auth.refused.REASON`, `auth.jwks.fetched`, `auth.jwks.failed`.
    pub(crate) fn define() -> Metrics {
        Metrics {
            refused: WORDS.iter().map(|(_, word)| Counter::define(&["auth.refused.", word].concat())).collect(),
            #[cfg(feature = "jwt")]
            fetched: Counter::define("auth.jwks.fetched"),
            #[cfg(feature = "jwt")]
            failed: Counter::define("auth.jwks.failed"),
        }
    }

    /// A request was refused.
    pub(crate) fn refused(&self, reason: Reason) {
        if let Some(counter) = self.refused.get(reason as usize) {
            counter.increment(1);
        }
    }

    /// Keys came, or did not.
    #[cfg(feature = "jwt")]
    pub(crate) fn fetched(&self, good: bool) {
        if good { self.fetched.increment(1) } else { self.failed.increment(1) }
    }
}
