//! Properties: what the proxy knows about the stream in hand, as bytes.
//!
//! A path's parts have a NUL between them: `"source\0address"`. It is one string, so that a path that a filter knows
//! beforehand costs nothing to build. A number is 8 bytes, little-endian; a truth is one byte; text is as it is.

use crate::abi;
use crate::refused::Refused;

/// The address of the downstream as Envoy sees it, with its port, such as `192.0.2.1:4000` or `[2001:db8::1]:4000`;
/// what Envoy itself made of `x-forwarded-for` (`use_remote_address`, `xff_num_trusted_hops`) is in it.
pub const SOURCE_ADDRESS: &str = "source\0address";

/// Who the client is, as a filter earlier in the chain found out: a name that filter is sure of. An identity that a
/// client could write itself, such as a header, is none.
pub const CONSUMER: &str = "weir.consumer";

/// What stands before a claim's name in the property in which a filter earlier in the chain keeps that claim's value:
/// `weir.claim.sub`.
pub const CLAIM: &str = "weir.claim.";

/// What a filter reads of the stream in hand. [`HostProperties`] is the proxy's; a test brings its own.
pub trait Properties {
    /// Reads a property; none where there is no such property now.
    ///
    /// # Errors
    /// The host knows the property and cannot hand it over.
    fn get(&self, path: &str) -> Result<Option<Vec<u8>>, Refused>;
}

/// The properties of the stream whose callback is running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostProperties;

impl Properties for HostProperties {
    fn get(&self, path: &str) -> Result<Option<Vec<u8>>, Refused> {
        get(path)
    }
}

/// Reads a property; none where there is no such property now. Every call crosses into the proxy: read one at most once
/// in a request.
///
/// # Errors
/// The host knows the property and cannot hand it over.
pub fn get(path: &str) -> Result<Option<Vec<u8>>, Refused> {
    abi::property(path)
}

/// Sets a property of the stream, which filters later in the chain can read by the same path. Envoy keeps those of
/// filters apart from its own, and takes a path of one part.
///
/// # Errors
/// The host does not take it.
pub fn set(path: &str, value: &[u8]) -> Result<(), Refused> {
    abi::set_property(path, value)
}

/// Joins the parts of a path, for one that comes from a configuration.
pub fn path(parts: &[&str]) -> String {
    parts.join("\0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_joined_with_a_nul() {
        assert_eq!(path(&["source", "address"]), SOURCE_ADDRESS);
        assert_eq!(path(&[]), "");
    }
}
