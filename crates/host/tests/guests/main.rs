//! The host, seen from small guests: every host call, and everything that a stream may do.

mod calls;
mod control;
mod maps;
mod sharing;
mod streams;
mod support;
mod traps;
mod wasi;
