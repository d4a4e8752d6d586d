//! The farm as its user meets it: `cargo xtask build-all` in a copy of this checkout, with filters that come and go.
//!
//! The copies share this checkout's `target/`, so that std and Binaryen are built once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic where it stands")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

use tempfile::TempDir;

/// The copies build into one `target/`: one at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

struct Checkout {
    folder: TempDir,
}

impl Checkout {
    /// A copy of this checkout.
    fn copy() -> Checkout {
        let folder = tempfile::tempdir().unwrap();
        copy(&workspace(), folder.path());
        Checkout { folder }
    }

    /// A copy of this checkout with a second filter, made as CONTRIBUTING.md says.
    fn with_second_filter() -> Checkout {
        let checkout = Checkout::copy();
        let second = checkout.path("filters/second");
        copy(&checkout.path("filters/hello-header"), &second);
        replace(&second.join("rust/Cargo.toml"), "name = \"hello-header\"", "name = \"second\"");
        checkout
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    fn xtask(&self, args: &[&str]) -> Run {
        let _one = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let compiled = self.path("compiled");
        let wrapper = self.path("rustc-wrapper");
        write_script(&wrapper, &format!("echo \"$*\" >> '{}'\nexec \"$@\"\n", compiled.display()));
        fs::write(&compiled, "").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(args)
            .current_dir(self.folder.path())
            .env("CARGO_TARGET_DIR", target())
            .env("RUSTC_WRAPPER", &wrapper)
            .output()
            .unwrap();
        Run { output, compiled: fs::read_to_string(&compiled).unwrap() }
    }
}

/// What a command printed, and what it compiled.
struct Run {
    output: Output,
    compiled: String,
}

impl Run {
    fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    fn succeeds(self) -> Run {
        assert!(self.output.status.success(), "{}", self.stderr());
        self
    }

    fn fails_with(self, text: &str) -> Run {
        assert!(!self.output.status.success(), "it succeeded");
        assert!(self.stderr().contains(text), "{text:?} is not in:\n{}", self.stderr());
        self
    }

    /// Whether the compiler was started for a crate of this name for wasm.
    fn compiled(&self, name: &str) -> bool {
        self.compiled.lines().any(|line| line.contains("wasm32") && line.contains(&format!("--crate-name {name} ")))
    }

