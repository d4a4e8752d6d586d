//! A file as it is written, before anything is checked that one field alone does not show.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use toml::Spanned;

use crate::case::{Http, Reset};
use crate::expect::{BodyExpectation, HeaderExpectation, LogExpectation};
use crate::value::{Bytes, Header, duration};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFile {
    pub(super) case: Vec<RawCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCase {
    pub(super) name: Spanned<String>,
    pub(super) configuration: Option<Bytes>,
    #[serde(default)]
    pub(super) clusters: BTreeMap<Spanned<String>, RawCluster>,
    pub(super) request: Option<Spanned<RawRequest>>,
    pub(super) upstream: Option<Spanned<RawAnswer>>,
    pub(super) expect: Option<Spanned<RawExpect>>,
    pub(super) step: Option<Spanned<Vec<Spanned<RawStep>>>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawStep {
    pub(super) advance: Time,
    pub(super) idle: bool,
    pub(super) request: Option<Spanned<RawRequest>>,
    pub(super) upstream: Option<Spanned<RawAnswer>>,
    pub(super) expect: Option<Spanned<RawExpect>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawCluster {
    pub(super) http: Http,
    pub(super) answers: Option<Spanned<Vec<RawAnswer>>>,
    pub(super) shared: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRequest {
    pub(super) method: Option<String>,
    pub(super) path: Option<String>,
    pub(super) headers: Vec<Header>,
    pub(super) body: Option<Bytes>,
    pub(super) chunks: Option<Spanned<Vec<Bytes>>>,
    pub(super) trailers: Option<Spanned<Vec<Header>>>,
    pub(super) http: Http,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawAnswer {
    pub(super) status: Option<Spanned<u16>>,
    pub(super) headers: Vec<Header>,
    pub(super) body: Option<Bytes>,
    pub(super) chunks: Option<Spanned<Vec<Bytes>>>,
    pub(super) trailers: Option<Spanned<Vec<Header>>>,
    pub(super) delay: Time,
    pub(super) reset: Option<Spanned<Reset>>,
}

#[derive(Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawExpect {
    pub(super) refused: Option<LogExpectation>,
    pub(super) upstream: Option<Spanned<RawExpectedRequest>>,
    pub(super) response: Option<Spanned<RawExpectedResponse>>,
    pub(super) log: Option<Vec<LogExpectation>>,
    pub(super) metrics: BTreeMap<String, u64>,
    pub(super) callouts: Option<Vec<RawCallout>>,
}

#[derive(Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawExpectedRequest {
    pub(super) absent: bool,
    pub(super) method: Option<String>,
    pub(super) path: Option<String>,
    pub(super) headers: BTreeMap<String, HeaderExpectation>,
    pub(super) body: Option<BodyExpectation>,
    pub(super) trailers: Option<Spanned<BTreeMap<String, HeaderExpectation>>>,
}

#[derive(Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawExpectedResponse {
    pub(super) absent: bool,
    pub(super) broken: Option<bool>,
    pub(super) status: Option<u16>,
    pub(super) headers: BTreeMap<String, HeaderExpectation>,
    pub(super) body: Option<BodyExpectation>,
    pub(super) trailers: Option<Spanned<BTreeMap<String, HeaderExpectation>>>,
}

#[derive(PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCallout {
    pub(super) cluster: Spanned<String>,
    pub(super) method: Option<String>,
    pub(super) path: Option<String>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, HeaderExpectation>,
    pub(super) body: Option<BodyExpectation>,
    pub(super) trailers: Option<Spanned<BTreeMap<String, HeaderExpectation>>>,
}

/// A time as text.
#[derive(Clone, Copy, Default)]
pub(super) struct Time(pub(super) Duration);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        let text = String::deserialize(deserializer)?;
        duration(&text).map(Time).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Http {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Http, D::Error> {
        match i64::deserialize(deserializer)? {
            1 => Ok(Http::One),
            2 => Ok(Http::Two),
            other => Err(D::Error::custom(format_args!("http: expected 1 or 2, found {other}"))),
        }
    }
}

impl<'de> Deserialize<'de> for Reset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Reset, D::Error> {
        struct ResetVisitor;
        impl Visitor<'_> for ResetVisitor {
            type Value = Reset;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, for a reset in place of an answer, or \"body\", for one after the last chunk")
            }
            fn visit_bool<E: Error>(self, resets: bool) -> Result<Reset, E> {
                Ok(if resets { Reset::BeforeHeaders } else { Reset::Never })
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Reset, E> {
                match text {
                    "body" => Ok(Reset::InBody),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
                }
            }
        }
        deserializer.deserialize_any(ResetVisitor)
    }
}
