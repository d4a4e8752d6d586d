//! Push, list, pull, tag, rm: a filter's way to a registry and back.

use std::fs;

use crate::machine::{Machine, module};
use crate::registry::Registry;

#[test]
fn an_image_goes_there_and_back() {
    let (registry, machine) = (Registry::start(), Machine::new());
    machine.package();
    let repository = registry.repository("team/demo");
    let pushed = machine.weir(["push", "demo:1", &repository]).succeeds();
    let listed = machine.weir(["list", "--remote", &repository, "--format", "json"]).succeeds().json();
    let image = &listed["images"][0];
    assert_eq!(
        (&image["tag"], &image["language"], &image["date"]),
        (&"1".into(), &"rust".into(), &"2023-11-14".into())
    );
    assert_eq!(image["digest"], pushed.digest().as_str());

    for layout in ["", "-docker", "-oci", "-cncf"] {
        machine.weir(["rm", &format!("demo:1{layout}")]).succeeds();
    }
    assert!(machine.weir(["list"]).succeeds().stdout().lines().count() == 1, "only the head is left");
    let reference = format!("{repository}:1");
    let pulled = machine.weir(["pull", &reference, "--output", "back.wasm"]).succeeds();
    assert_eq!(pulled.digest(), pushed.digest());
    assert_eq!(fs::read(machine.path("back.wasm")).unwrap(), fs::read(module()).unwrap());

    let report = machine.weir(["inspect", &reference, "--format", "json"]).succeeds().json();
    assert_eq!(report["facts"]["summary"], "A demo.");
    assert_eq!(report["abi"], "0.2.1");
    assert_eq!(report["attached"].as_array().unwrap().len(), 2, "the bill of materials and the symbols came along");
    assert!(report["functions_by_size"][0]["bytes"].as_u64().unwrap() > 0);
}

#[test]
fn every_layout_goes_there_and_back() {
    let (registry, machine) = (Registry::start(), Machine::new());
    machine.package();
    let other = Machine::new();
    for layout in ["", "-docker", "-oci", "-cncf"] {
        let local = format!("demo:1{layout}");
        let pushed = machine.weir(["push", &local, &registry.repository("demo")]).succeeds();
        let reference = format!("{}:1{layout}", registry.repository("demo"));
        assert_eq!(other.weir(["pull", &reference, "-o", "back.wasm"]).succeeds().digest(), pushed.digest());
        assert_eq!(fs::read(other.path("back.wasm")).unwrap(), fs::read(module()).unwrap(), "{layout}");
    }
    let listed = machine.weir(["list", "--remote", &registry.repository("demo"), "--format", "json"]).succeeds().json();
    let images = listed["images"].as_array().unwrap();
    assert_eq!(images.len(), 4);
    assert!(images.iter().all(|image| image["filter"] == "demo"), "{images:?}");
}

#[test]
fn two_machines_make_the_same_image() {
    let [one, two] = [Machine::new(), Machine::new()];
    for machine in [&one, &two] {
        machine.package();
    }
    let list = |machine: &Machine| machine.weir(["list", "--format", "json"]).succeeds().json();
    assert_eq!(list(&one), list(&two));
    assert_eq!(list(&one)["images"].as_array().unwrap().len(), 4);
}

#[test]
fn a_name_is_given_and_pushed_and_deleted() {
    let (registry, machine) = (Registry::start(), Machine::new());
    machine.package();
    let reference = format!("{}:2", registry.repository("demo"));
    machine.weir(["tag", "demo:1", &reference]).succeeds();
    machine.weir(["push", &reference]).succeeds();
    machine.weir(["rm", "--remote", &reference]).succeeds();
    machine.weir(["pull", &reference]).fails_with("it is not there (404)");
    machine.weir(["push", "demo:1"]).fails_with("where should demo:1 go?");
}

#[test]
fn what_is_there_already_is_not_sent_again() {
    let (registry, machine) = (Registry::start(), Machine::new());
    machine.package();
    let first = machine.weir(["push", "demo:1", &registry.repository("demo")]).succeeds();
    assert!(first.stderr().contains("bytes)"), "{}", first.stderr());
    let second = machine.weir(["push", "demo:1", &registry.repository("demo")]).succeeds();
    assert!(!second.stderr().contains("bytes)"), "{}", second.stderr());
}
