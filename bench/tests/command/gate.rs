//! The gate: a filter that was slowed on purpose is caught, and restored it passes.

use crate::filter::Filter;

#[test]
fn a_filter_that_was_slowed_is_caught_and_passes_when_it_is_restored() {
    let filter = Filter::new();
    filter.paced(100, 1);
    filter.passes("bless");
    filter.passes("check");
    filter.paced(104, 1);
    filter.fails_with("paced, headers: ");
    filter.fails_with("beyond the margin of 2 %");
    filter.paced(101, 1);
    filter.passes("check");
    filter.paced(100, 2);
    filter.fails_with("host calls: proxy_get_header_map_value 2 times, and costs.json says 1");
    filter.paced(100, 1);
    filter.passes("check");
}

#[test]
fn another_compilers_instructions_are_let_through_and_its_host_calls_are_not() {
    let filter = Filter::new();
    filter.paced(100, 1);
    filter.passes("bless");
    filter.built_by("rustc 2");
    filter.paced(200, 1);
    filter.passes("check");
    filter.paced(200, 2);
    filter.fails_with("host calls");
}

#[test]
fn what_was_never_accepted_is_told_with_the_mend() {
    let filter = Filter::new();
    filter.paced(1, 1);
    filter.fails_with("paced: has no costs to compare to; `bench --bless` accepts those of today");
}

#[test]
fn two_runs_count_the_same() {
    let filter = Filter::new();
    filter.paced(77, 3);
    let counted = || String::from_utf8_lossy(&filter.bench("check").stdout).into_owned();
    assert!(counted().contains("instructions"));
    assert_eq!(counted(), counted());
}
