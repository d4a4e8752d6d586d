#![doc = include_str!("../README.md")]
//!
//! # Example
//!
//! ```
//! use weir_cases::{Observed, Outcome, Reply, Seen, SeenResponse};
//!
//! let text = "[[case]]\nname = \"says hello\"\nexpect.response.headers.hello = \"world\"\n";
//! let cases = weir_cases::parse("cases.toml", text)?;
//!
//! // What an executor would have seen: an answer without that header.
//! let response = Reply::Response(SeenResponse { status: 200, ..SeenResponse::default() });
//! let seen = Seen { response, ..Seen::default() };
//! let observed = Observed { outcome: Outcome::Served(vec![seen]), traps: Vec::new(), notes: Vec::new() };
//!
//! let report = weir_cases::report(&cases[0], &observed).unwrap();
//! assert!(report.contains("response header hello\n  expected: \"world\"\n       got: absent"));
//! # Ok::<(), weir_cases::ReadError>(())
//! ```

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
