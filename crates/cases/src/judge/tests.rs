use super::*;
use crate::{parse, report};

fn case(expect: &str) -> Case {
    parse("f", &format!("[[case]]\nname = \"a\"\n[case.expect]\n{expect}\n")).unwrap().remove(0)
}

fn headers(list: &[(&str, &[u8])]) -> Vec<Header> {
    list.iter().map(|(name, value)| Header { name: (*name).into(), value: Bytes(value.to_vec()) }).collect()
}

fn served(seen: Seen) -> Observed {
    Observed { outcome: Outcome::Served(vec![seen]), traps: Vec::new(), notes: Vec::new() }
}

fn exchange(upstream: Option<SeenRequest>, response: SeenResponse) -> Observed {
    served(Seen { upstream, response: Reply::Response(response), log: vec!["said".into()], ..Seen::default() })
}

fn refused(log: &[&str]) -> Observed {
    let log = log.iter().map(|it| (*it).to_owned()).collect();
    Observed { outcome: Outcome::Refused { reason: "no".into(), log }, traps: Vec::new(), notes: Vec::new() }
}

fn shown(found: &[Mismatch]) -> Vec<(&str, &str, &str)> {
    found.iter().map(|it| (it.place.as_str(), it.expected.as_str(), it.got.as_str())).collect()
}

/// What is told of a step that has to fail in one place.
#[track_caller]
fn told(expect: &str, seen: &Seen) -> (String, String) {
    let found = judge_step(&case(expect).steps[0], seen);
    let [only] = &*found else { panic!("{found:?}") };
    (only.expected.clone(), only.got.clone())
}

#[track_caller]
fn holds(expect: &str, seen: &Seen) {
    assert_eq!(judge_step(&case(expect).steps[0], seen), []);
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
        ..Default::default()
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
    let upstream = SeenRequest { headers: headers(&[("x", b"2"), ("x", b"1"), ("gone", b"")]), ..Default::default() };
    let response = SeenResponse { headers: headers(&[("raw", b"caf\xe8")]), ..Default::default() };
    let found = judge(&case, &exchange(Some(upstream), response));
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
    assert_eq!(shown(&found), expected);
    assert_eq!(found[3].field, ["upstream", "headers", "x"]);
    assert_eq!(found[8].field, ["response", "body"]);
}

