//! Counters, gauges and histograms of the proxy.
//!
//! Envoy shows them at its admin endpoint as `wasmcustom.NAME`, summed over all workers. A metric that the host does not
//! take is not worth a trap or a refused configuration: it stays silent.

use crate::abi;

/// A number that only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter(Option<u32>);

impl Counter {
    /// Defines the counter of this name; where there is one already, this is it. Call it when the plugin is configured.
    pub fn define(name: &str) -> Counter {
        Counter(abi::define_metric(0, name).ok())
    }

    /// Adds to it.
    pub fn increment(self, by: u32) {
        if let Some(id) = self.0 {
            let _ = abi::increment_metric(id, i64::from(by));
        }
    }
}

/// A number that goes up and down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauge(Option<u32>);

impl Gauge {
    /// Defines the gauge of this name; where there is one already, this is it.
    pub fn define(name: &str) -> Gauge {
        Gauge(abi::define_metric(1, name).ok())
    }

    /// Sets it.
    pub fn record(self, value: u64) {
        if let Some(id) = self.0 {
            let _ = abi::record_metric(id, value);
        }
    }

    /// Moves it up or down.
    pub fn add(self, by: i64) {
        if let Some(id) = self.0 {
            let _ = abi::increment_metric(id, by);
        }
    }
}

/// A distribution of numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram(Option<u32>);

impl Histogram {
    /// Defines the histogram of this name; where there is one already, this is it.
    pub fn define(name: &str) -> Histogram {
        Histogram(abi::define_metric(2, name).ok())
    }

    /// Counts one value.
    pub fn record(self, value: u64) {
        if let Some(id) = self.0 {
            let _ = abi::record_metric(id, value);
        }
    }
}
