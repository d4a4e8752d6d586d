//! gRPC calls, unary and streaming.

use std::time::Duration;

use wasmi::Linker;
use wasmi::errors::LinkerError;

use crate::abi::Status;
use crate::callout::{GrpcAnswer, GrpcCall, GrpcEvent, GrpcFrame};
use crate::calls::call;
use crate::guest::{Guest, Outcome};
use crate::headers::{HeaderMap, MapKind};
use crate::pairs;
use crate::state::{Later, OpenGrpc, VmState};

pub(super) fn define(linker: &mut Linker<VmState>) -> Result<(), LinkerError> {
    call!(
        linker,
        "proxy_grpc_call",
        unary,
        target,
        target_size,
        service,
        service_size,
        method,
        method_size,
        metadata,
        metadata_size,
        message,
        message_size,
        timeout,
        token_at
    );
    call!(
        linker,
        "proxy_grpc_stream",
        stream,
        target,
        target_size,
        service,
        service_size,
        method,
        method_size,
        metadata,
        metadata_size,
        token_at
    );
    call!(linker, "proxy_grpc_send", send, token, message, size, end);
    call!(linker, "proxy_grpc_close", close, token);
    call!(linker, "proxy_grpc_cancel", cancel, token);
    Ok(())
}

/// The gRPC status `UNAVAILABLE`.
const UNAVAILABLE: u32 = 14;

#[expect(clippy::too_many_arguments, reason = "the ABI has them")]
fn unary(
    guest: &mut Guest<'_>,
    target: u32,
    target_size: u32,
    service: u32,
    service_size: u32,
    method: u32,
    method_size: u32,
    metadata: u32,
    metadata_size: u32,
    message: u32,
    message_size: u32,
    timeout: u32,
    token_at: u32,
) -> Outcome {
    let target = guest.read(target, target_size)?;
    let mut call = GrpcCall {
        cluster: String::new(),
        service: guest.text(service, service_size)?,
        method: guest.text(method, method_size)?,
        metadata: HeaderMap::of(MapKind::Request, pairs::read(&guest.read(metadata, metadata_size)?)),
        timeout: (timeout != 0).then(|| Duration::from_millis(timeout.into())),
        stream: false,
    };
    let message = guest.read(message, message_size)?;
    call.cluster = cluster(guest, &target)?;
    let token = open(guest.state(), call, GrpcEvent::Call(message))?;
    guest.put(token_at, token)
}

#[expect(clippy::too_many_arguments, reason = "the ABI has them")]
fn stream(
    guest: &mut Guest<'_>,
    target: u32,
    target_size: u32,
    service: u32,
    service_size: u32,
    method: u32,
    method_size: u32,
    metadata: u32,
    metadata_size: u32,
    token_at: u32,
) -> Outcome {
    let target = guest.read(target, target_size)?;
    let mut call = GrpcCall {
        cluster: String::new(),
        service: guest.text(service, service_size)?,
        method: guest.text(method, method_size)?,
        metadata: HeaderMap::of(MapKind::Request, pairs::read(&guest.read(metadata, metadata_size)?)),
        timeout: None,
        stream: true,
    };
    call.cluster = cluster(guest, &target)?;
    let token = open(guest.state(), call, GrpcEvent::Open)?;
    guest.put(token_at, token)
}

/// The cluster's name: the target is either that, or Envoy's message `GrpcService`, which names it.
///
/// # Errors
/// The target is no such message and no cluster either.
fn cluster(guest: &mut Guest<'_>, target: &[u8]) -> Result<String, Status> {
    if let Some(envoy_grpc) = field(target, 1) {
        return Ok(String::from_utf8_lossy(envoy_grpc.and_then(|it| field(it, 1)?).unwrap_or_default()).into_owned());
    }
    let name = String::from_utf8_lossy(target).into_owned();
    if guest.state().host.has_cluster(&name) { Ok(name) } else { Err(Status::ParseFailure) }
}

