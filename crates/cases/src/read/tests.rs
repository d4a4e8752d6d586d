use std::time::Duration;

use super::*;
use crate::case::{Answer, Body, Http, Request, Reset, Step};
use crate::expect::{
    BodyExpectation, Expect, Expected, ExpectedCallout, ExpectedRequest, HeaderExpectation, LogExpectation,
    ValueExpectation,
};
use crate::value::{Bytes, Header, Pattern};

fn error(text: &str) -> String {
    parse("f/cases.toml", text).unwrap_err().to_string()
}

#[test]
fn what_is_absent_has_defaults() {
    let cases = parse("f", "[[case]]\nname = \"a\"\nexpect.response.status = 200\n").unwrap();
    let [Step { line: 2, advance: Duration::ZERO, request: Some(request), upstream, .. }] = &*cases[0].steps else {
        panic!("{cases:?}")
    };
    assert_eq!((request, upstream), (&Request::default(), &Answer::default()));
    assert_eq!((cases[0].configuration.as_ref(), cases[0].line), (None, 2));
}

#[test]
fn header_expectations_have_six_forms() {
    let text = r#"
[[case]]
name = "a"
[case.expect.response.headers]
One = "1"
two = ["1", { hex = "e9" }, { matches = "^3" }]
matching = { matches = "a+" }
raw = { hex = "e9" }
gone = { absent = true }
there = { present = true }
"#;
    let cases = parse("f", text).unwrap();
    let Some(Expected::Present(response)) = &cases[0].steps[0].expect.response else { panic!("{cases:?}") };
    let exact = |bytes: &[u8]| ValueExpectation::Exact(Bytes(bytes.to_vec()));
    let matching = |text| ValueExpectation::Matches(Pattern::new(text).unwrap());
    let expected = [
        ("gone", HeaderExpectation::Absent),
        ("matching", HeaderExpectation::Values(vec![matching("a+")])),
        ("one", HeaderExpectation::Values(vec![exact(b"1")])),
        ("raw", HeaderExpectation::Values(vec![exact(b"\xe9")])),
        ("there", HeaderExpectation::Present),
        ("two", HeaderExpectation::Values(vec![exact(b"1"), exact(b"\xe9"), matching("^3")])),
    ];
    assert_eq!(response.headers, expected.map(|(name, it)| (name.to_owned(), it)).into());
}

#[test]
fn an_unknown_field_is_named_with_file_and_line() {
    let said = error("[[case]]\nname = \"a\"\nexpct.response.status = 200\n");
    assert!(said.starts_with("f/cases.toml:3: unknown field `expct`"), "{said}");
    let said = error("[[case]]\nname = \"a\"\n[case.request]\nheader = []\n");
    assert!(said.starts_with("f/cases.toml:4: unknown field `header`"), "{said}");
}

#[test]
fn a_value_of_another_type_is_shown_with_its_line() {
    let said = error("[[case]]\nname = \"a\"\n[case.expect.response.headers]\nx-a = 1\n");
    assert!(said.starts_with("f/cases.toml:4: ") && said.contains("a header's expectation"), "{said}");
    assert!(said.ends_with("x-a = 1"), "{said}");
    let said = error("[[case]]\nname = \"a\"\nexpect.response.headers = { x-a = { absent = false } }\n");
    assert!(said.starts_with("f/cases.toml:3: ") && said.contains("found { absent = false }"), "{said}");
    let said = error("[[case]]\nname = \"a\"\nrequest.headers = [[\"x\", \"y\", \"z\"]]\n");
    assert!(said.starts_with("f/cases.toml:3: ") && said.contains("found more"), "{said}");
}

#[test]
fn a_name_that_stands_twice_is_told_with_both_lines() {
    let one = "[[case]]\nname = \"a\"\nexpect.response.status = 200\n";
    let said = error(&format!("{one}{one}"));
    assert!(said.starts_with("f/cases.toml:5: name: \"a\" stands twice, first in line 2"), "{said}");
}

