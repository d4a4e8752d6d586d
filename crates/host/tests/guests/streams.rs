//! What a stream may do: wait and go on, be answered by a filter, end in every way.

use std::time::Duration;

use weir_host::{Answer, End, Exchange, HeaderMap, Host, MapKind, Message, Plugin, Reply, StreamInfo, Worker};

use crate::support::{OUT, filter, get, ok, pairs, show, status, texts};

fn body(message: &Option<Message>) -> String {
    String::from_utf8(message.as_ref().expect("a message").body()).expect("text")
}

fn code_of(exchange: &Exchange) -> u16 {
    exchange.response.as_ref().map_or(0, Message::status)
}

/// A local reply of a filter, with the body `no` and a header twice.
fn reply(status: u16) -> String {
    let headers = pairs(&[("x-l", "1"), ("X-L", "2")]);
    format!("(drop (call $reply (i32.const {status}) 'some details' 'no' {headers} (i32.const -1)))")
}

#[test]
fn an_exchange_passes_a_filter_that_does_nothing() {
    let request = get().header("x-a", "1").chunk("a").chunk("b").trailer("x-t", "1");
    let upstream = |request: &Message| {
        assert_eq!(request.body(), b"ab");
        Message::response(201).chunk("c").trailer("x-u", "2").into()
    };
    let exchange = filter().worker().exchange(&request, upstream);
    assert_eq!(exchange.upstream.as_ref(), Some(&request));
    assert_eq!(exchange.response, Some(Message::response(201).chunk("c").trailer("x-u", "2")));
    assert_eq!((exchange.end, exchange.upstream_whole, exchange.took), (End::Complete, true, Duration::ZERO));
}

#[test]
fn the_end_comes_by_itself_in_the_first_version_of_http_and_with_data_in_the_second() {
    let log = "(call $number (local.get 1)) (call $number (local.get 2))";
    let mut worker = filter().on("request_headers", "(call $number (local.get 2))").on("request_body", log).worker();
    let exchange = worker.exchange(&get().chunk("ab"), ok);
    assert_eq!(texts(&exchange), ["= 0", "= 2", "= 0", "= 0", "= 1"]);
    let info = StreamInfo { protocol: "HTTP/2".into(), ..StreamInfo::default() };
    let exchange = worker.exchange_with(info, &get().chunk("ab"), ok);
    assert_eq!(texts(&exchange), ["= 0", "= 2", "= 1"]);
    assert_eq!(texts(&worker.exchange(&get(), ok)), ["= 1"]);
}

#[test]
fn a_request_that_is_paused_goes_on_when_an_answer_comes() {
    let headers = pairs(&[(":authority", "a"), (":method", "GET"), (":path", "/")]);
    let call =
        format!("(drop (call $http_call 'c' {headers} '' '' (i32.const 0) (i32.const 5000))) (return (i32.const 1))");
    let answered = "(drop (call $effective (i32.const 2))) (drop (call $replace (i32.const 0) 'x-a' 'late')) (drop (call $continue (i32.const 0)))";
    let filter = filter().on("request_headers", &call).on("http_call_response", answered);
    let filter = filter.on("request_body", "(call $number (local.get 1)) (call $number (local.get 2))");
    let host = Host::new();
    host.cluster("c", |_| Answer::from(Message::response(200)).after(Duration::from_millis(30)));
    let exchange = filter.worker_on(&host).exchange(&get().chunk("ab").chunk("c"), ok);
    assert_eq!(exchange.upstream.as_ref().unwrap().headers.get("x-a"), Some(&b"late"[..]));
    // What had come while everything was held is shown at once, in one piece, with the end.
    assert_eq!(texts(&exchange), ["= 3", "= 1"]);
    assert_eq!((body(&exchange.upstream), exchange.took), ("abc".into(), Duration::from_millis(30)));
}

#[test]
fn a_request_that_goes_on_is_seen_no_more() {
    let path = show(&format!("(call $get (i32.const 0) ':path' {OUT})"));
    let tick = format!(
        "(drop (call $effective (i32.const 2))) {path} (drop (call $continue (i32.const 0))) {path}
        (drop (call $tick_period (i32.const 0)))"
    );
    let exchange = filter()
        .on("configure", "(drop (call $tick_period (i32.const 10)))")
        .on("request_headers", "(return (i32.const 1))")
        .on("tick", &tick)
        .worker()
        .exchange(&get(), ok);
    assert_eq!((texts(&exchange), code_of(&exchange)), (vec!["= 0", "/", "= 2", ""], 200));
}

