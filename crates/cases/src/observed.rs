//! What an executor saw when it ran a case.

use crate::value::{Bytes, Header};

/// Everything that was seen of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// What became of the configuration and the exchange.
    pub outcome: Outcome,
    /// The filter's own log lines, in order, without time and level.
    pub log: Vec<String>,
}

/// What became of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The configuration was refused; nothing was sent.
    Refused {
        /// What the proxy says of it.
        reason: String,
    },
    /// The configuration was taken and one request was sent.
    Exchange {
        /// The request as the upstream saw it; `None` where none reached it.
        upstream: Option<SeenRequest>,
        /// The response as the client saw it.
        response: SeenResponse,
    },
}

/// A request as the upstream saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenRequest {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// Header fields, names in lower case, repeated names in the order of their values.
    pub headers: Vec<Header>,
    /// The whole body.
    pub body: Bytes,
}

/// A response as the client saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenResponse {
    /// The status.
    pub status: u16,
    /// Header fields, names in lower case, repeated names in the order of their values.
    pub headers: Vec<Header>,
    /// The whole body.
    pub body: Bytes,
}
