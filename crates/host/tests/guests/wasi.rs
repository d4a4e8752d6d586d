//! WASI, as much of it as Envoy has.

use std::time::Duration;

use weir_host::{Host, LogLevel, Plugin, Worker};

use crate::support::{Filter, filter, get, ok, status, texts};

/// A filter that imports functions of a version of WASI: each a name, its parameters, and whether it returns a number.
fn importing(version: &str, imports: &[(&str, &str, bool)]) -> Filter {
    imports.iter().fold(filter(), |filter, (name, parameters, returns)| {
        let result = if *returns { "(result i32)" } else { "" };
        filter.import(&format!("(import \"{version}\" \"{name}\" (func ${name} (param {parameters}) {result}))"))
    })
}

const FUNCTIONS: &[(&str, &str, &str)] = &[
    ("args_sizes_get", "i32 i32", "= 0"),
    ("args_get", "i32 i32", "= 0"),
    ("clock_res_get", "i32 i32", "= 0"),
    ("fd_read", "i32 i32 i32 i32", "= 52"),
    ("fd_seek", "i32 i64 i32 i32", "= 0"),
    ("fd_close", "i32", "= 0"),
    ("fd_fdstat_get", "i32 i32", "= 8"),
    ("fd_fdstat_set_flags", "i32 i32", "= 52"),
    ("fd_fdstat_set_rights", "i32 i64 i64", "= 8"),
    ("fd_advise", "i32 i64 i64 i32", "= 0"),
    ("fd_allocate", "i32 i64 i64", "= 8"),
    ("fd_datasync", "i32", "= 8"),
    ("fd_sync", "i32", "= 8"),
    ("fd_filestat_get", "i32 i32", "= 8"),
    ("fd_filestat_set_size", "i32 i64", "= 8"),
    ("fd_filestat_set_times", "i32 i64 i64 i32", "= 8"),
    ("fd_pread", "i32 i32 i32 i64 i32", "= 52"),
    ("fd_pwrite", "i32 i32 i32 i64 i32", "= 8"),
    ("fd_readdir", "i32 i32 i32 i64 i32", "= 20"),
    ("fd_renumber", "i32 i32", "= 8"),
    ("fd_tell", "i32 i32", "= 8"),
    ("fd_prestat_get", "i32 i32", "= 8"),
    ("fd_prestat_dir_name", "i32 i32 i32", "= 52"),
    ("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32", "= 44"),
    ("path_create_directory", "i32 i32 i32", "= 58"),
    ("path_filestat_get", "i32 i32 i32 i32 i32", "= 58"),
    ("path_filestat_set_times", "i32 i32 i32 i32 i64 i64 i32", "= 58"),
    ("path_link", "i32 i32 i32 i32 i32 i32", "= 58"),
    ("path_readlink", "i32 i32 i32 i32 i32 i32", "= 58"),
    ("path_remove_directory", "i32 i32 i32", "= 58"),
    ("path_rename", "i32 i32 i32 i32 i32 i32", "= 58"),
    ("path_symlink", "i32 i32 i32 i32", "= 58"),
    ("path_unlink_file", "i32 i32 i32", "= 58"),
    ("sock_accept", "i32 i32 i32", "= 58"),
    ("sock_recv", "i32 i32 i32 i32 i32 i32", "= 58"),
    ("sock_send", "i32 i32 i32 i32 i32", "= 58"),
    ("sock_shutdown", "i32 i32", "= 58"),
    ("poll_oneoff", "i32 i32 i32 i32", "= 0"),
    ("sched_yield", "", "= 0"),
];

#[test]
fn each_function_of_both_versions_returns_what_envoy_returns() {
    let imports: Vec<_> = FUNCTIONS.iter().map(|(name, parameters, _)| (*name, *parameters, true)).collect();
    let zeros =
        |parameters: &str| parameters.split_whitespace().map(|ty| format!("({ty}.const 0)")).collect::<String>();
    let code: String = FUNCTIONS
        .iter()
        .map(|(name, parameters, _)| status(&format!("(call ${name} {})", zeros(parameters))))
        .collect();
    let expected: Vec<_> = FUNCTIONS.iter().map(|it| it.2).collect();
    for version in ["wasi_unstable", "wasi_snapshot_preview1"] {
        let exchange = importing(version, &imports).on("request_headers", &code).worker().exchange(&get(), ok);
        assert_eq!(texts(&exchange), expected);
    }
}

