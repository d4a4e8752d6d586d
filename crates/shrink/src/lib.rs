//! A .wasm in, a smaller .wasm out: what ships is what Envoy needs, and nothing that it would refuse.
//!
//! [`shrink`] runs the pipeline: [`lint`](lint::lint), [`prune`], [`strip`], optimise, each stage validated and played
//! before it counts. [`symbols`] describe the module that ships, because its names do not ship with it.

pub mod abi;
pub mod about;
pub mod cli;
pub mod features;
pub mod lint;
mod module;
mod optimise;
mod pipeline;
pub mod prune;
pub mod strip;
pub mod symbols;
mod trial;

pub use pipeline::{Dropped, Optimiser, Report, ShrinkError, Shrunk, Stage, StageName, shrink};
