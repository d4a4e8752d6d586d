//! Builds shared through a registry: shares of the ports on several machines, and one that builds nothing.
//!
//! A machine here is a copy of this checkout with a memory of its own; compilers, std and Binaryen are this checkout's.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::checkout::{checkout, copy, target};
use crate::registry::Registry;

struct Machine {
    folder: TempDir,
}

impl Machine {
    /// A machine with two filters in Rust, Zig and C, whose second one is made of sources that no other test has. The
    /// other languages take minutes to optimise and are shared in the same way.
    fn new(mark: &str) -> Machine {
        let folder = tempfile::tempdir().unwrap();
        checkout(&folder.path().join("checkout"));
        let machine = Machine { folder };
        let filters = machine.path("checkout/filters");
        for language in ["go", "assemblyscript"] {
            fs::remove_dir_all(filters.join("hello-header").join(language)).unwrap();
        }
        let second = filters.join("second");
        copy(&filters.join("hello-header"), &second);
        let manifest = second.join("rust/Cargo.toml");
        let text = fs::read_to_string(&manifest).unwrap();
        fs::write(&manifest, text.replace("name = \"hello-header\"", "name = \"second\"")).unwrap();
        let source = second.join("rust/src/lib.rs");
        fs::write(&source, format!("{}\n// {mark}\n", fs::read_to_string(&source).unwrap())).unwrap();
        // All that is dear is shared; what was built of filters is not.
        let (own, shared) = (machine.path("target"), target());
        fs::create_dir_all(own.join("weir")).unwrap();
        for part in ["debug", "cxxbridge", "weir/std", "weir/toolchain", "weir/zig"] {
            if shared.join(part).exists() {
                symlink(shared.join(part), own.join(part)).unwrap();
            }
        }
        machine
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    fn build(&self, arguments: &[&str]) -> String {
        let output: Output = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .arg("build-all")
            .args(arguments)
            .current_dir(self.path("checkout"))
            .env("CARGO_TARGET_DIR", self.path("target"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        said
    }

    /// What is published, by name.
    fn dist(&self) -> Vec<(String, Vec<u8>)> {
        let entries = fs::read_dir(self.path("checkout/dist")).unwrap().map(|entry| entry.unwrap());
        let files = entries.filter(|entry| entry.path().is_file());
        let mut files: Vec<_> =
            files.map(|it| (it.file_name().to_string_lossy().into_owned(), fs::read(it.path()).unwrap())).collect();
        files.sort();
        files
    }
}

/// The names of the shipped files, and every byte of them: nothing tells on how many machines they were built.
#[test]
fn shares_give_what_one_machine_gives_and_a_warm_cache_compiles_nothing() {
    let registry = Registry::start();
    let repository = registry.repository("weir/cache");
    let mark = registry.address.clone();
    let cache = ["--cache", repository.as_str()];

    let alone = Machine::new(&mark);
    let said = alone.build(&[]);
    assert!(said.contains("second: compiling"), "{said}");

    let mut compiled = 0;
    for number in 1..=4 {
        let share = format!("{number}/4");
        let said = Machine::new(&mark).build(&[&["--shard", &share], &cache[..]].concat());
        compiled += said.matches(": compiling").count();
    }
    let ports = alone.dist().iter().filter(|(name, _)| name.ends_with(".wasm")).count();
    assert_eq!(compiled, ports, "each port is built by one machine");

    let merging = Machine::new(&mark);
    let said = merging.build(&cache);
    assert!(!said.contains("compiling"), "{said}");
    assert!(merging.dist() == alone.dist(), "{:?}", merging.dist().iter().map(|it| &it.0).collect::<Vec<_>>());

    // What was altered in the registry is built anew, and comes out right.
    let (_, module) = alone.dist().into_iter().find(|(name, _)| name == "second.wasm").unwrap();
    let digest = fs::read_to_string(alone.path("checkout/dist/second.sha256")).unwrap();
    let blob = registry.blob(&format!("sha256:{}", digest.split_whitespace().next().unwrap()));
    let mut altered = fs::read(&blob).unwrap();
    assert_eq!(altered, module);
    altered[100] ^= 1;
    fs::write(&blob, altered).unwrap();
    let careful = Machine::new(&mark);
    let said = careful.build(&cache);
    assert!(said.contains("the cache is of no use") && said.contains("second: compiling"), "{said}");
    assert!(careful.dist() == alone.dist());
}
