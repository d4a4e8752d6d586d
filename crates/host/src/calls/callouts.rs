//! HTTP calls.

use std::time::Duration;

use wasmi::Linker;
use wasmi::errors::LinkerError;

use crate::abi::Status;
use crate::callout::{Answer, Callout, Reply};
use crate::calls::call;
use crate::guest::{Guest, Outcome};
use crate::headers::{HeaderMap, MapKind};
use crate::message::Message;
use crate::pairs;
use crate::state::{Later, VmState};

pub(super) fn define(linker: &mut Linker<VmState>) -> Result<(), LinkerError> {
    call!(
        linker,
        "proxy_http_call",
        http_call,
        cluster,
        cluster_size,
        headers,
        headers_size,
        body,
        body_size,
        trailers,
        trailers_size,
        timeout,
        token_at
    );
    Ok(())
}

/// What Envoy answers in the upstream's place when the connection ends before a response.
pub(crate) const RESET: &str =
    "upstream connect error or disconnect/reset before headers. reset reason: connection termination";
/// What Envoy answers when a response takes too long.
pub(crate) const TIMEOUT: &str = "upstream request timeout";

#[expect(clippy::too_many_arguments, reason = "the ABI has them")]
fn http_call(
    guest: &mut Guest<'_>,
    cluster: u32,
    cluster_size: u32,
    headers: u32,
    headers_size: u32,
    body: u32,
    body_size: u32,
    trailers: u32,
    trailers_size: u32,
    timeout: u32,
    token_at: u32,
) -> Outcome {
    let cluster = guest.text(cluster, cluster_size)?;
    let body = guest.read(body, body_size)?;
    let headers = pairs::read(&guest.read(headers, headers_size)?);
    let trailers = pairs::read(&guest.read(trailers, trailers_size)?);
    guest.put(token_at, 0)?;
    if (timeout as i32) < 0 || !guest.state().host.has_cluster(&cluster) {
        return Err(Status::BadArgument);
    }
    let mut request = Message { headers: HeaderMap::of(MapKind::Request, headers), ..Message::default() };
    if [":path", ":method", ":authority"].into_iter().any(|name| request.headers.get(name).is_none()) {
        return Err(Status::BadArgument);
    }
    if !body.is_empty() {
        request.headers.set("content-length", body.len().to_string());
        request.chunks.push(body);
    }
    if !trailers.is_empty() {
        request.trailers = Some(HeaderMap::of(MapKind::RequestTrailers, trailers));
    }
    let timeout = (timeout != 0).then(|| Duration::from_millis(timeout.into()));
    let callout = Callout { cluster, request, timeout };
    let token = begin(guest.state(), callout);
    guest.put(token_at, token)
}

/// Notes the call, asks the script, and schedules what comes back.
fn begin(state: &mut VmState, callout: Callout) -> u32 {
    let token = VmState::next(&mut state.call_numbers, 0);
    let root = state.root();
    let Answer { reply, after } = state.host.answer(&callout);
    let late = callout.timeout.filter(|timeout| *timeout < after || reply == Reply::Silence);
    let (after, response) = match (late, reply) {
        (Some(timeout), _) => (timeout, Some(local(504, TIMEOUT))),
        (None, Reply::Response(response)) => (after, Some(response)),
        (None, Reply::Reset) => (after, Some(local(503, RESET))),
        (None, Reply::ResetWithin(_)) => (after, None),
        (None, Reply::Silence) => {
            state.callouts.push(callout);
            return token;
        }
    };
    state.callouts.push(callout.clone());
    state.http_calls.insert(token, callout);
    state.later.push((after, Later::HttpReply { root, token, response }));
    token
}

/// A response that Envoy makes itself.
pub(crate) fn local(status: u16, body: &str) -> Message {
    Message::response(status)
        .header("content-length", body.len().to_string())
        .header("content-type", "text/plain")
        .chunk(body)
}
