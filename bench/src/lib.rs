//! What filters cost, in figures that hold on a noisy machine.
//!
//! Three ways, the surest first. [`counts`]: what a filter takes in process, exact, and so a gate ([`baseline`]).
//! [`callgrind`]: instructions of the whole Envoy for each request. [`load`]: throughput, latency, CPU time and memory under
//! load, as ratios to the bare listener of the same round ([`stats`]). [`report`] shows them.
//!
//! What is measured is data: scenarios stand in `scenarios/`, what a filter is measured with in its `filter.toml`.

pub mod baseline;
pub mod callgrind;
pub mod client;
pub mod counts;
pub mod equivalence;
pub mod load;
pub mod machine;
pub mod page;
pub mod profile;
pub mod report;
pub mod results;
pub mod run;
pub mod scale;
pub mod scenario;
pub mod shard;
pub mod site;
pub mod stats;
pub mod subject;
pub mod upstream;
