//! A filter's contract as data: `filter.toml` says what a filter is, `cases.toml` what it does.
//!
//! Nothing here starts a process or opens a socket: this crate reads, and it judges. What executes a case lives in
//! the crates that own an executor.

pub mod manifest;
