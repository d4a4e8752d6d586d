//! Filters that are served.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use crate::{Checkout, LANGUAGES};

/// The first header of that name in what a server on 127.0.0.1 answers.
fn header(port: u16, name: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let mut fields = answer.lines().filter_map(|line| line.split_once(": "));
    fields.find(|(field, _)| *field == name).map(|(_, value)| value.to_owned())
}

#[test]
fn a_new_filter_is_served_in_any_language() {
    let checkout = Checkout::copy();
    for lang in LANGUAGES {
        let name = format!("served-{lang}");
        checkout.xtask(&["new", &name, "--lang", lang]).succeeds();
        // Built before the lock is let go of, so that serving finds it built.
        checkout.xtask(&["build-all", "--dev", &name]).succeeds();
        let mut serve = checkout.command(&["serve", &name, "--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(serve.stdout.take().unwrap()).lines().map_while(Result::ok);
        let url = lines.find(|line| line.contains("try ")).unwrap_or_default();
        let port = url.trim_end_matches('/').rsplit(':').next().and_then(|port| port.parse().ok());
        let answered = port.and_then(|port| header(port, &format!("x-{name}")));
        serve.kill().unwrap();
        serve.wait().unwrap();
        // What keeps Envoy ends after it, and says so here.
        lines.for_each(drop);
        assert_eq!(answered.as_deref(), Some("hello"), "{lang}: {url}");
    }
}

#[test]
fn serving_ends_well_by_a_signal_to_it_alone() {
    let checkout = Checkout::copy();
    checkout.xtask(&["build-all", "--dev", "hello-header.zig"]).succeeds();
    let args = ["serve", "hello-header", "--lang", "zig", "--port", "0"];
    let mut serve = checkout.command(&args).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(serve.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("try ")), "it did not serve");
    let sent = Command::new("kill").args(["-INT", &serve.id().to_string()]).status().unwrap();
    assert!(sent.success());
    // Both the keeper of Envoy and this end: the first says so, and closes its output.
    assert_eq!(lines.last().as_deref(), Some("stopped"));
    assert!(serve.wait().unwrap().success());
}
