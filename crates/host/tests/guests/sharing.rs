//! What workers share: data, queues, metrics; ticks on each; races, played on purpose.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use weir_host::{Host, Metric, Plugin, Worker};

use crate::support::{Filter, OUT, filter, get, ok, show, status, texts};

fn read(key: &str) -> String {
    show(&format!("(call $get_shared '{key}' {OUT} (i32.const 5016))"))
}

fn write(key: &str, value: &str, cas: &str) -> String {
    status(&format!("(call $set_shared '{key}' '{value}' {cas})"))
}

#[test]
fn data_is_replaced_by_whoever_knows_its_number_or_does_not_care() {
    let cas = "(i32.load (i32.const 5016))";
    let code = [
        read("k"),
        write("k", "1", "(i32.const 77)"),
        read("k"),
        write("k", "2", cas),
        write("k", "3", cas),
        read("k"),
        write("k", "4", "(i32.const 0)"),
        read("k"),
    ];
    let host = Host::new();
    let mut worker = filter().on("request_headers", &code.concat()).worker_on(&host);
    let exchange = worker.exchange(&get(), ok);
    // A key that is not there is written whatever the number.
    assert_eq!(texts(&exchange), ["= 1", "", "= 0", "= 0", "1", "= 0", "= 8", "= 0", "2", "= 0", "= 0", "4"]);
    assert_eq!((host.shared_data("", "k"), host.shared_data("other", "k")), (Some(b"4".to_vec()), None));
}

#[test]
fn workers_of_one_host_and_identifier_share_and_others_do_not() {
    let writer = filter().on("request_headers", &write("k", "v", "(i32.const 0)")).module();
    let reader = filter().on("request_headers", &read("k")).module();
    let plugin = |module: &_, vm_id: &str| Plugin { vm_id: vm_id.into(), ..Plugin::new(module) };
    let (host, other) = (Host::new(), Host::new());
    Worker::new(&host, [plugin(&writer, "a")]).unwrap().exchange(&get(), ok);
    let sees = |host: &Host, vm_id| {
        let exchange = Worker::new(host, [plugin(&reader, vm_id)]).unwrap().exchange(&get(), ok);
        texts(&exchange)[1] == "v"
    };
    assert_eq!((sees(&host, "a"), sees(&host, "b"), sees(&other, "a")), (true, false, false));
}

/// Reads a number in shared data, adds one and writes it; tries again where somebody wrote in between, if it is told to.
fn counter(cas: &str, again: bool) -> Filter {
    let retry = if again { "(br_if $again (i32.eq (local.get 0) (i32.const 8)))" } else { "" };
    let code = format!(
        "(i32.store8 (i32.const 6000) (i32.const 0)) (i32.store (i32.const 5016) (i32.const 0))
        (loop $again
            (if (i32.eqz (call $get_shared 'n' {OUT} (i32.const 5016)))
                (then (i32.store8 (i32.const 6000) (i32.load8_u (i32.load (i32.const 5000))))))
            (i32.store8 (i32.const 6000) (i32.add (i32.load8_u (i32.const 6000)) (i32.const 1)))
            (local.set 0 (call $set_shared 'n' (i32.const 6000) (i32.const 1) {cas}))
            {retry})"
    );
    filter().on("request_headers", &code)
}

fn race(filter: &Filter) -> u8 {
    let host = Host::new();
    let (mut ours, mut theirs) = (filter.worker_on(&host), filter.worker_on(&host));
    ours.exchange(&get(), ok);
    // Once, between our read and our write, the other worker counts as well.
    let mut once = true;
    ours.before_host_call(0, move |name| {
        if name == "proxy_set_shared_data" && std::mem::take(&mut once) {
            theirs.exchange(&get(), ok);
        }
    });
    ours.exchange(&get(), ok);
    host.shared_data("", "n").expect("a count")[0]
}

#[test]
fn a_race_on_shared_data_is_played_between_two_host_calls() {
    assert_eq!(race(&counter("(i32.const 0)", false)), 2, "one of three counts is lost");
    assert_eq!(race(&counter("(i32.load (i32.const 5016))", true)), 3);
}

#[test]
fn workers_run_on_threads_of_their_own() {
    let host = Host::new();
    let filter = counter("(i32.load (i32.const 5016))", true);
    let module = filter.module();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let mut worker = Worker::new(&host, [Plugin::new(&module)]).unwrap();
            scope.spawn(move || (0..25).for_each(|_| drop(worker.exchange(&get(), ok))));
        }
    });
    assert_eq!(host.shared_data("", "n").unwrap(), [100]);
}

