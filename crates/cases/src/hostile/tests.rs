use super::*;
use crate::case::{Answer, Body, Request, Reset};
use crate::judge::judge;
use crate::observed::{Observed, Outcome, Reply, Seen, SeenResponse, Trap};
use crate::parse;

const FILE: &str = r#"
[[case]]
name = "one"
configuration = '{"keys":{"cluster":"${keys}"},"x-limit":17,"list":["a",true]}'
request = { method = "POST", path = "/p?q=1", headers = [["x-limit", "5"], ["host", "h"]], body = "hi" }
clusters.keys.answers = [{ status = 200, body = "{}" }]
expect.upstream.headers.x-seen = "1"
expect.response.headers.x-left = "4"

[[case]]
name = "the same configuration"
configuration = '{"keys":{"cluster":"${keys}"},"x-limit":17,"list":["a",true]}'
clusters.keys.answers = [{ status = 200, body = "{}" }]
expect.response.status = 200

[[case]]
name = "none"
expect.response.status = 200

[[case]]
name = "refused"
configuration = '{'
expect.refused = "expected"
"#;

const AMOUNT: Amount = Amount { served: 9, requests: 300, configurations: 200 };

fn made() -> Vec<Case> {
    of(&parse("f", FILE).unwrap(), AMOUNT)
}

fn requests_of(cases: &[Case]) -> Vec<&Request> {
    cases.iter().flat_map(|case| &case.steps).filter_map(|step| step.request.as_ref()).collect()
}

#[test]
fn every_configuration_that_is_served_gets_requests_in_both_versions_of_http() {
    let made = made();
    let names: Vec<_> = made.iter().map(|case| case.name.as_str()).filter(|name| name.contains("requests")).collect();
    let expected = [
        "hostile: requests over HTTP/1.1, configured as in \"one\"",
        "hostile: requests over HTTP/2, configured as in \"one\"",
        "hostile: requests over HTTP/1.1, configured as in \"none\"",
        "hostile: requests over HTTP/2, configured as in \"none\"",
    ];
    assert_eq!(names, expected);
    assert_eq!(made.len(), 4 + AMOUNT.configurations);
    assert!(made.iter().all(|case| case.hostile && case.refused.is_none() && case.name.starts_with(PREFIX)));
    let few = of(&parse("f", FILE).unwrap(), Amount { served: 1, requests: 1, configurations: 0 });
    assert_eq!(few.len(), 2);
}

#[test]
fn the_same_cases_give_the_same_input() {
    assert_eq!(made(), made());
}

#[test]
fn what_is_made_reaches_where_filters_stumble() {
    let made = made();
    let requests = requests_of(&made);
    let values = || requests.iter().flat_map(|it| &it.headers).map(|it| it.value.0.as_slice());
    assert!(values().any(|value| std::str::from_utf8(value).is_err()), "bytes that are not UTF-8");
    assert!(values().any(<[u8]>::is_empty), "empty values");
    assert!(values().any(|value| value.len() >= 4096), "long values");
    assert!(requests.iter().any(|it| it.headers.len() > 40), "many headers");
    assert!(requests.iter().any(|it| it.headers.iter().filter(|it| it.name == "x-limit").count() > 1), "repeated");
    assert!(requests.iter().any(|it| it.path.contains("%c3%28")), "escapes that are not UTF-8");
    assert!(requests.iter().any(|it| it.body.bytes().0.len() > 100_000), "large bodies");
    assert!(requests.iter().any(|it| matches!(&it.body, Body::Chunks(chunks) if chunks.len() > 1)), "chunks");
    assert!(requests.iter().any(|it| !it.trailers.is_empty()), "trailers");
    let answers: Vec<&Answer> = made.iter().flat_map(|case| &case.steps).map(|step| &step.upstream).collect();
    for reset in [Reset::BeforeHeaders, Reset::InBody] {
        assert!(answers.iter().any(|it| it.reset == reset), "{reset:?}");
    }
    let strange = |it: &&Answer| it.headers.iter().any(|it| std::str::from_utf8(&it.value.0).is_err());
    assert!(answers.iter().any(strange), "answers that are not UTF-8");
    let callouts = made.iter().flat_map(|case| case.clusters.values()).flat_map(|it| &it.answers);
    assert!(callouts.filter(|it| it.body.bytes().0 != b"{}").count() > 1, "callouts answered strangely");
    let configurations: Vec<_> = made.iter().filter_map(|case| case.configuration.as_ref()).collect();
    assert!(configurations.iter().any(|it| std::str::from_utf8(&it.0).is_err()), "configurations not UTF-8");
    assert!(configurations.iter().any(|it| it.0.starts_with(&[b'['; 1000])), "deep configurations");
    assert!(configurations.iter().any(|it| it.0.windows(20).any(|it| it == b"18446744073709551616")), "numbers");
}

