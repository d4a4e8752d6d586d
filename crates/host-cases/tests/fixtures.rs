//! The fixtures that a real Envoy is checked with, in process: both say the same of every case.

use std::path::PathBuf;

use weir_cases::hostile::Amount;
use weir_cases::{Case, Executor, Observed, Outcome, Subject};
use weir_host_cases::HostExecutor;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../envoy/fixtures").join(name)
}

fn cases(name: &str) -> Vec<Case> {
    weir_cases::read(&fixture(name)).expect("a file of cases")
}

fn probe() -> Subject {
    Subject { label: "probe".into(), wasm: fixture("probe.wasm") }
}

fn run(executor: &HostExecutor, subject: &Subject, case: &Case) -> Observed {
    executor.execute(subject, case).expect("a case that can be run")
}

#[test]
fn what_the_format_can_say_is_what_the_host_does() {
    let executor = HostExecutor::default();
    let reports = cases("probe.toml")
        .iter()
        .filter_map(|case| weir_cases::report(case, &run(&executor, &probe(), case)))
        .collect::<Vec<_>>();
    assert!(reports.is_empty(), "{}", reports.join("\n\n"));
}

#[test]
fn every_expectation_that_is_wrong_fails() {
    let executor = HostExecutor::default();
    let held = cases("wrong.toml")
        .into_iter()
        .filter(|case| weir_cases::report(case, &run(&executor, &probe(), case)).is_none());
    assert_eq!(held.map(|case| case.name).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn a_case_runs_the_same_however_often() {
    let executor = HostExecutor::default();
    for case in cases("probe.toml") {
        assert_eq!(run(&executor, &probe(), &case), run(&executor, &probe(), &case), "{}", case.name);
    }
}

#[test]
fn a_refusal_is_seen_and_a_trap_is_told_by_its_function() {
    let executor = HostExecutor::default();
    let contrary = Subject { label: "contrary".into(), wasm: fixture("contrary.wasm") };
    let parse = |text: &str| weir_cases::parse("f", text).expect("cases").remove(0);
    let refused =
        parse("[[case]]\nname = 'a'\nconfiguration = 'x'\nexpect.refused = 'configuration: expected nothing'");
    assert_eq!(weir_cases::report(&refused, &run(&executor, &contrary, &refused)), None);
    let traps = parse("[[case]]\nname = 'b'\nexpect.response.status = 503");
    let seen = run(&executor, &contrary, &traps);
    assert!(matches!(seen.outcome, Outcome::Served(_)));
    let told = weir_cases::report(&traps, &seen).expect("a trap fails any case");
    assert!(told.contains("traps: proxy_on_request_headers trapped: unreachable"), "{told}");
    assert!(told.contains("in refuse_to_live"), "{told}");
}

#[test]
fn hostile_input_finds_what_a_filters_cases_do_not() {
    let executor = HostExecutor::default();
    let fragile = Subject { label: "fragile".into(), wasm: fixture("fragile.wasm") };
    let cases = cases("fragile.toml");
    assert_eq!(weir_cases::report(&cases[0], &run(&executor, &fragile, &cases[0])), None);
    let amount = Amount { served: 1, requests: 50, configurations: 0 };
    for case in weir_cases::hostile::of(&cases, amount) {
        let told = weir_cases::report(&case, &run(&executor, &fragile, &case)).expect("a trap");
        assert!(told.contains("in take_for_utf8"), "{told}");
    }
}
