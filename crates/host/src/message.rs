//! Requests and responses: headers, a body in chunks, trailers.

use std::time::Duration;

use crate::headers::{HeaderMap, MapKind};

/// A request or a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The headers, pseudo-headers among them.
    pub headers: HeaderMap,
    /// The body as it arrives, piece by piece.
    pub chunks: Vec<Vec<u8>>,
    /// The trailers, where there are any.
    pub trailers: Option<HeaderMap>,
    /// How much time passes between the headers and each piece: without it they come at once, before any answer that they
    /// lead to.
    pub gap: Duration,
}

impl Message {
    /// A request for `host`, over plain HTTP, with its pseudo-headers in the order of an HTTP/1 request in Envoy.
    pub fn request(method: &str, path: &str) -> Message {
        let pseudo = [(":authority", "host"), (":path", path), (":method", method), (":scheme", "http")];
        Message { headers: HeaderMap::of(MapKind::Request, pseudo), ..Message::default() }
    }

    /// A response.
    pub fn response(status: u16) -> Message {
        let pseudo = [(":status", status.to_string())];
        Message { headers: HeaderMap::of(MapKind::Response, pseudo), ..Message::default() }
    }

    /// The message with one more header.
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Message {
        self.headers.add(name, value);
        self
    }

    /// The message with one more chunk of its body.
    pub fn chunk(mut self, bytes: impl AsRef<[u8]>) -> Message {
        self.chunks.push(bytes.as_ref().to_vec());
        self
    }

    /// The message with one more trailer.
    pub fn trailer(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Message {
        let kind = match self.headers.get(":status") {
            Some(_) => MapKind::ResponseTrailers,
            None => MapKind::RequestTrailers,
        };
        self.trailers.get_or_insert_with(|| HeaderMap::new(kind)).add(name, value);
        self
    }

    /// The whole body.
    pub fn body(&self) -> Vec<u8> {
        self.chunks.concat()
    }

    /// A response's status; 0 where it has none.
    pub fn status(&self) -> u16 {
        self.headers.status()
    }
}