#[test]
fn a_queue_tells_the_worker_that_asked_for_it() {
    let register = status("(call $register_queue 'q' (i32.const 5016))") + "(call $number (i32.load (i32.const 5016)))";
    let dequeue = show(&format!("(call $dequeue (local.get 1) {OUT})"));
    let reader = filter().on("configure", &register).on("queue_ready", &(dequeue.clone() + &dequeue));
    let resolve =
        |vm_id: &str, name: &str| status(&format!("(call $resolve_queue '{vm_id}' '{name}' (i32.const 5016))"));
    let enqueue = status("(call $enqueue (i32.load (i32.const 5016)) 'item')");
    let code = [
        resolve("", "none"),
        resolve("other", "q"),
        resolve("", "q"),
        enqueue,
        status("(call $enqueue (i32.const 9) '')"),
        show(&format!("(call $dequeue (i32.const 9) {OUT})")),
    ];
    let host = Host::new();
    let start = |filter: Filter| {
        let plugin = Plugin { vm_id: "vm".into(), ..Plugin::new(&filter.module()) };
        Worker::new(&host, [plugin]).unwrap()
    };
    let (mut reader, mut writer) = (start(reader), start(filter().on("request_headers", &code.concat())));
    let log = |worker: &mut Worker| worker.take_log().into_iter().map(|it| it.message).collect::<Vec<_>>();
    assert_eq!(log(&mut reader), ["= 0", "= 1"]);
    assert_eq!(texts(&writer.exchange(&get(), ok)), ["= 1", "= 1", "= 0", "= 0", "= 1", "= 1", ""]);
    assert_eq!(log(&mut reader), Vec::<String>::new());
    reader.settle();
    assert_eq!(log(&mut reader), ["= 0", "item", "= 7", ""]);
}

#[test]
fn metrics_are_counted_over_all_workers() {
    let define = |kind: u32, name: &str, at: u32| {
        status(&format!("(call $define_metric (i32.const {kind}) '{name}' (i32.const {at}))"))
    };
    let definitions =
        [define(0, "counter", 6000), define(1, "gauge", 6004), define(2, "histogram", 6008), define(3, "none", 6012)];
    let increment =
        |at: u32, by: i64| status(&format!("(call $increment (i32.load (i32.const {at})) (i64.const {by}))"));
    let record =
        |at: u32, value: u64| status(&format!("(call $record (i32.load (i32.const {at})) (i64.const {value}))"));
    let read =
        |at: u32| status(&format!("(call $get_metric (i32.load (i32.const {at})) (i32.const 5008))")) + "(call $long)";
    let code = [
        increment(6000, 2),
        increment(6000, 0),
        increment(6000, -1),
        record(6000, 3),
        read(6000),
        record(6004, 7),
        increment(6004, -2),
        read(6004),
        record(6008, 5),
        record(6008, 6),
        increment(6008, 1),
        read(6008),
        increment(6012, 1),
        status("(call $increment (i32.const 3) (i64.const 1))"),
        status("(call $record (i32.const 3) (i64.const 1))"),
    ];
    let filter = filter().on("configure", &definitions.concat()).on("request_headers", &code.concat());
    let host = Host::new();
    let (mut first, mut second) = (filter.worker_on(&host), filter.worker_on(&host));
    assert_eq!(first.take_log().iter().map(|it| it.message.as_str()).collect::<Vec<_>>(), ["= 0", "= 0", "= 0", "= 2"]);
    let exchange = first.exchange(&get(), ok);
    let expected = [
        "= 0", "= 2", "= 2", "= 0", "= 0", "= 5", "= 0", "= 0", "= 0", "= 5", "= 0", "= 0", "= 2", "= 2", "= 5", "= 1",
        "= 2", "= 1",
    ];
    assert_eq!(texts(&exchange), expected);
    second.exchange(&get(), ok);
    assert_eq!(host.metric("counter"), Some(Metric::Counter(10)));
    assert_eq!(host.metric("gauge"), Some(Metric::Gauge(5)));
    assert_eq!(host.metric("histogram"), Some(Metric::Histogram(vec![5, 6, 5, 6])));
    assert_eq!((host.metric("none"), host.metrics().len()), (None, 3));
}

#[test]
fn ticks_come_with_the_time_until_they_are_stopped() {
    let host = Host::new();
    let code = "(call $say 'tick') (global.set $left (i32.sub (global.get $left) (i32.const 1)))
        (if (i32.eqz (global.get $left)) (then (drop (call $tick_period (i32.const 0)))))";
    let mut worker = filter()
        .on("configure", "(drop (call $tick_period (i32.const 100)))")
        .on("tick", code)
        .with("(global $left (mut i32) (i32.const 3))")
        .worker_on(&host);
    let mut ticks = |milliseconds| {
        worker.advance(Duration::from_millis(milliseconds));
        worker.take_log().len()
    };
    let start = host.now();
    assert_eq!([99, 1, 100, 250, 1000].map(&mut ticks), [0, 1, 1, 1, 0]);
    assert_eq!(host.now() - start, Duration::from_millis(1450));
}

#[test]
fn a_period_that_is_set_anew_counts_from_then() {
    let code = "(call $say 'tick') (drop (call $tick_period (i32.const 300)))";
    let mut worker = filter().on("configure", "(drop (call $tick_period (i32.const 100)))").on("tick", code).worker();
    let ticks = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..8 {
        worker.advance(Duration::from_millis(100));
        ticks.lock().unwrap().push(worker.take_log().len());
    }
    assert_eq!(*ticks.lock().unwrap(), [1, 0, 0, 1, 0, 0, 1, 0]);
}