#[test]
fn a_header_pattern_asks_for_one_value_that_matches() {
    let seen = |values: &[(&str, &[u8])]| Seen {
        response: Reply::Response(SeenResponse { headers: headers(values), ..Default::default() }),
        ..Seen::default()
    };
    let one = r#"response.headers.x = { matches = "^a" }"#;
    holds(one, &seen(&[("x", b"ab\xe9")]));
    assert_eq!(told(one, &seen(&[("x", b"ba")])), ("matches \"^a\"".into(), "\"ba\"".into()));
    assert_eq!(told(one, &seen(&[("x", b"ab"), ("x", b"ab")])).1, r#"["ab", "ab"]"#);
    assert_eq!(told(one, &seen(&[])).1, "absent");
    let list = r#"response.headers.x = ["1", { matches = "^a" }]"#;
    holds(list, &seen(&[("x", b"1"), ("x", b"a")]));
    assert_eq!(told(list, &seen(&[("x", b"a"), ("x", b"1")])).0, r#"["1", matches "^a"]"#);
}

#[test]
fn a_body_is_matched_by_a_pattern_or_as_json() {
    let seen = |body: &str| Seen {
        upstream: Some(SeenRequest { body: body.into(), ..Default::default() }),
        ..Seen::default()
    };
    let pattern = r#"upstream.body = { matches = "^a.c$" }"#;
    holds(pattern, &seen("abc"));
    assert_eq!(told(pattern, &seen("abcd")), ("matches \"^a.c$\"".into(), "\"abcd\"".into()));
    let json = "upstream.body = { json = { a = [1, { b = 'x' }] } }";
    holds(json, &seen(r#"{"z": null, "a": [1, {"c": 2, "b": "x"}]}"#));
    let step = case(json).steps.remove(0);
    let found = judge_step(&step, &seen(r#"{"a": [2, {}]}"#));
    let places = [("upstream body, JSON at $.a[0]", "1", "2"), ("upstream body, JSON at $.a[1].b", "\"x\"", "absent")];
    assert_eq!(shown(&found), places);
    assert_eq!(told(json, &seen("{")), (r#"JSON with {"a":[1,{"b":"x"}]}"#.into(), "\"{\"".into()));
}

#[test]
fn trailers_are_judged_as_headers_are() {
    let text =
        "[[case]]\nname = 'a'\nrequest.http = 2\n[case.expect]\nupstream.trailers.T = '1'\nresponse.trailers.t = '2'";
    let step = parse("f", text).unwrap().remove(0).steps.remove(0);
    let seen = |up: &[u8], down: &[u8]| Seen {
        upstream: Some(SeenRequest { trailers: headers(&[("t", up)]), ..Default::default() }),
        response: Reply::Response(SeenResponse { trailers: headers(&[("t", down)]), ..Default::default() }),
        ..Seen::default()
    };
    assert_eq!(judge_step(&step, &seen(b"1", b"2")), []);
    let found = judge_step(&step, &seen(b"2", b"1"));
    let expected = [("upstream trailer t", r#""1""#, r#""2""#), ("response trailer t", r#""2""#, r#""1""#)];
    assert_eq!(shown(&found), expected);
}

#[test]
fn a_request_that_never_reached_the_upstream_is_told_and_can_be_expected() {
    let (none, some) = (Seen::default(), Seen { upstream: Some(SeenRequest::default()), ..Seen::default() });
    assert_eq!(told("upstream.path = \"/\"", &none), ("a request".into(), "none reached it".into()));
    holds("upstream.absent = true", &none);
    assert_eq!(told("upstream.absent = true", &some).0, "no request");
}

#[test]
fn an_answer_that_never_came_or_broke_off_is_told_and_can_be_expected() {
    let none = Seen { response: Reply::Nothing("too late".into()), ..Seen::default() };
    let reply = |broken| Seen {
        response: Reply::Response(SeenResponse { status: 200, broken, ..Default::default() }),
        ..Seen::default()
    };
    assert_eq!(told("response.status = 200", &none), ("an answer".into(), "none: too late".into()));
    holds("response.absent = true", &none);
    assert_eq!(told("response.absent = true", &reply(false)), ("no answer".into(), "status 200".into()));
    holds("response.broken = true", &reply(true));
    assert_eq!(told("response.broken = true", &reply(false)), ("breaks off".into(), "comes to its end".into()));
    assert_eq!(told("response.status = 200", &reply(true)), ("comes to its end".into(), "breaks off".into()));
}

#[test]
fn lines_of_the_log_are_found_in_their_order() {
    let seen = |lines: &[&str]| Seen { log: lines.iter().map(|it| (*it).to_owned()).collect(), ..Seen::default() };
    let two = "log = ['first', { matches = '^sec' }]";
    holds(two, &seen(&["x", "the first", "y", "second"]));
    assert_eq!(
        told(two, &seen(&["second", "first"])),
        (r#"a line that matches "^sec" after the one before"#.into(), "no line".into())
    );
    assert_eq!(told(two, &seen(&["x"])), ("a line with \"first\"".into(), "\"x\"".into()));
    // One line is not found twice.
    assert_eq!(told("log = ['a', 'a']", &seen(&["a"])).1, "no line");
    holds("log = []", &seen(&[]));
    assert_eq!(told("log = []", &seen(&["a"])), ("nothing".into(), "\"a\"".into()));
}

#[test]
fn metrics_have_their_value_and_are_0_where_they_are_not() {
    let seen = |value| Seen { metrics: [("m".to_owned(), value)].into(), ..Seen::default() };
    holds("metrics = { m = 2 }", &seen(2));
    holds("metrics = { m = 0, other = 0 }", &seen(0));
    assert_eq!(told("metrics = { m = 2 }", &seen(3)), ("2".into(), "3".into()));
    assert_eq!(told("metrics = { other = 1 }", &seen(1)).1, "0: there is no such metric");
}

#[test]
fn callouts_to_one_cluster_are_in_order_and_no_more_than_expected() {
    let step = |callouts: &str| {
        let text = format!(
            "[[case]]\nname = 'a'\nconfiguration = '${{k}}${{l}}'\nclusters = {{ k = {{}}, l = {{}} }}\nexpect.callouts = [{callouts}]"
        );
        parse("f", &text).unwrap().remove(0).steps.remove(0)
    };
    let seen = |list: &[(&str, &str)]| {
        let callout = |(cluster, path): &(&str, &str)| SeenCallout {
            cluster: (*cluster).into(),
            request: SeenRequest { path: (*path).into(), ..Default::default() },
        };
        Seen { callouts: list.iter().map(callout).collect(), ..Seen::default() }
    };
    let three = step("{ cluster = 'k', path = '/1' }, { cluster = 'l' }, { cluster = 'k', path = '/2' }");
    assert_eq!(judge_step(&three, &seen(&[("l", "/"), ("k", "/1"), ("k", "/2")])), []);
    let found = judge_step(&three, &seen(&[("l", "/"), ("k", "/2"), ("k", "/1")]));
    assert_eq!(shown(&found), [("callouts[0] path", "/1", "/2"), ("callouts[2] path", "/2", "/1")]);
    assert_eq!(found[1].field, ["callouts", "2", "path"]);
    let found = judge_step(&three, &seen(&[("k", "/1"), ("l", "/")]));
    assert_eq!(shown(&found), [("callouts[2]", "a callout to k", "none")]);
    let found = judge_step(&step("{ cluster = 'k' }"), &seen(&[("k", "/1"), ("k", "/2"), ("l", "/3")]));
    assert_eq!(shown(&found), [("callouts", "no more", " /2 to k,  /3 to l")]);
    assert_eq!(judge_step(&step(""), &seen(&[])), []);
}

#[test]
fn what_is_missing_is_told_from_what_is_too_much() {
    let clusters = "configuration = '${k}'\nclusters.k = {}\nrequest.http = 2\n";
    let seen = Seen {
        upstream: Some(SeenRequest { method: "GET".into(), body: "ab".into(), ..Default::default() }),
        log: vec!["a".into()],
        metrics: [("m".to_owned(), 2)].into(),
        callouts: vec![SeenCallout { cluster: "k".into(), ..Default::default() }],
        ..Seen::default()
    };
    let lacking = |expect: &str, seen: &Seen| -> bool {
        let text = format!("[[case]]\nname = 'a'\n{clusters}[case.expect]\n{expect}");
        let found = judge_step(&parse("f", &text).unwrap().remove(0).steps[0], seen);
        let [only] = &*found else { panic!("{expect}: {found:?}") };
        only.lacking
    };
    let (one, two) = ("{ cluster = 'k' }", "{ cluster = 'k' }, { cluster = 'k' }");
    for missing in [
        "upstream.body = 'abc'",
        "upstream.body = { matches = 'c$' }",
        "upstream.body = { json = {} }",
        "upstream.trailers.t = '1'",
        "log = ['a', 'b']",
        "metrics = { m = 3 }",
        "metrics = { n = 1 }",
        &format!("callouts = [{two}]"),
    ] {
        assert!(lacking(missing, &seen), "{missing}");
    }
    assert!(lacking("upstream.method = 'GET'", &Seen::default()));
    for wrong in [
        "upstream.absent = true",
        "upstream.method = 'PUT'",
        "upstream.headers.h = '1'",
        "upstream.body = 'a'",
        "log = []",
        "metrics = { m = 1 }",
        "callouts = []",
    ] {
        assert!(!lacking(wrong, &seen), "{wrong}");
    }
    assert!(!lacking(
        &format!("callouts = [{one}]"),
        &Seen { callouts: [&*seen.callouts; 2].concat(), ..seen.clone() }
    ));
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
    assert_eq!(shown(&found), [("configuration", "accepted", "refused: no")]);
}

#[test]
fn a_step_that_an_executor_left_out_is_told() {
    let nothing = Observed { outcome: Outcome::Served(Vec::new()), traps: Vec::new(), notes: Vec::new() };
    assert_eq!(shown(&judge(&case("log = []"), &nothing)), [("the step", "done", "not done")]);
}

#[test]
fn the_report_ends_with_the_filters_log() {
    let case = case("response.status = 200");
    let text = report(&case, &exchange(None, SeenResponse { status: 503, ..Default::default() })).unwrap();
    let expected = "case \"a\" (line 2):\nresponse status\n  expected: 200\n       got: 503\nthe filter's log:\n  said";
    assert_eq!(text, expected);
    assert_eq!(report(&case, &exchange(None, SeenResponse { status: 200, ..Default::default() })), None);
}

#[test]
fn the_report_names_the_step_where_there_are_several() {
    let text = "[[case]]\nname = 'a'\n[[case.step]]\nexpect.log = ['x']\n[[case.step]]\nidle = true\nexpect.log = []\n";
    let case = parse("f", text).unwrap().remove(0);
    let logged = |line: &str| Seen { log: vec![line.to_owned()], ..Seen::default() };
    let outcome = Outcome::Served(vec![logged("x"), logged("y")]);
    let observed = Observed { outcome, traps: Vec::new(), notes: vec!["beside it".into()] };
    let expected = "case \"a\" (line 2):\nstep 2 (line 5):\nlog\n  expected: nothing\n       got: \"y\"\n\
                    the filter's log:\n  [step 1] x\n  [step 2] y\nbeside it";
    assert_eq!(report(&case, &observed).unwrap(), expected);
}
