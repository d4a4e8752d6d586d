//! What a case says: a configuration, steps in time, what goes in and what is expected to come out.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::expect::{Expect, LogExpectation};
use crate::value::{Bytes, Header};

/// One case: a configuration, and either its refusal or steps that share one VM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Case {
    /// Unique within its file.
    pub name: String,
    /// The line in its file, from 1, at which the name stands.
    pub line: usize,
    /// The filter's configuration as it is written; `None` where the filter is given none at all.
    ///
    /// An executor hands over what [`Case::configuration`] gives.
    pub configuration: Option<Bytes>,
    /// The destinations of HTTP and gRPC callouts, by the name that the case calls them.
    pub clusters: BTreeMap<String, Cluster>,
    /// What the filter's log has to say where the configuration has to be refused. There are no steps then.
    pub refused: Option<LogExpectation>,
    /// What happens, in order; at least one where no refusal is expected.
    pub steps: Vec<Step>,
    /// Made to break the filter: it may refuse the configuration, and has to answer every request. No file says so.
    pub hostile: bool,
}

impl Case {
    /// The configuration's bytes, each `${NAME}` of a declared cluster replaced by what the executor calls that
    /// cluster; `None` where the filter is given none at all.
    pub fn configuration(&self, cluster: impl Fn(&str) -> String) -> Option<Vec<u8>> {
        let written = self.configuration.as_ref()?;
        let mut bytes = written.0.clone();
        for name in self.clusters.keys() {
            bytes = replace(&bytes, placeholder(name).as_bytes(), cluster(name).as_bytes());
        }
        Some(bytes)
    }

    /// How much time passes in the case, over all steps.
    pub fn waits(&self) -> Duration {
        self.steps.iter().map(|step| step.advance).sum()
    }

    /// Whether any step expects something of a metric.
    pub fn expects_metrics(&self) -> bool {
        self.steps.iter().any(|step| !step.expect.metrics.is_empty())
    }
}

/// What stands in a configuration for a cluster's name.
pub(crate) fn placeholder(cluster: &str) -> String {
    format!("${{{cluster}}}")
}

fn replace(bytes: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(what.len()).position(|window| window == what) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(with);
        rest = &rest[at + what.len()..];
    }
    out.extend_from_slice(rest);
    out
}

/// The destination of callouts: one scripted server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// What the proxy speaks to it; gRPC needs [`Http::Two`].
    pub http: Http,
    /// What it answers, in the order that requests arrive; the last one repeats. Never empty.
    pub answers: Vec<Answer>,
    /// Whether all VMs of a proxy go through the answers together, as those do that share what they fetch; otherwise each
    /// gets them from the first. A proxy has a VM for each worker, and may have one more that serves no request.
    pub shared: bool,
}

impl Cluster {
    /// The answer to its request of that index, from 0, counted over all steps.
    pub fn answer(&self, index: usize) -> Answer {
        self.answers.get(index).or(self.answers.last()).cloned().unwrap_or_default()
    }
}

/// One step of a case: time that passes, at most one exchange, and what is expected of both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// The line in its file, from 1: of the step, or of the case where it is its only one.
    pub line: usize,
    /// How much time passes before the request; ticks fire in it. Virtual in process, waited for in a real proxy.
    pub advance: Duration,
    /// What the client sends; `None` where the step is idle.
    pub request: Option<Request>,
    /// What the upstream answers to it.
    pub upstream: Answer,
    /// What has to come out.
    pub expect: Expect,
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Http {
    /// HTTP/1.1.
    #[default]
    One,
    /// HTTP/2, without TLS and without an upgrade.
    Two,
}

/// The request that the client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method, `GET` by default.
    pub method: String,
    /// The path with its query, `/` by default.
    pub path: String,
    /// Header fields in the order they are sent; a name may stand more than once. `host` is the authority, of either
    /// version of HTTP.
    pub headers: Vec<Header>,
    /// The body, empty by default.
    pub body: Body,
    /// Trailer fields; only in HTTP/2.
    pub trailers: Vec<Header>,
    /// What the client speaks, and then the proxy to the upstream as well.
    pub http: Http,
}

impl Default for Request {
    fn default() -> Request {
        Request {
            method: "GET".into(),
            path: "/".into(),
            headers: Vec::new(),
            body: Body::default(),
            trailers: Vec::new(),
            http: Http::One,
        }
    }
}

/// A body, and how it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// At once, its length said before. Without a byte it is no body at all: the headers end the stream.
    Whole(Bytes),
    /// Piece by piece, far enough apart that a filter sees each by itself, and the length not said before. The end comes
    /// by itself after the last; without any piece there is still an empty body to see.
    Chunks(Vec<Bytes>),
}

impl Body {
    /// The body in one piece.
    pub fn bytes(&self) -> Bytes {
        match self {
            Body::Whole(bytes) => bytes.clone(),
            Body::Chunks(chunks) => Bytes(chunks.iter().flat_map(|chunk| chunk.0.iter().copied()).collect()),
        }
    }
}

impl Default for Body {
    fn default() -> Body {
        Body::Whole(Bytes::default())
    }
}

impl From<&str> for Body {
    fn from(text: &str) -> Body {
        Body::Whole(text.into())
    }
}

/// What an upstream, or the server of a callout, answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status, 200 by default.
    pub status: u16,
    /// Header fields in the order they are sent; a name may stand more than once.
    pub headers: Vec<Header>,
    /// The body, empty by default.
    pub body: Body,
    /// Trailer fields; only in HTTP/2.
    pub trailers: Vec<Header>,
    /// How long it takes from the end of the request to the answer's headers.
    pub delay: Duration,
    /// Where the stream is reset.
    pub reset: Reset,
}

impl Default for Answer {
    fn default() -> Answer {
        Answer {
            status: 200,
            headers: Vec::new(),
            body: Body::default(),
            trailers: Vec::new(),
            delay: Duration::ZERO,
            reset: Reset::Never,
        }
    }
}

/// Where an answer is cut off: by a reset of the stream in HTTP/2, of the connection in HTTP/1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reset {
    /// Nowhere.
    #[default]
    Never,
    /// Before its headers, after the delay.
    BeforeHeaders,
    /// In its body, after the last of the chunks.
    InBody,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_names_clusters_as_the_executor_does() {
        let clusters =
            ["keys", "more"].map(|name| (name.to_owned(), Cluster { http: Http::One, answers: vec![], shared: false }));
        let mut case = Case {
            name: "a".into(),
            configuration: Some(Bytes(b"${keys}\xe9${other}${more}${keys}$".to_vec())),
            clusters: clusters.into(),
            ..Case::default()
        };
        let named = |name: &str| format!("case-7-{name}");
        assert_eq!(case.configuration(named).unwrap(), b"case-7-keys\xe9${other}case-7-morecase-7-keys$");
        case.configuration = None;
        assert_eq!(case.configuration(named), None);
    }

    #[test]
    fn the_last_answer_of_a_cluster_repeats() {
        let answer = |status| Answer { status, ..Answer::default() };
        let cluster = Cluster { http: Http::One, answers: vec![answer(500), answer(204)], shared: false };
        assert_eq!([0, 1, 2].map(|index| cluster.answer(index).status), [500, 204, 204]);
    }

    #[test]
    fn chunks_are_a_body_in_pieces() {
        assert_eq!(Body::Chunks(vec!["a".into(), Bytes(b"\xe9".to_vec())]).bytes(), Bytes(b"a\xe9".to_vec()));
    }
}
