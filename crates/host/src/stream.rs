//! One stream: where its messages are among the filters, and what has come out at both ends.

use std::time::Duration;

use crate::calls::properties::grpc_status;
use crate::headers::MapKind;
use crate::message::Message;
use crate::state::{LocalReply, SharedStream, StreamInfo, StreamState, Way, lock};

/// How a stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The client has the whole response.
    Complete,
    /// The stream was reset: by the filter, by the upstream within its response, or by a failure after the response had
    /// begun. The response is what had come until then. The text says which.
    Reset(String),
    /// The client left.
    ClientGone,
    /// Nothing was left that could have moved the stream on.
    Stalled,
}

/// Whether a filter lets a message go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Gate {
    #[default]
    Open,
    /// This frame waits; the next ones are still shown to the filter.
    HoldsFrame,
    /// Everything waits, and the filter sees nothing of it. What waits is bounded, or the sender is slowed down.
    HoldsAll {
        /// Whether more than the limit is answered.
        bounded: bool,
    },
}

/// One filter's place on one way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    pub(crate) gate: Gate,
    /// Whether the headers have left this filter.
    pub(crate) headers_left: bool,
    /// Whether the filter was shown the end.
    pub(crate) saw_end: bool,
}

/// One stream.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) state: SharedStream,
    /// The context in each filter's VM; 0 where there is none yet.
    pub(crate) contexts: Vec<u32>,
    /// Each filter's places, by [`Way`].
    pub(crate) places: [Vec<Place>; 2],
    /// Whether the message has arrived whole, by [`Way`].
    pub(crate) ended: [bool; 2],
    /// Whether its trailers have arrived, by [`Way`].
    pub(crate) trailers: [bool; 2],
    /// The way whose callback runs right now.
    pub(crate) calling: Option<Way>,
    /// A local reply that waits for the callback to return.
    pub(crate) prepared: Option<LocalReply>,
    /// No more of the request is shown to filters.
    pub(crate) request_over: bool,
    /// Filters have seen a response.
    pub(crate) response_begun: bool,
    pub(crate) upstream: Option<Message>,
    pub(crate) upstream_whole: bool,
    /// The upstream was asked for its answer.
    pub(crate) asked: bool,
    pub(crate) downstream: Option<Message>,
    pub(crate) local_reply: Option<LocalReply>,
    pub(crate) end: Option<End>,
}

impl Stream {
    pub(crate) fn new(filters: usize, info: StreamInfo, now: Duration) -> Stream {
        Stream {
            state: SharedStream::new(StreamState::new(info, now).into()),
            contexts: vec![0; filters],
            places: [vec![Place::default(); filters], vec![Place::default(); filters]],
            ended: [false; 2],
            trailers: [false; 2],
            calling: None,
            prepared: None,
            request_over: false,
            response_begun: false,
            upstream: None,
            upstream_whole: false,
            asked: false,
            downstream: None,
            local_reply: None,
            end: None,
        }
    }

    /// Whether a way's frames still go anywhere.
    pub(crate) fn alive(&self, way: Way) -> bool {
        self.end.is_none() && !(way == Way::Request && self.request_over)
    }

    /// The filter that stands at a position of a way: the request meets them in order, the response the other way.
    pub(crate) fn filter(&self, way: Way, position: usize) -> usize {
        match way {
            Way::Request => position,
            Way::Response => self.contexts.len() - 1 - position,
        }
    }

    /// Where a message comes out once it has passed all filters.
    fn sink(&mut self, way: Way) -> &mut Message {
        let kind = if way == Way::Request { MapKind::Request } else { MapKind::Response };
        let sink = if way == Way::Request { &mut self.upstream } else { &mut self.downstream };
        sink.get_or_insert_with(|| Message { headers: crate::headers::HeaderMap::new(kind), ..Message::default() })
    }

    pub(crate) fn sink_headers(&mut self, way: Way) {
        let mut state = lock(&self.state);
        let headers = state.ways[way as usize].headers.clone();
        match way {
            Way::Request => state.upstream_reached = true,
            Way::Response => state.response_code = Some(headers.status()),
        }
        drop(state);
        self.sink(way).headers = headers;
    }

    pub(crate) fn sink_data(&mut self, way: Way, data: Vec<u8>) {
        if way == Way::Response {
            lock(&self.state).bytes[Way::Response as usize] += data.len() as u64;
        }
        if !data.is_empty() {
            self.sink(way).chunks.push(data);
        }
    }

    pub(crate) fn sink_trailers(&mut self, way: Way) {
        let trailers = lock(&self.state).ways[way as usize].trailers.clone();
        self.sink(way).trailers = trailers;
    }

    /// The message that a local reply becomes, as Envoy writes it for this request.
    pub(crate) fn reply(&self, reply: &LocalReply) -> Message {
        let state = lock(&self.state);
        let request = &state.ways[Way::Request as usize].headers;
        let content_type = request.text("content-type").unwrap_or_default();
        let grpc = content_type == "application/grpc" || content_type.starts_with("application/grpc+");
        let head = request.get(":method") == Some(b"HEAD");
        drop(state);
        let status = if grpc { 200 } else { reply.status };
        let mut message = Message::response(status);
        reply.headers.iter().for_each(|(name, value)| message.headers.add(name, value));
        if grpc {
            let code = reply.grpc_status.unwrap_or_else(|| grpc_status(reply.status));
            message.headers.set("content-type", "application/grpc");
            message.headers.set("grpc-status", code.to_string());
            if !reply.body.is_empty() && !head {
                message.headers.set("grpc-message", percent_encoded(&reply.body));
            }
        } else if reply.body.is_empty() {
            message.headers.remove("content-length");
            message.headers.remove("content-type");
        } else {
            message.headers.set("content-length", reply.body.len().to_string());
            if message.headers.get("content-type").is_none() {
                message.headers.add("content-type", "text/plain");
            }
            if !head {
                message.chunks.push(reply.body.clone());
            }
        }
        message
    }
}

/// As gRPC writes a status message: what is not printable ASCII, and `%`, as two digits.
fn percent_encoded(text: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    for byte in text {
        match byte {
            b'%' | 0..0x20 | 0x7f.. => encoded.extend(format!("%{byte:02X}").bytes()),
            _ => encoded.push(*byte),
        }
    }
    encoded
}