/// One case with this text behind its name, in line 3 and on.
fn written(rest: &str) -> Result<Case, String> {
    let read = parse("f/cases.toml", &format!("[[case]]\nname = \"a\"\n{rest}\n"));
    read.map(|mut cases| cases.remove(0)).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(rest: &str, line: usize, message: &str) {
    let said = written(rest).unwrap_err();
    assert!(said.starts_with(&format!("f/cases.toml:{line}: ")), "line {line}: {said}");
    assert!(said.contains(message), "{message:?}: {said}");
}

#[test]
fn a_case_that_expects_nothing_is_an_error() {
    for nothing in ["expect = {}", "expect.response = {}", "expect.upstream.headers = {}", "expect.metrics = {}"] {
        refused(nothing, 3, "case \"a\": expect: the case expects nothing");
    }
    refused("", 2, "case \"a\": expect: the case expects nothing");
    refused("[[case.step]]\n[[case.step]]\nexpect.response = {}", 3, "none of the steps expects anything");
    refused("step = []", 3, "none of the steps expects anything");
    for something in ["log = []", "callouts = []", "metrics.m = 0", "upstream.absent = true", "response.absent = true"]
    {
        written(&format!("expect.{something}")).unwrap();
    }
}

#[test]
fn a_line_of_the_log_is_a_text_or_a_pattern() {
    for nothing in ["refused = \" \"", "log = [\"\"]"] {
        refused(&format!("expect.{nothing}"), 3, "expected a part of a line");
    }
    refused("expect.log = [{ present = true }]", 3, "found { present = true }");
    let case = written("expect.log = ['a', { matches = '^b' }]").unwrap();
    let expected = [LogExpectation::Part("a".into()), LogExpectation::Matches(Pattern::new("^b").unwrap())];
    assert_eq!(case.steps[0].expect.log.as_deref(), Some(&expected[..]));
    let case = written("expect.refused = { matches = '^b' }").unwrap();
    assert_eq!((case.refused.as_ref(), case.steps.len()), (Some(&expected[1]), 0));
}

#[test]
fn a_refusal_and_an_exchange_exclude_each_other() {
    for exchange in ["expect.response.status = 200", "request = {}", "upstream = {}", "step = [{}]", "expect.log = []"]
    {
        let text = format!("expect.refused = \"x\"\n{exchange}");
        assert!(written(&text).unwrap_err().contains("either `refused`"), "{exchange}");
    }
}

#[test]
fn steps_have_times_requests_answers_and_lines() {
    let case = written(
        r#"
configuration = '{"a":"${keys}"}'

[case.clusters.keys]
http = 2
answers = [{ status = 503, delay = "1s" }, { reset = true }, { chunks = ["a"], reset = "body" }]

[[case.step]]
request = { method = "PUT", path = "/p", headers = [["X-A", "1"]], chunks = ["a", "", "b"], trailers = [["T", "1"]], http = 2 }
upstream = { status = 201, headers = [["x-b", "2"]], body = "up", trailers = [["t", "2"]], delay = "50ms" }
[case.step.expect.upstream]
body = { json = { a = [1, 2.5, "x", true, {}] } }
trailers = { T = "1" }
[case.step.expect.response]
broken = true

[[case.step]]
advance = "2s"
idle = true
expect.metrics = { m = 1 }
expect.callouts = [{ cluster = "keys", method = "GET", path = "/", headers = { A = "1" }, body = "b", trailers = { t = "1" } }]
"#,
    )
    .unwrap();
    let answers = &case.clusters["keys"].answers;
    assert_eq!((answers[0].status, answers[0].delay), (503, Duration::from_secs(1)));
    assert_eq!([1, 2].map(|at| answers[at].reset), [Reset::BeforeHeaders, Reset::InBody]);
    let [first, second] = &*case.steps else { panic!("{case:?}") };
    assert_eq!((first.line, second.line), (10, 19));
    let header = |name: &str, value: &str| Header { name: name.into(), value: value.into() };
    let request = Request {
        method: "PUT".into(),
        path: "/p".into(),
        headers: vec![header("x-a", "1")],
        body: Body::Chunks(vec!["a".into(), "".into(), "b".into()]),
        trailers: vec![header("t", "1")],
        http: Http::Two,
    };
    assert_eq!(first.request, Some(request));
    let answer = Answer {
        status: 201,
        headers: vec![header("x-b", "2")],
        body: "up".into(),
        trailers: vec![header("t", "2")],
        delay: Duration::from_millis(50),
        reset: Reset::Never,
    };
    assert_eq!(first.upstream, answer);
    let values = |value: &str| HeaderExpectation::Values(vec![ValueExpectation::Exact(value.into())]);
    let upstream = ExpectedRequest {
        body: Some(BodyExpectation::Json(serde_json::json!({ "a": [1, 2.5, "x", true, {}] }))),
        trailers: [("t".to_owned(), values("1"))].into(),
        ..ExpectedRequest::default()
    };
    assert_eq!(first.expect.upstream, Some(Expected::Present(upstream)));
    assert!(matches!(&first.expect.response, Some(Expected::Present(it)) if it.broken == Some(true)));
    assert_eq!((second.advance, second.request.as_ref()), (Duration::from_secs(2), None));
    let request = ExpectedRequest {
        method: Some("GET".into()),
        path: Some("/".into()),
        headers: [("a".to_owned(), values("1"))].into(),
        body: Some(BodyExpectation::Exact("b".into())),
        trailers: [("t".to_owned(), values("1"))].into(),
    };
    let expect = Expect {
        metrics: [("m".to_owned(), 1)].into(),
        callouts: Some(vec![ExpectedCallout { cluster: "keys".into(), request }]),
        ..Expect::default()
    };
    assert_eq!(second.expect, expect);
}

#[test]
fn what_no_executor_can_do_is_refused_with_the_mend() {
    let refused = |text: &str, message: &str| self::refused(&format!("{text}\nexpect.log = []"), 3, message);
    refused("request.trailers = [['t', '1']]", "trailers: Envoy drops those of HTTP/1; add http = 2 to the request");
    refused("upstream.trailers = [['t', '1']]", "add http = 2 to the request");
    refused("expect.upstream.trailers.t = '1'", "add http = 2 to the request");
    refused("expect.response.trailers.t = '1'", "add http = 2 to the request");
    refused("request.http = 3", "http: expected 1 or 2, found 3");
    refused("request.chunks = ['a', '']", "add http = 2 to the request");
    refused("request = { body = 'a', chunks = ['a'] }", "either `body` or `chunks`");
    refused("upstream.status = 101", "status: expected a number from 200 to 599, found 101");
    refused("upstream.delay = '1 s'", "expected a time such as");
    refused("upstream = { reset = true, status = 200 }", "reset = true answers nothing");
    refused("upstream = { reset = true, chunks = [] }", "reset = true answers nothing");
    refused("upstream = { reset = 'body', body = 'a' }", "reset = \"body\" comes after the last chunk");
    refused("upstream.reset = 'never'", "expected true, for a reset in place of an answer");
    refused(
        "expect.upstream = { absent = true, method = 'GET' }",
        "expect.upstream: what is absent has no other field",
    );
    refused("expect.response = { absent = true, status = 200 }", "expect.response: what is absent has no other field");
}

#[test]
fn an_idle_step_sends_nothing_and_steps_say_it_all() {
    for exchange in ["request = {}", "upstream = {}", "expect.upstream = {}", "expect.response.status = 200"] {
        refused(&format!("[[case.step]]\nidle = true\n{exchange}"), 5, "step 1: idle = true sends nothing");
        let message = "a case with steps says it all in them";
        refused(&format!("{exchange}\n[[case.step]]\nexpect.log = []"), 3, message);
    }
}

#[test]
fn clusters_are_named_in_the_configuration_and_callouts_go_to_them() {
    let ok = "expect.log = []\n";
    refused(&format!("{ok}[case.clusters.keys]"), 4, "clusters.keys: the configuration does not name it");
    refused(&format!("{ok}clusters.'a b' = {{}}"), 4, "expected a name of letters");
    let named = format!("{ok}configuration = '${{keys}}'\n");
    refused(&format!("{named}clusters.keys.answers = []"), 5, "answers: expected at least one answer");
    refused(
        &format!("{named}clusters.keys.answers = [{{ trailers = [['a', 'b']] }}]"),
        5,
        "add http = 2 to the cluster",
    );
    let case = written(&format!("{named}clusters.keys = {{}}")).unwrap();
    assert_eq!(case.clusters["keys"].answers, [Answer::default()]);
    refused("expect.callouts = [{ cluster = 'keys' }]", 3, "\"keys\" is no cluster of the case; it declares none");
    let other = "configuration = '${a}${b}'\nclusters = { a = {}, b = {} }\nexpect.callouts = [{ cluster = 'keys' }]";
    refused(other, 5, "\"keys\" is no cluster of the case; it declares \"a\", \"b\"");
    let trailers = "configuration = '${a}'\nclusters.a = {}\nexpect.callouts = [{ cluster = 'a', trailers.t = '1' }]";
    refused(trailers, 5, "add http = 2 to the cluster");
}

#[test]
fn a_pattern_that_is_none_and_what_json_cannot_say_are_told_with_their_line() {
    refused(
        "expect.response.body = { matches = 'a(' }",
        3,
        "expected a regular expression, found \"a(\": unclosed group",
    );
    refused("expect.log = [{ matches = '[' }]", 3, "expected a regular expression");
    refused("expect.response.headers.a = { matches = '*' }", 3, "expected a regular expression");
    refused("expect.response.body = { json = { a = 1979-05-27 } }", 3, "json: expected a value of JSON");
    refused("expect.response.body = { json = [nan] }", 3, "json: ");
    refused("expect.response.body = { present = true }", 3, "as a body's expectation, found { present = true }");
    refused("expect.response.headers.a = { json = 1 }", 3, "as a header's expectation, found { json = 1 }");
    refused("expect.response.headers.a = []", 3, "{ absent = true }");
    refused("expect.response.body = ['a']", 3, "as a body's expectation, found a list");
}

#[test]
fn what_http_cannot_say_is_told_with_its_line() {
    let expect = "[case.expect.response]\nstatus = 200";
    for status in ["99", "600", "65536", "-1"] {
        let said = written(&format!("[case.upstream]\nstatus = {status}\n{expect}")).unwrap_err();
        assert!(said.starts_with("f/cases.toml:4: "), "{said}");
    }
    for (header, wrong) in [
        (r#"["x a", "1"]"#, r#"header "x a": HTTP cannot say this name"#),
        (r#"["", "1"]"#, r#"header "": HTTP cannot say this name"#),
        (r#"["x", "1\n2"]"#, r#"header "x": HTTP cannot say the byte 0x0a in a value"#),
        (r#"["x", { hex = "00" }]"#, r#"header "x": HTTP cannot say the byte 0x00 in a value"#),
    ] {
        for of in ["request", "upstream"] {
            refused(&format!("[case.{of}]\nheaders = [{header}]\n{expect}"), 4, wrong);
        }
    }
}