    /// Whether a compiler was started for anything: cargo also asks it for its version.
    fn compiled_anything(&self) -> bool {
        self.compiled.lines().any(|line| line.contains("--crate-name") && !line.contains("--crate-name ___"))
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_xtask")).ancestors().nth(2).unwrap().to_owned()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name == ".git" || name == "target" || name == "dist" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(name));
        } else {
            fs::write(to.join(name), fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from:?} is not in {}", path.display());
    fs::write(path, text.replace(from, to)).unwrap();
}

fn append(path: &Path, text: &str) {
    fs::write(path, fs::read_to_string(path).unwrap() + text).unwrap();
}

fn write_script(path: &Path, body: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, format!("#!/bin/sh\n{body}")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_second_run_compiles_nothing_and_a_change_rebuilds_its_filter_alone() {
    let checkout = Checkout::with_second_filter();
    checkout.xtask(&["build-all"]).succeeds();
    let before = fs::read(checkout.path("dist/second.wasm")).unwrap();

    let again = checkout.xtask(&["build-all"]).succeeds();
    assert!(!again.compiled_anything(), "{}", again.compiled);
    assert!(!again.stderr().contains("compiling"), "{}", again.stderr());

    // Unlike any change before, or an earlier run of this test would have left its result in the store.
    let change = format!("\n// {}\npub fn called_by_nobody() {{}}\n", checkout.folder.path().display());
    append(&checkout.path("filters/second/rust/src/lib.rs"), &change);
    let changed = checkout.xtask(&["build-all"]).succeeds();
    assert!(changed.compiled("second"), "{}", changed.compiled);
    assert!(!changed.compiled("hello_header"), "{}", changed.compiled);
    assert_eq!(fs::read(checkout.path("dist/second.wasm")).unwrap(), before);
}

#[test]
fn one_that_fails_stops_no_other_and_leaves_nothing_stale() {
    let checkout = Checkout::with_second_filter();
    checkout.xtask(&["build-all"]).succeeds();
    append(&checkout.path("filters/second/rust/src/lib.rs"), "\nfn broken( {}\n");
    fs::remove_file(checkout.path("dist/hello-header.wasm")).unwrap();

    let run = checkout.xtask(&["build-all"]).fails_with("1 of 2 failed:\n  second: does not compile");
    assert!(run.stderr().contains("filters/second/rust/src/lib.rs:"), "{}", run.stderr());
    assert!(checkout.path("dist/hello-header.wasm").exists());
    for gone in ["dist/second.wasm", "dist/second.symbols", "dist/second.sha256"] {
        assert!(!checkout.path(gone).exists(), "{gone} is stale");
    }
}

#[test]
fn the_same_sources_give_the_same_bytes_in_another_folder() {
    let [one, two] = [Checkout::copy(), Checkout::copy()];
    for profile in ["standard", "min"] {
        for checkout in [&one, &two] {
            let run = checkout.xtask(&["build-all", "hello-header", "--rebuild", "--size-profile", profile]).succeeds();
            assert!(run.compiled("hello_header"), "nothing was rebuilt");
        }
        for file in ["dist/hello-header.wasm", "dist/hello-header.symbols", "dist/hello-header.sha256"] {
            assert_eq!(fs::read(one.path(file)).unwrap(), fs::read(two.path(file)).unwrap(), "{profile}: {file}");
        }
    }
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
    for file in ["hello-header.wasm", "second.symbols", "second.cdx.json", "images.json", "size-report.json"] {
        assert!(sums.contains(&format!("  {file}\n")), "{file} is not in:\n{sums}");
    }
    let alone = one.xtask(&["release", "--dry-run", "--tag", "second-v0.1.0"]).succeeds();
    assert!(!alone.stderr().contains("hello-header"), "{}", alone.stderr());
    one.xtask(&["release", "--dry-run", "--tag", "v9.9.9"]).fails_with("the tag v9.9.9 is of version 9.9.9");
}

#[test]
fn a_module_over_its_budget_fails_the_build() {
    let checkout = Checkout::copy();
    replace(&checkout.path("filters/hello-header/filter.toml"), "standard = 56_000", "standard = 1_000");
    checkout.xtask(&["build-all", "--size-profile", "standard"]).fails_with("over its budget");
    let report = fs::read_to_string(checkout.path("dist/size-report.json")).unwrap();
    assert!(report.contains("\"over_budget\": true"), "{report}");
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
fn what_is_wrong_is_named_with_its_place() {
    let checkout = Checkout::copy();
    checkout.xtask(&["build-all", "helo"]).fails_with("there is no filter \"helo\"; the filters are: hello-header");
    checkout.xtask(&["build-all", "--lang", "cobol"]).fails_with("possible values: rust");

    append(&checkout.path("filters/hello-header/filter.toml"), "\nbugdet = 1\n");
    let run =
        checkout.xtask(&["build-all"]).fails_with("filters/hello-header/filter.toml is not a valid filter manifest");
    assert!(run.stderr().contains("bugdet") && run.stderr().contains("line"), "{}", run.stderr());
}

#[test]
fn a_dist_that_cannot_be_written_is_told_before_anything_is_built() {
    let checkout = Checkout::copy();
    fs::write(checkout.path("dist"), "a file where the folder should be").unwrap();
    let run = checkout.xtask(&["build-all"]).fails_with("cannot write to dist; make the folder writable");
    assert!(!run.compiled_anything(), "{}", run.compiled);
}
