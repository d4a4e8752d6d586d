//! What was seen against what was expected. Pure: the same two give the same verdict.

use std::collections::BTreeMap;
use std::fmt;

use crate::case::{Case, Expect, ExpectedRequest, ExpectedResponse, HeaderExpectation, values_text};
use crate::observed::{Observed, Outcome, SeenRequest, SeenResponse};
use crate::value::{Bytes, Header};

/// One thing that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Where: `upstream`, `upstream header x-a`, `response status`, `configuration`, …
    pub place: String,
    /// What was expected, as text.
    pub expected: String,
    /// What was seen, as text.
    pub got: String,
}

impl Mismatch {
    fn new(place: impl Into<String>, expected: impl fmt::Display, got: impl fmt::Display) -> Mismatch {
        Mismatch { place: place.into(), expected: expected.to_string(), got: got.to_string() }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  expected: {}\n       got: {}", self.place, self.expected, self.got)
    }
}

/// Everything in which what was seen differs from what the case expects; empty where the case holds.
pub fn judge(case: &Case, observed: &Observed) -> Vec<Mismatch> {
    match (&case.expect, &observed.outcome) {
        (Expect::Refused(text), Outcome::Refused { reason }) => judge_refusal(text, reason, &observed.log),
        (Expect::Refused(_), Outcome::Exchange { .. }) => {
            vec![Mismatch::new("configuration", "refused", "accepted")]
        }
        (Expect::Exchange { .. }, Outcome::Refused { reason }) => {
            vec![Mismatch::new("configuration", "accepted", format_args!("refused: {reason}"))]
        }
        (Expect::Exchange { upstream, response }, Outcome::Exchange { upstream: seen, response: answer }) => {
            let mut found = upstream.as_ref().map_or_else(Vec::new, |it| judge_upstream(it, seen.as_ref()));
            found.extend(response.iter().flat_map(|it| judge_response(it, answer)));
            found
        }
    }
}

/// The report of a case that does not hold: its name, every mismatch, and the filter's log; `None` where it holds.
pub fn report(case: &Case, observed: &Observed) -> Option<String> {
    let found = judge(case, observed);
    if found.is_empty() {
        return None;
    }
    let mut text = format!("case {:?} (line {}):\n", case.name, case.line);
    for mismatch in found {
        text.push_str(&format!("{mismatch}\n"));
    }
    match observed.log.as_slice() {
        [] => text.push_str("the filter logged nothing"),
        lines => text.push_str(&format!("the filter's log:\n  {}", lines.join("\n  "))),
    }
    Some(text)
}

fn judge_refusal(text: &str, reason: &str, log: &[String]) -> Vec<Mismatch> {
    if log.iter().any(|line| line.contains(text)) {
        return Vec::new();
    }
    let logged = if log.is_empty() { "no log line at all".to_owned() } else { format!("{:?}", log.join("\n")) };
    let got = format!("{logged} (refused: {reason})");
    vec![Mismatch::new("configuration: the filter's log", format_args!("a line with {text:?}"), got)]
}

fn judge_upstream(expected: &ExpectedRequest, seen: Option<&SeenRequest>) -> Vec<Mismatch> {
    let Some(seen) = seen else {
        return vec![Mismatch::new("upstream", "a request", "none reached it")];
    };
    let mut found = Vec::new();
    found.extend(differs("upstream method", expected.method.as_ref(), &seen.method));
    found.extend(differs("upstream path", expected.path.as_ref(), &seen.path));
    found.extend(judge_headers("upstream", &expected.headers, &seen.headers));
    found.extend(differs("upstream body", expected.body.as_ref(), &seen.body));
    found
}

fn judge_response(expected: &ExpectedResponse, seen: &SeenResponse) -> Vec<Mismatch> {
    let mut found = Vec::new();
    found.extend(differs("response status", expected.status.as_ref(), &seen.status));
    found.extend(judge_headers("response", &expected.headers, &seen.headers));
    found.extend(differs("response body", expected.body.as_ref(), &seen.body));
    found
}

fn differs<T: PartialEq + fmt::Display>(place: &str, expected: Option<&T>, got: &T) -> Option<Mismatch> {
    expected.filter(|it| *it != got).map(|it| Mismatch::new(place, it, got))
}

