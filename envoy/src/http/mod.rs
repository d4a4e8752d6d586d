//! The two ends of an exchange: a client, and servers that answer as they are told.
//!
//! Both stand on hyper, whose header values are bytes: what is not UTF-8 goes through as it is.

mod body;
mod client;
mod server;
#[cfg(test)]
mod tests;

use anyhow::{Context, Result};
use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use weir_cases::Header;

pub use body::{Pace, Pacer};
pub use client::{exchange, send};
pub use server::{Arrived, Server};

/// Header fields as hyper has them.
///
/// # Errors
/// A name or a value cannot be said in HTTP.
fn fields(headers: &[Header]) -> Result<HeaderMap> {
    let mut map = HeaderMap::new();
    for header in headers {
        let name = HeaderName::from_bytes(header.name.as_bytes())
            .with_context(|| format!("{:?} is not a header name", header.name))?;
        let value = HeaderValue::from_bytes(&header.value.0)
            .with_context(|| format!("{} is not a header value", header.value))?;
        map.append(name, value);
    }
    Ok(map)
}

/// Header fields as a case has them.
fn seen(map: &HeaderMap) -> Vec<Header> {
    map.iter().map(|(name, value)| Header { name: name.as_str().into(), value: bytes_of(value.as_bytes()) }).collect()
}

/// Header fields with the authority that HTTP/2 says beside them as `host`.
fn seen_with_authority(map: &HeaderMap, uri: &hyper::Uri) -> Vec<Header> {
    let mut headers = seen(map);
    if let (false, Some(authority)) = (map.contains_key(HOST), uri.authority()) {
        headers.push(Header { name: HOST.as_str().into(), value: authority.as_str().into() });
    }
    headers
}

fn bytes_of(bytes: &[u8]) -> weir_cases::Bytes {
    weir_cases::Bytes(bytes.to_vec())
}