#[test]
fn a_response_that_is_paused_goes_on_with_a_tick() {
    let tick = "(drop (call $effective (i32.const 2))) (drop (call $continue (i32.const 1)))";
    let mut worker = filter()
        .on("configure", "(drop (call $tick_period (i32.const 100)))")
        .on("response_headers", "(return (i32.const 1))")
        .on("tick", tick)
        .worker();
    worker.advance(Duration::from_millis(30));
    let exchange = worker.exchange(&get(), ok);
    assert_eq!((code_of(&exchange), exchange.took), (200, Duration::from_millis(70)));
}

#[test]
fn a_stream_that_nothing_resumes_is_stalled() {
    let mut worker = filter().on("request_headers", "(return (i32.const 1))").on("log", "(call $say 'log')").worker();
    let exchange = worker.exchange(&get(), ok);
    assert_eq!((&exchange.end, &exchange.upstream, &exchange.response), (&End::Stalled, &None, &None));
    assert_eq!(texts(&exchange), ["log"]);
}

#[test]
fn headers_alone_are_held_where_that_is_allowed() {
    let code = "(call $say 'body') (return (i32.const 0))";
    let module = filter().on("request_headers", "(return (i32.const 1))").on("request_body", code).module();
    let run = |allow_on_headers_stop_iteration| {
        let plugin = Plugin { allow_on_headers_stop_iteration, ..Plugin::new(&module) };
        Worker::new(&Host::new(), [plugin]).unwrap().exchange(&get().chunk("a"), ok)
    };
    let exchange = run(true);
    // The first callback for the body lets the headers go as well.
    assert_eq!((texts(&exchange), body(&exchange.upstream)), (vec!["body", "body"], "a".into()));
    let exchange = run(false);
    assert_eq!((texts(&exchange), &exchange.end), (vec![], &End::Stalled));
}

#[test]
fn each_number_that_a_callback_for_headers_returns_is_taken_as_envoy_takes_it() {
    for (returned, goes_on) in [(0, true), (1, false), (2, true), (3, false), (4, false), (5, false)] {
        let code = format!("(return (i32.const {returned}))");
        let mut worker = filter().on("request_headers", &code).worker();
        worker.buffer_limit = 1;
        let exchange = worker.exchange(&get().chunk("ab"), ok);
        let end = if goes_on || returned == 3 { End::Complete } else { End::Stalled };
        assert_eq!((exchange.upstream.is_some(), &exchange.end), (goes_on, &end), "{returned}");
        // Only `StopAllIterationAndBuffer` bounds what is held.
        assert_eq!(
            code_of(&exchange),
            if goes_on {
                200
            } else if returned == 3 {
                413
            } else {
                0
            }
        );
    }
}

#[test]
fn time_may_pass_between_the_pieces_of_a_message() {
    let headers = pairs(&[(":authority", "a"), (":method", "GET"), (":path", "/")]);
    let call =
        format!("(drop (call $http_call 'c' {headers} '' '' (i32.const 0) (i32.const 5000))) (return (i32.const 1))");
    let host = Host::new();
    host.cluster("c", |_| Answer::from(Message::response(200)).after(Duration::from_millis(15)));
    let mut worker = filter()
        .on("request_headers", &call)
        .on("http_call_response", "(drop (call $effective (i32.const 2))) (drop (call $continue (i32.const 0)))")
        .on("request_body", "(call $number (local.get 1))")
        .worker_on(&host);
    let request = Message { gap: Duration::from_millis(10), ..get().chunk("a").chunk("bc").chunk("def") };
    let exchange = worker.exchange(&request, ok);
    // The answer came between the first and the second piece.
    assert_eq!((texts(&exchange), exchange.took), (vec!["= 1", "= 2", "= 3", "= 0"], Duration::from_millis(40)));
}