fn judge_headers(
    side: &str,
    expected: &BTreeMap<String, HeaderExpectation>,
    seen: &[Header],
) -> impl Iterator<Item = Mismatch> {
    expected.iter().filter_map(move |(name, expectation)| {
        let got: Vec<Bytes> = seen.iter().filter(|it| it.name == *name).map(|it| it.value.clone()).collect();
        let holds = match expectation {
            HeaderExpectation::Values(values) => *values == got,
            HeaderExpectation::Present => !got.is_empty(),
            HeaderExpectation::Absent => got.is_empty(),
        };
        (!holds).then(|| Mismatch::new(format!("{side} header {name}"), expectation, values_text(&got)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    fn case(expect: &str) -> Case {
        parse("f", &format!("[[case]]\nname = \"a\"\n[case.expect]\n{expect}\n")).unwrap().remove(0)
    }

    fn headers(list: &[(&str, &[u8])]) -> Vec<Header> {
        list.iter().map(|(name, value)| Header { name: (*name).into(), value: Bytes(value.to_vec()) }).collect()
    }

    fn exchange(upstream: Option<SeenRequest>, response: SeenResponse) -> Observed {
        Observed { outcome: Outcome::Exchange { upstream, response }, log: vec!["said".into()] }
    }

    fn refused(log: &[&str]) -> Observed {
        let log = log.iter().map(|it| (*it).to_owned()).collect();
        Observed { outcome: Outcome::Refused { reason: "no".into() }, log }
    }

    #[test]
    fn every_field_that_is_as_expected_holds() {
        let case = case(
            r#"upstream = { method = "PUT", path = "/p", body = "b", headers = { x = ["1", "2"], gone = { absent = true } } }
               response = { status = 201, headers = { raw = { hex = "e9" }, there = { present = true } }, body = "" }"#,
        );
        let upstream = SeenRequest {
            method: "PUT".into(),
            path: "/p".into(),
            headers: headers(&[("x", b"1"), ("other", b"0"), ("x", b"2")]),
            body: "b".into(),
        };
        let response =
            SeenResponse { status: 201, headers: headers(&[("raw", b"\xe9"), ("there", b"")]), ..Default::default() };
        assert_eq!(judge(&case, &exchange(Some(upstream), response)), []);
    }

    #[test]
    fn every_field_that_differs_is_told() {
        let case = case(
            r#"upstream = { method = "PUT", path = "/p", body = "b", headers = { x = ["1", "2"], gone = { absent = true } } }
               response = { status = 201, headers = { raw = { hex = "e9" }, there = { present = true } }, body = "c" }"#,
        );
        let upstream =
            SeenRequest { headers: headers(&[("x", b"2"), ("x", b"1"), ("gone", b"")]), ..Default::default() };
        let response = SeenResponse { headers: headers(&[("raw", b"caf\xe8")]), ..Default::default() };
        let found = judge(&case, &exchange(Some(upstream), response));
        let shown: Vec<_> = found.iter().map(|it| (it.place.as_str(), it.expected.as_str(), it.got.as_str())).collect();
        let expected = [
            ("upstream method", "PUT", ""),
            ("upstream path", "/p", ""),
            ("upstream header gone", "absent", r#""""#),
            ("upstream header x", r#"["1", "2"]"#, r#"["2", "1"]"#),
            ("upstream body", r#""b""#, r#""""#),
            ("response status", "201", "0"),
            ("response header raw", r#""\xe9""#, r#""caf\xe8""#),
            ("response header there", "present", "absent"),
            ("response body", r#""c""#, r#""""#),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_request_that_never_reached_the_upstream_is_told() {
        let found = judge(&case("upstream.path = \"/\""), &exchange(None, SeenResponse::default()));
        assert_eq!(found, [Mismatch::new("upstream", "a request", "none reached it")]);
    }

    #[test]
    fn a_refusal_needs_its_text_in_the_log() {
        let case = case("refused = \"name: expected\"");
        assert_eq!(judge(&case, &refused(&["x", "request[0].name: expected text"])), []);
        assert_eq!(judge(&case, &refused(&["name: other"]))[0].got, r#""name: other" (refused: no)"#);
        assert_eq!(judge(&case, &refused(&[]))[0].got, "no log line at all (refused: no)");
        assert_eq!(judge(&case, &exchange(None, SeenResponse::default()))[0].got, "accepted");
    }

    #[test]
    fn a_configuration_that_should_have_been_taken_says_why_it_was_not() {
        let found = judge(&case("response.status = 200"), &refused(&[]));
        assert_eq!(found, [Mismatch::new("configuration", "accepted", "refused: no")]);
    }

    #[test]
    fn the_report_ends_with_the_filters_log() {
        let case = case("response.status = 200");
        let text = report(&case, &exchange(None, SeenResponse { status: 503, ..Default::default() })).unwrap();
        let expected =
            "case \"a\" (line 2):\nresponse status\n  expected: 200\n       got: 503\nthe filter's log:\n  said";
        assert_eq!(text, expected);
        assert_eq!(report(&case, &exchange(None, SeenResponse { status: 200, ..Default::default() })), None);
    }
}
