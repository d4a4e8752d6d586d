//! The downstream end: one request over a connection of its own.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderValue};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use weir_cases::{Http, Reply, Request, SeenResponse};

use super::body::{Outgoing, Pace, Sent};
use super::{fields, seen};

/// Nothing that has to answer at all takes longer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Sends one request over a connection of its own and reads the whole answer.
///
/// `Host` is the address, unless the request says one itself. Redirections are not followed, nothing is decoded.
///
/// # Errors
/// The request cannot be said in HTTP, nothing listens there, or no whole answer comes within 20 seconds.
pub async fn send(to: SocketAddr, request: &Request) -> Result<SeenResponse> {
    match exchange(to, request, TIMEOUT, None).await? {
        Reply::Response(response) if !response.broken => Ok(response),
        Reply::Response(_) => bail!("the answer of {to} broke off"),
        Reply::Nothing(why) => bail!("no answer of {to}: {why}"),
    }
}

/// Sends one request as [`send`] does, its chunks at `pace`, and gives what came back within `patience`, be it in part or
/// nothing.
///
/// # Errors
/// The request cannot be said in HTTP, or nothing listens there.
pub async fn exchange(to: SocketAddr, request: &Request, patience: Duration, pace: Pace) -> Result<Reply> {
    let request = hyper_request(to, request, pace)?;
    let stream = TcpStream::connect(to).await.with_context(|| format!("cannot connect to {to}"))?;
    // A frame that waits for the last one's acknowledgement waits 40 ms.
    stream.set_nodelay(true).with_context(|| format!("cannot connect to {to}"))?;
    let deadline = tokio::time::Instant::now() + patience;
    let _connection;
    let answer = match request.version() {
        hyper::Version::HTTP_2 => {
            let io = TokioIo::new(stream);
            let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await?;
            _connection = Connection(tokio::spawn(async move { drop(connection.await) }));
            tokio::time::timeout_at(deadline, sender.send_request(request)).await
        }
        _ => {
            let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            _connection = Connection(tokio::spawn(async move { drop(connection.await) }));
            tokio::time::timeout_at(deadline, sender.send_request(request)).await
        }
    };
    match answer {
        Err(_) => Ok(Reply::Nothing(format!("no answer within {} seconds", patience.as_secs_f64()))),
        Ok(Err(error)) => Ok(Reply::Nothing(format!("the stream ended before an answer ({error})"))),
        Ok(Ok(answer)) => Ok(Reply::Response(read(answer, deadline).await)),
    }
}

/// What drives a connection, and no longer than somebody is interested.
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn read(answer: Response<Incoming>, deadline: tokio::time::Instant) -> SeenResponse {
    let (head, mut body) = answer.into_parts();
    let (status, headers) = (head.status.as_u16(), seen(&head.headers));
    let mut response = SeenResponse { status, headers, ..SeenResponse::default() };
    loop {
        match tokio::time::timeout_at(deadline, body.frame()).await {
            Ok(None) => return response,
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => response.body.0.extend_from_slice(&data),
                Err(frame) => response.trailers.extend(frame.trailers_ref().map(seen).unwrap_or_default()),
            },
            Ok(Some(Err(_))) | Err(_) => {
                response.broken = true;
                return response;
            }
        }
    }
}

fn hyper_request(to: SocketAddr, request: &Request, pace: Pace) -> Result<hyper::Request<Sent>> {
    let mut headers = fields(&request.headers)?;
    let host = HeaderValue::from_str(&to.to_string())?;
    let uri = match request.http {
        Http::One => {
            headers.entry(HOST).or_insert(host);
            request.path.clone()
        }
        Http::Two => {
            // Here it is a part of the request line, and stands nowhere else.
            let authority = headers.remove(HOST).unwrap_or(host);
            let authority = authority.to_str().with_context(|| format!("{authority:?} is not an authority"))?;
            format!("http://{authority}{}", request.path)
        }
    };
    let outgoing = Outgoing { body: request.body.clone(), trailers: fields(&request.trailers)?, ..Outgoing::default() };
    let version = if request.http == Http::Two { hyper::Version::HTTP_2 } else { hyper::Version::HTTP_11 };
    let body = outgoing.start(&mut headers, pace);
    let mut built = hyper::Request::builder()
        .version(version)
        .method(request.method.as_bytes())
        .uri(uri.as_str())
        .body(body)
        .with_context(|| format!("{} {} is not a request line", request.method, request.path))?;
    *built.headers_mut() = headers;
    Ok(built)
}
