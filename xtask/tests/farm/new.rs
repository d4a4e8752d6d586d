//! Filters that are new, or were built elsewhere.

use std::fs;

use crate::{Checkout, LANGUAGES, target};

#[test]
fn a_new_filter_in_any_language_holds_its_cases_and_its_unit_tests_before_a_line_is_edited() {
    let checkout = Checkout::copy();
    let mut names = Vec::new();
    for lang in LANGUAGES {
        for kind in ["headers", "body", "auth"] {
            let name = format!("new-{lang}-{kind}");
            checkout.xtask(&["new", &name, "--lang", lang, "--kind", kind]).succeeds();
            names.push(name);
        }
    }
    let args = |command: &[&'static str]| [command, &names.iter().map(String::as_str).collect::<Vec<_>>()].concat();
    let run = checkout.xtask(&args(&["e2e", "--runtime", "native", "--dev"])).succeeds();
    assert!(run.stdout().contains("passed; 0 failed"), "{}", run.stdout());
    let cases = run.stdout().lines().filter(|line| line.starts_with("test new-") && line.ends_with("ok")).count();
    assert!(cases >= 100, "{cases} cases, hostile ones among them");
    checkout.xtask(&args(&["unit"])).succeeds();
    checkout.xtask(&["build-all", "new-zig-body", "new-rust-auth"]).succeeds();
    let readme = fs::read_to_string(checkout.path("README.md")).unwrap();
    assert!(names.iter().all(|name| readme.contains(&format!("| [{name}](filters/{name}) |"))), "{readme}");
}

#[test]
fn a_new_filter_is_measured_before_a_line_is_edited() {
    let checkout = Checkout::copy();
    checkout.xtask(&["new", "new-measured", "--lang", "zig", "--kind", "headers"]).succeeds();
    let bench = |option: &str| checkout.xtask(&["bench", "new-measured", option]);
    bench("--check").fails_with("new-measured.zig: has no costs to compare to; `bench --bless` accepts those of today");
    bench("--bless").succeeds();
    assert!(bench("--check").succeeds().stdout().contains("the counts are within"));
    let readme = fs::read_to_string(checkout.path("README.md")).unwrap();
    let row = readme.lines().find(|line| line.starts_with("| [new-measured]")).unwrap();
    assert!(!row.ends_with("| – | – |"), "{row}");
}

#[test]
fn a_new_port_of_a_filter_builds_and_has_the_cases_as_what_is_to_do() {
    let checkout = Checkout::copy();
    for lang in ["zig", "c"] {
        fs::remove_dir_all(checkout.path(&format!("filters/hello-header/{lang}"))).unwrap();
        checkout.xtask(&["new", "hello-header", "--lang", lang, "--kind", "body"]).succeeds();
        checkout.xtask(&["build-all", "--dev", &format!("hello-header.{lang}")]).succeeds();
        checkout.xtask(&["unit", &format!("hello-header.{lang}")]).succeeds();
    }
    let run = checkout.xtask(&["e2e", "--runtime", "native", "--dev", "hello-header.zig"]);
    assert!(!run.output.status.success(), "a template is no port of hello-header yet");
    assert!(
        run.stdout().contains("an empty object does nothing") && run.stdout().contains(" passed; "),
        "{}",
        run.stdout()
    );
}

#[test]
fn what_cannot_be_new_is_refused() {
    let checkout = Checkout::copy();
    let before = fs::read_dir(checkout.path("filters")).unwrap().count();
    for (args, why) in [
        (&["hello-header", "--lang", "go"][..], "filters/hello-header/go is there already"),
        (&["Hello", "--lang", "go"], "\"Hello\" is no name for a filter: expected small letters"),
        (&["serde", "--lang", "rust"], "this workspace has a package of that name"),
        (
            &["demo"],
            "the language is missing: cargo xtask new demo --lang LANG, one of rust, go, assemblyscript, zig, c",
        ),
        (&["demo", "--lang", "prebuilt"], "for a module that is there: cargo xtask import"),
        (&[], "the name is missing"),
    ] {
        checkout.xtask(&[&["new"], args].concat()).fails_with(why);
    }
    assert_eq!(fs::read_dir(checkout.path("filters")).unwrap().count(), before);
}

#[test]
fn a_module_that_was_built_elsewhere_is_taken_in() {
    let checkout = Checkout::copy();
    checkout.xtask(&["build-all", "--dev", "hello-header.zig"]).succeeds();
    let module = checkout.path("elsewhere.wasm");
    fs::copy(target().join("weir/dev/hello-header.zig.wasm"), &module).unwrap();
    let file = module.to_str().unwrap();
    checkout.xtask(&["import", file, "--name", "adopted", "--config", "{\"request\": []}"]).succeeds();
    let run = checkout.xtask(&["build-all", "adopted"]).succeeds();
    assert!(run.stdout().contains("adopted  prebuilt"), "{}", run.stdout());
    checkout.xtask(&["e2e", "--runtime", "native", "adopted"]).succeeds();

    checkout.xtask(&["import", file, "--name", "adopted"]).fails_with("filters/adopted/prebuilt is there already");
    let cargo = checkout.path("Cargo.toml");
    let run = checkout.xtask(&["import", cargo.to_str().unwrap(), "--name", "other"]);
    run.fails_with("this is not a WebAssembly module");
    assert!(!checkout.path("filters/other").exists());
}
