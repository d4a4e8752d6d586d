//! Logging, contexts, configuration, time, properties, foreign functions.

use std::time::Duration;

use weir_host::{AbiVersion, Host, LogLevel, Message, Module, Plugin, Status, StreamInfo, Worker};

use crate::support::{OUT, filter, get, ok, show, status, texts};

#[test]
fn lines_of_the_log_have_a_level_and_some_are_not_kept() {
    let code: String =
        (0..=6).map(|level| status(&format!("(call $log (i32.const {level}) 'line {level}')"))).collect();
    let module = filter().on("request_headers", &code).module();
    let levels = |log_level| {
        let plugin = Plugin { log_level, ..Plugin::new(&module) };
        let exchange = Worker::new(&Host::new(), [plugin]).unwrap().exchange(&get(), ok);
        let lines = exchange.log.iter().filter(|line| line.message.starts_with("line"));
        lines.map(|line| line.level).collect::<Vec<_>>()
    };
    let all = [LogLevel::Trace, LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error, LogLevel::Critical];
    assert_eq!(levels(LogLevel::Trace), all);
    assert_eq!(levels(LogLevel::Warn), all[3..]);
    // There is no seventh level.
    let exchange = filter().on("request_headers", &code).worker().exchange(&get(), ok);
    assert_eq!(texts(&exchange).last(), Some(&"= 2"));
}

#[test]
fn the_newest_version_can_ask_for_the_level() {
    let code = "(drop (call $log_level (i32.const 5000))) (call $number (i32.load (i32.const 5000)))";
    let plugin = Plugin { log_level: LogLevel::Info, ..Plugin::new(&filter().on("request_headers", code).module()) };
    let exchange = Worker::new(&Host::new(), [plugin]).unwrap().exchange(&get(), ok);
    assert_eq!(texts(&exchange), ["= 2"]);
}

