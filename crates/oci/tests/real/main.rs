//! Images through what nobody here wrote: Debian's registry, skopeo, oras, Envoy, and cosign where it is there.
//!
//! Every test has a registry of its own on a port of the kernel's choice. `cargo xtask test-images` finds the tools and
//! hands them over in the environment; a tool that is not there is an error, and no test is skipped.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic where it stands")]

mod damage;
mod deploy;
mod machine;
mod proxy;
mod registry;
mod signing;
mod tokens;
mod tools;
mod transfer;
mod trust;
