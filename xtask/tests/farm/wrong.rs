//! What is wrong, or unusual, in a checkout or around it.

use std::process::Stdio;

use crate::{Checkout, append};

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let checkout = Checkout::copy();
    checkout.xtask(&["build-all", "helo"]).fails_with("there is no filter \"helo\"; the filters are: hello-header");
    checkout.xtask(&["build-all", "--lang", "cobol"]).fails_with("possible values: rust");

    append(&checkout.path("filters/hello-header/filter.toml"), "\n[budget.cobol]\nstandard = 1\n");
    let run =
        checkout.xtask(&["build-all"]).fails_with("filters/hello-header/filter.toml is not a valid filter manifest");
    assert!(run.stderr().contains(": budget.cobol: is no language; expected one of rust, go"), "{}", run.stderr());

    append(&checkout.path("filters/hello-header/filter.toml"), "\nbugdet = 1\n");
    let run =
        checkout.xtask(&["build-all"]).fails_with("filters/hello-header/filter.toml is not a valid filter manifest");
    assert!(run.stderr().contains("bugdet") && run.stderr().contains("line"), "{}", run.stderr());
}

#[test]
fn a_reader_that_stops_reading_is_no_failure() {
    let checkout = Checkout::copy();
    let mut doctor = checkout.command(&["doctor"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(doctor.stdout.take());
    let run = doctor.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.code() != Some(101) && !stderr.contains("panicked"), "{stderr}");
}

#[test]
fn a_checkout_may_have_an_equals_sign_in_its_path() {
    let checkout = Checkout::copy_into("a=b");
    let run = checkout.xtask(&["e2e", "--runtime", "host", "hello-header.rust", "--dev", "--case", "empty"]).succeeds();
    assert!(run.stdout().contains("passed; 0 failed"), "{}", run.stdout());
    let two = ["--case", "an empty object does nothing", "--case", "empty lists do nothing"];
    let args = [&["e2e", "--runtime", "host", "hello-header.rust", "--dev"][..], &two].concat();
    let run = checkout.xtask(&args).succeeds();
    // The hostile cases that are made from these have their names in theirs.
    let said = run.stdout();
    let own = said.lines().filter(|line| line.starts_with("test hello-header::") && !line.contains("::hostile"));
    assert_eq!(own.filter(|line| line.ends_with("ok")).count(), 2, "{said}");
}
