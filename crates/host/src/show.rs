//! Shows a frame to a filter: makes the callback, opens to it what it may look at, and reads what it returned.

use crate::abi::AbiVersion;
use crate::headers::HeaderMap;
use crate::plugin::FailurePolicy;
use crate::state::{Body, Context, LocalReply, Way, lock};
use crate::worker::{StreamId, Worker};

/// What a filter is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Headers,
    Data(Body),
    Trailers,
}

/// What became of a frame at a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Continue,
    /// Held, with the number that the callback returned, in Envoy's own counting.
    Stop(u32),
    /// The stream was answered or reset meanwhile: the frame goes nowhere.
    Over,
}

/// The details of the reply to a stream whose VM is dead.
const FAILED: &str = "wasm_fail_stream";

impl Worker {
    /// Shows a frame to a filter and does what it asks for.
    pub(crate) fn show(&mut self, id: StreamId, way: Way, filter: usize, frame: Frame, end: bool) -> Verdict {
        self.set_calling(id, Some(way));
        let Some(context) = self.enter(id, way, filter) else {
            self.set_calling(id, None);
            return Verdict::Continue;
        };
        let Some(count) = self.prepare(id, way, filter, context, frame, end) else { return Verdict::Over };
        if let Some(verdict) = self.dead(id, filter, context) {
            return self.after(id, filter, context, way, frame, verdict);
        }
        let export = export(way, frame);
        if !self.vms.get(filter).is_some_and(|vm| vm.has(export)) {
            return self.after(id, filter, context, way, frame, Verdict::Continue);
        }
        let old = self.vms.get(filter).is_some_and(|vm| vm.state().plugin.module.abi() == AbiVersion::V0_1_0);
        let arguments = [context, count, end.into()];
        let arguments = match frame {
            Frame::Headers if old => &arguments[..2],
            Frame::Trailers => &arguments[..2],
            _ => &arguments[..],
        };
        let returned = self.call(filter, export, context, arguments).unwrap_or(0);
        let stop = self.vms.get_mut(filter).is_some_and(|vm| std::mem::take(&mut vm.state_mut().stop));
        self.act(filter);
        let verdict = self.dead(id, filter, context).unwrap_or_else(|| self.verdict(filter, frame, returned, stop));
        self.after(id, filter, context, way, frame, verdict)
    }

