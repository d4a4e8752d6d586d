//! Builds shared through a registry: shares of the ports on several machines, and one that builds nothing.
//!
//! A machine here is a memory and a `dist/` of its own; the sources, compilers, std and Binaryen are the same.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::checkout::Checkout;
use crate::copy::target;
use crate::registry::Registry;

/// Two filters in three languages. The others take minutes to optimise, and are shared in the same way.
const FILTERS: [(&str, &[&str]); 2] = [("second", &["rust", "zig", "c"]), ("third", &["zig", "c"])];

struct Machine<'a> {
    checkout: &'a Checkout,
    target: TempDir,
}

/// What a machine did: what it said, and what it published, by name.
struct Built {
    said: String,
    dist: Vec<(String, Vec<u8>)>,
}

impl Machine<'_> {
    fn new(checkout: &Checkout) -> Machine<'_> {
        let own = tempfile::tempdir().unwrap();
        fs::create_dir_all(own.path().join("weir")).unwrap();
        // All that is dear is shared; what was built of filters is not.
        for part in ["debug", "cxxbridge", "weir/std", "weir/toolchain", "weir/zig"] {
            if target().join(part).exists() {
                symlink(target().join(part), own.path().join(part)).unwrap();
            }
        }
        Machine { checkout, target: own }
    }

    #[track_caller]
    fn build(&self, arguments: &[&str]) -> Built {
        let dist = self.checkout.path("dist");
        fs::remove_dir_all(&dist).ok();
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.arg("build-all").args(FILTERS.map(|(name, _)| name)).args(arguments);
        command.current_dir(self.checkout.path("")).env("CARGO_TARGET_DIR", self.target.path()).stdin(Stdio::null());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        let files = fs::read_dir(&dist).unwrap().map(|entry| entry.unwrap()).filter(|entry| entry.path().is_file());
        let mut dist: Vec<_> =
            files.map(|it| (it.file_name().to_string_lossy().into_owned(), fs::read(it.path()).unwrap())).collect();
        dist.sort();
        Built { said, dist }
    }
}

/// The names of the shipped files, and every byte of them: nothing tells on how many machines they were built.
#[test]
fn shares_give_what_one_machine_gives_and_a_warm_cache_compiles_nothing() {
    let (registry, checkout) = (Registry::start(), Checkout::new());
    FILTERS.iter().for_each(|(name, languages)| checkout.add_filter(name, languages));
    let repository = registry.repository("weir/cache");
    let cache = ["--cache", repository.as_str()];

    let alone = Machine::new(&checkout).build(&[]);
    let ports = FILTERS.iter().map(|(_, languages)| languages.len()).sum::<usize>();
    assert_eq!(alone.said.matches(": compiling (").count(), ports, "{}", alone.said);

    let mut compiled = 0;
    for number in 1..=4 {
        let share = format!("{number}/4");
        let built = Machine::new(&checkout).build(&[&["--shard", &share], &cache[..]].concat());
        compiled += built.said.matches(": compiling (").count();
    }
    assert_eq!(compiled, ports, "each port is built by one machine");

    let merging = Machine::new(&checkout).build(&cache);
    assert!(!merging.said.contains(": compiling ("), "{}", merging.said);
    assert!(merging.dist == alone.dist, "{:?}", merging.dist.iter().map(|it| &it.0).collect::<Vec<_>>());

    // What was altered in the registry is built anew, and comes out right.
    let file = |name: &str| alone.dist.iter().find(|(file, _)| file == name).unwrap().1.clone();
    let (module, line) = (file("third.zig.wasm"), String::from_utf8(file("third.zig.sha256")).unwrap());
    let blob = registry.blob(&format!("sha256:{}", line.split_whitespace().next().unwrap()));
    let mut altered = fs::read(&blob).unwrap();
    assert_eq!(altered, module);
    altered[100] ^= 1;
    fs::write(&blob, altered).unwrap();
    let careful = Machine::new(&checkout).build(&cache);
    let told = ["the cache is of no use", "third.zig: compiling"];
    assert!(told.iter().all(|words| careful.said.contains(words)), "{}", careful.said);
    assert!(careful.dist == alone.dist);
}
