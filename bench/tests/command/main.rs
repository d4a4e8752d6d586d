//! The bench by its own command, as `cargo xtask bench` calls it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic where it stands")]

mod filter;
mod gate;
mod stop;
