//! Header maps and buffers, as a guest reads and changes them.

use crate::support::{OUT, filter, get, ok, pairs, show, status, texts};
use weir_host::{Answer, Exchange, HeaderMap, MapKind, Message};

fn get_value(map: u32, name: &str) -> String {
    show(&format!("(call $get (i32.const {map}) '{name}' {OUT})"))
}

fn header<'a>(message: &'a Message, name: &str) -> Vec<&'a [u8]> {
    message.headers.get_all(name).collect()
}

#[test]
fn a_value_is_the_first_of_several_and_need_not_be_text() {
    let code = ["x-a", "X-A", "x-raw", "host", "accept", "x-none"].map(|name| get_value(0, name)).concat();
    let request = get()
        .header("x-a", "1")
        .header("x-a", "2")
        .header("x-raw", b"caf\xe9")
        .header("accept", "a")
        .header("accept", "b");
    let exchange = filter().on("request_headers", &code).worker().exchange(&request, ok);
    let expected = ["= 0", "1", "= 0", "1", "= 0", "caf\u{fffd}", "= 0", "host", "= 0", "a,b", "= 1", ""];
    assert_eq!(texts(&exchange), expected);
    // What is shown to the guest passes untouched.
    assert_eq!(header(&exchange.upstream.unwrap(), "x-raw"), [b"caf\xe9"]);
}

#[test]
fn a_missing_header_is_empty_for_the_oldest_version() {
    let exchange = filter().abi("0_1_0").on("request_headers", &get_value(0, "x-none")).worker().exchange(&get(), ok);
    assert_eq!(texts(&exchange), ["= 0", ""]);
}

#[test]
fn headers_are_added_replaced_and_removed() {
    let code = [
        status("(call $add (i32.const 0) 'x-a' '2')"),
        status("(call $replace (i32.const 0) 'x-b' '\\ff')"),
        status("(call $remove (i32.const 0) 'x-gone')"),
        status("(call $remove (i32.const 0) 'x-none')"),
        status("(call $replace (i32.const 0) ':path' '/other')"),
        status("(call $map_size (i32.const 0) (i32.const 5000))"),
        "(call $number (i32.load (i32.const 5000)))".into(),
        "(call $dump (i32.const 0))".into(),
    ];
    let request = get().header("X-A", "1").header("x-b", "1").header("x-b", "2").header("x-gone", "1");
    let exchange = filter().on("request_headers", &code.concat()).worker().exchange(&request, ok);
    assert_eq!(&texts(&exchange)[..5], ["= 0"; 5]);
    let pairs = [":authority=host", ":method=GET", ":scheme=http", ":path=/other", "x-a=1", "x-a=2", "x-b=\u{fffd}"];
    assert_eq!(&texts(&exchange)[7..], pairs);
    let size: usize = exchange.upstream.as_ref().unwrap().headers.byte_size();
    assert_eq!(texts(&exchange)[6], format!("= {size}"));
    assert_eq!(header(&exchange.upstream.unwrap(), "x-b"), [b"\xff"]);
}

#[test]
fn all_headers_are_set_at_once() {
    let list = pairs(&[(":path", "/new"), ("X-A", "1"), ("x-a", "2")]);
    let exchange = filter()
        .on("request_headers", &status(&format!("(call $set_pairs (i32.const 0) {list})")))
        .worker()
        .exchange(&get().header("x-old", "1"), ok);
    let expected = HeaderMap::of(MapKind::Request, [(":path", "/new"), ("x-a", "1"), ("x-a", "2")]);
    assert_eq!(exchange.upstream.unwrap().headers, expected);
    // What is no list is an empty one.
    let exchange =
        filter().on("request_headers", &status("(call $set_pairs (i32.const 0) 'x')")).worker().exchange(&get(), ok);
    assert!(exchange.upstream.unwrap().headers.is_empty());
}

