//! What a case says: what goes in, what the upstream answers, what is expected.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::value::{Bytes, Header, from_hex};

/// One case: a configuration, one exchange, and what is expected of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Unique within its file.
    pub name: String,
    /// The line in its file, from 1, at which the name stands.
    pub line: usize,
    /// The filter's configuration; `None` where the filter is given none at all.
    pub configuration: Option<Bytes>,
    /// What the client sends.
    pub request: Request,
    /// What the upstream answers.
    pub upstream: Answer,
    /// What has to come out.
    pub expect: Expect,
}

/// The request that the client sends.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Request {
    /// The method, `GET` by default.
    pub method: String,
    /// The path with its query, `/` by default.
    pub path: String,
    /// Header fields in the order they are sent; a name may stand more than once.
    pub headers: Vec<Header>,
    /// The body, empty by default.
    pub body: Bytes,
}

impl Default for Request {
    fn default() -> Request {
        Request { method: "GET".into(), path: "/".into(), headers: Vec::new(), body: Bytes::default() }
    }
}

/// The upstream's answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Answer {
    /// The status, 200 by default.
    pub status: u16,
    /// Header fields in the order they are sent; a name may stand more than once.
    pub headers: Vec<Header>,
    /// The body, empty by default.
    pub body: Bytes,
}

impl Default for Answer {
    fn default() -> Answer {
        Answer { status: 200, headers: Vec::new(), body: Bytes::default() }
    }
}

/// What a case expects: a refusal, or an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The configuration is refused, and the filter's log contains this text.
    Refused(String),
    /// The configuration is taken, and the exchange is as described; at least one of the two is there.
    Exchange {
        /// The request as the upstream saw it.
        upstream: Option<ExpectedRequest>,
        /// The response as the client saw it.
        response: Option<ExpectedResponse>,
    },
}

/// What is expected of the request that reaches the upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectedRequest {
    /// The method, where it matters.
    pub method: Option<String>,
    /// The path with its query, where it matters.
    pub path: Option<String>,
    /// Header fields by name in lower case; names that do not stand here are not looked at.
    pub headers: BTreeMap<String, HeaderExpectation>,
    /// The whole body, where it matters.
    pub body: Option<Bytes>,
}

/// What is expected of the response that reaches the client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectedResponse {
    /// The status, where it matters.
    pub status: Option<u16>,
    /// Header fields by name in lower case; names that do not stand here are not looked at.
    pub headers: BTreeMap<String, HeaderExpectation>,
    /// The whole body, where it matters.
    pub body: Option<Bytes>,
}

/// What is expected of one header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderExpectation {
    /// Exactly these values, in this order.
    Values(Vec<Bytes>),
    /// There, with whatever value.
    Present,
    /// Not there.
    Absent,
}

impl fmt::Display for HeaderExpectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeaderExpectation::Values(values) => f.write_str(&values_text(values)),
            HeaderExpectation::Present => f.write_str("present"),
            HeaderExpectation::Absent => f.write_str("absent"),
        }
    }
}

/// A header's values as a diff shows them: `absent`, one value, or a list.
pub(crate) fn values_text(values: &[Bytes]) -> String {
    match values {
        [] => "absent".into(),
        [one] => one.to_string(),
        more => format!("[{}]", more.iter().map(Bytes::to_string).collect::<Vec<_>>().join(", ")),
    }
}

impl<'de> Deserialize<'de> for HeaderExpectation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<HeaderExpectation, D::Error> {
        deserializer.deserialize_any(HeaderExpectationVisitor)
    }
}

/// Written out, because serde's untagged enumerations say neither what was expected nor where.
struct HeaderExpectationVisitor;

impl<'de> Visitor<'de> for HeaderExpectationVisitor {
    type Value = HeaderExpectation;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a value, a list of values, { hex = \"…\" }, { present = true } or { absent = true } as a header's expectation",
        )
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<HeaderExpectation, E> {
        Ok(HeaderExpectation::Values(vec![Bytes::from(text)]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<HeaderExpectation, A::Error> {
        let values = Vec::<Bytes>::deserialize(SeqAccessDeserializer::new(seq))?;
        match values.is_empty() {
            true => Err(A::Error::custom("an empty list expects nothing; for no header write { absent = true }")),
            false => Ok(HeaderExpectation::Values(values)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<HeaderExpectation, A::Error> {
        let fields = BTreeMap::<String, toml::Value>::deserialize(MapAccessDeserializer::new(map))?;
        header_table(&fields).map_err(A::Error::custom)
    }
}

/// The expectation that a table with exactly one known field stands for.
fn header_table(fields: &BTreeMap<String, toml::Value>) -> Result<HeaderExpectation, String> {
    let expected = "expected one of { hex = \"…\" }, { present = true }, { absent = true }";
    let mut entries = fields.iter();
    match (entries.next(), entries.next()) {
        (Some((name, toml::Value::String(text))), None) if name == "hex" => {
            Ok(HeaderExpectation::Values(vec![Bytes(from_hex(text)?)]))
        }
        (Some((name, toml::Value::Boolean(true))), None) if name == "present" => Ok(HeaderExpectation::Present),
        (Some((name, toml::Value::Boolean(true))), None) if name == "absent" => Ok(HeaderExpectation::Absent),
        (Some((name, value)), None) => Err(format!("{expected}, found {{ {name} = {value} }}")),
        (None, _) => Err(format!("{expected}, found an empty table")),
        (Some(_), Some(_)) => Err(format!("{expected}, found {} fields", fields.len())),
    }
}
