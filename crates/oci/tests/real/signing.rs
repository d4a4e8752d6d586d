//! Signatures: what is signed with a key is known by it, and nothing else is; and cosign agrees, where it is there.

use std::fs;
use std::process::Command;

use crate::machine::{Machine, tool};
use crate::registry::Registry;

/// A pair of keys as openssl makes them: `NAME.key` and `NAME.pub`.
fn keys(machine: &Machine, name: &str) {
    let openssl = |arguments: &[&str]| {
        let status = Command::new("openssl").args(arguments).current_dir(machine.path("")).output().unwrap();
        assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    };
    let key = format!("{name}.key");
    openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", &key]);
    openssl(&["pkey", "-in", &key, "-pubout", "-out", &format!("{name}.pub")]);
}

#[test]
fn what_is_signed_is_known_by_its_key_and_pulled_with_it() {
    let (registry, machine) = (Registry::start(), Machine::new());
    ["ours", "theirs"].iter().for_each(|name| keys(&machine, name));
    machine.push(&registry.repository("demo"));
    let reference = format!("{}:1", registry.repository("demo"));
    machine.weir(["verify", &reference, "--key", "ours.pub"]).fails_with("is not signed");
    machine.weir(["pull", &reference, "--key", "ours.pub"]).fails_with("is not signed");
    machine.weir(["sign", &reference, "--key", "theirs.key"]).succeeds();
    machine.weir(["verify", &reference, "--key", "ours.pub"]).fails_with("one is by somebody else");
    machine.weir(["sign", &reference, "--key", "ours.key"]).succeeds();
    // Signing twice changes nothing.
    machine.weir(["sign", &reference, "--key", "ours.key"]).succeeds();
    let verified = machine.weir(["verify", &reference, "--key", "ours.pub"]).succeeds();
    assert!(verified.stdout().contains("(one signature)"), "{}", verified.stdout());
    machine.weir(["verify", &reference, "--key", "theirs.pub"]).succeeds();
    machine.weir(["pull", &reference, "--key", "ours.pub"]).succeeds();
    let listed = machine.weir(["list", "--remote", &registry.repository("demo"), "--format", "json"]).succeeds();
    assert_eq!(listed.json()["images"].as_array().unwrap().len(), 1, "a signature is no image");
}

#[test]
fn what_was_altered_after_it_was_signed_is_refused() {
    let (registry, machine) = (Registry::start(), Machine::new());
    keys(&machine, "ours");
    machine.push(&registry.repository("demo"));
    let reference = format!("{}:1", registry.repository("demo"));
    machine.weir(["sign", &reference, "--key", "ours.key"]).succeeds();
    // The tag is moved to another image.
    machine.weir(["push", "demo:1-oci", &reference]).succeeds();
    machine.weir(["verify", &reference, "--key", "ours.pub"]).fails_with("is not signed");
    // And the other image is given the first one's signature.
    let digest = |tag: &str| {
        let listed = machine.weir(["list", "--format", "json"]).succeeds().json();
        let image = listed["images"].as_array().unwrap().iter().find(|it| it["tag"] == tag).unwrap().clone();
        image["digest"].as_str().unwrap().replace(':', "-")
    };
    let place = |digest: String| format!("docker://{}:{digest}.sig", registry.repository("demo"));
    let copy = ["copy", "--src-tls-verify=false", "--dest-tls-verify=false"];
    let (from, to) = (place(digest("1")), place(digest("1-oci")));
    machine.run("WEIR_TEST_SKOPEO", &[&copy[..], &[&from, &to]].concat()).succeeds();
    machine.weir(["verify", &reference, "--key", "ours.pub"]).fails_with("what is signed is another image");
}

#[test]
fn a_signed_image_whose_layer_was_altered_is_refused() {
    let (registry, machine) = (Registry::start(), Machine::new());
    keys(&machine, "ours");
    machine.push(&registry.repository("demo"));
    let reference = format!("{}:1", registry.repository("demo"));
    machine.weir(["sign", &reference, "--key", "ours.key"]).succeeds();
    let folder = machine.path("dist/oci/demo/blobs/sha256");
    // The largest blob is the module of one layout or another; alter each in the registry that it has.
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = registry.blob(&format!("sha256:{}", entry.file_name().to_string_lossy()));
        if let (true, Ok(mut bytes)) = (entry.metadata().unwrap().len() > 10_000, fs::read(&path)) {
            bytes[20] ^= 1;
            fs::write(&path, bytes).unwrap();
        }
    }
    machine.weir(["verify", &reference, "--key", "ours.pub"]).fails_with("was altered");
}

#[test]
#[ignore = "cosign takes minutes to build; `cargo xtask test-images --cosign PATH` runs this with one that is there"]
fn cosign_and_we_know_each_others_signatures() {
    let (registry, mut machine) = (Registry::start(), Machine::new());
    machine.set("COSIGN_PASSWORD", "s3cret");
    let cosign = |machine: &Machine, arguments: &[&str]| {
        let output = machine.command(&tool("WEIR_TEST_COSIGN")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    cosign(&machine, &["generate-key-pair"]);
    machine.push(&registry.repository("demo"));
    machine.weir(["push", "demo:1-oci", &registry.repository("demo")]).succeeds();
    let (ours, theirs) =
        (format!("{}:1", registry.repository("demo")), format!("{}:1-oci", registry.repository("demo")));
    machine.weir(["sign", &ours, "--key", "cosign.key"]).succeeds();
    let offline = ["--insecure-ignore-tlog", "--allow-http-registry"];
    cosign(&machine, &[&["verify", "--key", "cosign.pub", &ours], &offline[..]].concat());
    let sign = ["sign", "--yes", "--tlog-upload=false", "--allow-http-registry", "--key", "cosign.key", &theirs];
    cosign(&machine, &sign);
    machine.weir(["verify", &theirs, "--key", "cosign.pub"]).succeeds();
}
