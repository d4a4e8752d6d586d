//! Properties: what Envoy tells of a stream beside its messages, and what filters leave for each other.

use wasmi::Linker;
use wasmi::errors::LinkerError;

use crate::abi::Status;
use crate::calls::call;
use crate::guest::{Guest, Outcome};
use crate::headers::{Header, HeaderMap};
use crate::pairs;
use crate::state::{Context, StreamState, VmState, Way, lock};

pub(super) fn define(linker: &mut Linker<VmState>) -> Result<(), LinkerError> {
    call!(linker, "proxy_get_property", get, path, path_size, value_at, size_at);
    call!(linker, "proxy_set_property", set, path, path_size, value, size);
    Ok(())
}

/// What is found on the way along a path.
enum Value {
    Bytes(Vec<u8>),
    Number(i64),
    Bool(bool),
    Headers(HeaderMap),
    /// Something with fields that are found one by one, and that is no bytes itself.
    Opaque,
}

impl Value {
    fn text(text: &str) -> Option<Value> {
        Some(Value::Bytes(text.as_bytes().to_vec()))
    }
}

fn get(guest: &mut Guest<'_>, path: u32, path_size: u32, value_at: u32, size_at: u32) -> Outcome {
    let path = guest.read(path, path_size)?;
    let mut parts: Vec<_> = path.split(|byte| *byte == 0).collect();
    if parts.last().is_some_and(|it| it.is_empty()) {
        parts.pop();
    }
    let [first, rest @ ..] = parts.as_slice() else { return Err(Status::SerializationFailure) };
    let (value, rest) = find(guest.state(), first, rest).ok_or(Status::NotFound)?;
    let bytes = match (value, rest) {
        (Value::Headers(headers), [name]) => headers.joined(name).ok_or(Status::NotFound)?,
        (Value::Headers(headers), []) => pairs::write(&joined(&headers)),
        (Value::Bytes(bytes), []) => bytes,
        (Value::Number(number), []) => number.to_le_bytes().to_vec(),
        (Value::Bool(truth), []) => vec![truth.into()],
        (Value::Opaque, []) => return Err(Status::SerializationFailure),
        _ => return Err(Status::NotFound),
    };
    guest.give(&bytes, value_at, size_at)
}

fn set(guest: &mut Guest<'_>, path: u32, path_size: u32, value: u32, size: u32) -> Outcome {
    let (path, value) = (guest.read(path, path_size)?, guest.read(value, size)?);
    let stream = guest.state().context().stream.clone().ok_or(Status::NotFound)?;
    lock(&stream).filter_state.insert([b"wasm.", &path[..]].concat(), value);
    Ok(())
}

/// Each name once, with its values joined.
fn joined(headers: &HeaderMap) -> Vec<Header> {
    let mut list: Vec<Header> = Vec::new();
    for (name, _) in headers.iter() {
        if !list.iter().any(|(known, _)| known == name) {
            list.push((name.to_vec(), headers.joined(name).unwrap_or_default()));
        }
    }
    list
}

/// The value that the first parts of a path lead to, and the parts that are left.
fn find<'p, 'b>(state: &mut VmState, first: &[u8], rest: &'p [&'b [u8]]) -> Option<(Value, &'p [&'b [u8]])> {
    let plugin = &state.plugin;
    let of_plugin = match first {
        b"plugin_name" => Some(&plugin.name),
        b"plugin_root_id" => Some(&plugin.root_id),
        b"plugin_vm_id" => Some(&plugin.vm_id),
        _ => None,
    };
    if let Some(text) = of_plugin {
        return Some((Value::text(text)?, rest));
    }
    if (first, rest.first()) == (b"xds", Some(&&b"node"[..])) {
        return node(rest.get(1..)?);
    }
    let context = state.context();
    let Some(stream) = context.stream.clone() else {
        return (first == b"xds" && rest.is_empty()).then_some((Value::Opaque, rest));
    };
    let stream = lock(&stream);
    let whole = match first {
        b"connection_id" => Some(Value::Number(stream.info.connection as i64)),
        b"metadata" if rest.is_empty() => Some(Value::Bytes(Vec::new())),
        b"request" | b"response" | b"connection" | b"source" | b"destination" | b"xds" | b"filter_state" => {
            rest.is_empty().then_some(Value::Opaque)
        }
        b"upstream" | b"upstream_filter_state" if stream.upstream_reached => rest.is_empty().then_some(Value::Opaque),
        _ => stream.filter_state.get(&[b"wasm.", first].concat()).cloned().map(Value::Bytes),
    };
    if let Some(whole) = whole {
        return Some((whole, rest));
    }
    let (field, left) = rest.split_first()?;
    let value = match first {
        b"request" => request(field, context, &stream),
        b"response" => response(field, context, &stream),
        b"connection" => match *field {
            b"id" => Some(Value::Number(stream.info.connection as i64)),
            b"mtls" => Some(Value::Bool(false)),
            b"requested_server_name" => Value::text(""),
            _ => None,
        },
        b"source" => address(field, &stream.info.source),
        b"destination" => address(field, &stream.info.destination),
        b"upstream" => upstream(field, &stream),
        b"xds" => xds(field, &stream),
        b"metadata" if *field == b"filter_metadata" => Some(Value::Headers(HeaderMap::default())),
        b"filter_state" => stream.filter_state.get(*field).cloned().map(Value::Bytes),
        _ => None,
    };
    Some((value?, left))
}

