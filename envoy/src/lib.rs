//! The only code of the workspace that starts an Envoy.
//!
//! [`Runtime`] says how an Envoy runs, as a process of this machine or in a container; [`Envoy`] is one that is up.
//! An Envoy never outlives the process that started it: it is stopped when its [`Envoy`] is dropped, and where the
//! process has no time for that, the kernel ends it (native) or a keeper removes it (container).
//!
//! The binary `weir-envoy` stands on this library: `weir-envoy --help` says what it does.

pub mod admin;
pub mod bootstrap;
#[cfg(feature = "container")]
mod container;
pub mod e2e;
mod envoy;
mod executor;
pub mod hold;
pub mod http;
pub mod log;
mod native;
mod runtime;
mod scratch;
pub mod selftest;
pub mod serve;
mod signals;
mod upstream;

#[cfg(feature = "container")]
pub use container::Image;
pub use envoy::{Envoy, Launch, Plan};
pub use executor::EnvoyExecutor;
pub use runtime::{Id, Kind, Process, Runtime};
pub use signals::{end_with_parent, stop_requested};
pub use upstream::UpstreamUrl;

/// The version of Envoy that this workspace is made for, such as `1.40.0`.
pub const VERSION: &str = include_str!("../VERSION").trim_ascii();