#[test]
fn a_body_is_held_until_its_end_and_changed_as_a_whole() {
    let hold = "(if (i32.eqz (local.get 2)) (then (return (i32.const 1))))
        (drop (call $set_buffer (i32.const 0) (i32.const 0) (local.get 1) 'new'))";
    let exchange = filter().on("request_body", hold).worker().exchange(&get().chunk("a").chunk("b"), ok);
    assert_eq!(body(&exchange.upstream), "new");
    // Trailers release what is held as well.
    let hold = "(return (i32.const 1))";
    let exchange = filter()
        .on("response_body", hold)
        .worker()
        .exchange(&get(), |_| Message::response(200).chunk("a").chunk("b").trailer("x-t", "1").into());
    assert_eq!((body(&exchange.response), exchange.end), ("ab".into(), End::Complete));
    assert!(exchange.response.unwrap().trailers.is_some());
}

#[test]
fn what_a_filter_takes_of_a_body_does_not_go_on() {
    let take = "(if (local.get 2) (then (return (i32.const 0)))) (return (i32.const 3))";
    let exchange = filter().on("request_body", take).worker().exchange(&get().chunk("a").chunk("b"), ok);
    assert_eq!((body(&exchange.upstream), exchange.end), (String::new(), End::Complete));
}

#[test]
fn an_end_that_a_filter_took_with_the_data_comes_when_the_stream_goes_on() {
    let exchange = filter()
        .on("configure", "(drop (call $tick_period (i32.const 10)))")
        .on("request_body", "(return (i32.const 3))")
        .on("tick", "(drop (call $effective (i32.const 2))) (drop (call $continue (i32.const 0)))")
        .worker()
        .exchange(&get().chunk("a"), ok);
    assert_eq!((body(&exchange.upstream), exchange.upstream_whole, code_of(&exchange)), (String::new(), true, 200));
}

#[test]
fn a_body_of_one_empty_piece_is_nothing_but_its_end() {
    let code = "(call $number (local.get 1)) (call $number (local.get 2))";
    let exchange = filter().on("request_body", code).worker().exchange(&get().chunk(""), ok);
    assert_eq!(texts(&exchange), ["= 0", "= 1"]);
}

#[test]
fn trailers_are_held_and_go_on() {
    let tick = "(drop (call $effective (i32.const 2))) (drop (call $continue (i32.const 0)))";
    let exchange = filter()
        .on("configure", "(drop (call $tick_period (i32.const 100)))")
        .on("request_trailers", "(return (i32.const 1))")
        .on("tick", tick)
        .worker()
        .exchange(&get().chunk("a").trailer("x-t", "1"), ok);
    assert_eq!(exchange.took, Duration::from_millis(100));
    assert!(exchange.upstream.unwrap().trailers.is_some());
}

#[test]
fn more_than_a_filter_may_hold_is_answered() {
    let hold = "(return (i32.eqz (local.get 2)))";
    let mut worker = filter().on("request_body", hold).worker();
    worker.buffer_limit = 3;
    let exchange = worker.exchange(&get().chunk("ab").chunk("cd"), ok);
    assert_eq!(
        (code_of(&exchange), body(&exchange.response), exchange.upstream_whole),
        (413, "Payload Too Large".into(), false)
    );
    let mut worker = filter().on("response_headers", "(return (i32.const 0))").on("response_body", hold).worker();
    worker.buffer_limit = 3;
    // The client has the headers already.
    let exchange = worker.exchange(&get(), |_| Message::response(200).chunk("abcd").into());
    assert_eq!(exchange.end, End::Reset("response_payload_too_large".into()));
}

#[test]
fn a_filter_answers_in_the_upstreams_place_and_sees_its_answer() {
    let seen = "(call $dump (i32.const 2)) (call $number (local.get 2))";
    let mut worker = filter().on("request_headers", &reply(403)).on("response_headers", seen).worker();
    let exchange = worker.exchange(&get(), ok);
    let headers = [":status=403", "x-l=1", "x-l=2", "content-length=2", "content-type=text/plain", "= 0"];
    assert_eq!(texts(&exchange), headers);
    assert_eq!((exchange.upstream.is_none(), body(&exchange.response)), (true, "no".into()));
    assert_eq!(exchange.local_reply.unwrap().details, "some_details");
    // To a HEAD comes no body, but its length.
    let exchange = worker.exchange(&Message::request("HEAD", "/"), ok);
    assert_eq!((texts(&exchange).last(), body(&exchange.response)), (Some(&"= 1"), String::new()));
    // gRPC is told with a status of its own.
    let exchange = worker.exchange(&get().header("content-type", "application/grpc"), ok);
    let headers =
        [":status=200", "x-l=1", "x-l=2", "content-type=application/grpc", "grpc-status=7", "grpc-message=no"];
    assert_eq!(&texts(&exchange)[..6], headers);
}

