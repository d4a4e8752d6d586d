//! The upstream end: servers that answer as they are told, in either version of HTTP, and remember what arrived.

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};
use weir_cases::{Answer, Cluster, Header, Reset, SeenRequest};

use super::body::{Outgoing, Pace, Sent};
use super::{bytes_of, fields, seen, seen_with_authority};
use crate::bootstrap::THREAD;

/// A request that arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// When its headers did.
    pub at: Instant,
    /// The thread of Envoy that sent it, where its cluster tells; see [`THREAD`].
    pub thread: Option<String>,
    /// The request, as far as it came.
    pub request: SeenRequest,
}

/// A server on 127.0.0.1, on a port of the kernel's choice, until it is dropped.
#[derive(Debug)]
pub struct Server {
    /// The port.
    pub port: u16,
    shared: Arc<Shared>,
    accepting: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    script: Mutex<Script>,
    arrived: Mutex<Vec<Arrived>>,
    pace: Pace,
}

/// What a server answers.
#[derive(Debug)]
enum Script {
    /// The answer to the request of each index; the last one repeats.
    Answers { answers: Vec<Prepared>, counted: Counted },
    /// The request itself.
    Echo,
}

/// Which requests the index of one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    All,
    OfThread,
}

/// An answer that is known to be one in HTTP.
#[derive(Clone, Debug)]
struct Prepared {
    status: StatusCode,
    headers: HeaderMap,
    outgoing: Outgoing,
    delay: Duration,
    reset: Reset,
}

impl Server {
    /// A server that gives these answers in order, and the last one for ever. Chunks are sent at `pace`.
    ///
    /// # Errors
    /// An answer cannot be said in HTTP, or the kernel gives no port.
    pub async fn answering(answers: &[Answer], pace: Pace) -> Result<Server> {
        Server::start(Script::answers(answers, Counted::All)?, pace).await
    }

    /// A server for callouts: each thread of Envoy has a VM, so unless the cluster is shared, each gets the answers from
    /// the first.
    ///
    /// # Errors
    /// As [`Server::answering`].
    pub async fn of_callouts(cluster: &Cluster, pace: Pace) -> Result<Server> {
        let counted = if cluster.shared { Counted::All } else { Counted::OfThread };
        Server::start(Script::answers(&cluster.answers, counted)?, pace).await
    }

    /// A server that answers 200 with a JSON object of the request: `method`, `path`, `headers` (a list of
    /// `name: value`, bytes that are not UTF-8 replaced), `body`.
    ///
    /// # Errors
    /// The kernel gives no port.
    pub async fn echo() -> Result<Server> {
        Server::start(Script::Echo, None).await
    }

    async fn start(script: Script, pace: Pace) -> Result<Server> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("cannot listen on 127.0.0.1")?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared { script: Mutex::new(script), arrived: Mutex::default(), pace });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Ok(Server { port, shared, accepting })
    }

    /// Gives this answer from now on.
    ///
    /// # Errors
    /// The answer cannot be said in HTTP.
    pub fn answer(&self, answer: &Answer) -> Result<()> {
        *lock(&self.shared.script) = Script::answers(std::slice::from_ref(answer), Counted::All)?;
        Ok(())
    }

    /// The requests that arrived so far, in order.
    pub fn arrived(&self) -> Vec<Arrived> {
        lock(&self.shared.arrived).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Script {
    fn answers(answers: &[Answer], counted: Counted) -> Result<Script> {
        Ok(Script::Answers { answers: answers.iter().map(Prepared::new).collect::<Result<_>>()?, counted })
    }
}

impl Prepared {
    fn new(answer: &Answer) -> Result<Prepared> {
        Ok(Prepared {
            status: StatusCode::from_u16(answer.status).with_context(|| format!("{} is no status", answer.status))?,
            headers: fields(&answer.headers)?,
            outgoing: Outgoing {
                body: answer.body.clone(),
                trailers: fields(&answer.trailers)?,
                reset: answer.reset == Reset::InBody,
            },
            delay: answer.delay,
            reset: answer.reset,
        })
    }

    fn response(mut self, pace: Pace) -> Response<Sent> {
        let body = self.outgoing.start(&mut self.headers, pace);
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Connections end with the task that accepts them.
    let mut connections = JoinSet::new();
    // Accepting fails when descriptors run out; the client then sees its connection refused.
    while let Ok((stream, _)) = listener.accept().await {
        // As the client's; a connection that is gone already is found out when it is read.
        drop(stream.set_nodelay(true));
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| serve(request, Arc::clone(&shared)));
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().auto_date_header(false);
        builder.http2().auto_date_header(false);
        connections.spawn(async move { drop(builder.serve_connection(TokioIo::new(stream), service).await) });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(request: hyper::Request<Incoming>, shared: Arc<Shared>) -> io::Result<Response<Sent>> {
    // An error in place of an answer is what makes hyper cut the stream off.
    let reset = || io::Error::other("reset on purpose");
    let (place, of_thread) = receive(request, &shared).await;
    let answer = {
        let script = lock(&shared.script);
        match &*script {
            Script::Answers { answers, counted } => {
                let index = if *counted == Counted::All { place } else { of_thread };
                answers.get(index).or(answers.last()).cloned()
            }
            Script::Echo => lock(&shared.arrived).get(place).and_then(|it| Prepared::new(&echo(&it.request)).ok()),
        }
    };
    let answer = answer.ok_or_else(reset)?;
    tokio::time::sleep(answer.delay).await;
    match answer.reset {
        Reset::BeforeHeaders => Err(reset()),
        Reset::Never | Reset::InBody => Ok(answer.response(shared.pace.clone())),
    }
}

/// Takes a request in as it comes, and gives its index among all that arrived, and among those of its thread.
async fn receive(request: hyper::Request<Incoming>, shared: &Shared) -> (usize, usize) {
    let (mut head, mut body) = request.into_parts();
    let thread = head.headers.remove(THREAD).map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned());
    let request = SeenRequest {
        method: head.method.as_str().into(),
        path: head.uri.path_and_query().map_or("/", |it| it.as_str()).into(),
        headers: seen_with_authority(&head.headers, &head.uri),
        ..SeenRequest::default()
    };
    let (place, index) = {
        let mut arrived = lock(&shared.arrived);
        let index = arrived.iter().filter(|it| it.thread == thread).count();
        arrived.push(Arrived { at: Instant::now(), thread, request });
        (arrived.len() - 1, index)
    };
    // A client that leaves in mid-body leaves what came of it.
    while let Some(Ok(frame)) = body.frame().await {
        if let Some(Arrived { request, .. }) = lock(&shared.arrived).get_mut(place) {
            match frame.into_data() {
                Ok(data) => request.body.0.extend_from_slice(&data),
                Err(frame) => request.trailers.extend(frame.trailers_ref().map(seen).unwrap_or_default()),
            }
        }
    }
    (place, index)
}

fn echo(request: &SeenRequest) -> Answer {
    let text = |bytes: &weir_cases::Bytes| String::from_utf8_lossy(&bytes.0).into_owned();
    let headers: Vec<_> = request.headers.iter().map(|it| format!("{}: {}", it.name, text(&it.value))).collect();
    let body = serde_json::json!({
        "method": request.method, "path": request.path, "headers": headers, "body": text(&request.body),
    });
    let kind = Header { name: "content-type".into(), value: bytes_of(b"application/json") };
    Answer { headers: vec![kind], body: format!("{body:#}\n").as_str().into(), ..Answer::default() }
}
