//! What lies between a user and a registry: a proxy that can lose connections and answer in the registry's place.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is passed on.
    Pass,
    /// The answer's body is cut off after so many bytes.
    Cut(usize),
    /// It is answered with this status.
    Answer(u16),
}

/// A proxy before a registry.
pub(crate) struct Proxy {
    /// Host and port.
    pub(crate) address: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// A proxy that asks `judge` what becomes of each request, by its first line and the number of requests before it
    /// that had the same one.
    pub(crate) fn before(registry: &str, judge: impl Fn(&str, usize) -> Fate + Send + Sync + 'static) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (registry, judge, log) = (registry.to_owned(), Arc::new(judge), Arc::clone(&seen));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (registry, judge, log) = (registry.clone(), Arc::clone(&judge), Arc::clone(&log));
                // A client that goes away is no error of the proxy's.
                thread::spawn(move || serve(client, &registry, &*judge, &log).ok());
            }
        });
        Proxy { address, seen }
    }

    /// The first lines of the requests that came.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(
    mut client: TcpStream,
    registry: &str,
    judge: &dyn Fn(&str, usize) -> Fate,
    log: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let (mut head, mut length, mut first) = (String::new(), 0, String::new());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if first.is_empty() {
            first = line.trim().to_owned();
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
        if !lower.starts_with("connection:") {
            head += &line;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let before = {
        let mut seen = log.lock().unwrap();
        seen.push(first.clone());
        seen.iter().filter(|it| **it == first).count() - 1
    };
    let fate = judge(&first, before);
    if let Fate::Answer(status) = fate {
        return write!(client, "HTTP/1.1 {status} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    }
    let mut upstream = TcpStream::connect(registry)?;
    // One request a connection, so that the answer ends where the connection does.
    write!(upstream, "{head}Connection: close\r\n\r\n")?;
    upstream.write_all(&body)?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer)?;
    if let Fate::Cut(bytes) = fate {
        let body = answer.windows(4).position(|it| it == b"\r\n\r\n").map_or(0, |at| at + 4);
        answer.truncate(body + bytes);
    }
    client.write_all(&answer)
}
