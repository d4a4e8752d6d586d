//! What goes wrong in a guest, and what becomes of its streams.

use std::time::Duration;

use weir_host::{End, FailurePolicy, Host, Message, Module, Plugin, StartCause, Worker};

use crate::support::{OUT, filter, get, ok, show, texts};

fn status_of(exchange: &weir_host::Exchange) -> u16 {
    exchange.response.as_ref().map_or(0, Message::status)
}

#[test]
fn a_trap_names_the_functions_and_what_was_logged() {
    let filter = filter()
        .on("request_headers", "(call $_ZN3toy6decide17h0123456789abcdefE)")
        .with("(func $_ZN3toy6decide17h0123456789abcdefE (drop (call $log (i32.const 5) 'panicked at no value')) (call $inner))")
        .with("(func $inner (unreachable))");
    let mut worker = filter.worker();
    let exchange = worker.exchange(&get(), ok);
    let trap = &exchange.traps[0];
    assert_eq!(trap.frames, ["inner", "toy::decide", "proxy_on_request_headers"]);
    let expected = "proxy_on_request_headers trapped: unreachable was executed\n  it had logged: panicked at no value\n  \
        in inner\n  in toy::decide\n  in proxy_on_request_headers";
    assert_eq!(trap.to_string(), expected);
    assert_eq!((status_of(&exchange), exchange.traps.len()), (503, 1));
    // The VM is dead: nobody is called, and every request is answered.
    let exchange = worker.exchange(&get(), ok);
    assert_eq!((status_of(&exchange), exchange.traps.len(), exchange.counts.instructions), (503, 0, 0));
    assert_eq!(exchange.local_reply.unwrap().details, "wasm_fail_stream");
}

