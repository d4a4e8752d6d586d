//! HTTP callouts: a request to one of the proxy's clusters, and its answer.
//!
//! The answer comes to `on_http_call_response` of the context that asked, with the token that [`Callout::dispatch`]
//! returned. It comes in any case: an upstream that cannot be reached or that takes too long is an answer without headers.

use std::time::Duration;

use proxy_wasm::hostcalls;

use crate::abi::{self, Buffer};
use crate::headers::{Headers, HostHeaders, Pairs};
use crate::refused::Refused;

/// A request to a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callout<'a> {
    /// The cluster's name in the proxy's configuration.
    pub cluster: &'a str,
    /// The request's method.
    pub method: &'a str,
    /// Its path, with the query.
    pub path: &'a str,
    /// Its authority, which becomes the header `host` of HTTP/1.
    pub authority: &'a str,
    /// Its other headers.
    pub headers: &'a [(&'a str, &'a str)],
    /// Its body; none where it is empty.
    pub body: &'a [u8],
    /// How long the proxy waits for the whole answer, to the millisecond.
    pub timeout: Duration,
}

impl Callout<'_> {
    /// Sends it, and returns the token of its answer.
    ///
    /// # Errors
    /// The proxy has no such cluster, or does not take the request.
    pub fn dispatch(&self) -> Result<u32, Refused> {
        let mut headers = vec![(":method", self.method), (":path", self.path), (":authority", self.authority)];
        headers.extend_from_slice(self.headers);
        let body = if self.body.is_empty() { None } else { Some(self.body) };
        hostcalls::dispatch_http_call(self.cluster, headers, body, Vec::new(), self.timeout).map_err(|_| Refused)
    }
}

/// The answer to a callout, while `on_http_call_response` runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// All headers, `:status` among them.
    pub headers: Pairs,
    /// The body; none where it was larger than was asked for.
    pub body: Option<Vec<u8>>,
}

impl Answer {
    /// Reads the answer; the two counts are those that `on_http_call_response` was called with. None where the call
    /// failed: no connection, a reset, too late. A body of more than `most` bytes is not read at all.
    ///
    /// # Errors
    /// The host has no answer at this moment.
    pub fn read(header_count: usize, body_size: usize, most: usize) -> Result<Option<Answer>, Refused> {
        if header_count == 0 {
            return Ok(None);
        }
        let headers = HostHeaders::CALLOUT.pairs()?;
        let body = match body_size {
            0 => Some(Vec::new()),
            size if size > most => None,
            size => Some(abi::buffer(Buffer::CalloutBody, size)?.unwrap_or_default()),
        };
        Ok(Some(Answer { headers, body }))
    }

    /// The status of the answer; none where it is no number of three digits.
    pub fn status(&self) -> Option<u16> {
        let digits: [u8; 3] = self.headers.first(":status")?.try_into().ok()?;
        digits.iter().try_fold(0, |status, digit| Some(status * 10 + (*digit as char).to_digit(10)? as u16))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_three_digits() {
        for (value, status) in [("200", Some(200)), ("099", Some(99)), ("20", None), ("2000", None), ("2x0", None)] {
            let answer = Answer { headers: Pairs::from_iter([(":status", value)]), body: None };
            assert_eq!(answer.status(), status, "{value}");
        }
        assert_eq!(Answer { headers: Pairs::default(), body: None }.status(), None);
    }
}