#[test]
fn a_map_is_there_only_in_its_callback() {
    let code = |map: u32| {
        [
            get_value(map, "x"),
            status(&format!("(call $add (i32.const {map}) 'x' '1')")),
            status(&format!("(call $replace (i32.const {map}) 'x' '1')")),
            status(&format!("(call $remove (i32.const {map}) 'x')")),
            status(&format!("(call $set_pairs (i32.const {map}) 'x')")),
            status(&format!("(call $map_size (i32.const {map}) (i32.const 5000))")),
            show(&format!("(call $pairs (i32.const {map}) {OUT})")),
        ]
        .concat()
    };
    let refused = ["= 2", "", "= 2", "= 2", "= 2", "= 2", "= 2", "= 0", ""];
    for (callback, map) in [
        ("request_headers", 1),
        ("request_headers", 2),
        ("response_headers", 0),
        ("response_headers", 4),
        ("response_headers", 6),
        ("response_body", 2),
    ] {
        let exchange =
            filter().on(callback, &format!("(if (local.get 2) (then (return (i32.const 0))))\n{}", code(map))).worker();
        let request = get().chunk("b");
        let exchange = { exchange }.exchange(&request, ok);
        assert_eq!(texts(&exchange), refused, "{callback} {map}");
    }
    // A number that is no map's is refused even where maps are read.
    let exchange = filter()
        .on("request_headers", &show(&format!("(call $pairs (i32.const 8) {OUT})")))
        .worker()
        .exchange(&get(), ok);
    assert_eq!(texts(&exchange), ["= 2", ""]);
}

#[test]
fn in_the_log_everything_is_read_and_nothing_changed() {
    let code = [
        get_value(0, ":path"),
        get_value(2, ":status"),
        get_value(3, "x-t"),
        get_value(1, "x-t"),
        status("(call $add (i32.const 0) 'x' '1')"),
    ];
    let upstream = |_: &Message| Answer::from(Message::response(204).trailer("x-t", "1"));
    let exchange = filter().on("log", &code.concat()).worker().exchange(&get().trailer("x-t", "2"), upstream);
    // Envoy's log is given no trailers of the request.
    assert_eq!(texts(&exchange), ["= 0", "/", "= 0", "204", "= 0", "1", "= 1", "", "= 2"]);
}

#[test]
fn trailers_are_read_changed_and_added() {
    let code = format!("{}{}", get_value(1, "x-t"), status("(call $replace (i32.const 1) 'x-u' '2')"));
    let exchange = filter().on("request_trailers", &code).worker().exchange(&get().chunk("b").trailer("x-t", "1"), ok);
    assert_eq!(texts(&exchange), ["= 0", "1", "= 0"]);
    let trailers = exchange.upstream.unwrap().trailers.unwrap();
    assert_eq!(trailers, HeaderMap::of(MapKind::RequestTrailers, [("x-t", "1"), ("x-u", "2")]));
    // In the body's last callback, to ask for trailers that are not there is to add them; before, they are not there.
    let code = format!("{}(call $number (local.get 2))", status("(call $add (i32.const 3) 'x-new' '1')"));
    let exchange = filter().on("response_body", &code).worker().exchange(&get(), ok);
    assert_eq!(texts(&exchange), ["= 2", "= 0", "= 0", "= 1"]);
    let response = exchange.response.unwrap();
    assert_eq!(response.trailers.as_ref().unwrap().get("x-new"), Some(&b"1"[..]));
    assert_eq!((response.body(), exchange.end), (b"ok".to_vec(), weir_host::End::Complete));
}

fn with_body(code: &str, chunks: &[&str]) -> Exchange {
    let request = chunks.iter().fold(Message::request("POST", "/"), |request, chunk| request.chunk(chunk));
    filter().on("request_body", code).worker().exchange(&request, ok)
}

#[test]
fn a_body_is_read_piece_by_piece_or_from_what_is_held() {
    let read = show(&format!("(call $buffer (i32.const 0) (i32.const 0) (i32.const 100) {OUT})"));
    let exchange = with_body(&read, &["abc", "def"]);
    assert_eq!(texts(&exchange), ["= 0", "abc", "= 0", "def", "= 0", ""]);
    assert_eq!(exchange.upstream.unwrap().chunks, [b"abc", b"def"]);
    // `StopIterationAndBuffer` until the end: each callback sees all that came so far.
    let exchange =
        with_body(&format!("(call $number (local.get 1)) {read} (return (i32.eqz (local.get 2)))"), &["abc", "def"]);
    assert_eq!(texts(&exchange), ["= 3", "= 0", "abc", "= 6", "= 0", "abcdef", "= 6", "= 0", "abcdef"]);
    assert_eq!(exchange.upstream.unwrap().chunks, [b"abcdef"]);
}

