//! The upstream of a measured Envoy: one answer for everything, as fast as it goes, and nothing kept.

use std::convert::Infallible;
use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::scenario::Scenario;

/// A server on 127.0.0.1, on a port of the kernel's choice, until it is dropped.
#[derive(Debug)]
pub struct Upstream {
    /// The port.
    pub port: u16,
    accepting: JoinHandle<()>,
}

impl Upstream {
    /// A server that answers as a scenario says.
    ///
    /// # Errors
    /// The kernel gives no port.
    pub async fn start(scenario: &Scenario) -> Result<Upstream> {
        let mut answer = Response::new(Full::new(Bytes::from(vec![b'a'; scenario.answer.body])));
        for (name, value) in scenario.answer_headers() {
            answer.headers_mut().append(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_str(&value)?);
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("cannot listen on 127.0.0.1")?;
        let port = listener.local_addr()?.port();
        Ok(Upstream { port, accepting: tokio::spawn(accept(listener, answer)) })
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, answer: Response<Full<Bytes>>) {
    while let Ok((stream, _)) = listener.accept().await {
        // Without it an answer may wait for the acknowledgement of the one before.
        drop(stream.set_nodelay(true));
        let answer = answer.clone();
        let service = service_fn(move |request| serve(request, answer.clone()));
        tokio::spawn(async move {
            let builder = auto::Builder::new(TokioExecutor::new());
            drop(builder.serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

async fn serve(request: Request<Incoming>, answer: Response<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut body = request.into_body();
    while let Some(Ok(_)) = body.frame().await {}
    Ok(answer)
}