#[test]
fn each_version_has_its_own_calls() {
    let module = |marker: &str, import: &str| {
        let text = format!(
            r#"(module (import "env" "{import}" (func (param i32 i32) (result i32))) (memory (export "memory") 1)
            (func (export "malloc") (param i32) (result i32) (i32.const 0)) (func (export "proxy_abi_version_{marker}")))"#
        );
        Module::new(&wat::parse_str(text).unwrap()).unwrap()
    };
    let starts = |marker: &str| Worker::new(&Host::new(), [Plugin::new(&module(marker, "proxy_get_configuration"))]);
    assert!(starts("0_1_0").is_ok());
    let error = starts("0_2_0").unwrap_err().to_string();
    assert!(error.contains("proxy_get_configuration"), "{error}");
    assert_eq!(module("0_2_0", "f").abi(), AbiVersion::V0_2_0);
    assert!(Module::new(&wat::parse_str(r#"(module (func (export "proxy_abi_version_9")))"#).unwrap()).is_err());
}

#[test]
fn a_configuration_is_there_while_it_is_configured() {
    let read = |buffer: u32| show(&format!("(call $buffer (i32.const {buffer}) (i32.const 0) (i32.const 99) {OUT})"));
    let sizes = "(call $number (local.get 1))";
    let module = filter()
        .on("vm_start", &format!("{sizes} {} {}", read(6), read(7)))
        .on("configure", &format!("{sizes} {} {}", read(6), read(7)))
        .on("request_headers", &format!("{} {}", read(6), read(7)))
        .module();
    let plugin = Plugin { vm_configuration: b"vm".to_vec(), ..Plugin::new(&module).configured("plugin") };
    let mut worker = Worker::new(&Host::new(), [plugin]).unwrap();
    let log: Vec<_> = worker.take_log().into_iter().map(|line| line.message).collect();
    let (vm, none, plugin) = (["= 0", "vm"], ["= 1", ""], ["= 0", "plugin"]);
    assert_eq!(log, [&["= 2"][..], &vm, &none, &["= 6"], &vm, &plugin].concat());
    assert_eq!(texts(&worker.exchange(&get(), ok)), [vm, none].concat());
}

#[test]
fn the_oldest_version_reads_its_configuration_with_a_call() {
    let read = show(&format!("(call $configuration {OUT})"));
    let module = filter().abi("0_1_0").on("configure", &read).on("request_headers", &read).module();
    let plugin = Plugin { vm_configuration: b"vm".to_vec(), ..Plugin::new(&module).configured("plugin") };
    let mut worker = Worker::new(&Host::new(), [plugin]).unwrap();
    assert_eq!(worker.take_log().last().unwrap().message, "plugin");
    assert_eq!(texts(&worker.exchange(&get(), ok)), ["= 0", "vm"]);
}

#[test]
fn a_configuration_is_refused_with_what_was_logged() {
    let module = filter().on("configure", "(call $say 'no such field') (return (i32.const 0))").module();
    let error = Worker::new(&Host::new(), [Plugin::new(&module)]).unwrap_err();
    assert_eq!(error.cause, weir_host::StartCause::Refused);
    assert_eq!(error.log.len(), 1);
    assert!(error.to_string().ends_with("it logged: no such field"), "{error}");
    let module = filter().on("vm_start", "(return (i32.const 0))").module();
    assert_eq!(Worker::new(&Host::new(), [Plugin::new(&module)]).unwrap_err().cause, weir_host::StartCause::VmStart);
}

#[test]
fn contexts_come_and_go_in_the_order_of_envoy() {
    let mut filter = filter();
    for callback in ["context_create", "request_headers", "response_headers", "log", "done", "delete"] {
        filter = filter.on(callback, &format!("(call $say '{callback}') (call $number (local.get 0))"));
    }
    let mut worker = filter.worker();
    worker.take_log();
    for id in ["= 2", "= 3"] {
        let exchange = worker.exchange(&get(), ok);
        let order = ["context_create", "request_headers", "response_headers", "log", "done", "delete"];
        assert_eq!(texts(&exchange), order.map(|it| [it, id]).concat());
    }
    worker.shut_down();
    let log: Vec<_> = worker.take_log().into_iter().map(|line| line.message).collect();
    assert_eq!(log, ["done", "= 1", "delete", "= 1"]);
}

#[test]
fn a_root_that_is_not_done_is_deleted_when_it_says_so() {
    let mut worker = filter()
        .on("configure", "(drop (call $tick_period (i32.const 10)))")
        .on("tick", &status("(call $done)"))
        .on("done", "(return (i32.const 0))")
        .on("delete", "(call $say 'deleted')")
        .worker();
    worker.advance(Duration::from_millis(10));
    worker.shut_down();
    worker.advance(Duration::from_millis(10));
    let log: Vec<_> = worker.take_log().into_iter().map(|line| line.message).collect();
    assert_eq!(log, ["= 1", "= 0", "deleted"]);
}

#[test]
fn a_guest_acts_for_another_context_of_its_vm() {
    let path = show(&format!("(call $get (i32.const 0) ':path' {OUT})"));
    let effective = |id: u32| status(&format!("(call $effective (i32.const {id}))"));
    let code = format!("{}{path}{}{path}{}", effective(1), effective(2), effective(99));
    let exchange = filter().on("request_headers", &code).worker().exchange(&get(), ok);
    assert_eq!(texts(&exchange), ["= 0", "= 2", "", "= 0", "= 0", "/", "= 2"]);
}

#[test]
fn a_context_is_gone_with_its_stream() {
    let mut worker = filter().on("request_headers", &status("(call $effective (i32.const 2))")).worker();
    assert_eq!(texts(&worker.exchange(&get(), ok)), ["= 0"]);
    assert_eq!(texts(&worker.exchange(&get(), ok)), ["= 2"]);
}

#[test]
fn the_time_is_the_hosts() {
    let host = Host::new();
    let code = "(drop (call $time (i32.const 5008))) (call $long)";
    let mut worker = filter().on("request_headers", code).worker_on(&host);
    worker.advance(Duration::from_nanos(5));
    let exchange = worker.exchange(&get(), ok);
    assert_eq!(texts(&exchange), [format!("= {}", host.now().as_nanos())]);
    // It never goes back.
    let now = host.now();
    host.set_now(Duration::ZERO);
    assert_eq!(host.now(), now);
}

#[test]
fn foreign_functions_are_unknown_unless_they_are_given() {
    let call = |name: &str| show(&format!("(call $foreign '{name}' 'abc' {OUT})"));
    let host = Host::new();
    host.foreign_function("reverse", |bytes| Ok(bytes.iter().rev().copied().collect()));
    host.foreign_function("fail", |_| Err(Status::InternalFailure));
    let code = ["reverse", "fail", "none", "clear_route_cache"].map(call).concat();
    let exchange = filter().on("request_headers", &code).worker_on(&host).exchange(&get(), ok);
    assert_eq!(texts(&exchange), ["= 0", "cba", "= 10", "", "= 1", "", "= 0", ""]);
}

fn property(path: &str) -> String {
    show(&format!("(call $property '{}' {OUT})", path.replace('.', "\\00")))
}

#[test]
fn properties_tell_of_the_stream() {
    let paths = [
        "request.path",
        "request.url_path",
        "request.query",
        "request.host",
        "request.method",
        "request.scheme",
        "request.headers.x-a",
        "request.protocol",
        "request.useragent",
        "request.id",
        "source.address",
        "destination.address",
        "xds.cluster_name",
        "xds.route_name",
        "plugin_name",
        "plugin_root_id",
        "plugin_vm_id",
    ];
    let missing = [
        "request.referer",
        "request.headers.none",
        "response.code",
        "upstream.address",
        "node",
        "nope",
        "request.path.more",
    ];
    let opaque = ["request", "xds", "filter_state", ""];
    let code: String = paths.iter().chain(&missing).chain(&opaque).map(|path| property(path)).collect();
    let plugin = Plugin {
        name: "name".into(),
        root_id: "root".into(),
        vm_id: "vm".into(),
        ..Plugin::new(&filter().on("request_headers", &code).module())
    };
    let request = Message::request("PUT", "/p?q=1#f")
        .header("x-a", "1")
        .header("x-a", "2")
        .header("user-agent", "u")
        .header("x-request-id", "i");
    let info = StreamInfo { route: "route".into(), ..StreamInfo::default() };
    let exchange = Worker::new(&Host::new(), [plugin]).unwrap().exchange_with(info, &request, ok);
    let values = [
        "/p?q=1#f",
        "/p",
        "q=1",
        "host",
        "PUT",
        "http",
        "1,2",
        "HTTP/1.1",
        "u",
        "i",
        "127.0.0.1:50000",
        "127.0.0.1:10000",
        "upstream",
        "route",
        "name",
        "root",
        "vm",
    ];
    let found = values.iter().flat_map(|value| ["= 0", value]);
    let rest = [["= 1", ""]; 7].concat().into_iter().chain([["= 3", ""]; 4].concat());
    assert_eq!(texts(&exchange), found.chain(rest).collect::<Vec<_>>());
}

#[test]
fn numbers_are_eight_bytes() {
    let number = |path: &str| {
        let path = path.replace('.', "\\00");
        format!(
            "(drop (call $property '{path}' {OUT})) (i64.store (i32.const 5008) (i64.load (i32.load (i32.const 5000)))) (call $long)"
        )
    };
    let request =
        ["request.size", "request.total_size", "source.port", "connection.id", "connection_id", "request.time"]
            .map(number)
            .concat();
    let response = ["response.code", "upstream.port", "response.flags", "response.grpc_status"].map(number).concat();
    let log = ["request.size", "response.size", "request.duration"].map(number).concat();
    let host = Host::new();
    let mut worker =
        filter().on("request_headers", &request).on("response_headers", &response).on("log", &log).worker_on(&host);
    let time = format!("= {}", host.now().as_nanos());
    let upstream =
        |_: &Message| weir_host::Answer::from(Message::response(404).chunk("none")).after(Duration::from_nanos(7));
    let exchange = worker.exchange(&get().header("content-length", "3").chunk("abc"), upstream);
    let size = format!("= {}", get().header("content-length", "3").headers.byte_size());
    let expected =
        ["= 3", &size, "= 50000", "= 1", "= 1", &time, "= 404", "= 8000", "= 0", "= 12", "= 3", "= 4", "= 7"];
    assert_eq!(texts(&exchange), expected);
}

#[test]
fn after_its_callback_a_request_is_seen_by_no_property_until_the_log() {
    let code = property("request.path");
    let exchange = filter().on("response_headers", &code).on("log", &code).worker().exchange(&get(), ok);
    assert_eq!(texts(&exchange), ["= 1", "", "= 0", "/"]);
}

#[test]
fn what_a_filter_sets_the_next_one_reads() {
    let set = |path: &str| status(&format!("(call $set_property '{path}' 'value')"));
    let first = filter().on("configure", &set("a")).on("request_headers", &(set("a") + &set("plugin_name"))).module();
    let code = property("a") + &property("a.b") + &property("filter_state.wasm\\2ea");
    let second = filter().on("request_headers", &code).module();
    let mut worker = Worker::new(&Host::new(), [&first, &second].map(Plugin::new)).unwrap();
    assert_eq!(worker.take_log().remove(0).message, "= 1");
    let exchange = worker.exchange(&get(), ok);
    assert_eq!(texts(&exchange), ["= 0", "= 0", "= 0", "value", "= 1", "", "= 0", "value"]);
    // It is the stream's, and so gone with it.
    let exchange = filter().on("request_headers", &property("a")).worker().exchange(&get(), ok);
    assert_eq!(texts(&exchange), ["= 1", ""]);
}
