//! Streams, local replies, contexts, logging, time, foreign functions.

use std::time::Duration;

use wasmi::errors::LinkerError;
use wasmi::{Caller, Linker};

use crate::abi::{AbiVersion, LogLevel, Status, StreamType};
use crate::calls::call;
use crate::guest::{Guest, Outcome};
use crate::pairs;
use crate::state::{Action, Body, Later, LocalReply, VmState, Way};

pub(super) fn define(linker: &mut Linker<VmState>, abi: AbiVersion) -> Result<(), LinkerError> {
    call!(linker, "proxy_log", log, level, text, size);
    call!(linker, "proxy_get_status", status, code_at, text_at, size_at);
    call!(
        linker,
        "proxy_send_local_response",
        local_response,
        code,
        details,
        details_size,
        body,
        body_size,
        headers,
        headers_size,
        grpc_status
    );
    call!(linker, "proxy_set_effective_context", effective_context, context);
    call!(linker, "proxy_done", done);
    call!(linker, "proxy_call_foreign_function", foreign, name, name_size, bytes, size, result_at, result_size_at);
    call!(linker, "proxy_set_tick_period_milliseconds", tick_period, milliseconds);
    call!(linker, "proxy_get_current_time_nanoseconds", time, nanoseconds_at);
    if abi == AbiVersion::V0_1_0 {
        call!(linker, "proxy_get_configuration", configuration, bytes_at, size_at);
        call!(linker, "proxy_continue_request", continue_request);
        call!(linker, "proxy_continue_response", continue_response);
        call!(linker, "proxy_clear_route_cache", clear_route_cache);
    } else {
        call!(linker, "proxy_continue_stream", continue_stream, stream);
        call!(linker, "proxy_close_stream", close_stream, stream);
    }
    if abi == AbiVersion::V0_2_1 {
        call!(linker, "proxy_get_log_level", log_level, level_at);
    }
    linker.func_wrap("env", "pthread_equal", |caller: Caller<'_, VmState>, left: u32, right: u32| {
        Guest::enter(caller, "env", "pthread_equal").map(|_| u32::from(left == right))
    })?;
    linker.func_wrap("env", "emscripten_notify_memory_growth", |caller: Caller<'_, VmState>, _: u32| {
        Guest::enter(caller, "env", "emscripten_notify_memory_growth").map(|_| ())
    })?;
    Ok(())
}

fn log(guest: &mut Guest<'_>, level: u32, text: u32, size: u32) -> Outcome {
    let level = LogLevel::of(level)?;
    let text = guest.read(text, size)?;
    guest.state().log(level, &text);
    Ok(())
}

fn log_level(guest: &mut Guest<'_>, level_at: u32) -> Outcome {
    let level = guest.state().plugin.log_level as u32;
    guest.put(level_at, level)
}

fn status(guest: &mut Guest<'_>, code_at: u32, text_at: u32, size_at: u32) -> Outcome {
    let (code, text) = guest.state().delivered.status.clone();
    guest.put(code_at, code)?;
    guest.give(text.as_bytes(), text_at, size_at)
}

#[expect(clippy::too_many_arguments, reason = "the ABI has them")]
fn local_response(
    guest: &mut Guest<'_>,
    code: u32,
    details: u32,
    details_size: u32,
    body: u32,
    body_size: u32,
    headers: u32,
    headers_size: u32,
    grpc_status: u32,
) -> Outcome {
    let details = guest.text(details, details_size)?;
    let reply = LocalReply {
        status: code as u16,
        body: guest.read(body, body_size)?,
        headers: pairs::read(&guest.read(headers, headers_size)?),
        // What the SDKs send for "none" is no status there is.
        grpc_status: (grpc_status <= 16).then_some(grpc_status),
        details: details.chars().map(|it| if it.is_ascii_whitespace() { '_' } else { it }).collect(),
    };
    let state = guest.state();
    let context = state.acting();
    if state.context().stream.is_some() {
        state.actions.push(Action::LocalReply { context, reply });
    }
    state.stop = true;
    Ok(())
}

