use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use weir_cases::{Answer, Body, Http, Reply, Request, Reset, SeenRequest, SeenResponse};

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

fn header(name: &str, value: &[u8]) -> Header {
    Header { name: name.into(), value: bytes_of(value) }
}

fn values(headers: &[Header], name: &str) -> Vec<Vec<u8>> {
    headers.iter().filter(|it| it.name == name).map(|it| it.value.0.clone()).collect()
}

fn to(server: &Server) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, server.port))
}

/// What comes back of a request, and what arrived of it.
async fn exchanged(request: &Request, answer: &Answer) -> (Reply, SeenRequest) {
    let server = Server::answering(std::slice::from_ref(answer), None).await.unwrap();
    let reply = exchange(to(&server), request, PATIENCE, None).await.unwrap();
    (reply, server.arrived().remove(0).request)
}

fn response(reply: Reply) -> SeenResponse {
    match reply {
        Reply::Response(response) => response,
        Reply::Nothing(why) => panic!("no answer: {why}"),
    }
}

#[tokio::test]
async fn bytes_and_repeated_headers_go_both_ways_in_either_version() {
    for http in [Http::One, Http::Two] {
        let headers = vec![header("x-a", b"2"), header("x-raw", b"caf\xe9"), header("x-a", b"1")];
        let answer = Answer { status: 418, headers: headers.clone(), body: "tea".into(), ..Answer::default() };
        let server = Server::answering(&[answer], None).await.unwrap();
        let (method, path) = ("POST".to_owned(), "/p?q".to_owned());
        let request = Request { method, path, headers, body: "hi".into(), http, ..Request::default() };
        let got = send(to(&server), &request).await.unwrap();
        let saw = server.arrived().remove(0).request;
        for headers in [&got.headers, &saw.headers] {
            assert_eq!(values(headers, "x-a"), [b"2", b"1"]);
            assert_eq!(values(headers, "x-raw"), [b"caf\xe9"]);
        }
        assert_eq!((got.status, got.body), (418, "tea".into()));
        assert_eq!((saw.method.as_str(), saw.path.as_str(), saw.body), ("POST", "/p?q", "hi".into()));
        assert_eq!(values(&saw.headers, "host"), [to(&server).to_string().as_bytes()]);
        assert_eq!(values(&saw.headers, "content-length"), [b"2"]);
        assert!(values(&got.headers, "date").is_empty());
    }
}

#[tokio::test]
async fn the_authority_is_host_in_either_version() {
    for http in [Http::One, Http::Two] {
        let request = Request { headers: vec![header("host", b"example.org")], http, ..Request::default() };
        let (_, saw) = exchanged(&request, &Answer::default()).await;
        assert_eq!(values(&saw.headers, "host"), [b"example.org"]);
    }
}

#[tokio::test]
async fn chunks_have_no_length_and_trailers_follow_them() {
    let trailers = vec![header("t", b"1"), header("t", b"caf\xe9")];
    let chunks = Body::Chunks(vec!["a".into(), "".into(), "b".into()]);
    let request = Request {
        method: "POST".into(),
        body: chunks.clone(),
        trailers: trailers.clone(),
        http: Http::Two,
        ..Request::default()
    };
    let answer = Answer { body: chunks, trailers: trailers.clone(), ..Answer::default() };
    let (reply, saw) = exchanged(&request, &answer).await;
    let got = response(reply);
    assert_eq!((got.body, got.trailers, got.broken), ("ab".into(), trailers.clone(), false));
    assert_eq!((saw.body, saw.trailers), ("ab".into(), trailers.clone()));
    assert!(values(&saw.headers, "content-length").is_empty());
    let whole = Request { body: "abc".into(), ..request };
    let (_, saw) = exchanged(&whole, &Answer::default()).await;
    assert_eq!(
        (saw.body, saw.trailers, values(&saw.headers, "content-length")),
        ("abc".into(), trailers, vec![b"3".to_vec()])
    );
    let empty = Request { body: Body::Chunks(Vec::new()), method: "POST".into(), ..Request::default() };
    let (_, saw) = exchanged(&empty, &Answer::default()).await;
    assert_eq!(values(&saw.headers, "transfer-encoding"), [b"chunked"]);
}

