//! HTTP and gRPC calls, and what comes back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use weir_host::{Answer, Callout, GrpcAnswer, GrpcEvent, GrpcFrame, HeaderMap, Host, MapKind, Message, Reply};

use crate::support::{OUT, filter, get, ok, pairs, show, status, texts};

/// A GET of `/k` at the cluster `c`, with a body and a trailer.
fn call(timeout: i32) -> String {
    let headers = pairs(&[("host", "a"), (":method", "GET"), (":path", "/k"), ("X-A", "1")]);
    let trailers = pairs(&[("x-t", "1")]);
    status(&format!("(call $http_call 'c' {headers} 'body' {trailers} (i32.const {timeout}) (i32.const 5016))"))
}

/// Logs what an answer is, and reads all of it.
fn answered() -> String {
    let arguments = "(call $number (local.get 2)) (call $number (local.get 3)) (call $number (local.get 4))";
    let read = show(&format!("(call $buffer (i32.const 4) (i32.const 0) (i32.const 99) {OUT})"));
    format!("{arguments} (call $dump (i32.const 6)) (call $dump (i32.const 7)) {read}")
}

#[test]
fn a_call_gets_its_answer_and_is_told() {
    let host = Host::new();
    host.cluster("c", |callout| {
        assert_eq!(callout.request.body(), b"body");
        Answer::from(Message::response(200).header("x-k", "v").chunk("key").trailer("x-t", "2"))
            .after(Duration::from_millis(5))
    });
    let mut worker = filter().on("request_headers", &call(0)).on("http_call_response", &answered()).worker_on(&host);
    let exchange = worker.exchange(&get(), |_| Answer::from(Message::response(200)).after(Duration::from_millis(9)));
    assert_eq!(texts(&exchange), ["= 0", "= 2", "= 3", "= 1", ":status=200", "x-k=v", "x-t=2", "= 0", "key"]);
    let headers = [(":authority", "a"), (":method", "GET"), (":path", "/k"), ("x-a", "1"), ("content-length", "4")];
    let request = Message {
        headers: HeaderMap::of(MapKind::Request, headers),
        chunks: vec![b"body".to_vec()],
        trailers: Some(HeaderMap::of(MapKind::RequestTrailers, [("x-t", "1")])),
        ..Message::default()
    };
    assert_eq!(exchange.callouts, [Callout { cluster: "c".into(), request, timeout: None }]);
}

#[test]
fn a_call_that_cannot_be_made_is_refused() {
    let call = |cluster: &str, names: &[&str], timeout: i32| {
        let headers: Vec<_> = names.iter().map(|name| (*name, "x")).collect();
        status(&format!(
            "(call $http_call '{cluster}' {} '' '' (i32.const {timeout}) (i32.const 5016))",
            pairs(&headers)
        ))
    };
    let all = [":authority", ":method", ":path"];
    let code = [
        call("none", &all, 0),
        call("c", &all[1..], 0),
        call("c", &all[..2], 0),
        call("c", &[all[0], all[2]], 0),
        call("c", &all, -1),
        call("c", &all, 0),
    ];
    let host = Host::new();
    host.cluster("c", |_| Answer::silence());
    let exchange = filter().on("request_headers", &code.concat()).worker_on(&host).exchange(&get(), ok);
    assert_eq!(texts(&exchange), ["= 2", "= 2", "= 2", "= 2", "= 2", "= 0"]);
    assert_eq!(exchange.callouts.len(), 1);
}

fn answer_to(answer: Answer, timeout: i32) -> Vec<String> {
    let host = Host::new();
    host.cluster("c", move |_| answer.clone());
    let code = format!(
        "{}(drop (call $status_of_call (i32.const 5008) {OUT})) (call $number (i32.load (i32.const 5008))) (call $out)",
        answered()
    );
    let mut worker = filter()
        .on("configure", "(drop (call $tick_period (i32.const 0)))")
        .on("request_headers", &call(timeout))
        .on("http_call_response", &code)
        .worker_on(&host);
    let exchange = worker.exchange(&get(), |_| Answer::from(Message::response(200)).after(Duration::from_secs(9)));
    texts(&exchange)[1..].iter().map(|it| (*it).to_owned()).collect()
}

#[test]
fn a_call_that_fails_is_answered_by_envoy_or_told_as_nothing() {
    let reset = answer_to(Answer::reset(), 0);
    assert_eq!(reset[..6], ["= 3", "= 95", "= 0", ":status=503", "content-length=95", "content-type=text/plain"]);
    let timeout = answer_to(Answer::from(Message::response(200)).after(Duration::from_millis(11)), 10);
    assert_eq!((timeout[3].as_str(), timeout[7].as_str()), (":status=504", "upstream request timeout"));
    assert_eq!(answer_to(Answer::silence(), 10)[3], ":status=504");
    let in_time = answer_to(Answer::from(Message::response(200)).after(Duration::from_millis(10)), 10);
    assert_eq!(in_time[3], ":status=200");
    assert_eq!(answer_to(Answer::silence(), 0), Vec::<String>::new());
    let within = answer_to(Answer { reply: Reply::ResetWithin(Message::response(200)), after: Duration::ZERO }, 0);
    assert_eq!(within, ["= 0", "= 0", "= 0", "= 1", "", "= 11", "reset"]);
}

/// Logs each callback of gRPC with its argument and what can be read in it.
fn grpc_filter() -> crate::support::Filter {
    let read = show(&format!("(call $buffer (i32.const 5) (i32.const 0) (i32.const 99) {OUT})"));
    let status = format!("(drop (call $status_of_call (i32.const 5008) {OUT})) (call $out)");
    let says = |name: &str, more: &str| format!("(call $say '{name}') (call $number (local.get 2)) {more}");
    filter()
        .on("grpc_receive_initial_metadata", &says("initial", "(call $dump (i32.const 4))"))
        .on("grpc_receive", &says("message", &read))
        .on("grpc_receive_trailing_metadata", &says("trailing", "(call $dump (i32.const 5))"))
        .on("grpc_close", &says("close", &status))
}

