//! What is built, what is not built again, and that the bytes are the same everywhere.

use std::fs;

use crate::{Checkout, append, target, unheard_of};

#[test]
fn a_second_run_compiles_nothing_and_a_change_rebuilds_its_filter_alone() {
    let checkout = Checkout::with_second_filter();
    checkout.xtask(&["build-all"]).succeeds();
    let before = fs::read(checkout.path("dist/second.wasm")).unwrap();

    let again = checkout.xtask(&["build-all"]).succeeds();
    assert!(!again.compiled_anything(), "{}", again.compiled);
    assert!(!again.stderr().contains("compiling"), "{}", again.stderr());

    let change = format!("\n// {}\npub fn called_by_nobody() {{}}\n", unheard_of());
    append(&checkout.path("filters/second/rust/src/lib.rs"), &change);
    let changed = checkout.xtask(&["build-all"]).succeeds();
    assert!(changed.compiled("second"), "{}", changed.compiled);
    assert!(!changed.compiled("hello_header"), "{}", changed.compiled);
    assert_eq!(fs::read(checkout.path("dist/second.wasm")).unwrap(), before);
}

#[test]
fn the_same_sources_give_the_same_bytes_in_another_folder() {
    let [one, two] = [Checkout::copy(), Checkout::copy()];
    for profile in ["standard", "min"] {
        // What the environment asks of compilers is no part of a module.
        for (checkout, flags) in [(&one, ""), (&two, "-Copt-level=0 -Cdebug-assertions")] {
            let args = ["build-all", "hello-header.rust", "--rebuild", "--size-profile", profile];
            let path = std::env::var_os("PATH").unwrap();
            let run = checkout.xtask_in(&args, path.as_ref(), &[("RUSTFLAGS", flags)]).succeeds();
            assert!(run.compiled("hello_header"), "nothing was rebuilt");
        }
        for file in ["dist/hello-header.wasm", "dist/hello-header.symbols", "dist/hello-header.sha256"] {
            assert_eq!(fs::read(one.path(file)).unwrap(), fs::read(two.path(file)).unwrap(), "{profile}: {file}");
        }
    }
}

#[test]
fn the_same_sources_give_the_same_bytes_in_every_language() {
    let ports = ["hello-header.go", "hello-header.assemblyscript", "hello-header.zig", "hello-header.c"];
    let bytes = [Checkout::copy(), Checkout::copy()].map(|checkout| {
        // Without the optimiser, which has nothing to do with the folder, and takes a minute for Go.
        let args = [&["build-all", "--dev", "--rebuild"], &ports[..]].concat();
        let run = checkout.xtask(&args).succeeds();
        assert!(ports.iter().all(|port| run.stderr().contains(&format!("{port}: compiling"))), "{}", run.stderr());
        ports.map(|port| fs::read(target().join("weir/dev").join(format!("{port}.wasm"))).unwrap())
    });
    for ((port, one), two) in ports.iter().zip(&bytes[0]).zip(&bytes[1]) {
        assert!(one == two, "{port} differs");
        let names_the_machine = one.windows(9).any(|window| window == b"weir/farm");
        assert!(!names_the_machine, "{port} tells in which folder it was built");
    }
}

#[test]
fn a_change_rebuilds_the_ports_that_are_made_from_it_alone() {
    let checkout = Checkout::copy();
    checkout.xtask(&["build-all"]).succeeds();
    let change = format!("\n// {}\n", unheard_of());
    for (file, rebuilt) in [
        ("sdk/zig/json.zig", "hello-header.zig"),
        ("filters/hello-header/c/config.c", "hello-header.c"),
        ("sdk/assemblyscript/json.ts", "hello-header.assemblyscript"),
    ] {
        append(&checkout.path(file), &change);
        let stderr = checkout.xtask(&["build-all"]).succeeds().stderr();
        assert!(stderr.contains(&format!("{rebuilt}: compiling")), "{file}: {stderr}");
        assert_eq!(stderr.matches(": compiling (").count(), 1, "{file}: {stderr}");
    }
    append(&checkout.path("filters/hello-header/README.md"), &change);
    assert!(!checkout.xtask(&["build-all"]).succeeds().stderr().contains("compiling"));
}
