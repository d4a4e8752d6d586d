//! What is exported for Envoy starts Envoy as it stands, and serves.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::machine::{Machine, tool};
use crate::registry::Registry;

/// An Envoy, and the address of its admin interface.
struct Envoy {
    child: Child,
    admin: String,
}

impl Envoy {
    fn start(machine: &Machine, config: &Path) -> Envoy {
        let admin = machine.path("admin");
        let log = fs::File::create(machine.path("envoy.log")).unwrap();
        let mut command = machine.command(&tool("WEIR_TEST_ENVOY"));
        command.arg("-c").arg(config).arg("--admin-address-path").arg(&admin);
        command.args(["--concurrency", "1", "--disable-hot-restart", "-l", "warning"]);
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut envoy = Envoy { child, admin: String::new() };
        let deadline = Instant::now() + Duration::from_secs(60);
        while envoy.admin.is_empty() || !get(&envoy.admin, "/ready").is_ok_and(|answer| answer.contains("LIVE")) {
            envoy.admin = fs::read_to_string(&admin).unwrap_or_default().trim().to_owned();
            let ended = envoy.child.try_wait().unwrap();
            let said = || fs::read_to_string(machine.path("envoy.log")).unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "Envoy does not start: {}", said());
            std::thread::sleep(Duration::from_millis(50));
        }
        envoy
    }

    /// The address of its one listener.
    fn listener(&self) -> String {
        let answer = get(&self.admin, "/listeners?format=json").unwrap();
        let listeners: Value = serde_json::from_str(body(&answer)).unwrap();
        let address = &listeners["listener_statuses"][0]["local_address"]["socket_address"];
        format!("127.0.0.1:{}", address["port_value"])
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn get(address: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.contains("transfer-encoding: chunked") => {
            format!("{head}\r\n\r\n{}", unchunked(body))
        }
        _ => answer,
    })
}

/// A body without the sizes of its chunks.
fn unchunked(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or_default();
        body += &after[..size];
        rest = after.get(size + 2..).unwrap_or_default();
    }
    body
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// A service that says yes to everything.
fn upstream() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut buffer = [0; 4096];
            if client.read(&mut buffer).is_ok_and(|read| read > 0) {
                client.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nyes").ok();
            }
        }
    });
    format!("http://{address}")
}

/// Lets Envoy itself judge a configuration.
#[track_caller]
fn validates(machine: &Machine, config: &str) {
    machine.run("WEIR_TEST_ENVOY", &["--mode", "validate", "-c", config]).succeeds();
}

fn exported(machine: &Machine, name: &str, arguments: &[&str]) {
    let text = machine.weir([&["export", "envoy"], arguments].concat()).succeeds().stdout();
    fs::write(machine.path(name), text).unwrap();
}

#[test]
fn an_exported_chain_serves() {
    let (registry, machine) = (Registry::start(), Machine::new());
    machine.push(&registry.repository("demo"));
    let (image, upstream) = (format!("{}:1", registry.repository("demo")), upstream());
    let chain = format!("first={image},second={image}");
    let config = r#"second={"response": [{"op": "append", "name": "x-second", "value": "here"}]}"#;
    let places = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--upstream", &upstream];
    exported(&machine, "envoy.yaml", &[&[&chain, "--config", config], &places[..]].concat());
    validates(&machine, "envoy.yaml");
    let envoy = Envoy::start(&machine, &machine.path("envoy.yaml"));
    let answer = get(&envoy.listener(), "/").unwrap().to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 200") && body(&answer) == "yes", "{answer}");
    assert!(answer.contains("hello: world\r\n"), "the first filter acts: {answer}");
    assert!(answer.contains("x-second: here\r\n"), "the second one does, with its configuration: {answer}");
}

#[test]
fn a_module_in_the_configuration_itself_needs_no_file() {
    let machine = Machine::new();
    machine.package();
    let places = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--upstream", &upstream()];
    exported(&machine, "envoy.json", &[&["demo:1-oci", "--inline", "--format", "json"], &places[..]].concat());
    assert!(!machine.path("dist/modules").exists());
    let envoy = Envoy::start(&machine, &machine.path("envoy.json"));
    let answer = get(&envoy.listener(), "/").unwrap();
    assert!(answer.contains("hello: world\r\n"), "{answer}");
}

/// What a filter may do is what it imports: less, and it would not work.
#[test]
fn the_capabilities_are_the_least_that_the_filter_works_with() {
    let machine = Machine::new();
    machine.package();
    let places = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--upstream", &upstream()];
    exported(&machine, "full.json", &[&["demo:1", "--format", "json"], &places[..]].concat());
    let mut less: Value = serde_json::from_str(&fs::read_to_string(machine.path("full.json")).unwrap()).unwrap();
    let pointer = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config/capability_restriction_config/allowed_capabilities";
    less.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove("proxy_on_response_headers").unwrap();
    fs::write(machine.path("less.json"), less.to_string()).unwrap();
    let hello = |config: &str| {
        let envoy = Envoy::start(&machine, &machine.path(config));
        get(&envoy.listener(), "/").unwrap().contains("hello: world\r\n")
    };
    assert!(hello("full.json"));
    assert!(!hello("less.json"), "the restriction is not in force");
}

#[test]
fn a_chain_is_merged_into_a_bootstrap_from_the_standard_input() {
    let machine = Machine::new();
    machine.package();
    let places = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--upstream", &upstream()];
    exported(&machine, "base.yaml", &[&["base=demo:1"], &places[..]].concat());
    let mut command = machine.command(Path::new(env!("CARGO_BIN_EXE_weir-oci")));
    command.args(["export", "envoy", "added=demo:1", "-b", "-"]);
    command.stdin(fs::File::open(machine.path("base.yaml")).unwrap());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::write(machine.path("merged.yaml"), &output.stdout).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let order: Vec<usize> = ["- name: base", "- name: added", "- name: envoy.filters.http.router"]
        .iter()
        .map(|name| text.find(name).unwrap_or_else(|| panic!("{name} is not in {text}")))
        .collect();
    assert!(order.is_sorted(), "{text}");
    validates(&machine, "merged.yaml");
}

#[test]
fn a_configuration_that_the_filter_would_refuse_is_not_exported() {
    let machine = Machine::new();
    machine.package();
    let run = machine.weir(["export", "envoy", "demo:1", "--config", "[]"]);
    run.fails_with("demo does not take this configuration:\n  the configuration: [] is not of type \"object\"");
    machine.weir(["export", "istio", "demo:1"]).fails_with("`cargo xtask push demo:1 REGISTRY/REPOSITORY`");
}
