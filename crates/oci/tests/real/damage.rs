//! What may happen to an image on its way, and in the registry itself.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::machine::Machine;
use crate::proxy::{Fate, Proxy};
use crate::registry::Registry;

/// The manifest of an image in a registry, without authentication.
fn manifest(registry: &Registry, name: &str, reference: &str) -> (String, Value) {
    let mut stream = TcpStream::connect(&registry.address).unwrap();
    let accept = "application/vnd.oci.image.manifest.v1+json";
    write!(
        stream,
        "GET /v2/{name}/manifests/{reference} HTTP/1.1\r\nhost: {}\r\naccept: {accept}\r\nconnection: close\r\n\r\n",
        registry.address
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (body.to_owned(), serde_json::from_str(body).unwrap())
}

fn put_manifest(registry: &Registry, name: &str, tag: &str, body: &str) {
    let mut stream = TcpStream::connect(&registry.address).unwrap();
    let media = "application/vnd.oci.image.manifest.v1+json";
    write!(stream, "PUT /v2/{name}/manifests/{tag} HTTP/1.1\r\nhost: {}\r\ncontent-type: {media}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", registry.address, body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

fn layer(manifest: &Value) -> String {
    manifest["layers"][0]["digest"].as_str().unwrap().to_owned()
}

#[test]
fn a_pull_goes_on_where_its_connection_broke() {
    let (registry, machine) = (Registry::start(), Machine::new());
    machine.push(&registry.repository("demo"));
    let digest = layer(&manifest(&registry, "demo", "1").1);
    let of_layer = move |line: &str| line.starts_with("GET") && line.contains(&digest);
    let proxy = Proxy::before(&registry.address, move |line, before| match before {
        0 if of_layer(line) => Fate::Cut(5000),
        1 if of_layer(line) => Fate::Cut(3000),
        _ => Fate::Pass,
    });
    let other = Machine::new();
    let run = other.weir(["pull", &format!("{}/demo:1", proxy.address)]).succeeds();
    assert!(run.stderr().contains("going on at byte 5,000"), "{}", run.stderr());
    assert!(run.stderr().contains("going on at byte 8,000"), "{}", run.stderr());
}

#[test]
fn a_registry_that_fails_for_a_while_is_asked_again() {
    let (registry, machine) = (Registry::start(), Machine::new());
    machine.package();
    let sent = AtomicUsize::new(0);
    let proxy = Proxy::before(&registry.address, move |line, before| match before {
        // Every upload has a place of its own.
        _ if line.starts_with("PUT") && sent.fetch_add(1, Ordering::Relaxed) == 0 => Fate::Answer(503),
        0 if line.starts_with("HEAD") => Fate::Answer(429),
        _ => Fate::Pass,
    });
    let run = machine.weir(["push", "demo:1", &format!("{}/demo", proxy.address)]).succeeds();
    for reason in ["itself failed (503)", "too many requests (429)", "(try 1 of 5"] {
        assert!(run.stderr().contains(reason), "{reason} is not in {}", run.stderr());
    }
    Machine::new().weir(["pull", &format!("{}:1", registry.repository("demo"))]).succeeds();
}

#[test]
fn a_registry_that_goes_on_failing_is_given_up_and_told() {
    let (registry, machine) = (Registry::start(), Machine::new());
    machine.push(&registry.repository("demo"));
    let proxy = Proxy::before(&registry.address, |line, _| match line.contains("/manifests/") {
        true => Fate::Answer(500),
        false => Fate::Pass,
    });
    let run = machine.weir(["pull", &format!("{}/demo:1", proxy.address)]).fails_with("itself failed (500)");
    assert_eq!(proxy.seen().iter().filter(|line| line.contains("/manifests/")).count(), 5, "{}", run.stderr());
    let forbidding = Proxy::before(&registry.address, |line, _| match line.contains("/manifests/") {
        true => Fate::Answer(403),
        false => Fate::Pass,
    });
    let run = machine.weir(["pull", &format!("{}/demo:1", forbidding.address)]).fails_with("does not allow it (403)");
    assert_eq!(forbidding.seen().iter().filter(|line| line.contains("/manifests/")).count(), 1, "{}", run.stderr());
}

#[test]
fn an_image_is_pulled_where_lists_of_what_is_attached_are_not_known() {
    let (registry, machine) = (Registry::start(), Machine::new());
    machine.push(&registry.repository("demo"));
    let proxy = Proxy::before(&registry.address, |line, _| match line.contains("/referrers/") {
        true => Fate::Answer(400),
        false => Fate::Pass,
    });
    let run = Machine::new().weir(["pull", &format!("{}/demo:1", proxy.address)]).succeeds();
    assert!(run.stderr().contains("going on without"), "{}", run.stderr());
}

#[test]
fn a_blob_that_was_altered_in_the_registry_is_refused() {
    let (registry, machine) = (Registry::start(), Machine::new());
    machine.push(&registry.repository("demo"));
    let path = registry.blob(&layer(&manifest(&registry, "demo", "1").1));
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let other = Machine::new();
    let reference = format!("{}:1", registry.repository("demo"));
    let run = other.weir(["pull", &reference]).fails_with("was altered there or on the way; do not use it");
    assert!(!run.stderr().contains("(try"), "{}", run.stderr());
    assert_eq!(other.weir(["list"]).succeeds().stdout().lines().count(), 1, "nothing was kept");
    bytes.push(0);
    fs::write(&path, &bytes).unwrap();
    other.weir(["pull", &reference]).fails_with("bytes where the manifest says");
}

#[test]
fn a_manifest_that_is_not_the_one_that_was_asked_for_is_refused() {
    let (registry, machine) = (Registry::start(), Machine::new());
    machine.push(&registry.repository("demo"));
    let listed = machine.weir(["list", "--format", "json"]).succeeds().json();
    let images = listed["images"].as_array().unwrap();
    let digest = images.iter().find(|it| it["tag"] == "1").unwrap()["digest"].as_str().unwrap();
    let path = registry.blob(digest);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("A demo.", "A trap.")).unwrap();
    let other = Machine::new();
    other.weir(["pull", &format!("{}@{digest}", registry.repository("demo"))]).fails_with("altered");
}

#[test]
fn a_layer_of_five_gibibytes_is_not_fetched() {
    let (registry, machine) = (Registry::start(), Machine::new());
    machine.push(&registry.repository("demo"));
    let (_, mut huge) = manifest(&registry, "demo", "1");
    let digest = layer(&huge);
    huge["layers"][0]["size"] = (5_u64 << 30).into();
    put_manifest(&registry, "demo", "huge", &huge.to_string());
    let proxy = Proxy::before(&registry.address, |_, _| Fate::Pass);
    let run = machine.weir(["pull", &format!("{}/demo:huge", proxy.address)]);
    run.fails_with("its layer has 5368709120 bytes, and a filter has at most 67108864: not fetched");
    assert!(!proxy.seen().iter().any(|line| line.contains(&digest)), "{:?}", proxy.seen());
}

#[test]
fn what_envoy_would_not_take_is_not_kept() {
    let (registry, machine) = (Registry::start(), Machine::new());
    machine.push(&registry.repository("demo"));
    let (_, mut wrong) = manifest(&registry, "demo", "1");
    // A configuration is no module; the manifest says that it is one.
    wrong["layers"] = serde_json::json!([wrong["config"].clone()]);
    wrong["layers"][0]["mediaType"] = "application/wasm".into();
    put_manifest(&registry, "demo", "wrong", &wrong.to_string());
    let other = Machine::new();
    let run = other.weir(["pull", &format!("{}:wrong", registry.repository("demo"))]);
    run.fails_with(
        "is not usable, and was not kept: Envoy would not take the module: this is not a WebAssembly module",
    );
    assert_eq!(other.weir(["list"]).succeeds().stdout().lines().count(), 1);
}
