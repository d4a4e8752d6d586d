//! What an executor saw when it ran a case.

use std::collections::BTreeMap;

use crate::value::{Bytes, Header};

/// Everything that was seen of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// What became of the configuration and the steps.
    pub outcome: Outcome,
    /// Every time that the filter trapped: no case holds then.
    pub traps: Vec<Trap>,
    /// What else an executor has to tell whoever reads a report, such as what the proxy itself logged. Not judged.
    pub notes: Vec<String>,
}

/// The end of a VM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap {
    /// The index of the step, from 0; while it is configured that is the first.
    pub step: usize,
    /// The callback, the reason and the functions on the stack, the innermost first.
    pub text: String,
}

/// What became of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The configuration was refused; nothing was sent.
    Refused {
        /// What the proxy says of it.
        reason: String,
        /// The filter's own log lines, in order, without time and level.
        log: Vec<String>,
    },
    /// The configuration was taken: what was seen of each step, in order. Of a case without steps, nothing.
    Served(Vec<Seen>),
}

/// What was seen of one step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The request as the upstream saw it, the last one where it saw several; `None` where none reached it.
    pub upstream: Option<SeenRequest>,
    /// The response as the client saw it, or why there is none.
    pub response: Reply,
    /// The filter's own log lines since the step before, in order, without time and level. Those of the first step
    /// begin with the configuration's.
    pub log: Vec<String>,
    /// By how much each counter grew since the step before, and what each gauge holds, by name; at least those that the
    /// step expects, where they are there.
    pub metrics: BTreeMap<String, u64>,
    /// The callouts since the step before, in the order they arrived.
    pub callouts: Vec<SeenCallout>,
}

/// What came back to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A response.
    Response(SeenResponse),
    /// None, with the reason: `no answer within 10 seconds`, `the connection was closed`, …
    Nothing(String),
}

impl Default for Reply {
    fn default() -> Reply {
        Reply::Nothing("nothing was sent".into())
    }
}

/// A request as a server saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenRequest {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// Header fields, names in lower case, repeated names in the order of their values. The authority is `host`, of
    /// either version of HTTP.
    pub headers: Vec<Header>,
    /// The whole body, as far as it came.
    pub body: Bytes,
    /// Trailer fields, as the headers.
    pub trailers: Vec<Header>,
}

/// A response as the client saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenResponse {
    /// The status.
    pub status: u16,
    /// Header fields, names in lower case, repeated names in the order of their values.
    pub headers: Vec<Header>,
    /// The whole body, as far as it came.
    pub body: Bytes,
    /// Trailer fields, as the headers.
    pub trailers: Vec<Header>,
    /// Whether it broke off after its headers.
    pub broken: bool,
}

/// A callout as its server saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenCallout {
    /// The cluster, as the case calls it.
    pub cluster: String,
    /// The request.
    pub request: SeenRequest,
}
