//! The headers of the message in hand, as bytes.
//!
//! The methods of the SDK's traits turn values into `String` and panic where one is not UTF-8, so that any client could
//! stop the VM. What stands here is bytes, and hands every error back.

use crate::abi::{self, Map};
pub use crate::pairs::{Iter, Pairs};
pub use crate::refused::Refused;

/// What a filter needs of a header map. [`HostHeaders`] is the proxy's; a test brings its own.
///
/// Names are compared without regard to case (RFC 9110, section 5.1). Every error means that the host refused the
/// call, and that the map is as it was.
pub trait Headers {
    /// The value of the header of this name; of several, that of the first (a host hands over no more than one, so
    /// where the others matter, ask for [`Headers::all`]). Bytes are as they came.
    ///
    /// # Errors
    /// The host has no such map at this moment.
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, Refused>;

    /// All headers. It copies the whole map, and costs hardly more than one [`Headers::get`] that finds something: what
    /// either costs is the host's call back into the module, for memory. Whoever reads two headers asks once for all.
    ///
    /// # Errors
    /// The host has no such map at this moment.
    fn pairs(&self) -> Result<Pairs, Refused>;

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

    /// Whether there is at least one header of this name, whatever its value.
    ///
    /// # Errors
    /// The host has no such map at this moment.
    fn contains(&self, name: &str) -> Result<bool, Refused> {
        Ok(self.get(name)?.is_some())
    }

    /// The values of all headers of this name, in their order. It copies the whole map, as [`Headers::pairs`] does.
    ///
    /// # Errors
    /// The host has no such map at this moment.
    fn all(&self, name: &str) -> Result<Vec<Vec<u8>>, Refused> {
        Ok(self.pairs()?.all(name).map(<[u8]>::to_vec).collect())
    }
}

/// One of the header maps of the stream whose callback is running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostHeaders(Map);

impl HostHeaders {
    /// The headers on their way to the upstream; they exist from `on_http_request_headers` on.
    pub const REQUEST: HostHeaders = HostHeaders(Map::Request);
    /// The headers on their way to the downstream; they exist from `on_http_response_headers` on.
    pub const RESPONSE: HostHeaders = HostHeaders(Map::Response);
    /// The headers of the answer to an HTTP callout; they exist in `on_http_call_response`, unless the call failed.
    pub const CALLOUT: HostHeaders = HostHeaders(Map::CalloutHeaders);
}

impl Headers for HostHeaders {
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, Refused> {
        abi::header(self.0, name)
    }

    fn pairs(&self) -> Result<Pairs, Refused> {
        abi::pairs(self.0).map(Pairs::from_host)
    }

    fn set(&mut self, name: &str, value: &[u8]) -> Result<(), Refused> {
        abi::set_header(self.0, name, value)
    }

    fn append(&mut self, name: &str, value: &[u8]) -> Result<(), Refused> {
        abi::add_header(self.0, name, value)
    }

    fn remove(&mut self, name: &str) -> Result<(), Refused> {
        abi::remove_header(self.0, name)
    }
}
