//! The farm as its user meets it: `cargo xtask build-all` in a copy of this checkout, with filters that come and go.
//!
//! The copies share this checkout's `target/`, so that std and Binaryen are built once; and they stand in the same few
//! places below it, so that cargo finds again what it compiled of the farm itself.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic where it stands")]

mod build;
#[path = "../common/copy.rs"]
mod copy;
mod dist;
mod languages;
mod new;
mod serve;
mod wrong;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::time::SystemTime;

use copy::{copy, target};

/// The copies build into one `target/`: one at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

struct Checkout {
    root: PathBuf,
    /// While this lives, the place is this checkout's.
    _lock: File,
}

impl Checkout {
    /// A copy of this checkout with one filter, hello-header, which has a port in every language: what others there are
    /// is no matter of the farm's tests.
    fn copy() -> Checkout {
        Checkout::copy_into("checkout")
    }

    /// The same, in a folder of this name.
    fn copy_into(name: &str) -> Checkout {
        let (place, lock) = place();
        if place.exists() {
            // Where it stood under another name.
            fs::remove_dir_all(&place).unwrap();
        }
        let root = place.join(name);
        copy::checkout(&root);
        Checkout { root, _lock: lock }
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

    /// A command in this checkout.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(args).current_dir(&self.root).env("CARGO_TARGET_DIR", target()).stdin(Stdio::null());
        // A copy is no part of the repository that its place is in.
        command.env("GIT_CEILING_DIRECTORIES", places());
        command
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    fn xtask(&self, args: &[&str]) -> Run {
        self.xtask_with(args, std::env::var_os("PATH").unwrap().as_ref())
    }

    /// Runs a command with another `PATH` than ours.
    fn xtask_with(&self, args: &[&str], path: &Path) -> Run {
        self.xtask_in(args, path, &[])
    }

    /// Runs a command with another `PATH` than ours, and with these variables.
    fn xtask_in(&self, args: &[&str], path: &Path, variables: &[(&str, &str)]) -> Run {
        let _one = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let compiled = self.path("compiled");
        let wrapper = self.path("rustc-wrapper");
        write_script(&wrapper, &format!("echo \"$*\" >> '{}'\nexec \"$@\"\n", compiled.display()));
        fs::write(&compiled, "").unwrap();
        let mut command = self.command(args);
        command.env("RUSTC_WRAPPER", &wrapper).env("PATH", path).envs(variables.iter().copied());
        let output = command.output().unwrap();
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

/// Where the copies are.
fn places() -> PathBuf {
    target().join("weir/farm")
}

/// The first place that no checkout has, and its lock.
fn place() -> (PathBuf, File) {
    fs::create_dir_all(places()).unwrap();
    let numbered = |number: u32| {
        let place = places().join(number.to_string());
        let lock = File::create(place.with_extension("lock")).unwrap();
        lock.try_lock().is_ok().then_some((place, lock))
    };
    (1..).find_map(numbered).unwrap()
}

/// A text unlike any before, or what an earlier run made of it would be found in the store.
fn unheard_of() -> String {
    format!("{:?}", SystemTime::now())
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

const LANGUAGES: [&str; 5] = ["rust", "go", "assemblyscript", "zig", "c"];