/// Envoy's node, of which only its own name is known here.
fn node<'p, 'b>(rest: &'p [&'b [u8]]) -> Option<(Value, &'p [&'b [u8]])> {
    match rest {
        [] => Some((Value::Bytes(b"2\x05envoy".to_vec()), rest)),
        [field, left @ ..] => match *field {
            b"id" | b"cluster" => Some((Value::text("")?, left)),
            b"user_agent_name" => Some((Value::text("envoy")?, left)),
            _ => None,
        },
    }
}

/// The headers of a way, where the guest may see them now: in Envoy, the request's are gone once the callback for them
/// has returned, and come back in `proxy_on_log`.
fn headers<'a>(context: &Context, stream: &'a StreamState, way: Way) -> Option<&'a HeaderMap> {
    let open = context.logging || context.headers[way as usize];
    open.then(|| &stream.ways[way as usize].headers)
}

fn request(field: &[u8], context: &Context, stream: &StreamState) -> Option<Value> {
    let headers = headers(context, stream, Way::Request);
    let header = |name: &str| headers?.get(name).map(|it| Value::Bytes(it.to_vec()));
    let path = || headers?.get(":path");
    let size = headers.map_or(0, HeaderMap::byte_size) as i64;
    let received = stream.bytes[Way::Request as usize] as i64;
    match field {
        b"headers" => Some(Value::Headers(headers.cloned().unwrap_or_default())),
        b"headers_bytes" => Some(Value::Number(size)),
        b"time" => Some(Value::Number(stream.started.as_nanos() as i64)),
        b"size" => match headers.and_then(|it| it.text("content-length")) {
            Some(length) => length.parse().ok().map(Value::Number),
            None => Some(Value::Number(received)),
        },
        b"total_size" => Some(Value::Number(received + size)),
        b"duration" => {
            let taken = stream.finished?.saturating_sub(stream.started);
            Some(Value::Number(taken.as_nanos() as i64))
        }
        b"protocol" => Value::text(&stream.info.protocol),
        b"path" => header(":path"),
        b"url_path" => Some(Value::Bytes(path()?.split(|it| *it == b'?').next()?.to_vec())),
        b"query" => {
            let query = path()?.splitn(2, |it| *it == b'?').nth(1).unwrap_or_default();
            Some(Value::Bytes(query.split(|it| *it == b'#').next()?.to_vec()))
        }
        b"host" => header(":authority"),
        b"scheme" => header(":scheme"),
        b"method" => header(":method"),
        b"referer" => header("referer"),
        b"useragent" => header("user-agent"),
        b"id" => header("x-request-id"),
        _ => None,
    }
}

fn response(field: &[u8], context: &Context, stream: &StreamState) -> Option<Value> {
    let headers = headers(context, stream, Way::Response);
    let trailers = stream.ways[Way::Response as usize].trailers.as_ref();
    let trailers = trailers.filter(|_| context.logging || context.trailers[Way::Response as usize]);
    let size = headers.map_or(0, HeaderMap::byte_size) as i64;
    let sent = stream.bytes[Way::Response as usize] as i64;
    match field {
        b"headers" => Some(Value::Headers(headers.cloned().unwrap_or_default())),
        b"headers_bytes" => Some(Value::Number(size)),
        b"trailers" => Some(Value::Headers(trailers.cloned().unwrap_or_default())),
        b"code" => Some(Value::Number(stream.response_code?.into())),
        b"code_details" => Value::text(stream.code_details.as_ref()?),
        b"flags" => Some(Value::Number(0)),
        b"size" => Some(Value::Number(sent)),
        b"total_size" => Some(Value::Number(sent + size + trailers.map_or(0, HeaderMap::byte_size) as i64)),
        b"grpc_status" => {
            let said = [trailers, headers].into_iter().flatten().find_map(|it| it.text("grpc-status"));
            match said.and_then(|it| it.parse().ok()) {
                Some(status) => Some(Value::Number(status)),
                None => stream.response_code.map(|code| Value::Number(grpc_status(code).into())),
            }
        }
        _ => None,
    }
}

/// The gRPC status that stands for an HTTP status.
pub(crate) fn grpc_status(code: u16) -> u32 {
    match code {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502..=504 => 14,
        _ => 2,
    }
}

fn address(field: &[u8], address: &str) -> Option<Value> {
    match field {
        b"address" => Value::text(address),
        b"port" => address.rsplit_once(':')?.1.parse().ok().map(Value::Number),
        _ => None,
    }
}

fn upstream(field: &[u8], stream: &StreamState) -> Option<Value> {
    match field {
        b"num_endpoints" => Some(Value::Number(1)),
        b"request_attempt_count" => Some(Value::Number(stream.upstream_reached.into())),
        _ if !stream.upstream_reached => None,
        b"local_address" => Value::text("127.0.0.1:40000"),
        b"transport_failure_reason" => Value::text(""),
        _ => address(field, &stream.info.upstream),
    }
}

fn xds(field: &[u8], stream: &StreamState) -> Option<Value> {
    match field {
        b"cluster_name" => Value::text(&stream.info.cluster),
        b"route_name" => Value::text(&stream.info.route),
        b"virtual_host_name" => Value::text(&stream.info.virtual_host),
        b"cluster_metadata" | b"route_metadata" | b"listener_metadata" | b"filter_chain_name" => Value::text(""),
        b"listener_direction" => Some(Value::Number(0)),
        b"upstream_host_metadata" => stream.upstream_reached.then_some(Value::Opaque),
        _ => None,
    }
}
