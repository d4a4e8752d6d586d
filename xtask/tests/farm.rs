//! The farm as its user meets it: `cargo xtask build-all` in a copy of this checkout, with filters that come and go.
//!
//! The copies share this checkout's `target/`, so that std and Binaryen are built once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic where it stands")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;

use tempfile::TempDir;

/// The copies build into one `target/`: one at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

struct Checkout {
    folder: TempDir,
}

impl Checkout {
    /// A copy of this checkout with one filter, hello-header, which has a port in every language: what others there are
    /// is no matter of the farm's tests.
    fn copy() -> Checkout {
        let folder = tempfile::tempdir().unwrap();
        copy(&workspace(), folder.path());
        for entry in fs::read_dir(folder.path().join("filters")).unwrap() {
            let path = entry.unwrap().path();
            if !path.ends_with("hello-header") {
                fs::remove_dir_all(path).unwrap();
            }
        }
        Checkout { folder }
    }

    /// A copy of this checkout with a second filter, in Rust alone.
    fn with_second_filter() -> Checkout {
        let checkout = Checkout::copy();
        let [first, second] = ["filters/hello-header", "filters/second"].map(|path| checkout.path(path));
        fs::create_dir(&second).unwrap();
        for file in ["filter.toml", "cases.toml", "config.schema.json", "configurations.txt"] {
            fs::copy(first.join(file), second.join(file)).unwrap();
        }
        copy(&first.join("rust"), &second.join("rust"));
        replace(&second.join("rust/Cargo.toml"), "name = \"hello-header\"", "name = \"second\"");
        checkout
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    fn xtask(&self, args: &[&str]) -> Run {
        self.xtask_with(args, std::env::var_os("PATH").unwrap().as_ref())
    }

    /// Runs a command with another `PATH` than ours.
    fn xtask_with(&self, args: &[&str], path: &Path) -> Run {
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
            .env("PATH", path)
            .stdin(Stdio::null())
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

    fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
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

    let run = checkout.xtask(&["build-all"]).fails_with("1 of 6 failed:\n  second: does not compile");
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
            let port = "hello-header.rust";
            let run = checkout.xtask(&["build-all", port, "--rebuild", "--size-profile", profile]).succeeds();
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
        let names_the_machine = one.windows(4).any(|window| window == b"/tmp");
        assert!(!names_the_machine, "{port} tells in which folder it was built");
    }
}

#[test]
fn a_change_rebuilds_the_ports_that_are_made_from_it_alone() {
    let checkout = Checkout::copy();
    checkout.xtask(&["build-all"]).succeeds();
    // Unlike any change before, or an earlier run of this test would have left its result in the store.
    let change = format!("\n// {}\n", checkout.folder.path().display());
    for (file, rebuilt) in [
        ("sdk/zig/json.zig", "hello-header.zig"),
        ("filters/hello-header/c/config.c", "hello-header.c"),
        ("sdk/assemblyscript/json.ts", "hello-header.assemblyscript"),
    ] {
        append(&checkout.path(file), &change);
        let stderr = checkout.xtask(&["build-all"]).succeeds().stderr();
        assert!(stderr.contains(&format!("{rebuilt}: compiling")), "{file}: {stderr}");
        assert_eq!(stderr.matches(": compiling").count(), 1, "{file}: {stderr}");
    }
    append(&checkout.path("filters/hello-header/README.md"), &change);
    assert!(!checkout.xtask(&["build-all"]).succeeds().stderr().contains("compiling"));
}

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

const LANGUAGES: [&str; 5] = ["rust", "go", "assemblyscript", "zig", "c"];

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

/// The first header of that name in what a server on 127.0.0.1 answers.
fn header(port: u16, name: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let mut fields = answer.lines().filter_map(|line| line.split_once(": "));
    fields.find(|(field, _)| *field == name).map(|(_, value)| value.to_owned())
}

#[test]
fn a_new_filter_is_served_in_any_language() {
    let checkout = Checkout::copy();
    for lang in LANGUAGES {
        let name = format!("served-{lang}");
        checkout.xtask(&["new", &name, "--lang", lang]).succeeds();
        // Built before the lock is let go of, so that serving finds it built.
        checkout.xtask(&["build-all", "--dev", &name]).succeeds();
        let mut serve = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["serve", &name, "--port", "0"])
            .current_dir(checkout.folder.path())
            .env("CARGO_TARGET_DIR", target())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(serve.stdout.take().unwrap()).lines().map_while(Result::ok);
        let url = lines.find(|line| line.contains("try ")).unwrap_or_default();
        let port = url.trim_end_matches('/').rsplit(':').next().and_then(|port| port.parse().ok());
        let answered = port.and_then(|port| header(port, &format!("x-{name}")));
        serve.kill().unwrap();
        serve.wait().unwrap();
        // What keeps Envoy ends after it, and says so here.
        lines.for_each(drop);
        assert_eq!(answered.as_deref(), Some("hello"), "{lang}: {url}");
    }
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
    let args = ["build-all", port, "--dev", "--format", "json"];
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
    let run = checkout.xtask_with(&[&args[..], &["--rebuild"]].concat(), path.as_ref());
    assert_eq!(toolchain(run), "tinygo 0.39.0");
    let said = fs::read_to_string(&said).unwrap();
    assert!(said.starts_with("build -o ") && said.contains("-target=wasip1 -buildmode=c-shared"), "{said}");
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
