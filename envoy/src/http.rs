//! The two ends of an exchange: a client, and upstreams that answer as they are told.
//!
//! Both stand on hyper's HTTP/1.1, whose header values are bytes: what is not UTF-8 goes through as it is.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use weir_cases::{Answer, Header, Request, SeenRequest, SeenResponse};

/// No exchange of a case is meant to take long; a filter that hangs must not hang the run.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Sends one request over a connection of its own and reads the whole answer.
///
/// `Host` is the address, unless the request says one itself. Redirections are not followed, nothing is decoded.
///
/// # Errors
/// The request cannot be said in HTTP/1.1, nothing listens there, or no whole answer comes within 20 seconds.
pub async fn send(to: SocketAddr, request: &Request) -> Result<SeenResponse> {
    tokio::time::timeout(TIMEOUT, exchange(to, request))
        .await
        .with_context(|| format!("no answer from {to} within {} seconds", TIMEOUT.as_secs()))?
}

async fn exchange(to: SocketAddr, request: &Request) -> Result<SeenResponse> {
    let request = client_request(to, request)?;
    let stream = TcpStream::connect(to).await.with_context(|| format!("cannot connect to {to}"))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // The connection's own error comes back through the sender, too.
    let connection = tokio::spawn(async move { drop(connection.await) });
    let answer = sender.send_request(request).await.context("the connection broke before an answer came")?;
    let (head, body) = answer.into_parts();
    let body = body.collect().await.context("the connection broke in the answer's body")?.to_bytes();
    connection.abort();
    Ok(SeenResponse {
        status: head.status.as_u16(),
        headers: seen(&head.headers),
        body: bytes_of(&body),
        ..Default::default()
    })
}

fn client_request(to: SocketAddr, request: &Request) -> Result<hyper::Request<Full<Bytes>>> {
    let body = Full::new(Bytes::from(request.body.bytes().0));
    let mut built = hyper::Request::builder()
        .method(request.method.as_bytes())
        .uri(request.path.as_str())
        .body(body)
        .with_context(|| format!("{} {} is not a request line", request.method, request.path))?;
    fill(built.headers_mut(), &request.headers)?;
    if !built.headers().contains_key(HOST) {
        built.headers_mut().insert(HOST, HeaderValue::from_str(&to.to_string())?);
    }
    Ok(built)
}

fn fill(map: &mut HeaderMap, headers: &[Header]) -> Result<()> {
    for header in headers {
        let name = HeaderName::from_bytes(header.name.as_bytes())
            .with_context(|| format!("{:?} is not a header name", header.name))?;
        let value = HeaderValue::from_bytes(&header.value.0)
            .with_context(|| format!("{} is not a header value", header.value))?;
        map.append(name, value);
    }
    Ok(())
}

fn seen(map: &HeaderMap) -> Vec<Header> {
    map.iter().map(|(name, value)| Header { name: name.as_str().into(), value: bytes_of(value.as_bytes()) }).collect()
}

fn bytes_of(bytes: &[u8]) -> weir_cases::Bytes {
    weir_cases::Bytes(bytes.to_vec())
}

type Reply = Arc<dyn Fn(SeenRequest) -> hyper::Response<Full<Bytes>> + Send + Sync>;

/// An upstream on 127.0.0.1, on a port of the kernel's choice, until it is dropped.
#[derive(Debug)]
pub struct Upstream {
    /// The port.
    pub port: u16,
    requests: Arc<Mutex<Vec<SeenRequest>>>,
    accepting: JoinHandle<()>,
}

impl Upstream {
    /// An upstream that gives every request the same answer, and remembers the requests.
    ///
    /// # Errors
    /// The answer cannot be said in HTTP/1.1, or the kernel gives no port.
    pub async fn answering(answer: &Answer) -> Result<Upstream> {
        let mut response = hyper::Response::new(Full::new(Bytes::from(answer.body.bytes().0)));
        *response.status_mut() =
            hyper::StatusCode::from_u16(answer.status).with_context(|| format!("{} is no status", answer.status))?;
        fill(response.headers_mut(), &answer.headers)?;
        let requests = Arc::new(Mutex::new(Vec::new()));
        let remembered = Arc::clone(&requests);
        let reply = move |request| {
            remembered.lock().unwrap_or_else(PoisonError::into_inner).push(request);
            response.clone()
        };
        Upstream::start(Arc::new(reply), requests).await
    }