#[test]
fn nothing_is_made_that_a_client_or_an_upstream_cannot_send() {
    for request in requests_of(&made()) {
        assert!(request.path.starts_with('/') && request.path.len() <= 16_000, "{:?}", request.path);
        assert!(request.path.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\\^`{|}#\"".contains(&byte)));
        assert!(request.headers.len() <= 100);
        assert!(request.headers.iter().map(|it| it.name.len() + it.value.0.len()).sum::<usize>() <= 50_000);
        for header in request.headers.iter().chain(&request.trailers) {
            assert!(!header.value.0.iter().any(|byte| b"\r\n\0".contains(byte)), "{header:?}");
            assert_ne!(header.name, "content-length");
        }
    }
}

#[test]
fn a_step_can_be_pasted_into_a_file_of_cases() {
    let made = made();
    let small = |step: &&Step| {
        let bodies = [&step.request.as_ref().unwrap().body, &step.upstream.body];
        let headers = step.request.iter().flat_map(|it| it.headers.iter().chain(&it.trailers));
        let mut headers = headers.chain(&step.upstream.headers).chain(&step.upstream.trailers);
        bodies.iter().all(|body| body.bytes().0.len() < 2000) && headers.all(|it| it.value.0.len() < 2000)
    };
    // One with clusters is not whole without them.
    let plain = made.iter().filter(|case| case.clusters.is_empty() && case.name.contains("requests"));
    let mut tried = 0;
    for (case, step) in plain.flat_map(|case| case.steps.iter().filter(small).map(move |step| (case, step))) {
        let text = recipe::recipe(case, step);
        let pasted = parse("pasted", &text).unwrap_or_else(|error| panic!("{error}\n{text}")).remove(0);
        let (got, sent) = (&pasted.steps[0], step);
        assert_eq!((&got.request, &got.upstream), (&sent.request, &sent.upstream), "{text}");
        tried += 1;
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn a_hostile_case_holds_unless_the_filter_traps_or_does_not_answer() {
    let case = made().into_iter().find(|case| case.steps.len() > 1).unwrap();
    let answered =
        Seen { response: Reply::Response(SeenResponse { status: 503, ..Default::default() }), ..Default::default() };
    let hung = Seen { response: Reply::Nothing("no answer within 10 seconds".into()), ..Default::default() };
    let judged = |outcome, traps| judge(&case, &Observed { outcome, traps, notes: Vec::new() });
    assert_eq!(judged(Outcome::Refused { reason: "no".into(), log: Vec::new() }, Vec::new()), []);
    assert_eq!(judged(Outcome::Served(vec![answered.clone(), answered.clone()]), Vec::new()), []);
    let found = judged(Outcome::Served(vec![answered.clone(), hung]), Vec::new());
    assert_eq!((found[0].step, found[0].got.as_str()), (1, "none: no answer within 10 seconds"));
    let trap = Trap { step: 1, text: "proxy_on_request_headers: unreachable".into() };
    let found = judged(Outcome::Served(vec![answered.clone(), answered]), vec![trap]);
    assert_eq!((found[0].step, found[0].got.as_str()), (1, "traps: proxy_on_request_headers: unreachable"));
}
