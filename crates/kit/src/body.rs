//! The body of the message in hand.

use crate::abi::{self, Buffer};
use crate::refused::Refused;

/// Reads `size` bytes of the request's body from `start` on, or as many as there are; `on_http_request_body` says how many
/// are at hand. A filter that pauses there is given all that came before as well the next time.
///
/// # Errors
/// There is no such body at this moment.
pub fn request(start: usize, size: usize) -> Result<Vec<u8>, Refused> {
    if size == 0 {
        return Ok(Vec::new());
    }
    Ok(abi::buffer_from(Buffer::RequestBody, start, size)?.unwrap_or_default())
}
