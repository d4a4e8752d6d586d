//! The host, seen from small guests: every host call, and everything that a stream may do.

mod maps;
mod support;
