//! What stands in `dist/`, and what must not.

use std::fs;

use crate::{Checkout, LANGUAGES, append, replace};

#[test]
fn one_that_fails_stops_no_other_and_leaves_nothing_stale() {
    let checkout = Checkout::with_second_filter();
    checkout.xtask(&["build-all"]).succeeds();
    append(&checkout.path("filters/second/rust/src/lib.rs"), "\nfn broken( {}\n");
    fs::remove_file(checkout.path("dist/hello-header.wasm")).unwrap();

    let run = checkout.xtask(&["build-all"]).fails_with("1 of 6 failed:\n  second: does not compile");
    assert!(run.stderr().contains("filters/second/rust/src/lib.rs:"), "{}", run.stderr());
    assert!(checkout.path("dist/hello-header.wasm").exists());
    for gone in ["dist/second.wasm", "dist/second.symbols", "dist/second.sha256"] {
        assert!(!checkout.path(gone).exists(), "{gone} is stale");
    }
}

#[test]
fn a_module_over_its_budget_fails_the_build() {
    let checkout = Checkout::copy();
    replace(&checkout.path("filters/hello-header/filter.toml"), "standard = 56_000", "standard = 1_000");
    checkout.xtask(&["build-all", "--size-profile", "standard"]).fails_with("over its budget");
    let report = fs::read_to_string(checkout.path("dist/size-report.json")).unwrap();
    assert!(report.contains("\"over_budget\": true"), "{report}");
    assert!(!checkout.path("dist/hello-header.wasm").exists(), "what is over its budget must not ship");
    assert!(checkout.path("dist/hello-header.c.wasm").exists());
}

#[test]
fn a_run_that_cannot_begin_leaves_nothing_stale() {
    let checkout = Checkout::copy();
    checkout.xtask(&["build-all"]).succeeds();
    let port = "hello-header.rust";
    let path = std::env::var_os("PATH").unwrap();
    let none = [("WEIR_TOOLCHAIN", "none")];
    checkout.xtask_in(&["build-all", port], path.as_ref(), &none).fails_with("WEIR_TOOLCHAIN=none: expected one of");
    assert!(!checkout.path("dist/hello-header.wasm").exists());
    assert!(checkout.path("dist/hello-header.zig.wasm").exists());
    fs::create_dir(checkout.path("filters/empty")).unwrap();
    checkout.xtask(&["build-all"]).fails_with("filters/empty: has no port");
    assert!(!checkout.path("dist/hello-header.zig.wasm").exists());
}

#[test]
fn what_else_builds_for_dist_keeps_the_report_and_one_broken_baseline_hides_no_row() {
    let checkout = Checkout::copy();
    checkout.xtask(&["build-all"]).succeeds();
    let report = || fs::read_to_string(checkout.path("dist/size-report.json")).unwrap();
    let before = report();
    append(&checkout.path("filters/hello-header/zig/config.zig"), "\n// Changed.\n");
    checkout.xtask(&["e2e", "--runtime", "host", "hello-header.zig", "--case", "empty"]).succeeds();
    assert_ne!(report(), before, "the report is of other inputs");
    fs::write(checkout.path("filters/hello-header/sizes.json"), "{").unwrap();
    let run = checkout.xtask(&["build-all"]).fails_with("filters/hello-header/sizes.json cannot be read");
    assert!(run.stdout().contains("hello-header  zig"), "{}", run.stdout());
}

#[test]
fn bless_writes_the_baseline_and_the_readme() {
    let checkout = Checkout::copy();
    let sizes = checkout.path("filters/hello-header/sizes.json");
    fs::write(&sizes, "{}").unwrap();
    replace(&checkout.path("README.md"), "| [hello-header]", "| [old-name]");
    checkout.xtask(&["build-all", "--bless"]).succeeds();
    assert!(fs::read_to_string(&sizes).unwrap().contains("\"shipped\""));
    assert!(fs::read_to_string(checkout.path("README.md")).unwrap().contains("| [hello-header]"));
}

#[test]
fn a_dist_that_cannot_be_written_is_told_before_anything_is_built() {
    let checkout = Checkout::copy();
    fs::write(checkout.path("dist"), "a file where the folder should be").unwrap();
    let run = checkout.xtask(&["build-all"]).fails_with("cannot write to dist; make the folder writable");
    assert!(!run.compiled_anything(), "{}", run.compiled);
}

#[test]
fn the_same_sources_give_the_same_release_in_another_folder() {
    let [one, two] = [Checkout::with_second_filter(), Checkout::with_second_filter()];
    for checkout in [&one, &two] {
        let run = checkout.xtask(&["release", "--dry-run"]).succeeds();
        assert!(run.stderr().contains("would push REGISTRY/second:"), "{}", run.stderr());
    }
    // Modules, symbols, bills of materials, and the digests of the images.
    for file in ["dist/release/SHA256SUMS", "dist/release/images.json", "dist/release-images.sha256"] {
        assert_eq!(fs::read(one.path(file)).unwrap(), fs::read(two.path(file)).unwrap(), "{file}");
    }
    let sums = fs::read_to_string(one.path("dist/release/SHA256SUMS")).unwrap();
    let others = LANGUAGES.iter().filter(|lang| **lang != "rust").map(|lang| format!("hello-header.{lang}.cdx.json"));
    let files = ["hello-header.wasm", "second.symbols", "second.cdx.json", "images.json", "size-report.json"];
    for file in files.map(str::to_owned).into_iter().chain(others) {
        assert!(sums.contains(&format!("  {file}\n")), "{file} is not in:\n{sums}");
    }
    let alone = one.xtask(&["release", "--dry-run", "--tag", "second-v0.1.0"]).succeeds();
    assert!(!alone.stderr().contains("hello-header"), "{}", alone.stderr());
    one.xtask(&["release", "--dry-run", "--tag", "v9.9.9"]).fails_with("the tag v9.9.9 is of version 9.9.9");
}