#[test]
fn whatever_it_returns_a_filter_that_answered_sees_no_more_of_the_request() {
    let exchange = filter()
        .on("request_headers", &reply(401))
        .on("request_body", "(call $say 'body')")
        .worker()
        .exchange(&get().chunk("a"), ok);
    assert_eq!((texts(&exchange), code_of(&exchange)), (vec![], 401));
    // In the body's callback, as in the headers'.
    let exchange = filter().on("request_body", &reply(401)).worker().exchange(&get().chunk("a").chunk("b"), ok);
    assert_eq!((code_of(&exchange), exchange.upstream_whole), (401, false));
}

#[test]
fn a_filter_that_answers_when_its_context_is_made_still_sees_the_headers() {
    let answers = format!("(if (local.get 1) (then {}))", reply(405));
    let seen = "(call $say 'headers')";
    let exchange = filter().on("context_create", &answers).on("request_headers", seen).worker().exchange(&get(), ok);
    assert_eq!((texts(&exchange), code_of(&exchange)), (vec!["headers"], 405));
}

#[test]
fn a_response_that_is_held_is_replaced_and_one_that_left_is_cut_off() {
    let exchange = filter()
        .on("response_headers", &reply(502))
        .on("response_body", "(call $say 'body')")
        .worker()
        .exchange(&get(), ok);
    assert_eq!((code_of(&exchange), body(&exchange.response), texts(&exchange)), (502, "no".into(), vec![]));
    let exchange = filter().on("response_body", &reply(502)).worker().exchange(&get(), ok);
    assert_eq!((code_of(&exchange), exchange.end), (200, End::Reset("some_details".into())));
    assert_eq!(exchange.response.unwrap().body(), b"");
}

#[test]
fn an_answer_to_no_stream_stops_the_one_at_hand() {
    let code = format!("(drop (call $effective (i32.const 1))) {}", reply(403));
    let exchange = filter().on("request_headers", &code).worker().exchange(&get(), ok);
    assert_eq!((exchange.end, exchange.local_reply), (End::Stalled, None));
}

#[test]
fn a_filter_closes_a_stream() {
    let exchange = filter().on("request_headers", &status("(call $close (i32.const 0))")).worker().exchange(&get(), ok);
    assert_eq!((exchange.end, exchange.response), (End::Reset("wasm_close_stream".into()), None));
    // TCP's ways are not an HTTP filter's; another number is none.
    let code = [2, 3, 4].map(|way| status(&format!("(call $continue (i32.const {way}))"))).concat();
    let exchange = filter().on("request_headers", &code).worker().exchange(&get(), ok);
    assert_eq!(texts(&exchange), ["= 0", "= 12", "= 2"]);
}

#[test]
fn the_oldest_version_goes_on_with_calls_of_its_own() {
    let tick = "(drop (call $effective (i32.const 2))) (drop (call $continue_request)) (drop (call $continue_response))
        (drop (call $clear_route_cache))";
    let exchange = filter()
        .abi("0_1_0")
        .on("configure", "(drop (call $tick_period (i32.const 10)))")
        .on("request_headers", "(return (i32.const 1))")
        .on("response_headers", "(return (i32.const 1))")
        .on("tick", tick)
        .worker()
        .exchange(&get(), ok);
    assert_eq!((code_of(&exchange), exchange.took), (200, Duration::from_millis(20)));
}

#[test]
fn an_upstream_that_fails_is_answered_for() {
    let seen = "(call $dump (i32.const 2))";
    let mut worker = filter().on("response_headers", seen).worker();
    let exchange = worker.exchange(&get(), |_| Answer::reset());
    assert_eq!(texts(&exchange), [":status=503", "content-length=95", "content-type=text/plain"]);
    assert!(body(&exchange.response).starts_with("upstream connect error"));
    let exchange = worker.exchange(&get(), |_| Answer::silence());
    assert_eq!((code_of(&exchange), exchange.took), (504, Duration::from_secs(15)));
    let late = Answer::from(Message::response(200)).after(Duration::from_secs(16));
    assert_eq!(code_of(&worker.exchange(&get(), |_| late.clone())), 504);
    let within = Answer { reply: Reply::ResetWithin(Message::response(200).chunk("a")), after: Duration::ZERO };
    let exchange = worker.exchange(&get(), |_| within.clone());
    assert_eq!((code_of(&exchange), body(&exchange.response)), (200, "a".into()));
    assert!(matches!(exchange.end, End::Reset(_)));
    // As long as a filter holds the response, the client is told.
    let mut worker = filter().on("response_headers", "(return (i32.const 1))").worker();
    let exchange = worker.exchange(&get(), |_| within.clone());
    assert_eq!((code_of(&exchange), exchange.end), (503, End::Complete));
}

