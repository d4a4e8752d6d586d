use super::*;

impl Built {
    /// A build of a filter `demo`, for the tests of this module and of the store.
    pub(crate) fn example(input: &str, wasm: &[u8]) -> Built {
        let port = Port { filter: "demo".into(), language: Language::rust(), dir: PathBuf::new() };
        let stages = vec![
            Stage { stage: "linked".into(), bytes: 118_092 },
            Stage { stage: "optimised".into(), bytes: wasm.len() as u64 },
        ];
        let shrunk = Shrunk { stages, abi: "0.2.1".into(), dropped: Vec::new() };
        built(&port, SizeProfile::Standard, "rustc 1.0.0", input, shrunk, wasm).unwrap()
    }
}

fn manifest(budget: u64) -> Manifest {
    let sizes = BTreeMap::from([(SizeProfile::Standard, budget)]);
    Manifest {
        summary: "demo".into(),
        callbacks: Vec::new(),
        size_profile: SizeProfile::Standard,
        compiler: BTreeMap::new(),
        budget: BTreeMap::from([("rust".to_owned(), sizes)]),
        bench: Default::default(),
    }
}

fn baseline(shipped: u64, toolchain: &str) -> Baseline {
    let size = Size { shipped, gzipped: 1, toolchain: toolchain.into() };
    Baseline(BTreeMap::from([("rust".to_owned(), BTreeMap::from([(SizeProfile::Standard, size)]))]))
}

#[test]
fn a_budget_holds_to_its_last_byte() {
    let built = Built::example("k", &[0; 1000]);
    assert_eq!(compare(built.clone(), &manifest(1000), &Baseline::default()).failure(), None);
    let failure = compare(built, &manifest(999), &Baseline::default()).failure();
    assert_eq!(failure.as_deref(), Some("demo (rust): 1000 bytes, which is 1 over its budget"));
}

#[test]
fn a_change_is_against_the_same_compiler_only() {
    let built = Built::example("k", &[0; 1000]);
    assert_eq!(compare(built.clone(), &manifest(9999), &baseline(1100, "rustc 1.0.0")).change, Some(-100));
    assert_eq!(compare(built.clone(), &manifest(9999), &baseline(1100, "rustc 2.0.0")).change, None);
    assert_eq!(compare(built, &manifest(9999), &Baseline::default()).change, None);
}

#[test]
fn what_is_blessed_is_the_next_baseline() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port { filter: "demo".into(), language: Language::rust(), dir: folder.path().into() };
    let built = Built::example("k", &[0; 1000]);
    bless(&port, &built).unwrap();
    let read = Baseline::read(&port).unwrap();
    assert_eq!(compare(built, &manifest(9999), &read).change, Some(0));
}

#[test]
fn to_bless_one_profile_keeps_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port { filter: "demo".into(), language: Language::rust(), dir: folder.path().into() };
    let standard = Built::example("k", &[0; 1000]);
    bless(&port, &standard).unwrap();
    bless(&port, &Built { size_profile: SizeProfile::Min, ..Built::example("k", &[0; 700]) }).unwrap();
    assert_eq!(Baseline::shipped(&port, SizeProfile::Standard).unwrap(), Some(1000));
    assert_eq!(Baseline::shipped(&port, SizeProfile::Min).unwrap(), Some(700));
}

#[test]
fn a_broken_baseline_names_the_file_and_the_mend() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port { filter: "demo".into(), language: Language::rust(), dir: folder.path().into() };
    fs::write(folder.path().join("sizes.json"), "{").unwrap();
    fs::write(folder.path().join("filter.toml"), "summary = \"demo\"\ncallbacks = []\n").unwrap();
    let built = Built::example("k", &[0; 1000]);
    let error = Row::new(&port, built.clone()).unwrap().failure().unwrap();
    assert!(error.starts_with("demo: ") && error.contains("sizes.json") && error.contains("--bless"), "{error}");
    // It may hold what other compilers and profiles make, which this run has not seen.
    bless(&port, &built).unwrap_err();
    assert_eq!(fs::read_to_string(folder.path().join("sizes.json")).unwrap(), "{");
}

#[test]
fn the_table_is_the_same_on_a_terminal_and_in_markdown() {
    let built = Built { gzipped: 29, ..Built::example("k", &[0; 1000]) };
    let rows = [compare(built, &manifest(1234), &baseline(2000, "rustc 1.0.0"))];
    assert_eq!(
        text(&rows),
        "filter  language  profile    linked  optimised  shipped  gzipped  budget  change\n\
         demo    rust      standard  118,092      1,000    1,000       29   1,234  -1,000\n"
    );
    assert_eq!(
        markdown(&rows),
        "| filter | language | profile | linked | optimised | shipped | gzipped | budget | change |\n\
         | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n\
         | demo | rust | standard | 118,092 | 1,000 | 1,000 | 29 | 1,234 | -1,000 |\n"
    );
}

#[test]
fn the_keys_of_the_json_report_are_stable() {
    let rows = [compare(Built::example("k", &[0; 1000]), &manifest(1234), &baseline(2000, "rustc 1.0.0"))];
    let report: serde_json::Value = serde_json::from_str(&json(&rows).unwrap()).unwrap();
    let keys: Vec<&String> = report["ports"][0].as_object().unwrap().keys().collect();
    let stable = "abi baseline budget change dropped filter gzipped input language over_budget sha256 shipped \
                  size_profile stages toolchain";
    assert_eq!(keys, stable.split(' ').collect::<Vec<_>>());
    assert_eq!(report["ports"][0]["stages"][0]["stage"], "linked");
    assert_eq!(report["ports"][0]["change"], -1000);
}
