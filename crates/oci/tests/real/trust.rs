//! Who we are to a registry, and who it is to us: credentials from everywhere, and a certificate of its own authority.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::machine::Machine;
use crate::registry::{PASSWORD, Registry, Setup, USER};

fn asking() -> Registry {
    Registry::with(&Setup { authentication: true, ..Setup::default() })
}

/// Writes Docker's configuration.
fn docker(machine: &Machine, config: &serde_json::Value) {
    fs::create_dir_all(machine.path("docker")).unwrap();
    fs::write(machine.path("docker/config.json"), config.to_string()).unwrap();
}

#[test]
fn a_registry_that_asks_who_we_are_is_told_how_to_say_it() {
    let (registry, mut machine) = (asking(), Machine::new());
    machine.package();
    let repository = registry.repository("demo");
    let unknown = machine.weir(["push", "demo:1", &repository]).fails_with("asks who you are (401)");
    assert!(unknown.stderr().contains(&format!("docker login {}", registry.address)), "{}", unknown.stderr());
    machine.weir(["pull", &format!("{repository}:1")]).fails_with("asks who you are (401)");
    machine.set("WEIR_REGISTRY_USER", USER);
    machine.set("WEIR_REGISTRY_PASSWORD", "wrong");
    let wrong = machine.weir(["push", "demo:1", &repository]);
    let wrong = wrong.fails_with("does not accept the credentials from the environment (401)");
    assert!(!wrong.stderr().contains("(try"), "what is refused is not tried again: {}", wrong.stderr());
}

#[test]
fn credentials_come_from_the_environment() {
    let (registry, mut machine) = (asking(), Machine::new());
    machine.set("WEIR_REGISTRY_USER", USER);
    machine.set("WEIR_REGISTRY_PASSWORD", PASSWORD);
    machine.push(&registry.repository("demo"));
    machine.weir(["pull", &format!("{}:1", registry.repository("demo"))]).succeeds();
    machine.weir(["list", "--remote", &registry.repository("demo")]).succeeds();
    machine.weir(["rm", "--remote", &format!("{}:1", registry.repository("demo"))]).succeeds();
}

#[test]
fn credentials_come_from_dockers_configuration() {
    let (registry, machine) = (asking(), Machine::new());
    let auth = BASE64.encode(format!("{USER}:{PASSWORD}"));
    docker(&machine, &serde_json::json!({ "auths": { &registry.address: { "auth": auth } } }));
    machine.push(&registry.repository("demo"));
}

#[test]
fn credentials_come_from_a_helper() {
    let (registry, mut machine) = (asking(), Machine::new());
    let answer = serde_json::json!({ "ServerURL": registry.address, "Username": USER, "Secret": PASSWORD });
    let helper = machine.path("bin/docker-credential-test");
    fs::create_dir_all(helper.parent().unwrap()).unwrap();
    fs::write(&helper, format!("#!/bin/sh\n[ \"$1\" = get ] && cat >/dev/null && echo '{answer}'\n")).unwrap();
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
    docker(&machine, &serde_json::json!({ "credHelpers": { &registry.address: "test" } }));
    let path = std::env::var("PATH").unwrap();
    machine.set("PATH", &format!("{}:{path}", helper.parent().unwrap().display()));
    machine.push(&registry.repository("demo"));
}

#[test]
fn a_private_authority_is_trusted_only_when_it_is_named() {
    let machine = Machine::new();
    let (certificate, key, authority) = (machine.path("cert.pem"), machine.path("key.pem"), machine.path("ca.pem"));
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    fs::write(&authority, ca.self_signed(&ca_key).unwrap().pem()).unwrap();
    let server_key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["127.0.0.1".into(), "localhost".into()]).unwrap();
    let signed = server.signed_by(&server_key, &Issuer::new(ca, ca_key)).unwrap();
    fs::write(&certificate, signed.pem()).unwrap();
    fs::write(&key, server_key.serialize_pem()).unwrap();
    let registry = Registry::with(&Setup { tls: Some((&certificate, &key)), ..Setup::default() });
    machine.package();
    let repository = registry.repository("demo");
    machine.weir(["push", "demo:1", &repository, "--ca", "ca.pem"]).succeeds();
    machine.weir(["rm", "--remote", &format!("{repository}:1"), "--ca", "ca.pem"]).succeeds();

    // Another authority is no reason to trust this one.
    let other = CertificateParams::new(Vec::new()).unwrap().self_signed(&KeyPair::generate().unwrap()).unwrap();
    fs::write(machine.path("other.pem"), other.pem()).unwrap();
    machine.weir(["push", "demo:1", &repository, "--ca", "other.pem"]).fails_with("is not trusted");
    machine.weir(["push", "demo:1", &repository, "--ca", "facts.json"]).fails_with("holds no certificate in PEM");
}

#[test]
fn a_registry_without_tls_is_told_from_one_that_is_not_trusted() {
    let (registry, machine) = (Registry::start(), Machine::new());
    machine.package();
    fs::write(machine.path("ca.pem"), {
        let key = KeyPair::generate().unwrap();
        CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap().pem()
    })
    .unwrap();
    let run = machine.weir(["push", "demo:1", &registry.repository("demo"), "--ca", "ca.pem"]);
    run.fails_with("it seems to speak plain HTTP: ask for that with --plain-http");
}

#[test]
fn a_registry_that_is_not_there_is_told_at_once() {
    let machine = Machine::new();
    // Nothing listens on a port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let run = machine.weir(["pull", &format!("127.0.0.1:{port}/demo:1")]).fails_with("cannot be reached");
    assert!(!run.stderr().contains("(try"), "{}", run.stderr());
}