#[test]
fn a_chain_meets_the_request_in_order_and_the_response_the_other_way() {
    let link = |name: &str| {
        let add = |map: u32| format!("(drop (call $add (i32.const {map}) 'x-chain' '{name}'))");
        filter().on("request_headers", &add(0)).on("response_headers", &add(2)).module()
    };
    let chain = ["a", "b", "c"].map(|name| Plugin::new(&link(name)));
    let exchange = Worker::new(&Host::new(), chain).unwrap().exchange(&get(), ok);
    let values = |message: Option<Message>| {
        let message = message.unwrap();
        message.headers.get_all("x-chain").map(|it| String::from_utf8_lossy(it).into_owned()).collect::<String>()
    };
    assert_eq!((values(exchange.upstream), values(exchange.response)), ("abc".into(), "cba".into()));
}

#[test]
fn in_a_chain_one_filter_answers_and_those_before_it_see_the_answer() {
    let says = |name: &str| {
        filter()
            .on("request_headers", &format!("(call $say '{name}')"))
            .on("response_headers", &format!("(call $say '{name}')"))
            .on("log", &format!("(call $say '{name} log')"))
    };
    let middle = filter().on("request_headers", &reply(403)).module();
    let chain = [says("a").module(), middle, says("c").module()];
    let exchange = Worker::new(&Host::new(), chain.iter().map(Plugin::new)).unwrap().exchange(&get(), ok);
    assert_eq!((texts(&exchange), code_of(&exchange)), (vec!["a", "a", "a log", "c log"], 403));
}

#[test]
fn a_later_filter_of_a_chain_holds_and_an_earlier_one_is_not_asked_again() {
    let first = filter().on("request_body", "(call $say 'first')").module();
    let code = format!(
        "(if (i32.eqz (local.get 2)) (then (return (i32.const 1)))) {}",
        show(&format!("(call $buffer (i32.const 0) (i32.const 0) (i32.const 99) {OUT})"))
    );
    let second = filter().on("request_body", &code).module();
    let chain = [&first, &second].map(Plugin::new);
    let exchange = Worker::new(&Host::new(), chain).unwrap().exchange(&get().chunk("a").chunk("b"), ok);
    assert_eq!(texts(&exchange), ["first", "first", "first", "= 0", "ab"]);
    assert_eq!(body(&exchange.upstream), "ab");
}

#[test]
fn streams_are_interleaved_piece_by_piece() {
    let path = show(&format!("(call $get (i32.const 0) ':path' {OUT})"));
    let mut worker = filter().on("request_headers", &path).on("request_body", "(call $number (local.get 0))").worker();
    let request = |path: &str| Message::request("POST", path).headers;
    let (a, b) = (worker.open(StreamInfo::default()), worker.open(StreamInfo::default()));
    worker.send_headers(a, &request("/a"), false);
    worker.send_headers(b, &request("/b"), false);
    worker.send_data(a, b"1", false);
    worker.send_data(b, b"2", true);
    worker.send_trailers(a, &HeaderMap::of(MapKind::RequestTrailers, [("x-t", "1")]));
    let log: Vec<_> = worker.take_log().into_iter().map(|line| line.message).collect();
    assert_eq!(log, ["= 0", "/a", "= 0", "/b", "= 2", "= 3"]);
    let asked = worker.upstream_request(a).unwrap();
    assert_eq!((asked.body(), worker.upstream_request(a)), (b"1".to_vec(), None));
    worker.respond(a, Message::response(204).into());
    worker.client_gone(b);
    worker.settle();
    assert_eq!((worker.ended(a), worker.ended(b)), (Some(&End::Complete), Some(&End::ClientGone)));
    assert_eq!(worker.seen(a).1.unwrap().status(), 204);
    worker.close(a);
    assert_eq!((worker.ended(a), worker.seen(a)), (None, (None, None)));
}
