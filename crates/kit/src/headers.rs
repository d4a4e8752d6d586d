//! The headers of the message in hand, as bytes.
//!
//! The methods of the SDK's traits turn values into `String` and panic where one is not UTF-8, so that any client could
//! stop the VM. What stands here goes through `proxy_wasm::hostcalls::*_bytes` and hands every error back.

use proxy_wasm::hostcalls;
use proxy_wasm::types::{MapType, Status};

/// What a filter needs of a header map. [`HostHeaders`] is the proxy's; a test brings its own.
///
/// Names are compared without regard to case (RFC 9110, section 5.1). Every error means that the host refused the
/// call, and that the map is as it was.
pub trait Headers {
    /// Whether there is at least one header of this name, whatever its value.
    ///
    /// # Errors
    /// The host has no such map at this moment.
    fn contains(&self, name: &str) -> Result<bool, Refused>;

    /// Leaves exactly one header of this name, with this value.
    ///
    /// # Errors
    /// The host has no such map at this moment.
    fn set(&mut self, name: &str, value: &[u8]) -> Result<(), Refused>;

    /// Adds a header beside those that have this name already.
    ///
    /// # Errors
    /// The host has no such map at this moment.
    fn append(&mut self, name: &str, value: &[u8]) -> Result<(), Refused>;

    /// Removes every header of this name; there need not be one.
    ///
    /// # Errors
    /// The host has no such map at this moment.
    fn remove(&mut self, name: &str) -> Result<(), Refused>;
}

/// The host refused a call on a header map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

impl From<Status> for Refused {
    fn from(_: Status) -> Refused {
        Refused
    }
}

/// One of the header maps of the stream whose callback is running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostHeaders(MapType);

impl HostHeaders {
    /// The headers on their way to the upstream; they exist in `on_http_request_headers`.
    pub const REQUEST: HostHeaders = HostHeaders(MapType::HttpRequestHeaders);
    /// The headers on their way to the downstream; they exist in `on_http_response_headers`.
    pub const RESPONSE: HostHeaders = HostHeaders(MapType::HttpResponseHeaders);
}

impl Headers for HostHeaders {
    fn contains(&self, name: &str) -> Result<bool, Refused> {
        Ok(hostcalls::get_map_value_bytes(self.0, name)?.is_some())
    }

    fn set(&mut self, name: &str, value: &[u8]) -> Result<(), Refused> {
        Ok(hostcalls::set_map_value_bytes(self.0, name, Some(value))?)
    }

    fn append(&mut self, name: &str, value: &[u8]) -> Result<(), Refused> {
        Ok(hostcalls::add_map_value_bytes(self.0, name, value)?)
    }

    fn remove(&mut self, name: &str) -> Result<(), Refused> {
        Ok(hostcalls::remove_map_value(self.0, name)?)
    }
}
