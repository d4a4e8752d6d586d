//! Calls that a filter makes to other services, and the answers that a test scripts.

use std::time::Duration;

use crate::headers::HeaderMap;
use crate::message::Message;

/// An HTTP call that a filter made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callout {
    /// The cluster it goes to.
    pub cluster: String,
    /// What is sent: headers, a body of one chunk or none, trailers.
    pub request: Message,
    /// How long the filter waits; `None` for as long as it takes.
    pub timeout: Option<Duration>,
}

/// What comes back for a request: to the upstream, or of an HTTP call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What comes.
    pub reply: Reply,
    /// After how long.
    pub after: Duration,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A response.
    Response(Message),
    /// The connection ends before a response: Envoy makes that a response of 503.
    Reset,
    /// The connection ends within a response, after what is here.
    ResetWithin(Message),
    /// Nothing ever.
    Silence,
}

impl Answer {
    /// No answer at all.
    pub fn silence() -> Answer {
        Answer { reply: Reply::Silence, after: Duration::ZERO }
    }

    /// A connection that ends before a response.
    pub fn reset() -> Answer {
        Answer { reply: Reply::Reset, after: Duration::ZERO }
    }

    /// The same answer, later.
    pub fn after(mut self, after: Duration) -> Answer {
        self.after = after;
        self
    }
}

impl From<Message> for Answer {
    fn from(response: Message) -> Answer {
        Answer { reply: Reply::Response(response), after: Duration::ZERO }
    }
}

/// A gRPC call or stream that a filter opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcCall {
    /// The cluster it goes to.
    pub cluster: String,
    /// The service's full name.
    pub service: String,
    /// The method.
    pub method: String,
    /// What is sent ahead.
    pub metadata: HeaderMap,
    /// How long the filter waits for an answer to a unary call.
    pub timeout: Option<Duration>,
    /// Whether it is a stream.
    pub stream: bool,
}

/// What a filter does on a gRPC call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrpcEvent {
    /// A unary call, with its message.
    Call(Vec<u8>),
    /// A stream is opened.
    Open,
    /// A message is sent on a stream.
    Message {
        /// The message.
        message: Vec<u8>,
        /// Whether it is the last.
        end: bool,
    },
    /// The filter will send no more.
    HalfClose,
}

/// What comes back on a gRPC call, in the order in which it comes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrpcAnswer {
    /// What comes.
    pub frames: Vec<GrpcFrame>,
    /// After how long.
    pub after: Duration,
}

/// One thing that comes back on a gRPC call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrpcFrame {
    /// Metadata ahead of the messages; on streams only.
    InitialMetadata(HeaderMap),
    /// A message; it ends a unary call.
    Message(Vec<u8>),
    /// Metadata behind the messages; on streams only.
    TrailingMetadata(HeaderMap),
    /// The end, with a gRPC status and its message.
    Close {
        /// The gRPC status.
        status: u32,
        /// What is said with it.
        message: String,
    },
}

/// Answers HTTP calls.
pub(crate) type Script = Box<dyn FnMut(&Callout) -> Answer + Send>;
/// Answers gRPC calls.
pub(crate) type GrpcScript = Box<dyn FnMut(&GrpcCall, GrpcEvent) -> GrpcAnswer + Send>;
