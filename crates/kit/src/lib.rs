//! What the Rust filters share: headers as bytes, configuration errors that name the field, the log, the allocator.
//!
//! Nothing here decides anything: a filter's policy stands in the filter. [`json`] is pure and runs anywhere;
//! [`headers`] and [`host`] call the proxy and so do something only inside one.

// It serves only in a module; elsewhere the system's allocator does.
#[cfg(any(test, all(target_family = "wasm", not(target_feature = "atomics"))))]
mod allocator;
pub mod headers;
pub mod host;
pub mod json;
mod text;

#[cfg(test)]
mod dice;
