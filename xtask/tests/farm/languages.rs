//! The compilers of the languages: what they say, and where they are missing.

use std::fs;

use crate::{Checkout, Run, append, target, write_script};
use tempfile::TempDir;

#[test]
fn every_language_says_in_its_own_words_why_it_does_not_compile() {
    let checkout = Checkout::copy();
    for (file, broken, port, words) in [
        ("go/config.go", "\nfunc broken( {\n", "hello-header.go", "config.go:"),
        ("assemblyscript/config.ts", "\nfunction broken( {\n", "hello-header.assemblyscript", "config.ts("),
        ("zig/config.zig", "\nfn broken( {\n", "hello-header.zig", "config.zig:"),
        ("c/config.c", "\nvoid broken( {\n", "hello-header.c", "config.c:"),
    ] {
        append(&checkout.path(&format!("filters/hello-header/{file}")), broken);
        let run =
            checkout.xtask(&["build-all", port]).fails_with(&format!("1 of 1 failed:\n  {port}: does not compile"));
        assert!(run.stderr().contains(words), "{words:?} is not in:\n{}", run.stderr());
        assert!(!checkout.path(&format!("dist/{port}.wasm")).exists());
    }
}

/// A folder for `PATH` with what building Rust filters needs, and nothing that another language does.
fn rust_alone() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = std::env::var_os("PATH").unwrap();
    for tool in ["cargo", "rustc", "rustup", "cc", "c++", "ld", "sh"] {
        if let Some(found) = std::env::split_paths(&path).map(|dir| dir.join(tool)).find(|path| path.is_file()) {
            std::os::unix::fs::symlink(found, folder.path().join(tool)).unwrap();
        }
    }
    folder
}

#[test]
fn without_a_compiler_the_ports_of_a_language_are_left_out_and_told() {
    let checkout = Checkout::copy();
    checkout.xtask(&["build-all"]).succeeds();
    let path = rust_alone();
    let run = checkout.xtask_with(&["build-all"], path.path()).succeeds();
    let missing = "Go 1.24 or newer is missing, which is needed to build Go ports; to mend it: put a `go` from";
    assert!(run.stderr().contains(&format!("left out: hello-header.go: {missing}")), "{}", run.stderr());
    let last = run.stderr().lines().last().unwrap().to_owned();
    let left_out = "left out: hello-header.go (no compiler for go), hello-header.assemblyscript (no compiler for \
                    assemblyscript); `cargo xtask doctor` says what mends it";
    assert!(last.ends_with(left_out) && last.contains("built, in dist"), "{last}");
    assert!(checkout.path("dist/hello-header.wasm").exists());
    assert!(!checkout.path("dist/hello-header.go.wasm").exists(), "what cannot be checked must not stay published");

    for required in ["go", "all"] {
        checkout.xtask_with(&["build-all", "--require", required], path.path()).fails_with(missing);
    }
    checkout.xtask_with(&["build-all", "hello-header.go"], path.path()).fails_with("nothing can be built");
    let found = checkout.xtask_with(&["doctor"], path.path()).stdout();
    assert!(found.contains("absent   Go 1.24 or newer is missing"), "{found}");
}

#[test]
fn a_go_port_that_asks_for_tinygo_gets_it_where_it_is() {
    let checkout = Checkout::copy();
    let port = "hello-header.go";
    append(&checkout.path("filters/hello-header/filter.toml"), "\n[compiler]\ngo = \"tinygo\"\n");
    let toolchain = |run: Run| -> serde_json::Value {
        let report: serde_json::Value = serde_json::from_str(&run.succeeds().stdout()).unwrap();
        report["ports"].as_array().unwrap().iter().find(|row| row["language"] == "go").unwrap()["toolchain"].clone()
    };
    // Without tinygo the port is what Go makes of it, which may be in the store.
    let args = ["build-all", port, "--dev", "--rebuild", "--format", "json"];
    let run = checkout.xtask(&args);
    assert!(run.stderr().contains("hello-header.go asks for tinygo, which is not on PATH"), "{}", run.stderr());
    assert!(toolchain(run).as_str().unwrap().starts_with("go1."));

    // A stand-in that says what TinyGo says, and "compiles" by copying what Go made.
    let tools = tempfile::tempdir().unwrap();
    let (made, said) = (target().join("weir/dev/hello-header.go.wasm"), tools.path().join("said"));
    let version = "tinygo version 0.39.0 linux/amd64 (using go version go1.25 and LLVM version 19.1.2)";
    let build = format!("echo \"$*\" > '{}'; cp '{}.kept' \"$3\"", said.display(), made.display());
    let script = format!("if [ \"$1\" = version ]; then echo '{version}'; else {build}; fi\n");
    write_script(&tools.path().join("tinygo"), &script);
    fs::copy(&made, made.with_added_extension("kept")).unwrap();
    let path = format!("{}:{}", tools.path().display(), std::env::var("PATH").unwrap());
    let run = checkout.xtask_with(&args, path.as_ref());
    assert_eq!(toolchain(run), "tinygo 0.39.0");
    let said = fs::read_to_string(&said).unwrap();
    assert!(said.starts_with("build -o ") && said.contains("-target=wasip1 -buildmode=c-shared"), "{said}");
}
