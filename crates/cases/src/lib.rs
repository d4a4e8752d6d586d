//! A filter's contract as data: `filter.toml` says what a filter is, `cases.toml` what it does.
//!
//! Nothing here starts a process or opens a socket: this crate reads, and it judges. What executes a case lives in
//! the crates that own an executor, behind [`Executor`].
//!
//! # `cases.toml`
//!
//! ```
//! let text = r#"
//! [[case]]
//! name = "appends to the request and sets on the response"   # unique in the file
//! configuration = '{"request":[]}'        # bytes of the filter's configuration; absent: it gets none at all
//!
//! [case.request]                          # what the client sends; every field is optional
//! method = "POST"                         # default GET
//! path = "/"                              # default /
//! headers = [["x-a", "1"], ["x-a", "2"], ["x-raw", { hex = "636166e9" }]]
//! body = "hi"                             # text, or { hex = "…" }
//!
//! [case.upstream]                         # what the upstream answers; default 200 and nothing else
//! status = 201
//! headers = [["x-up", "1"]]
//! body = "made"
//!
//! [case.expect.upstream]                  # the request as the upstream saw it
//! method = "POST"
//! path = "/"
//! body = "hi"
//!
//! [case.expect.upstream.headers]
//! x-a = ["1", "2"]                        # exactly these values, in this order
//! x-b = "one"                             # exactly this one value
//! x-c = { absent = true }
//! x-d = { present = true }                # at least once, with whatever value
//! x-raw = { hex = "636166e9" }            # bytes that are not UTF-8
//!
//! [case.expect.response]                  # the response as the client saw it
//! status = 201
//! headers = { hello = "world" }
//! body = "made"
//!
//! [[case]]
//! name = "an operation without a name is refused"
//! configuration = '{"request":[{"op":"set"}]}'
//!
//! [case.expect]                           # instead of `upstream` and `response`
//! refused = "request[0].name: expected"   # the configuration is refused, and the filter's log contains this text
//! "#;
//! let cases = weir_cases::parse("filters/demo/cases.toml", text).unwrap();
//! assert_eq!(cases.len(), 2);
//! ```
//!
//! Headers that no expectation names are not looked at, so what Envoy adds of itself (`x-request-id`, `server`, …)
//! never stands in the way. Header names are compared in lower case. A field that does not exist, a name that stands
//! twice, and a case that expects nothing are errors with file, line and field.

mod case;
mod difference;
mod executor;
mod expect;
#[cfg(feature = "harness")]
pub mod harness;
#[cfg(feature = "harness")]
pub mod hostile;
mod judge;
pub mod manifest;
mod observed;
mod read;
mod report;
mod value;

pub use case::{Answer, Body, Case, Cluster, Http, Request, Reset, Step};
pub use executor::{Executor, Subject};
pub use expect::{
    BodyExpectation, Expect, Expected, ExpectedCallout, ExpectedRequest, ExpectedResponse, HeaderExpectation,
    LogExpectation, ValueExpectation,
};
pub use judge::{Mismatch, judge, judge_step};
pub use observed::{Observed, Outcome, Reply, Seen, SeenCallout, SeenRequest, SeenResponse, Trap};
pub use read::{ReadError, parse, read};
pub use report::report;
pub use value::{Bytes, Header, Pattern};