    /// An upstream that answers 200 with a JSON object of the request: `method`, `path`, `headers` (a list
    /// of `name: value`, bytes that are not UTF-8 replaced), `body`.
    ///
    /// # Errors
    /// The kernel gives no port.
    pub async fn echo() -> Result<Upstream> {
        Upstream::start(Arc::new(|request| echo(&request)), Arc::default()).await
    }

    async fn start(reply: Reply, requests: Arc<Mutex<Vec<SeenRequest>>>) -> Result<Upstream> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("cannot listen on 127.0.0.1")?;
        let port = listener.local_addr()?.port();
        Ok(Upstream { port, requests, accepting: tokio::spawn(accept(listener, reply)) })
    }

    /// The requests that reached it so far.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, reply: Reply) {
    // Accepting fails when descriptors run out; the client then sees its connection refused.
    while let Ok((stream, _)) = listener.accept().await {
        let reply = Arc::clone(&reply);
        let service = service_fn(move |request| serve(request, Arc::clone(&reply)));
        let connection = hyper::server::conn::http1::Builder::new()
            .auto_date_header(false)
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move { drop(connection.await) });
    }
}

async fn serve(request: hyper::Request<Incoming>, reply: Reply) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    // A client that leaves in mid-body leaves what came of it.
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    Ok(reply(SeenRequest {
        method: head.method.as_str().into(),
        path: head.uri.path_and_query().map_or("/", |it| it.as_str()).into(),
        headers: seen(&head.headers),
        body: bytes_of(&body),
        ..Default::default()
    }))
}

fn echo(request: &SeenRequest) -> hyper::Response<Full<Bytes>> {
    let text = |bytes: &weir_cases::Bytes| String::from_utf8_lossy(&bytes.0).into_owned();
    let headers: Vec<_> = request.headers.iter().map(|it| format!("{}: {}", it.name, text(&it.value))).collect();
    let body = serde_json::json!({
        "method": request.method, "path": request.path, "headers": headers, "body": text(&request.body),
    });
    let mut response = hyper::Response::new(Full::new(Bytes::from(format!("{body:#}\n"))));
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, value: &[u8]) -> Header {
        Header { name: name.into(), value: bytes_of(value) }
    }

    #[tokio::test]
    async fn bytes_and_repeated_headers_go_both_ways() {
        let headers = vec![header("x-a", b"2"), header("x-raw", b"caf\xe9"), header("x-a", b"1")];
        let answer = Answer { status: 418, headers: headers.clone(), body: "tea".into(), ..Answer::default() };
        let upstream = Upstream::answering(&answer).await.unwrap();
        let request =
            Request { method: "POST".into(), path: "/p?q".into(), headers, body: "hi".into(), ..Request::default() };
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, upstream.port));
        let got = send(to, &request).await.unwrap();
        let saw = upstream.requests().remove(0);
        let values = |headers: &[Header], name: &str| -> Vec<_> {
            headers.iter().filter(|it| it.name == name).map(|it| it.value.0.clone()).collect()
        };
        for headers in [&got.headers, &saw.headers] {
            assert_eq!(values(headers, "x-a"), [b"2", b"1"]);
            assert_eq!(values(headers, "x-raw"), [b"caf\xe9"]);
        }
        assert_eq!((got.status, got.body), (418, "tea".into()));
        assert_eq!((saw.method.as_str(), saw.path.as_str(), saw.body), ("POST", "/p?q", "hi".into()));
        assert_eq!(values(&saw.headers, "host"), [to.to_string().as_bytes()]);
        assert!(values(&got.headers, "date").is_empty());
    }

    #[tokio::test]
    async fn the_echo_says_what_it_received() {
        let upstream = Upstream::echo().await.unwrap();
        let request = Request { headers: vec![header("x-a", b"caf\xe9")], ..Request::default() };
        let got = send(SocketAddr::from((Ipv4Addr::LOCALHOST, upstream.port)), &request).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&got.body.0).unwrap();
        assert_eq!((&body["method"], &body["path"]), (&"GET".into(), &"/".into()));
        assert_eq!(body["headers"][0], "x-a: caf\u{fffd}");
    }
}