/// A field of a protobuf message that holds bytes: `None` where the bytes are no message, `Some(None)` where it lacks it.
fn field(mut message: &[u8], number: u64) -> Option<Option<&[u8]>> {
    let mut found = None;
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let bytes = match key & 7 {
            0 => {
                varint(&mut message)?;
                None
            }
            1 => take(&mut message, 8),
            2 => {
                let length = varint(&mut message)?;
                Some(take(&mut message, length as usize)?)
            }
            5 => take(&mut message, 4),
            _ => return None,
        };
        if key >> 3 == 0 {
            return None;
        }
        if key == number << 3 | 2 {
            found = bytes;
        }
    }
    Some(found)
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(message: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (bytes, rest) = message.split_at_checked(length)?;
    *message = rest;
    Some(bytes)
}

/// Opens a call: asks the script and schedules what comes back.
///
/// # Errors
/// There is no such cluster: the guest is told at once, and once more by `proxy_on_grpc_close`.
fn open(state: &mut VmState, call: GrpcCall, event: GrpcEvent) -> Result<u32, Status> {
    let token = VmState::next(&mut state.call_numbers, if call.stream { 2 } else { 1 });
    state.grpc_log.push(call.clone());
    let answer = state.host.grpc_answer(&call, event);
    let timeout = call.timeout;
    let root = state.root();
    state.grpc_calls.insert(token, OpenGrpc { call, local_closed: false, remote_closed: false });
    let close = |message: &str| GrpcFrame::Close { status: UNAVAILABLE, message: message.to_owned() };
    let Some(mut answer) = answer else {
        let answer = GrpcAnswer { frames: vec![close("Cluster not available")], after: Duration::ZERO };
        state.later.push((Duration::ZERO, Later::Grpc { root, token, answer }));
        return Err(Status::InternalFailure);
    };
    if let Some(timeout) = timeout.filter(|it| *it < answer.after || answer.frames.is_empty()) {
        answer = GrpcAnswer { frames: vec![close("upstream request timeout")], after: timeout };
    }
    if !answer.frames.is_empty() {
        state.later.push((answer.after, Later::Grpc { root, token, answer }));
    }
    Ok(token)
}

/// Tells the script what happens on an open stream, and schedules what comes back.
fn tell(state: &mut VmState, token: u32, event: GrpcEvent) {
    let Some(call) = state.grpc_calls.get(&token).map(|it| it.call.clone()) else { return };
    let root = state.root();
    if let Some(answer) = state.host.grpc_answer(&call, event).filter(|it| !it.frames.is_empty()) {
        state.later.push((answer.after, Later::Grpc { root, token, answer }));
    }
}

fn send(guest: &mut Guest<'_>, token: u32, message: u32, size: u32, end: u32) -> Outcome {
    let message = guest.read(message, size)?;
    if token & 3 != 2 {
        return Err(Status::BadArgument);
    }
    let state = guest.state();
    state.grpc_calls.get(&token).ok_or(Status::NotFound)?;
    tell(state, token, GrpcEvent::Message { message, end: end != 0 });
    Ok(())
}

fn close(guest: &mut Guest<'_>, token: u32) -> Outcome {
    let state = guest.state();
    match token & 3 {
        1 => state.grpc_calls.remove(&token).map(|_| ()).ok_or(Status::NotFound),
        2 => {
            let call = state.grpc_calls.get_mut(&token).ok_or(Status::NotFound)?;
            call.local_closed = true;
            let over = call.remote_closed;
            tell(state, token, GrpcEvent::HalfClose);
            if over {
                state.grpc_calls.remove(&token);
            }
            Ok(())
        }
        _ => Err(Status::BadArgument),
    }
}

fn cancel(guest: &mut Guest<'_>, token: u32) -> Outcome {
    match token & 3 {
        1 | 2 => guest.state().grpc_calls.remove(&token).map(|_| ()).ok_or(Status::NotFound),
        _ => Err(Status::BadArgument),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grpc_service_names_its_cluster() {
        // envoy_grpc { cluster_name: "ab" }, behind timeout { seconds: 1 }.
        let message = [0x1a, 2, 8, 1, 0x0a, 4, 0x0a, 2, b'a', b'b'];
        let envoy_grpc = field(&message, 1).unwrap().unwrap();
        assert_eq!(field(envoy_grpc, 1), Some(Some(&b"ab"[..])));
        assert_eq!(field(&message[4..], 2), Some(None));
        assert_eq!(field(b"ext_cluster", 1), None);
    }
}
