//! The image of every port on its whole way: packaged, pushed, deleted here, listed and pulled from the registry, held
//! against the cases, signed, verified, and served.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::checkout::Checkout;
use crate::copy::target;
use crate::registry::Registry;

struct Farm(Checkout);

impl Farm {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(arguments).current_dir(self.0.path("")).env("CARGO_TARGET_DIR", target());
        command.env("DOCKER_CONFIG", self.0.path("docker")).stdin(Stdio::null());
        command
    }

    /// What a command prints that succeeds.
    #[track_caller]
    fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
        said
    }

    fn list(&self, arguments: &[&str]) -> Vec<Value> {
        let said = self.run(&[&["list", "--format", "json"], arguments].concat());
        serde_json::from_str::<Value>(&said).unwrap()["images"].as_array().unwrap().clone()
    }
}

fn text(image: &Value, field: &str) -> String {
    image[field].as_str().unwrap_or_default().to_owned()
}

/// What a filter of the default configuration says to `curl`.
fn hello(address: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    write!(stream, "GET / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).is_ok() && answer.contains("hello: world\r\n")
}

#[test]
fn the_image_of_every_port_goes_to_a_registry_and_is_tested_and_served_from_there() {
    let (registry, farm) = (Registry::start(), Farm(Checkout::new()));
    farm.run(&["package", "hello-header", "--layout", "compat"]);
    let here = farm.list(&[]);
    let ports = std::fs::read_dir(farm.0.path("dist")).unwrap();
    let ports = ports.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|it| it == "wasm")).count();
    assert_eq!(here.len(), ports, "an image of each port");

    let local = |image: &Value| format!("{}:{}", text(image, "name"), text(image, "tag"));
    let mut references = Vec::new();
    for image in &here {
        let repository = registry.repository(&text(image, "name"));
        farm.run(&["push", &local(image), &repository]);
        let there = farm.list(&["--remote", &repository]);
        let found = there.iter().find(|it| it["tag"] == image["tag"]).unwrap();
        for field in ["language", "digest", "size"] {
            assert_eq!(found[field], image[field], "{repository}: {field}");
        }
        references.push((text(image, "language"), format!("{repository}:{}", text(image, "tag"))));
    }
    let names: Vec<String> = here.iter().map(local).collect();
    farm.run(&[&["rm"], &names.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat());
    assert!(farm.list(&[]).is_empty());

    let all: Vec<&str> = references.iter().map(|(_, reference)| reference.as_str()).collect();
    let said = farm.run(&[&["e2e", "--runtime", "host"], &all[..]].concat());
    assert!(said.contains("passed; 0 failed"), "{said}");
    for (language, reference) in &references {
        let report: Value = serde_json::from_str(&farm.run(&["inspect", reference, "--format", "json"])).unwrap();
        assert_eq!(report["facts"]["language"].as_str(), Some(language.as_str()), "{reference}");
        assert!(report["attached"].as_array().unwrap().len() >= 2, "{reference}: bill of materials and symbols");
    }

    // One of them from here on: the last, which is not Rust's where there is another.
    let (_, reference) = references.last().unwrap();
    let key = farm.0.path("key.pem");
    private_key(&key);
    farm.run(&["sign", reference, "--key", key.to_str().unwrap()]);
    let public = key.with_extension("pub");
    farm.run(&["verify", reference, "--key", public.to_str().unwrap()]);
    serves(&farm, reference);
}

/// An elliptic key, and beside it the public half.
fn private_key(path: &Path) {
    let openssl = |arguments: &[&str]| assert!(Command::new("openssl").args(arguments).status().unwrap().success());
    let (private, public) = (path.to_str().unwrap(), path.with_extension("pub"));
    openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", private]);
    openssl(&["pkey", "-in", private, "-pubout", "-out", public.to_str().unwrap()]);
}

#[track_caller]
fn serves(farm: &Farm, reference: &str) {
    let mut serve = farm.command(&["serve", reference, "--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(serve.stdout.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.find(|line| line.contains("try ")).unwrap_or_default();
    let address = line.split_once("http://").map(|(_, rest)| rest.trim_end_matches('/').to_owned());
    let answered = address.is_some_and(|address| hello(&address));
    serve.kill().unwrap();
    serve.wait().unwrap();
    // What keeps Envoy ends after it, and says so here.
    lines.for_each(drop);
    assert!(answered, "{reference}: {line}");
}
