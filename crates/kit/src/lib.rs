//! What the Rust filters share: headers as bytes, configuration errors that name the field, the log.
//!
//! Nothing here decides anything: a filter's policy stands in the filter. [`json`] is pure and runs anywhere;
//! [`headers`] and [`host`] call the proxy and so do something only inside one.

pub mod headers;
pub mod host;
pub mod json;
mod text;