#[test]
fn names_come_from_the_symbols_beside_a_module() {
    let wasm = filter().on("request_headers", "(unreachable)").wasm();
    let folder = std::env::temp_dir().join(format!("weir-host-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("filter.wasm");
    std::fs::write(&path, &wasm).unwrap();
    let plain = Module::read(&path).unwrap();
    let frames = |module: &Module| {
        Worker::new(&Host::new(), [Plugin::new(module)]).unwrap().exchange(&get(), ok).traps.remove(0).frames
    };
    assert_eq!(frames(&plain), ["proxy_on_request_headers"]);
    let of_another = format!("weir-symbols 1 sha256:{}\n", "0".repeat(64));
    std::fs::write(path.with_extension("symbols"), &of_another).unwrap();
    let error = Module::read(&path).unwrap_err().to_string();
    let digest = error.rsplit(' ').next().unwrap();
    let lines: String = (0..99).map(|index| format!("{index} 0x1..0x2 named {index}\n")).collect();
    std::fs::write(path.with_extension("symbols"), format!("weir-symbols 1 sha256:{digest}\n{lines}")).unwrap();
    let named = frames(&Module::read(&path).unwrap());
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(named[0].starts_with("named "), "{named:?}");
    assert!(Module::read(&path).unwrap_err().to_string().contains("filter.wasm"));
}

#[test]
fn an_endless_loop_is_a_trap_that_says_so() {
    let module = filter().on("request_headers", "(loop $again (br $again))").module();
    let plugin = Plugin { fuel: 10_000, ..Plugin::new(&module) };
    let exchange = Worker::new(&Host::new(), [plugin]).unwrap().exchange(&get(), ok);
    let reason = &exchange.traps[0].reason;
    assert!(reason.contains("more than 10000 instructions: an endless loop"), "{reason}");
    assert_eq!(status_of(&exchange), 503);
}

#[test]
fn a_recursion_without_an_end_is_a_trap() {
    let filter = filter().on("request_headers", "(call $again)").with("(func $again (call $again))");
    let exchange = filter.worker().exchange(&get(), ok);
    let trap = &exchange.traps[0];
    assert_eq!((trap.reason.as_str(), trap.frames[0].as_str()), ("the stack overflowed", "again"));
}

#[test]
fn memory_grows_to_its_bound() {
    let module =
        filter().on("request_headers", "(call $number (i32.eq (memory.grow (i32.const 4)) (i32.const -1)))").module();
    let plugin = Plugin { memory: 9 << 16, ..Plugin::new(&module) };
    let mut worker = Worker::new(&Host::new(), [plugin]).unwrap();
    let exchange = worker.exchange(&get(), ok);
    assert_eq!((texts(&exchange), exchange.counts.memory), (vec!["= 0"], 8 << 16));
    let exchange = worker.exchange(&get(), ok);
    assert_eq!((texts(&exchange), exchange.counts.memory), (vec!["= 1"], 8 << 16));
}

#[test]
fn a_filter_that_fails_open_is_passed_by() {
    let module = filter().on("request_headers", "(call $say 'alive') (unreachable)").module();
    let plugin = Plugin { failure_policy: FailurePolicy::Open, ..Plugin::new(&module) };
    let mut worker = Worker::new(&Host::new(), [plugin]).unwrap();
    // The stream that finds out is answered, as in Envoy.
    let exchange = worker.exchange(&get().chunk("a"), ok);
    assert_eq!((texts(&exchange), status_of(&exchange), &exchange.upstream), (vec!["alive"], 503, &None));
    let exchange = worker.exchange(&get().chunk("a"), ok);
    assert_eq!((texts(&exchange), status_of(&exchange)), (vec![], 200));
    assert_eq!(exchange.upstream.unwrap().body(), b"a");
}

#[test]
fn a_filter_that_is_reloaded_lives_again_after_a_second() {
    let code = "(if (i32.eq (i32.load8_u (i32.load (i32.const 5000))) (i32.const 120)) (then (unreachable))) (call $say 'alive')";
    let code = format!("(drop (call $get (i32.const 0) ':path' {OUT})) {code}");
    let module = filter().on("request_headers", &code).module();
    let plugin = Plugin { failure_policy: FailurePolicy::Reload, ..Plugin::new(&module) };
    let mut worker = Worker::new(&Host::new(), [plugin]).unwrap();
    assert_eq!(worker.exchange(&Message::request("GET", "x"), ok).traps.len(), 1);
    assert_eq!(status_of(&worker.exchange(&get(), ok)), 503);
    worker.advance(Duration::from_secs(1));
    let exchange = worker.exchange(&get(), ok);
    assert_eq!((texts(&exchange), status_of(&exchange)), (vec!["alive"], 200));
    // What the dead one cost is not forgotten.
    assert_eq!(worker.counts().callbacks["proxy_on_request_headers"], 2);
}

#[test]
fn a_trap_in_a_response_answers_and_one_after_it_cuts_it_off() {
    let trap = "(unreachable)";
    let exchange = filter().on("response_headers", trap).worker().exchange(&get(), ok);
    assert_eq!((status_of(&exchange), exchange.end), (503, End::Complete));
    let exchange = filter().on("response_body", trap).worker().exchange(&get(), ok);
    assert_eq!((status_of(&exchange), exchange.end), (200, End::Reset("wasm_fail_stream".into())));
    let exchange = filter().on("log", trap).worker().exchange(&get(), ok);
    assert_eq!((status_of(&exchange), exchange.traps.len()), (200, 1));
    let exchange =
        filter().on("context_create", "(if (local.get 1) (then (unreachable)))").worker().exchange(&get(), ok);
    assert_eq!(status_of(&exchange), 503);
}

#[test]
fn an_allocator_that_traps_lets_its_callback_finish() {
    let text = r#"(module
        (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
        (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
        (memory (export "memory") 1) (data (i32.const 16) ":path after")
        (func (export "proxy_abi_version_0_2_1"))
        (func $no_memory (export "malloc") (param i32) (result i32) (unreachable))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (drop (call $get (i32.const 0) (i32.const 16) (i32.const 5) (i32.const 64) (i32.const 68)))
            (call $log (i32.const 2) (i32.const 22) (i32.const 5))))"#;
    let module = Module::new(&wat::parse_str(text).unwrap()).unwrap();
    let exchange = Worker::new(&Host::new(), [Plugin::new(&module)]).unwrap().exchange(&get(), ok);
    assert_eq!((texts(&exchange), status_of(&exchange)), (vec!["after"], 503));
    assert_eq!(
        (exchange.traps[0].callback.as_str(), &exchange.traps[0].frames[..]),
        ("malloc", &["no_memory".to_owned()][..])
    );
}

#[test]
fn what_may_not_be_called_yet_is_a_trap() {
    let early = filter().with(r#"(func (export "_initialize") (drop (call $tick_period (i32.const 1))))"#).module();
    let error = Worker::new(&Host::new(), [Plugin::new(&early)]).unwrap_err();
    let StartCause::Trap(trap) = &error.cause else { panic!("{error}") };
    assert!(trap.reason.contains("restricted_callback"), "{}", trap.reason);
    // Logging may be called.
    let early = filter().with(r#"(func (export "_initialize") (call $say 'started'))"#);
    assert_eq!(early.worker().take_log()[0].message, "started");
}

#[test]
fn an_allocator_may_log_and_no_more() {
    let start = |code: &str| {
        let text = format!(
            r#"(module
            (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
            (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
            (import "env" "proxy_done" (func $done (result i32)))
            (memory (export "memory") 1) (data (i32.const 16) ":path")
            (func (export "proxy_abi_version_0_2_1"))
            (func (export "malloc") (param i32) (result i32) (drop {code}) (i32.const 1024))
            (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                (call $get (i32.const 0) (i32.const 16) (i32.const 5) (i32.const 64) (i32.const 68))))"#
        );
        let module = Module::new(&wat::parse_str(text).unwrap()).unwrap();
        Worker::new(&Host::new(), [Plugin::new(&module)]).unwrap().exchange(&get(), ok)
    };
    let exchange = start("(call $log (i32.const 2) (i32.const 16) (i32.const 5))");
    assert_eq!((texts(&exchange), exchange.traps.len()), (vec![":path"], 0));
    let exchange = start("(call $done)");
    assert!(exchange.traps[0].reason.contains("restricted_callback: env.proxy_done"), "{}", exchange.traps[0]);
}

#[test]
fn a_module_that_does_not_fit_is_refused() {
    let start = |text: &str| {
        let text = format!(r#"(module (func (export "proxy_abi_version_0_2_1")) {text})"#);
        let module = Module::new(&wat::parse_str(text).unwrap()).unwrap();
        Worker::new(&Host::new(), [Plugin::new(&module)]).unwrap_err().cause
    };
    let rest = r#"(memory (export "memory") 1) (func (export "malloc") (param i32) (result i32) (i32.const 0))"#;
    assert_eq!(start(r#"(memory (export "memory") 1)"#), StartCause::NoAllocator);
    assert_eq!(start(r#"(func (export "malloc") (param i32) (result i32) (i32.const 0))"#), StartCause::NoMemory);
    let signature = start(&format!(r#"{rest} (func (export "proxy_on_log"))"#)).to_string();
    assert!(signature.contains("proxy_on_log: expected 1 × i32"), "{signature}");
    assert!(matches!(start(&format!("{rest} (func $f (unreachable)) (start $f)")), StartCause::Trap(_)));
    assert!(Module::new(b"\0asm").unwrap_err().to_string().contains("not a valid WebAssembly module"));
}

#[test]
fn costs_are_counted_for_each_exchange_and_are_the_same_in_every_run() {
    let code = show(&format!("(call $get (i32.const 0) ':path' {OUT})"));
    let filter = filter().on("request_headers", &code);
    let mut worker = filter.worker();
    let (first, second) = (worker.exchange(&get(), ok).counts, worker.exchange(&get(), ok).counts);
    assert_eq!(first, second);
    assert_eq!(first, filter.worker().exchange(&get(), ok).counts);
    assert_eq!((first.host_calls["proxy_get_header_map_value"], first.host_calls["proxy_log"]), (1, 2));
    assert_eq!((first.callbacks["proxy_on_request_headers"], first.callbacks["malloc"]), (1, 1));
    assert_eq!((first.callbacks.len(), first.memory), (2, 4 << 16));
    // One constant, and the function itself.
    assert_eq!(self::filter().on("request_headers", "").worker().exchange(&get(), ok).counts.instructions, 2);
    let mut total = worker.counts();
    total.instructions -= 2 * first.instructions;
    assert_eq!(total.instructions, filter.worker().counts().instructions);
}