fn close(status: u32, message: &str) -> GrpcFrame {
    GrpcFrame::Close { status, message: message.into() }
}

fn unary(target: &str, timeout: u32) -> String {
    let metadata = pairs(&[("x-m", "1")]);
    status(&format!(
        "(call $grpc_call '{target}' 'service' 'Method' {metadata} 'ask' (i32.const {timeout}) (i32.const 5016))"
    ))
}

#[test]
fn a_unary_call_gets_a_message_or_a_status() {
    let run = |answer: GrpcAnswer, timeout: u32| {
        let host = Host::new();
        host.grpc_cluster("g", move |call, event| {
            assert_eq!((call.service.as_str(), call.method.as_str()), ("service", "Method"));
            assert_eq!(event, GrpcEvent::Call(b"ask".to_vec()));
            answer.clone()
        });
        let mut worker = grpc_filter().on("request_headers", &unary("g", timeout)).worker_on(&host);
        let exchange = worker.exchange(&get(), |_| Answer::from(Message::response(200)).after(Duration::from_secs(1)));
        assert_eq!(exchange.grpc_calls[0].metadata.get("x-m"), Some(&b"1"[..]));
        texts(&exchange).join(" ")
    };
    let answer = |frames: Vec<GrpcFrame>, after| GrpcAnswer { frames, after: Duration::from_millis(after) };
    assert_eq!(run(answer(vec![GrpcFrame::Message(b"told".to_vec())], 0), 0), "= 0 message = 4 = 0 told");
    assert_eq!(run(answer(vec![close(5, "not here")], 0), 0), "= 0 close = 5 not here");
    assert_eq!(run(answer(vec![close(0, "")], 20), 10), "= 0 close = 14 upstream request timeout");
    assert_eq!(run(answer(vec![], 0), 0), "= 0");
}

#[test]
fn a_grpc_target_that_is_not_there_is_told_as_envoy_tells_it() {
    // Envoy's message `GrpcService` that names the cluster `g`, and one that names another.
    let known = "\\0a\\03\\0a\\01g";
    let code = [unary("none", 0), unary(known, 0), unary("\\0a\\03\\0a\\01h", 0)].concat();
    let host = Host::new();
    host.grpc_cluster("g", |_, _| GrpcAnswer::default());
    let exchange = grpc_filter().on("request_headers", &code).worker_on(&host).exchange(&get(), ok);
    assert_eq!(texts(&exchange), ["= 4", "= 0", "= 10", "close", "= 14", "Cluster not available"]);
}

#[test]
fn a_stream_speaks_both_ways_until_both_have_closed() {
    let open = "(call $grpc_stream 'g' 'service' 'Method' '' (i32.const 5016))";
    let token = "(i32.load (i32.const 5016))";
    let send = |text: &str, end: u32| status(&format!("(call $grpc_send {token} '{text}' (i32.const {end}))"));
    let code = [status(open), send("one", 0), send("two", 1), status(&format!("(call $grpc_close {token})"))];
    let events = Arc::new(Mutex::new(Vec::new()));
    let (host, seen) = (Host::new(), events.clone());
    host.grpc_cluster("g", move |_, event| {
        seen.lock().unwrap().push(event.clone());
        let map = |name| HeaderMap::of(MapKind::ResponseTrailers, [(name, "1")]);
        let frames = match event {
            GrpcEvent::Open => vec![GrpcFrame::InitialMetadata(map("x-i"))],
            GrpcEvent::Message { message, .. } => vec![GrpcFrame::Message(message)],
            _ => vec![GrpcFrame::TrailingMetadata(map("x-t")), close(0, "bye")],
        };
        GrpcAnswer { frames, after: Duration::ZERO }
    });
    let late = status(&format!("(call $grpc_send {token} 'late' (i32.const 0))"));
    let mut worker = grpc_filter().on("request_headers", &code.concat()).on("response_headers", &late).worker_on(&host);
    let exchange = worker.exchange(&get(), ok);
    let expected = "= 0 = 0 = 0 = 0 initial = 1 x-i=1 message = 3 = 0 one message = 3 = 0 two trailing = 1 x-t=1 close = 0 bye = 1";
    assert_eq!(texts(&exchange).join(" "), expected);
    let message = |text: &str, end| GrpcEvent::Message { message: text.into(), end };
    let expected = [GrpcEvent::Open, message("one", false), message("two", true), GrpcEvent::HalfClose];
    assert_eq!(*events.lock().unwrap(), expected);
}

#[test]
fn a_call_that_is_cancelled_is_heard_of_no_more() {
    let token = "(i32.load (i32.const 5016))";
    let cancel = status(&format!("(call $grpc_cancel {token})"));
    let odd = [
        status("(call $grpc_cancel (i32.const 4))"),
        status("(call $grpc_close (i32.const 9))"),
        status("(call $grpc_send (i32.const 5) '' (i32.const 0))"),
    ];
    let code = [unary("g", 0), cancel.clone(), cancel, odd.concat()].concat();
    let host = Host::new();
    host.grpc_cluster("g", |_, _| GrpcAnswer { frames: vec![close(0, "")], after: Duration::ZERO });
    let exchange = grpc_filter().on("request_headers", &code).worker_on(&host).exchange(&get(), ok);
    assert_eq!(texts(&exchange), ["= 0", "= 0", "= 1", "= 2", "= 1", "= 2"]);
}