fn continue_request(guest: &mut Guest<'_>) -> Outcome {
    go_on(guest, Way::Request)
}

fn continue_response(guest: &mut Guest<'_>) -> Outcome {
    go_on(guest, Way::Response)
}

fn continue_stream(guest: &mut Guest<'_>, stream: u32) -> Outcome {
    match StreamType::of(stream)? {
        StreamType::Request => go_on(guest, Way::Request),
        StreamType::Response => go_on(guest, Way::Response),
        StreamType::Downstream => Ok(()),
        StreamType::Upstream => Err(Status::Unimplemented),
    }
}

/// Lets a way of the stream go on. Whichever it is, Envoy then shows the guest nothing of the request any more.
fn go_on(guest: &mut Guest<'_>, way: Way) -> Outcome {
    let state = guest.state();
    let context = state.acting();
    let of_stream = state.context();
    let request = Way::Request as usize;
    (of_stream.headers[request], of_stream.trailers[request]) = (false, false);
    of_stream.body[request] = Body::None;
    if of_stream.stream.is_some() {
        state.actions.push(Action::Continue { context, way });
    }
    Ok(())
}

fn close_stream(guest: &mut Guest<'_>, stream: u32) -> Outcome {
    let http = matches!(StreamType::of(stream)?, StreamType::Request | StreamType::Response);
    let state = guest.state();
    let context = state.acting();
    if http && state.context().stream.is_some() {
        state.actions.push(Action::Close { context });
    }
    Ok(())
}

/// Envoy chooses the route anew; here there is one.
fn clear_route_cache(_: &mut Guest<'_>) -> Outcome {
    Ok(())
}

fn effective_context(guest: &mut Guest<'_>, context: u32) -> Outcome {
    let state = guest.state();
    match state.contexts.contains_key(&context) {
        true => {
            state.effective = context;
            Ok(())
        }
        false => Err(Status::BadArgument),
    }
}

fn done(guest: &mut Guest<'_>) -> Outcome {
    let state = guest.state();
    match std::mem::take(&mut state.pending_done) {
        true => {
            state.actions.push(Action::Done);
            Ok(())
        }
        false => Err(Status::NotFound),
    }
}

fn foreign(
    guest: &mut Guest<'_>,
    name: u32,
    name_size: u32,
    bytes: u32,
    size: u32,
    result_at: u32,
    result_size_at: u32,
) -> Outcome {
    let (name, bytes) = (guest.text(name, name_size)?, guest.read(bytes, size)?);
    let function = guest.state().host.function(&name).ok_or(Status::NotFound)?;
    let (result, outcome) = match function(&bytes) {
        Ok(result) => (result, Ok(())),
        Err(status) => (Vec::new(), Err(status)),
    };
    if result_at != 0 {
        let pointer = if result.is_empty() { 0 } else { guest.allocate(result.len() as u32)? };
        guest.write(pointer, &result)?;
        guest.put(result_at, pointer)?;
    }
    if result_size_at != 0 {
        guest.put(result_size_at, result.len() as u32)?;
    }
    outcome
}

fn configuration(guest: &mut Guest<'_>, bytes_at: u32, size_at: u32) -> Outcome {
    let state = guest.state();
    let plugin = &state.plugin;
    let bytes = if state.configuring { plugin.configuration.clone() } else { plugin.vm_configuration.clone() };
    guest.give(&bytes, bytes_at, size_at)
}

fn tick_period(guest: &mut Guest<'_>, milliseconds: u32) -> Outcome {
    let state = guest.state();
    let root = state.root();
    let period = Duration::from_millis(milliseconds.into());
    let timer = state.timers.entry(root).or_default();
    timer.period = period;
    timer.generation += 1;
    let generation = timer.generation;
    if !period.is_zero() {
        state.later.push((period, Later::Tick { root, generation }));
    }
    Ok(())
}

fn time(guest: &mut Guest<'_>, nanoseconds_at: u32) -> Outcome {
    let now = guest.state().host.now().as_nanos() as u64;
    guest.write(nanoseconds_at, &now.to_le_bytes())
}
