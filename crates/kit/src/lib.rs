//! What the Rust filters share: what the proxy offers, in bytes and without a panic, and configuration errors that name
//! the field.
//!
//! Nothing here decides anything: a filter's policy stands in the filter. [`json`] and [`address`] are pure and run
//! anywhere. The others call the proxy and so do something only inside one; [`headers::Headers`],
//! [`shared::SharedData`] and [`clock::Clock`] are traits, so that what a filter does with them is tested without one.

// It serves only in a module; elsewhere the system's allocator does.
#[cfg(any(test, all(target_family = "wasm", not(target_feature = "atomics"))))]
mod allocator;

mod abi;
pub mod address;
pub mod body;
pub mod callout;
pub mod clock;
pub mod headers;
pub mod host;
pub mod json;
pub mod metrics;
mod pairs;
pub mod property;
mod refused;
pub mod reply;
pub mod shared;
mod text;

pub use proxy_wasm::types::LogLevel;
pub use refused::Refused;
pub use text::push_decimal;
