//! What a client gets that is not let through.

use weir_kit::reply::{Problem, Reply};

use crate::bucket::seconds;
use crate::dialect::decimal;

/// gRPC's status code RESOURCE_EXHAUSTED, and UNAVAILABLE.
const RESOURCE_EXHAUSTED: u8 = 8;
const UNAVAILABLE: u8 = 14;

/// How to say that a limit is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub status: u16,
    pub body: Body,
}

/// The body of that answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// A problem (RFC 9457) of the type `quota-exceeded`, which lists the policies.
    Problem,
    /// No body.
    None,
    /// A fixed text.
    Text { content_type: String, text: String },
}

impl Answer {
    /// The answer to a request that exceeds these policies; after `wait` nanoseconds it would not, if that is ever so.
    pub(crate) fn limited<'a>(&self, wait: Option<u64>, violated: impl Iterator<Item = &'a str>) -> Reply {
        let reply = match &self.body {
            Body::Problem => {
                let kind = "https://iana.org/assignments/http-problem-types#quota-exceeded";
                let title = "Request cannot be satisfied as assigned quota has been exceeded";
                Problem::new(self.status, kind, title).list("violated-policies", violated).reply()
            }
            Body::None => Reply::new(self.status),
            Body::Text { content_type, text } => Reply::new(self.status).body(content_type, text.as_str()),
        };
        let reply = reply.grpc_status(RESOURCE_EXHAUSTED);
        match wait {
            Some(wait) => reply.header("retry-after", decimal(seconds(wait))),
            None => reply,
        }
    }

    /// The answer to a request of which it is not known whether it exceeds anything.
    pub(crate) fn undecided(&self) -> Reply {
        let reply = match self.body {
            Body::None => Reply::new(503),
            _ => Problem::new(503, "about:blank", "Service Unavailable").reply(),
        };
        reply.grpc_status(UNAVAILABLE).header("retry-after", "1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF_A_SECOND: u64 = 500_000_000;

    fn header<'r>(reply: &'r Reply, name: &str) -> Option<&'r str> {
        let value = reply.headers.iter().find(|(known, _)| known == name)?;
        std::str::from_utf8(&value.1).ok()
    }

    #[test]
    fn a_problem_lists_what_is_violated() {
        let answer = Answer { status: 429, body: Body::Problem };
        let reply = answer.limited(Some(3 * HALF_A_SECOND), ["a", "b"].into_iter());
        assert_eq!((reply.status, header(&reply, "retry-after")), (429, Some("2")));
        assert_eq!(header(&reply, "content-type"), Some("application/problem+json"));
        let problem: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(problem["violated-policies"], serde_json::json!(["a", "b"]));
        assert_eq!(problem["status"], 429);
        assert_eq!(problem["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");
    }

    #[test]
    fn status_and_body_are_as_configured() {
        let text = Body::Text { content_type: "text/html".to_owned(), text: "<p>later".to_owned() };
        let reply = Answer { status: 420, body: text }.limited(None, ["a"].into_iter());
        assert_eq!((reply.status, reply.body.as_slice()), (420, b"<p>later".as_slice()));
        assert_eq!((header(&reply, "content-type"), header(&reply, "retry-after")), (Some("text/html"), None));
        let reply = Answer { status: 429, body: Body::None }.limited(Some(1), ["a"].into_iter());
        assert_eq!((reply.body.as_slice(), header(&reply, "retry-after")), (b"".as_slice(), Some("1")));
        assert_eq!(header(&reply, "content-type"), None);
    }

    #[test]
    fn what_is_undecided_is_no_fault_of_the_client() {
        let reply = Answer { status: 429, body: Body::Problem }.undecided();
        assert_eq!((reply.status, header(&reply, "retry-after")), (503, Some("1")));
        assert!(serde_json::from_slice::<serde_json::Value>(&reply.body).unwrap()["violated-policies"].is_null());
        assert!(Answer { status: 429, body: Body::None }.undecided().body.is_empty());
    }
}