#[tokio::test]
async fn an_answer_is_delayed_and_reset_where_it_says() {
    for http in [Http::One, Http::Two] {
        let request = Request { http, ..Request::default() };
        let delay = Duration::from_millis(100);
        let begun = Instant::now();
        let (reply, _) = exchanged(&request, &Answer { delay, reset: Reset::BeforeHeaders, ..Answer::default() }).await;
        assert!(begun.elapsed() >= delay, "{:?}", begun.elapsed());
        assert!(matches!(&reply, Reply::Nothing(why) if why.contains("before an answer")), "{reply:?}");
        let body = Body::Chunks(vec!["a".into(), "b".into()]);
        let (reply, _) = exchanged(&request, &Answer { body, reset: Reset::InBody, ..Answer::default() }).await;
        let got = response(reply);
        assert_eq!((got.status, got.body, got.broken), (200, "ab".into(), true));
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_told_and_not_waited_for() {
    let server = Server::answering(&[Answer { delay: PATIENCE, ..Answer::default() }], None).await.unwrap();
    let reply = exchange(to(&server), &Request::default(), Duration::from_millis(50), None).await.unwrap();
    assert_eq!(reply, Reply::Nothing("no answer within 0.05 seconds".into()));
}

#[tokio::test]
async fn answers_come_in_order_and_the_last_one_repeats() {
    let answers = [500, 204].map(|status| Answer { status, ..Answer::default() });
    let server = Server::answering(&answers, None).await.unwrap();
    for status in [500, 204, 204] {
        assert_eq!(send(to(&server), &Request::default()).await.unwrap().status, status);
    }
    server.answer(&Answer { status: 403, ..Answer::default() }).unwrap();
    assert_eq!(send(to(&server), &Request::default()).await.unwrap().status, 403);
    assert_eq!(server.arrived().len(), 4);
}

#[tokio::test]
async fn each_thread_has_the_answers_from_the_first_unless_they_are_shared() {
    let answers = [500, 204].map(|status| Answer { status, ..Answer::default() }).to_vec();
    let from = |thread: &[u8]| Request { headers: vec![header("x-weir-thread", thread)], ..Request::default() };
    for (shared, expected) in [(false, [500, 500, 204, 204, 204]), (true, [500, 204, 204, 204, 204])] {
        let cluster = weir_cases::Cluster { http: weir_cases::Http::One, answers: answers.clone(), shared };
        let server = Server::of_callouts(&cluster, None).await.unwrap();
        for (thread, status) in [b"a", b"b", b"a", b"a", b"b"].into_iter().zip(expected) {
            assert_eq!(send(to(&server), &from(thread)).await.unwrap().status, status, "shared: {shared}");
        }
        let arrived = server.arrived();
        let threads: Vec<_> = arrived.iter().filter_map(|it| it.thread.as_deref()).collect();
        assert_eq!(threads, ["a", "b", "a", "a", "b"]);
        assert!(arrived.iter().all(|it| values(&it.request.headers, "x-weir-thread").is_empty()));
    }
}

#[tokio::test]
async fn the_echo_says_what_it_received() {
    let server = Server::echo().await.unwrap();
    let request = Request { headers: vec![header("x-a", b"caf\xe9")], ..Request::default() };
    let got = send(to(&server), &request).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&got.body.0).unwrap();
    assert_eq!((&body["method"], &body["path"]), (&"GET".into(), &"/".into()));
    assert_eq!(body["headers"][0], "x-a: caf\u{fffd}");
    assert_eq!(values(&got.headers, "content-type"), [b"application/json"]);
}

#[tokio::test]
async fn what_is_no_http_is_refused_before_anything_is_sent() {
    let wrong = Answer { headers: vec![header("a b", b"")], ..Answer::default() };
    assert!(Server::answering(&[wrong], None).await.unwrap_err().to_string().contains("\"a b\" is not a header name"));
    let server = Server::echo().await.unwrap();
    let request = Request { path: "no path".into(), ..Request::default() };
    let said = exchange(to(&server), &request, PATIENCE, None).await.unwrap_err().to_string();
    assert_eq!(said, "GET no path is not a request line");
}
