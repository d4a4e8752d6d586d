//! What a step expects, and the matchers that its expectations are written with.

use std::collections::BTreeMap;
use std::fmt;

use crate::value::{Bytes, Pattern};

/// What a step expects; what does not stand here is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expect {
    /// The request as the upstream sees it.
    pub upstream: Option<Expected<ExpectedRequest>>,
    /// The response as the client sees it.
    pub response: Option<Expected<ExpectedResponse>>,
    /// Lines of the filter's log, found in this order, with or without others between them. An empty list expects that
    /// the filter logs nothing.
    pub log: Option<Vec<LogExpectation>>,
    /// By how much a counter grew, or what a gauge holds, by the metric's name. A metric that is not there is 0.
    pub metrics: BTreeMap<String, u64>,
    /// The callouts of this step, all of them: those to one cluster in this order, those to different clusters in any.
    /// An empty list expects none.
    pub callouts: Option<Vec<ExpectedCallout>>,
}

impl Expect {
    /// Whether something is expected not to be there, which can be seen only by waiting a little.
    pub fn expects_silence(&self) -> bool {
        self.log.as_ref().is_some_and(Vec::is_empty)
            || self.callouts.is_some()
            || matches!(self.upstream, Some(Expected::Absent))
            || self.metrics.values().any(|value| *value == 0)
    }
}

/// What is expected of one end of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected<T> {
    /// No request reaches the upstream; no answer reaches the client.
    Absent,
    /// It is as described.
    Present(T),
}

/// What is expected of a request that reaches a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectedRequest {
    /// The method, where it matters.
    pub method: Option<String>,
    /// The path with its query, where it matters.
    pub path: Option<String>,
    /// Header fields by name in lower case; names that do not stand here are not looked at.
    pub headers: BTreeMap<String, HeaderExpectation>,
    /// The whole body, where it matters.
    pub body: Option<BodyExpectation>,
    /// Trailer fields by name in lower case; names that do not stand here are not looked at.
    pub trailers: BTreeMap<String, HeaderExpectation>,
}

/// What is expected of the response that reaches the client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectedResponse {
    /// The status, where it matters.
    pub status: Option<u16>,
    /// Header fields by name in lower case; names that do not stand here are not looked at.
    pub headers: BTreeMap<String, HeaderExpectation>,
    /// The whole body, where it matters.
    pub body: Option<BodyExpectation>,
    /// Trailer fields by name in lower case; names that do not stand here are not looked at.
    pub trailers: BTreeMap<String, HeaderExpectation>,
    /// Whether the response breaks off after its headers; where nothing is said of it, it must not.
    pub broken: Option<bool>,
}

/// What is expected of one callout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectedCallout {
    /// The cluster, as the case calls it.
    pub cluster: String,
    /// The request as the cluster's server sees it.
    pub request: ExpectedRequest,
}

/// What is expected of one header or trailer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderExpectation {
    /// Exactly so many values, each as it says, in this order; never empty.
    Values(Vec<ValueExpectation>),
    /// There, with whatever value.
    Present,
    /// Not there.
    Absent,
}

/// What is expected of one value of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueExpectation {
    /// These bytes.
    Exact(Bytes),
    /// The pattern is found in it.
    Matches(Pattern),
}

/// What is expected of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyExpectation {
    /// These bytes.
    Exact(Bytes),
    /// The pattern is found in it.
    Matches(Pattern),
    /// It is JSON that holds this: objects may hold more fields, arrays have the same length, numbers the same value.
    Json(serde_json::Value),
}

/// What is expected of one line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogExpectation {
    /// The line contains this text.
    Part(String),
    /// The pattern is found in the line.
    Matches(Pattern),
}

impl HeaderExpectation {
    /// Whether a header with these values, in their order, is as expected.
    pub fn holds(&self, got: &[Bytes]) -> bool {
        match self {
            HeaderExpectation::Values(values) => {
                values.len() == got.len() && values.iter().zip(got).all(|(expected, got)| expected.holds(got))
            }
            HeaderExpectation::Present => !got.is_empty(),
            HeaderExpectation::Absent => got.is_empty(),
        }
    }
}

impl ValueExpectation {
    /// Whether the value is as expected.
    pub fn holds(&self, got: &Bytes) -> bool {
        match self {
            ValueExpectation::Exact(bytes) => bytes == got,
            ValueExpectation::Matches(pattern) => pattern.is_match(&got.0),
        }
    }
}

impl LogExpectation {
    /// Whether the line is as expected.
    pub fn holds(&self, line: &str) -> bool {
        match self {
            LogExpectation::Part(text) => line.contains(text),
            LogExpectation::Matches(pattern) => pattern.is_match(line.as_bytes()),
        }
    }
}

impl fmt::Display for HeaderExpectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeaderExpectation::Values(values) => f.write_str(&list(values)),
            HeaderExpectation::Present => f.write_str("present"),
            HeaderExpectation::Absent => f.write_str("absent"),
        }
    }
}

impl fmt::Display for ValueExpectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueExpectation::Exact(bytes) => bytes.fmt(f),
            ValueExpectation::Matches(pattern) => pattern.fmt(f),
        }
    }
}

impl fmt::Display for LogExpectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogExpectation::Part(text) => write!(f, "a line with {text:?}"),
            LogExpectation::Matches(pattern) => write!(f, "a line that {pattern}"),
        }
    }
}

/// Values as a diff shows them: `absent`, one value, or a list.
pub(crate) fn list<T: fmt::Display>(values: &[T]) -> String {
    match values {
        [] => "absent".into(),
        [one] => one.to_string(),
        more => format!("[{}]", more.iter().map(T::to_string).collect::<Vec<_>>().join(", ")),
    }
}
