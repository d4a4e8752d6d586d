//! Header maps and buffers.

use wasmi::Linker;
use wasmi::errors::LinkerError;

use crate::abi::{AbiVersion, BufferType, MapType, Status};
use crate::calls::call;
use crate::guest::{Guest, Outcome};
use crate::headers::{HeaderMap, MapKind};
use crate::pairs;
use crate::state::{Body, Context, SharedStream, VmState, Way, lock};

pub(super) fn define(linker: &mut Linker<VmState>) -> Result<(), LinkerError> {
    call!(linker, "proxy_add_header_map_value", add, map, key, key_size, value, value_size);
    call!(linker, "proxy_replace_header_map_value", replace, map, key, key_size, value, value_size);
    call!(linker, "proxy_remove_header_map_value", remove, map, key, key_size);
    call!(linker, "proxy_get_header_map_value", get, map, key, key_size, value_at, size_at);
    call!(linker, "proxy_get_header_map_pairs", get_pairs, map, pairs_at, size_at);
    call!(linker, "proxy_set_header_map_pairs", set_pairs, map, pairs, size);
    call!(linker, "proxy_get_header_map_size", size, map, size_at);
    call!(linker, "proxy_get_buffer_bytes", get_buffer, buffer, start, length, bytes_at, size_at);
    call!(linker, "proxy_get_buffer_status", buffer_status, buffer, length_at, flags_at);
    call!(linker, "proxy_set_buffer_bytes", set_buffer, buffer, start, length, bytes, size);
    Ok(())
}

/// The way of a stream and whether its trailers are meant; `None` for the maps of calls.
fn place(map: MapType) -> Option<(Way, bool)> {
    match map {
        MapType::RequestHeaders => Some((Way::Request, false)),
        MapType::RequestTrailers => Some((Way::Request, true)),
        MapType::ResponseHeaders => Some((Way::Response, false)),
        MapType::ResponseTrailers => Some((Way::Response, true)),
        _ => None,
    }
}

/// Changes a map of the stream that is at hand.
///
/// # Errors
/// It cannot be changed now: it is a call's, its callback is over, or the guest is in `proxy_on_log`.
fn change<T>(guest: &mut Guest<'_>, map: u32, change: impl FnOnce(&mut HeaderMap) -> T) -> Result<T, Status> {
    let (way, trailers) = place(MapType::of(map)?).ok_or(Status::BadArgument)?;
    let context = guest.state().context();
    let stream = context.stream.clone().ok_or(Status::BadArgument)?;
    if trailers {
        add_trailers(context, way, &stream);
    }
    let open = if trailers { context.trailers } else { context.headers };
    if !open[way as usize] {
        return Err(Status::BadArgument);
    }
    let mut stream = lock(&stream);
    let passing = &mut stream.ways[way as usize];
    let map = if trailers { passing.trailers.as_mut() } else { Some(&mut passing.headers) };
    map.map(change).ok_or(Status::BadArgument)
}

/// In the last callback for a body that no trailers follow, to ask for them is to add them.
fn add_trailers(context: &mut Context, way: Way, stream: &SharedStream) {
    let at = way as usize;
    if !context.trailers[at] && context.end_of_stream && context.body[at] != Body::None {
        let kind = if way == Way::Request { MapKind::RequestTrailers } else { MapKind::ResponseTrailers };
        lock(stream).ways[at].trailers.get_or_insert_with(|| HeaderMap::new(kind));
        context.trailers[at] = true;
    }
}

/// A map as it can be read now: `None` where it is not there.
fn readable(state: &mut VmState, map: MapType) -> Option<HeaderMap> {
    match map {
        MapType::GrpcInitialMetadata => return state.delivered.grpc_initial.clone(),
        MapType::GrpcTrailingMetadata => return state.delivered.grpc_trailing.clone(),
        MapType::CallHeaders => return state.delivered.http.as_ref().map(|it| it.headers.clone()),
        MapType::CallTrailers => return state.delivered.http.as_ref().and_then(|it| it.trailers.clone()),
        _ => {}
    }
    let (way, trailers) = place(map)?;
    let at = way as usize;
    let context = state.context();
    let open = match (context.logging, trailers, way) {
        // Envoy's access log is not given the request's trailers.
        (true, true, Way::Request) => false,
        (true, _, _) => true,
        (false, true, _) => context.trailers[at],
        (false, false, _) => context.headers[at],
    };
    let stream = context.stream.as_ref().filter(|_| open)?;
    let passing = &lock(stream).ways[at];
    if trailers { passing.trailers.clone() } else { Some(passing.headers.clone()) }
}

fn add(guest: &mut Guest<'_>, map: u32, key: u32, key_size: u32, value: u32, value_size: u32) -> Outcome {
    MapType::of(map)?;
    let (key, value) = (guest.read(key, key_size)?, guest.read(value, value_size)?);
    change(guest, map, |map| map.add(key, value))
}

fn replace(guest: &mut Guest<'_>, map: u32, key: u32, key_size: u32, value: u32, value_size: u32) -> Outcome {
    MapType::of(map)?;
    let (key, value) = (guest.read(key, key_size)?, guest.read(value, value_size)?);
    change(guest, map, |map| map.set(key, value))
}

fn remove(guest: &mut Guest<'_>, map: u32, key: u32, key_size: u32) -> Outcome {
    MapType::of(map)?;
    let key = guest.read(key, key_size)?;
    change(guest, map, |map| map.remove(key))
}

