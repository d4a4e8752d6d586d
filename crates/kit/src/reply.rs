//! Replies that the filter gives in place of the upstream: plain ones, and problems (RFC 9457).

use crate::abi;
use crate::pairs;
use crate::refused::Refused;
use crate::text::push_json;

/// A response of the filter's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its headers, beside those that the proxy adds (`date`, `server`, `content-length`).
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its body.
    pub body: Vec<u8>,
    /// The gRPC status for a client that speaks gRPC; none for the one that the proxy makes of the status.
    pub grpc_status: Option<u8>,
}

impl Reply {
    /// A reply without a body.
    pub fn new(status: u16) -> Reply {
        Reply { status, headers: Vec::new(), body: Vec::new(), grpc_status: None }
    }

    /// The same reply with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Reply {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same reply with this body.
    #[must_use]
    pub fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Reply {
        Reply { body: body.into(), ..self.header("content-type", content_type) }
    }

    /// The same reply with a gRPC status, such as 16 for UNAUTHENTICATED.
    #[must_use]
    pub fn grpc_status(self, status: u8) -> Reply {
        Reply { grpc_status: Some(status), ..self }
    }

    /// Sends it; the callback must then return `Action::Pause`, and the filter sees the reply pass by as a response.
    ///
    /// `details` tells an operator why, in one word: Envoy's access log shows it as `%RESPONSE_CODE_DETAILS%`.
    ///
    /// # Errors
    /// There is no request to reply to, or a response is under way already.
    pub fn send(&self, details: &str) -> Result<(), Refused> {
        let headers = pairs::encode(&self.headers);
        abi::send_local_response(self.status.into(), details, &headers, &self.body, self.grpc_status.map(i32::from))
    }
}

/// A problem in JSON (RFC 9457). Members that are not set are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: u16,
    json: String,
}

impl Problem {
    /// A problem of a type, which is a URI reference such as `about:blank`, with the title of that type.
    pub fn new(status: u16, kind: &str, title: &str) -> Problem {
        let mut json = String::from("{\"type\":");
        push_json(&mut json, kind);
        json.push_str(",\"title\":");
        push_json(&mut json, title);
        json.push_str(",\"status\":");
        crate::text::push_decimal(&mut json, status.into());
        Problem { status, json }
    }

    /// What is particular about this occurrence.
    #[must_use]
    pub fn detail(self, detail: &str) -> Problem {
        let mut value = String::new();
        push_json(&mut value, detail);
        self.member("detail", &value)
    }

    /// A member of any name whose value is given as JSON already.
    #[must_use]
    pub fn member(mut self, name: &str, json: &str) -> Problem {
        self.json.push(',');
        push_json(&mut self.json, name);
        self.json.push(':');
        self.json.push_str(json);
        self
    }

    /// A member that is a list of strings.
    #[must_use]
    pub fn list<'a>(self, name: &str, values: impl IntoIterator<Item = &'a str>) -> Problem {
        let mut json = String::from("[");
        for value in values {
            if json.len() > 1 {
                json.push(',');
            }
            push_json(&mut json, value);
        }
        json.push(']');
        self.member(name, &json)
    }

    /// The reply that says it.
    pub fn reply(mut self) -> Reply {
        self.json.push('}');
        Reply::new(self.status).body("application/problem+json", self.json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_holds_what_it_was_given() {
        let reply = Reply::new(401).header("www-authenticate", "Basic").body("text/plain", "no\n");
        assert_eq!(reply.status, 401);
        let headers = [("www-authenticate", "Basic"), ("content-type", "text/plain")];
        assert_eq!(reply.headers, headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())));
        assert_eq!(reply.body, b"no\n");
        assert_eq!(Reply::new(204), Reply { status: 204, headers: vec![], body: vec![], grpc_status: None });
        assert_eq!(Reply::new(401).grpc_status(16).grpc_status, Some(16));
    }

    #[test]
    fn a_problem_is_json_whatever_it_holds() {
        let reply = Problem::new(429, "about:blank", "Too \"many\"")
            .detail("a\\b\n\u{1}é")
            .list("violated-policies", ["a", "b\"c"])
            .list("none", [])
            .member("retry", "7")
            .reply();
        assert_eq!(reply.headers, [("content-type".to_owned(), b"application/problem+json".to_vec())]);
        let json: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "type": "about:blank", "title": "Too \"many\"", "status": 429, "detail": "a\\b\n\u{1}é",
                "violated-policies": ["a", "b\"c"], "none": [], "retry": 7,
            })
        );
        assert_eq!(reply.status, 429);
    }
}