#[test]
fn a_piece_of_a_buffer_is_read_and_its_size() {
    let part = |start: i64, length: i64| {
        show(&format!("(call $buffer (i32.const 0) (i32.const {start}) (i32.const {length}) {OUT})"))
    };
    let size = "(drop (call $buffer_status (i32.const 0) (i32.const 5000) (i32.const 5004))) (call $number (i32.load (i32.const 5000)))";
    let code = [part(1, 2), part(2, -1), part(3, 1), part(-1, 1), size.into(), "(return (i32.const 3))".into()];
    let exchange = with_body(&code.concat(), &["abc"]);
    assert_eq!(&texts(&exchange)[..9], ["= 0", "bc", "= 0", "c", "= 0", "", "= 0", "", "= 3"]);
}

#[test]
fn a_buffer_is_set_at_its_start_or_behind_its_end() {
    let set = |start: u32, length: u32, text: &str| {
        status(&format!("(call $set_buffer (i32.const 0) (i32.const {start}) (i32.const {length}) '{text}')"))
    };
    let run = |code: String| {
        let exchange = with_body(&format!("(if (local.get 1) (then {code}))"), &["abcdef"]);
        let log = texts(&exchange).join(" ");
        (log, String::from_utf8(exchange.upstream.unwrap().body()).unwrap())
    };
    assert_eq!(run(set(0, 0, "X")), ("= 0".into(), "Xabcdef".into()));
    assert_eq!(run(set(0, 2, "X")), ("= 0".into(), "Xcdef".into()));
    assert_eq!(run(set(0, 99, "X")), ("= 0".into(), "X".into()));
    assert_eq!(run(set(6, 0, "X") + &set(99, 9, "Y")), ("= 0 = 0".into(), "abcdefXY".into()));
    assert_eq!(run(set(2, 1, "X")), ("= 2".into(), "abcdef".into()));
    // Another buffer cannot be set.
    let other = status("(call $set_buffer (i32.const 6) (i32.const 0) (i32.const 0) 'X')");
    assert_eq!(run(other), ("= 2".into(), "abcdef".into()));
}

#[test]
fn buffers_that_are_not_there_are_empty_or_not_found() {
    let read = |buffer: u32| show(&format!("(call $buffer (i32.const {buffer}) (i32.const 0) (i32.const 9) {OUT})"));
    let code: String = (0..=9).map(read).collect();
    let exchange = filter().on("request_headers", &code).worker().exchange(&get(), ok);
    let statuses: Vec<_> = texts(&exchange).into_iter().step_by(2).collect();
    assert_eq!(statuses, ["= 0", "= 0", "= 0", "= 0", "= 1", "= 0", "= 0", "= 1", "= 0", "= 2"]);
    let set = status("(call $set_buffer (i32.const 0) (i32.const 0) (i32.const 0) 'X')");
    let exchange = filter().on("request_headers", &set).worker().exchange(&get(), ok);
    assert_eq!(texts(&exchange), ["= 2"]);
}

#[test]
fn a_pointer_out_of_memory_is_an_error_and_no_trap() {
    let code = [
        status("(call $log (i32.const 2) (i32.const -1) (i32.const 9))"),
        status(&format!("(call $get (i32.const 0) (i32.const -1) (i32.const 2) {OUT})")),
        status("(call $get (i32.const 0) ':path' (i32.const -4) (i32.const 5004))"),
        status("(call $pairs (i32.const 0) (i32.const -4) (i32.const -4))"),
    ];
    let exchange = filter().on("request_headers", &code.concat()).worker().exchange(&get(), ok);
    assert_eq!((texts(&exchange), exchange.traps.len()), (vec!["= 6"; 4], 0));
}