#[test]
fn the_outputs_are_the_log() {
    let imports = [("fd_write", "i32 i32 i32 i32", true), ("proc_exit", "i32", false)];
    let write = |fd: u32, iovs: u32| {
        status(&format!("(call $fd_write (i32.const {fd}) (i32.const {iovs}) (i32.const 2) (i32.const 6100))"))
    };
    // Two pieces: `one` and `two` with a line's end.
    let prepare = "(i32.store (i32.const 6000) (i32.const 6020)) (i32.store (i32.const 6004) (i32.const 3))
        (i32.store (i32.const 6008) (i32.const 6030)) (i32.store (i32.const 6012) (i32.const 4))
        (i32.store (i32.const 6020) (i32.const 0x656e6f)) (i32.store (i32.const 6030) (i32.const 0x0a6f7774))";
    let code = format!(
        "{prepare} {} (call $number (i32.load (i32.const 6100))) {} {} {} (call $proc_exit (i32.const 1)) (call $say 'goes on')",
        write(1, 6000),
        write(2, 6000),
        write(3, 6000),
        write(1, u32::MAX)
    );
    let exchange =
        importing("wasi_snapshot_preview1", &imports).on("request_headers", &code).worker().exchange(&get(), ok);
    assert_eq!(texts(&exchange), ["onetwo", "= 0", "= 7", "onetwo", "= 0", "= 8", "= 21", "goes on"]);
    assert_eq!((exchange.log[0].level, exchange.log[3].level), (LogLevel::Info, LogLevel::Error));
}

#[test]
fn an_output_can_be_written_to_and_no_more() {
    let code = status("(call $fd_fdstat_get (i32.const 1) (i32.const 5000))") + "(call $long)";
    let filter = importing("wasi_unstable", &[("fd_fdstat_get", "i32 i32", true)]).on("request_headers", &code);
    assert_eq!(texts(&filter.worker().exchange(&get(), ok)), ["= 0", "= 64"]);
}

#[test]
fn the_environment_is_the_plugins() {
    let imports = [("environ_get", "i32 i32", true), ("environ_sizes_get", "i32 i32", true)];
    let code = status("(call $environ_sizes_get (i32.const 6000) (i32.const 6004))")
        + "(call $number (i32.load (i32.const 6000))) (call $number (i32.load (i32.const 6004)))"
        + &status("(call $environ_get (i32.const 6000) (i32.const 6100))")
        + "(call $say (i32.load (i32.const 6000)) (i32.const 3)) (call $say (i32.load (i32.const 6004)) (i32.const 4))"
        + &status("(call $environ_get (i32.const -1) (i32.const 6100))");
    let module = importing("wasi_snapshot_preview1", &imports).on("request_headers", &code).module();
    let environment = vec![("A".to_owned(), "1".to_owned()), ("B".to_owned(), "22".to_owned())];
    let plugin = Plugin { environment, ..Plugin::new(&module) };
    let exchange = Worker::new(&Host::new(), [plugin]).unwrap().exchange(&get(), ok);
    assert_eq!(texts(&exchange), ["= 0", "= 2", "= 9", "= 0", "A=1", "B=22", "= 21"]);
}

#[test]
fn clocks_are_the_hosts() {
    let imports = [("clock_time_get", "i32 i64 i32", true), ("clock_res_get", "i32 i32", true)];
    let time = |clock: u32| {
        status(&format!("(call $clock_time_get (i32.const {clock}) (i64.const 1) (i32.const 5008))")) + "(call $long)"
    };
    let code = time(0)
        + &time(1)
        + &status("(call $clock_time_get (i32.const 2) (i64.const 1) (i32.const 5008))")
        + &status("(call $clock_res_get (i32.const 2) (i32.const 5008))");
    let host = Host::new();
    let mut worker = importing("wasi_unstable", &imports).on("request_headers", &code).worker_on(&host);
    worker.advance(Duration::from_nanos(3));
    let now = format!("= {}", host.now().as_nanos());
    assert_eq!(texts(&worker.exchange(&get(), ok)), ["= 0", &now, "= 0", &now, "= 58", "= 58"]);
}

#[test]
fn random_bytes_are_others_each_time_and_the_same_in_every_run() {
    let imports = [("random_get", "i32 i32", true)];
    let code = status("(call $random_get (i32.const 5008) (i32.const 8))")
        + "(call $long)"
        + &status("(call $random_get (i32.const 5008) (i32.const 65537))");
    let filter = importing("wasi_snapshot_preview1", &imports).on("request_headers", &code);
    let mut worker = filter.worker();
    let (first, second) = (worker.exchange(&get(), ok), worker.exchange(&get(), ok));
    assert_ne!(texts(&first)[1], texts(&second)[1]);
    assert_eq!(texts(&first)[2], "= 28");
    assert_eq!(texts(&filter.worker().exchange(&get(), ok)), texts(&first));
}