    fn set_calling(&mut self, id: StreamId, way: Option<Way>) {
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.calling = way;
        }
    }

    /// The context that a frame is shown to; the first frame of the request makes it. `None`: it passes the filter by.
    fn enter(&mut self, id: StreamId, way: Way, filter: usize) -> Option<u32> {
        let context = *self.streams.get(&id)?.contexts.get(filter)?;
        if context != 0 {
            let failed = self.vms.get(filter)?.state().contexts.get(&context).is_none_or(|it| it.failed);
            return (way == Way::Request || !failed).then_some(context);
        }
        (way == Way::Request).then(|| self.create(id, filter)).flatten()
    }

    /// Makes a filter's context for a stream; a dead VM whose policy is to be passed by has none.
    pub(crate) fn create(&mut self, id: StreamId, filter: usize) -> Option<u32> {
        let stream = self.streams.get_mut(&id)?;
        let vm = self.vms.get_mut(filter)?;
        let root = vm.root;
        if vm.state().trap.is_some() && vm.state().plugin.failure_policy == FailurePolicy::Open {
            return None;
        }
        let context = vm.state_mut().add_context(root, Some(stream.state.clone()));
        *stream.contexts.get_mut(filter)? = context;
        self.call(filter, "proxy_on_context_create", context, &[context, root]);
        self.act(filter);
        let state = self.vms.get_mut(filter)?.state_mut();
        state.contexts.get_mut(&context)?.created = true;
        Some(context)
    }

    /// Opens to a filter what it may look at in this callback, and gives the callback's number: of headers, or bytes.
    fn prepare(&mut self, id: StreamId, way: Way, filter: usize, number: u32, frame: Frame, end: bool) -> Option<u32> {
        let stream = self.streams.get(&id)?;
        let context = self.vms.get_mut(filter)?.state_mut().contexts.get_mut(&number)?;
        let mut state = lock(&stream.state);
        let passing = &mut state.ways[way as usize];
        let at = way as usize;
        let count = match frame {
            Frame::Headers => {
                context.headers[at] = true;
                passing.headers.len()
            }
            Frame::Data(body) => {
                // What comes while the filter holds the body is put behind what it holds, and it sees it all.
                if context.buffering[at] && body == Body::Chunk {
                    let chunk = std::mem::take(&mut passing.chunk);
                    passing.buffered.get_or_insert_default().extend(chunk);
                }
                context.body[at] = if context.buffering[at] { Body::Buffered } else { body };
                match context.body[at] {
                    Body::Buffered => passing.buffered.as_ref().map_or(0, Vec::len),
                    _ => passing.chunk.len(),
                }
            }
            Frame::Trailers => {
                context.trailers[at] = true;
                passing.trailers.as_ref().map_or(0, HeaderMap::len)
            }
        };
        if frame != Frame::Trailers {
            context.end_of_stream = end;
        }
        Some(count as u32)
    }

    /// What becomes of a stream whose VM is dead; `None` where it lives. The stream is answered once, whatever the policy:
    /// that is for later ones.
    fn dead(&mut self, id: StreamId, filter: usize, context: u32) -> Option<Verdict> {
        let state = self.vms.get_mut(filter)?.state_mut();
        state.trap.as_ref()?;
        if !std::mem::replace(&mut state.contexts.get_mut(&context)?.failed, true) {
            let details = FAILED.to_owned();
            let reply =
                LocalReply { status: 503, body: Vec::new(), headers: Vec::new(), grpc_status: Some(14), details };
            self.local_reply(id, reply);
        }
        Some(Verdict::Stop(3))
    }

    /// What a callback returned, as Envoy takes it.
    fn verdict(&self, filter: usize, frame: Frame, returned: u32, stop: bool) -> Verdict {
        let single = self.vms.get(filter).is_some_and(|vm| vm.state().plugin.allow_on_headers_stop_iteration);
        match (frame, returned) {
            (_, 0) if !stop => Verdict::Continue,
            // `ContinueAndEndStream`, which Envoy takes as `Continue`.
            (Frame::Headers, 2) if !stop => Verdict::Continue,
            (Frame::Headers, 1) if single && !stop => Verdict::Stop(1),
            (Frame::Headers, 3) if !stop => Verdict::Stop(3),
            (Frame::Headers, _) => Verdict::Stop(4),
            (Frame::Data(_), status) if !stop && status <= 2 => Verdict::Stop(status),
            (Frame::Data(_), _) => Verdict::Stop(3),
            (Frame::Trailers, _) => Verdict::Stop(1),
        }
    }

    /// Closes what a callback opened, and sends the local reply that waited for it.
    fn after(
        &mut self,
        id: StreamId,
        filter: usize,
        context: u32,
        way: Way,
        frame: Frame,
        verdict: Verdict,
    ) -> Verdict {
        self.set_calling(id, None);
        let context = self.vms.get_mut(filter).and_then(|vm| vm.state_mut().contexts.get_mut(&context));
        if let Some(context) = context {
            close(context, way, frame, verdict);
        }
        let Some(stream) = self.streams.get_mut(&id) else { return Verdict::Over };
        if let Some(reply) = stream.prepared.take() {
            self.reply_through(id, &reply);
            return Verdict::Over;
        }
        if stream.alive(way) { verdict } else { Verdict::Over }
    }
}

/// The callback for a frame.
fn export(way: Way, frame: Frame) -> &'static str {
    match (way, frame) {
        (Way::Request, Frame::Headers) => "proxy_on_request_headers",
        (Way::Request, Frame::Data(_)) => "proxy_on_request_body",
        (Way::Request, Frame::Trailers) => "proxy_on_request_trailers",
        (Way::Response, Frame::Headers) => "proxy_on_response_headers",
        (Way::Response, Frame::Data(_)) => "proxy_on_response_body",
        (Way::Response, Frame::Trailers) => "proxy_on_response_trailers",
    }
}

/// What was shown is gone when the frame goes on; what is held can still be looked at.
fn close(context: &mut Context, way: Way, frame: Frame, verdict: Verdict) {
    let (at, gone) = (way as usize, verdict == Verdict::Continue);
    match frame {
        Frame::Headers => context.headers[at] &= !gone,
        Frame::Trailers => context.trailers[at] &= !gone,
        Frame::Data(_) => {
            // `StopIterationAndBuffer`.
            context.buffering[at] = verdict == Verdict::Stop(1);
            if gone {
                context.body[at] = Body::None;
            } else if context.buffering[at] {
                context.body[at] = Body::Buffered;
            }
        }
    }
}
