//! Images as skopeo and oras read them.

use std::fs;

use crate::machine::{Machine, module};
use crate::registry::Registry;

#[test]
fn skopeo_reads_a_layout_and_copies_it_unchanged() {
    let machine = Machine::new();
    machine.package();
    for layout in ["", "-oci", "-cncf"] {
        let place = format!("oci:dist/oci/demo:1{layout}");
        let raw = machine.run("WEIR_TEST_SKOPEO", &["inspect", "--raw", &place]).succeeds().json();
        assert_eq!(raw["annotations"]["weir.filter"], "demo", "{layout}");
    }
    let listed = machine.weir(["list", "--format", "json"]).succeeds().json();
    let digest = listed["images"].as_array().unwrap().iter().find(|it| it["tag"] == "1").unwrap()["digest"].clone();
    let report = machine.run("WEIR_TEST_SKOPEO", &["inspect", "oci:dist/oci/demo:1"]).succeeds().json();
    assert_eq!(report["Digest"], digest);
    assert_eq!(report["Labels"]["org.opencontainers.image.title"], "demo");
    machine.run("WEIR_TEST_SKOPEO", &["copy", "oci:dist/oci/demo:1", "oci:copy:1"]).succeeds();
    let copied = machine.run("WEIR_TEST_SKOPEO", &["inspect", "oci:copy:1"]).succeeds().json();
    assert_eq!(copied["Digest"], digest);
}

#[test]
fn skopeo_copies_between_registries_and_what_arrives_is_pulled() {
    let (registry, machine) = (Registry::start(), Machine::new());
    machine.push(&registry.repository("demo"));
    let (from, to) =
        (format!("docker://{}:1", registry.repository("demo")), format!("docker://{}:2", registry.repository("other")));
    let insecure = ["copy", "--src-tls-verify=false", "--dest-tls-verify=false"];
    machine.run("WEIR_TEST_SKOPEO", &[&insecure[..], &[&from, &to]].concat()).succeeds();
    machine.weir(["pull", &format!("{}:2", registry.repository("other")), "-o", "back.wasm"]).succeeds();
    assert_eq!(fs::read(machine.path("back.wasm")).unwrap(), fs::read(module()).unwrap());
}

#[test]
fn oras_pulls_the_module_and_finds_what_is_attached() {
    let (registry, machine) = (Registry::start(), Machine::new());
    machine.package();
    machine.weir(["push", "demo:1-oci", &registry.repository("demo")]).succeeds();
    let reference = format!("{}:1-oci", registry.repository("demo"));
    machine.run("WEIR_TEST_ORAS", &["pull", "--plain-http", &reference, "--output", "pulled"]).succeeds();
    assert_eq!(fs::read(machine.path("pulled/plugin.wasm")).unwrap(), fs::read(module()).unwrap());
    let found = machine.run("WEIR_TEST_ORAS", &["discover", "--plain-http", "--format", "json", &reference]);
    let found = found.succeeds().json();
    let mut types: Vec<&str> =
        found["manifests"].as_array().unwrap().iter().filter_map(|it| it["artifactType"].as_str()).collect();
    types.sort_unstable();
    assert_eq!(types, ["application/vnd.cyclonedx+json", "application/vnd.weir.symbols.v1+text"]);
}

#[test]
fn what_oras_pushed_is_pulled() {
    let (registry, machine) = (Registry::start(), Machine::new());
    fs::copy(module(), machine.path("plugin.wasm")).unwrap();
    let reference = format!("{}:theirs", registry.repository("demo"));
    let file = "plugin.wasm:application/vnd.module.wasm.content.layer.v1+wasm";
    machine.run("WEIR_TEST_ORAS", &["push", "--plain-http", &reference, file]).succeeds();
    machine.weir(["pull", &reference, "-o", "back.wasm"]).succeeds();
    assert_eq!(fs::read(machine.path("back.wasm")).unwrap(), fs::read(module()).unwrap());
}