fn get(guest: &mut Guest<'_>, map: u32, key: u32, key_size: u32, value_at: u32, size_at: u32) -> Outcome {
    let map = MapType::of(map)?;
    let key = guest.read(key, key_size)?;
    let state = guest.state();
    let old = state.plugin.module.abi() == AbiVersion::V0_1_0;
    let value = match readable(state, map) {
        Some(headers) => headers.get(&key).map(<[u8]>::to_vec),
        None if state.context().logging => None,
        None => return Err(Status::BadArgument),
    };
    match value {
        Some(value) => guest.give(&value, value_at, size_at),
        None if old => guest.give(b"", value_at, size_at),
        None => Err(Status::NotFound),
    }
}

fn get_pairs(guest: &mut Guest<'_>, map: u32, pairs_at: u32, size_at: u32) -> Outcome {
    let map = MapType::of(map)?;
    let headers = readable(guest.state(), map).unwrap_or_default();
    let bytes = if headers.is_empty() { Vec::new() } else { pairs::write(headers.pairs()) };
    guest.give(&bytes, pairs_at, size_at)
}

fn set_pairs(guest: &mut Guest<'_>, map: u32, pointer: u32, size: u32) -> Outcome {
    MapType::of(map)?;
    let pairs = pairs::read(&guest.read(pointer, size)?);
    change(guest, map, |map| {
        map.clear();
        pairs.iter().for_each(|(name, value)| map.add(name, value));
    })
}

fn size(guest: &mut Guest<'_>, map: u32, size_at: u32) -> Outcome {
    let size = change(guest, map, |map| map.byte_size())?;
    guest.put(size_at, size as u32)
}

/// Looks at a buffer.
///
/// # Errors
/// There is none such now.
fn with_buffer<T>(guest: &mut Guest<'_>, buffer: BufferType, look: impl FnOnce(&[u8]) -> T) -> Result<T, Status> {
    let state = guest.state();
    match buffer {
        BufferType::VmConfiguration => Ok(look(&state.plugin.vm_configuration)),
        BufferType::PluginConfiguration if state.configuring => Ok(look(&state.plugin.configuration)),
        BufferType::PluginConfiguration => Err(Status::NotFound),
        BufferType::CallBody => match &state.delivered.http {
            Some(response) => Ok(look(&response.body())),
            None => Err(Status::NotFound),
        },
        BufferType::GrpcMessage => Ok(look(&state.delivered.grpc_message)),
        BufferType::RequestBody => Ok(with_body(state, Way::Request, |body| look(body))),
        BufferType::ResponseBody => Ok(with_body(state, Way::Response, |body| look(body))),
        BufferType::DownstreamData | BufferType::UpstreamData | BufferType::CallData => Ok(look(b"")),
    }
}

/// The body that is at hand, an empty one where there is none.
fn with_body<T>(state: &mut VmState, way: Way, look: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let context = state.context();
    let (body, buffering) = (context.body[way as usize], context.buffering[way as usize]);
    let Some(stream) = context.stream.clone() else { return look(&mut Vec::new()) };
    let passing = &mut lock(&stream).ways[way as usize];
    match body {
        Body::Buffered => look(passing.buffered.get_or_insert_default()),
        Body::None if buffering => look(passing.buffered.get_or_insert_default()),
        Body::Chunk => look(&mut passing.chunk),
        Body::None => look(&mut Vec::new()),
    }
}

fn get_buffer(guest: &mut Guest<'_>, buffer: u32, start: u32, length: u32, bytes_at: u32, size_at: u32) -> Outcome {
    let buffer = BufferType::of(buffer)?;
    let bytes = with_buffer(guest, buffer, |buffer| {
        let start = (start as usize).min(buffer.len());
        let end = start.saturating_add(length as usize).min(buffer.len());
        buffer.get(start..end).map(<[u8]>::to_vec).unwrap_or_default()
    })?;
    guest.give(&bytes, bytes_at, size_at)
}

fn buffer_status(guest: &mut Guest<'_>, buffer: u32, length_at: u32, flags_at: u32) -> Outcome {
    let buffer = BufferType::of(buffer)?;
    let length = with_buffer(guest, buffer, <[u8]>::len)?;
    guest.put(length_at, length as u32)?;
    guest.put(flags_at, 0)
}

/// Replaces the first `length` bytes of a body, or, from its end on, appends; nothing else can be done, as in Envoy.
fn set_buffer(guest: &mut Guest<'_>, buffer: u32, start: u32, length: u32, bytes: u32, size: u32) -> Outcome {
    let buffer = BufferType::of(buffer)?;
    with_buffer(guest, buffer, |_| ())?;
    let bytes = guest.read(bytes, size)?;
    let way = match buffer {
        BufferType::RequestBody => Way::Request,
        BufferType::ResponseBody => Way::Response,
        _ => return Err(Status::BadArgument),
    };
    let state = guest.state();
    let context = state.context();
    let there = context.body[way as usize] != Body::None || context.buffering[way as usize];
    if !there || context.stream.is_none() {
        return Err(Status::BadArgument);
    }
    with_body(state, way, |body| {
        let (start, length) = (start as usize, length as usize);
        if start == 0 {
            body.splice(..length.min(body.len()), bytes);
        } else if start >= body.len() {
            body.extend(bytes);
        } else {
            return Err(Status::BadArgument);
        }
        Ok(())
    })
}
