//! Filters as OCI images: what a mesh pulls, what a security team can check, what an operator applies.
//!
//! [`image`] makes an image of a module, the same bytes from the same input; [`store`] keeps images as OCI layouts below
//! `dist/oci/`; [`registry`] moves them; [`inspect`], [`sign`] and [`export`] read them. A module that comes from a
//! registry is never used before its digest, its size and its ABI were looked at ([`source`]).
//!
//! The binary `weir-oci` stands on this library; `cargo xtask` builds and runs it.

pub mod archive;
mod canonical;
pub mod cli;
pub mod credentials;
pub mod digest;
pub mod export;
pub mod facts;
pub mod failure;
pub mod image;
pub mod inspect;
pub mod media;
pub mod reference;
pub mod registry;
pub mod retry;
pub mod sign;
pub mod source;
pub mod store;
mod whole;
mod words;

/// The most bytes that a module may have, packed or not: a filter is small, and what is not is not pulled.
pub const MOST_MODULE_BYTES: u64 = 64 << 20;

/// The most bytes that a manifest, a configuration or an attachment may have.
pub const MOST_DOCUMENT_BYTES: u64 = 4 << 20;
