//! A client that sends one request after the other on one connection: what is counted is the proxy's work alone.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::scenario::Scenario;

/// One connection.
pub struct Client {
    sender: Sender,
    request: Request<Full<Bytes>>,
    status: u16,
    connection: JoinHandle<()>,
}

enum Sender {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

impl Client {
    /// Connects to a port of this machine, to send a scenario's request and get answers of that status.
    ///
    /// # Errors
    /// Nothing listens there, or the request cannot be said in HTTP.
    pub async fn connect(port: u16, scenario: &Scenario, headers: &[(String, String)], status: u16) -> Result<Client> {
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream = TcpStream::connect(to).await.with_context(|| format!("cannot connect to {to}"))?;
        stream.set_nodelay(true)?;
        let io = TokioIo::new(stream);
        let (sender, connection) = if scenario.http == 2 {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
            (Sender::Two(sender), tokio::spawn(async move { drop(connection.await) }))
        } else {
            let (sender, connection) = http1::handshake(io).await?;
            (Sender::One(sender), tokio::spawn(async move { drop(connection.await) }))
        };
        let uri = if scenario.http == 2 { format!("http://{to}/") } else { "/".into() };
        let mut request = Request::builder().method(scenario.request.method.as_str()).uri(uri);
        if scenario.http == 1 {
            request = request.header("host", to.to_string());
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let body = Full::new(Bytes::from(vec![b'a'; scenario.request.body]));
        let request = request.body(body).context("the request cannot be said in HTTP")?;
        Ok(Client { sender, request, status, connection })
    }

    /// Sends requests that pass, before the answers that are expected come.
    ///
    /// # Errors
    /// The connection breaks, or an answer has another status than 200.
    pub async fn pass(&mut self, count: u32) -> Result<()> {
        for _ in 0..count {
            self.send_for(200).await?;
        }
        Ok(())
    }

    /// Sends one request and reads the whole answer.
    ///
    /// # Errors
    /// The connection breaks, or the answer has another status.
    pub async fn send(&mut self) -> Result<()> {
        self.send_for(self.status).await
    }

    async fn send_for(&mut self, expected: u16) -> Result<()> {
        let request = self.request.clone();
        let answer = match &mut self.sender {
            Sender::One(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Sender::Two(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        };
        let answer = answer.context("the connection broke before an answer came")?;
        let status = answer.status().as_u16();
        answer.into_body().collect().await.context("the connection broke in the answer's body")?;
        if status != expected {
            bail!("expected status {expected}, got {status}");
        }
        Ok(())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("status", &self.status).finish_non_exhaustive()
    }
}
