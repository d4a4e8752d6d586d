//! A worker: a chain of filters, each in a VM of its own, and the streams that go through them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::callout::{Answer, Callout, GrpcCall, Reply};
use crate::headers::HeaderMap;
use crate::host::Host;
use crate::message::Message;
use crate::plugin::{FailurePolicy, Plugin, RELOAD_AFTER};
use crate::report::{Counts, LogLine, Trap};
use crate::state::{Later, LocalReply, StreamInfo, Way};
use crate::stream::{End, Stream};
use crate::vm::{StartError, Vm};

/// Names a stream of one worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(u64);

/// What became of one exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The request as the upstream saw it; `None` where none reached it.
    pub upstream: Option<Message>,
    /// Whether the upstream saw its end.
    pub upstream_whole: bool,
    /// The response as the client saw it; `None` where not even its headers came.
    pub response: Option<Message>,
    /// How it ended.
    pub end: End,
    /// The answer that was not the upstream's, where there was one.
    pub local_reply: Option<LocalReply>,
    /// What the filters logged meanwhile.
    pub log: Vec<LogLine>,
    /// The HTTP calls that they made meanwhile.
    pub callouts: Vec<Callout>,
    /// The gRPC calls that they opened meanwhile.
    pub grpc_calls: Vec<GrpcCall>,
    /// What they cost meanwhile.
    pub counts: Counts,
    /// The traps meanwhile.
    pub traps: Vec<Trap>,
    /// How much time passed.
    pub took: Duration,
}

/// What happens at a time.
#[derive(Debug)]
pub(crate) enum Event {
    Vm { filter: usize, vm: u64, later: Later },
    Upstream { stream: StreamId, reply: Reply },
    UpstreamTimeout { stream: StreamId },
}

/// A worker of a proxy. It runs one thing at a time; several workers may run on several threads.
#[derive(Debug)]
pub struct Worker {
    pub(crate) host: Host,
    pub(crate) vms: Vec<Vm>,
    pub(crate) streams: BTreeMap<StreamId, Stream>,
    next_stream: u64,
    agenda: BTreeMap<(Duration, u64), Event>,
    scheduled: u64,
    /// Since when a VM is dead.
    dead: Vec<Option<Duration>>,
    kept: Kept,
    /// What VMs cost that were made anew since.
    past: Counts,
    /// How long a filter may hold a stream before an exchange is given up as stalled; a minute.
    pub patience: Duration,
    /// How long the upstream may take to answer; Envoy's 15 seconds.
    pub upstream_timeout: Duration,
    /// How many bytes a filter may hold back of one body; Envoy's 1 MiB. More is answered 413, or 500 for a response.
    pub buffer_limit: usize,
}

/// What filters did, in the order in which they did it, until somebody takes it.
#[derive(Debug, Default)]
struct Kept {
    log: Vec<LogLine>,
    callouts: Vec<Callout>,
    grpc_calls: Vec<GrpcCall>,
    traps: Vec<Trap>,
}

impl Worker {
    /// Starts and configures a chain of filters. Requests meet them in this order, responses in the other.
    ///
    /// # Errors
    /// One of them does not start, or refuses its configuration: see [`StartCause`](crate::StartCause).
    pub fn new(host: &Host, chain: impl IntoIterator<Item = Plugin>) -> Result<Worker, StartError> {
        let vms = chain.into_iter().map(|plugin| Vm::start(host, &plugin)).collect::<Result<Vec<_>, _>>()?;
        let mut worker = Worker {
            host: host.clone(),
            dead: vec![None; vms.len()],
            vms,
            streams: BTreeMap::new(),
            next_stream: 1,
            agenda: BTreeMap::new(),
            scheduled: 0,
            kept: Kept::default(),
            past: Counts::default(),
            patience: Duration::from_secs(60),
            upstream_timeout: Duration::from_secs(15),
            buffer_limit: 1 << 20,
        };
        (0..worker.vms.len()).for_each(|filter| worker.collect(filter));
        worker.settle();
        Ok(worker)
    }

    /// Sends one request through the chain, whole, and plays what follows to its end: `upstream` answers when the
    /// request has reached it whole, and the clock goes on to whatever falls due next while the stream waits.
    pub fn exchange(&mut self, request: &Message, upstream: impl FnMut(&Message) -> Answer) -> Exchange {
        self.exchange_with(StreamInfo::default(), request, upstream)
    }

    /// As [`Worker::exchange`], on a stream that properties tell this of.
    pub fn exchange_with(
        &mut self,
        info: StreamInfo,
        request: &Message,
        mut upstream: impl FnMut(&Message) -> Answer,
    ) -> Exchange {
        let earlier = std::mem::take(&mut self.kept);
        let (started, before) = (self.host.now(), self.counts());
        let stream = self.open(info);
        self.send(stream, request);
        let deadline = started + self.patience;
        loop {
            self.settle();
            if self.ended(stream).is_some() {
                break;
            }
            if let Some(request) = self.upstream_request(stream) {
                let answer = upstream(&request);
                self.respond(stream, answer);
            } else if !self.step(deadline) {
                break;
            }
        }
        self.finish(stream, End::Stalled);
        self.settle();
        let meanwhile = std::mem::replace(&mut self.kept, earlier);
        let ended = self.streams.remove(&stream);
        let ended = ended.unwrap_or_else(|| Stream::new(0, StreamInfo::default(), started));
        Exchange {
            upstream: ended.upstream,
            upstream_whole: ended.upstream_whole,
            response: ended.downstream,
            end: ended.end.unwrap_or(End::Stalled),
            local_reply: ended.local_reply,
            log: meanwhile.log,
            callouts: meanwhile.callouts,
            grpc_calls: meanwhile.grpc_calls,
            counts: self.counts().since(&before),
            traps: meanwhile.traps,
            took: self.host.now() - started,
        }
    }

    /// Opens a stream. Its request is sent with [`Worker::send`], or piece by piece.
    pub fn open(&mut self, info: StreamInfo) -> StreamId {
        let id = StreamId(self.next_stream);
        self.next_stream += 1;
        for filter in 0..self.vms.len() {
            self.revive(filter);
        }
        self.streams.insert(id, Stream::new(self.vms.len(), info, self.host.now()));
        id
    }

    /// Sends a whole request: as HTTP/1 does it in Envoy, the end of a body comes in an empty piece of its own; as
    /// HTTP/2 does it, with the last piece.
    pub fn send(&mut self, stream: StreamId, request: &Message) {
        let http2 = self.speaks_http2(stream);
        self.play(stream, Way::Request, request, http2);
    }

    /// Sends a request's headers, and with them its end, where `end` is set.
    pub fn send_headers(&mut self, stream: StreamId, headers: &HeaderMap, end: bool) {
        self.arrive_headers(stream, Way::Request, headers, end);
    }

    /// Sends a piece of a request's body.
    pub fn send_data(&mut self, stream: StreamId, data: &[u8], end: bool) {
        self.arrive_data(stream, Way::Request, data, end);
    }

    /// Sends a request's trailers, which are its end.
    pub fn send_trailers(&mut self, stream: StreamId, trailers: &HeaderMap) {
        self.arrive_trailers(stream, Way::Request, trailers);
    }

    /// The client leaves.
    pub fn client_gone(&mut self, stream: StreamId) {
        self.finish(stream, End::ClientGone);
    }

    /// The request as it reached the upstream whole, once: the next call gives `None`.
    pub fn upstream_request(&mut self, stream: StreamId) -> Option<Message> {
        let stream = self.streams.get_mut(&stream)?;
        if !stream.upstream_whole || stream.asked || stream.end.is_some() {
            return None;
        }
        stream.asked = true;
        stream.upstream.clone()
    }

    /// Has the upstream answer. What comes after some time comes when the clock gets there.
    pub fn respond(&mut self, stream: StreamId, answer: Answer) {
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.asked = true;
        }
        let late = answer.after > self.upstream_timeout || answer.reply == Reply::Silence;
        let (after, event) = match late {
            true => (self.upstream_timeout, Event::UpstreamTimeout { stream }),
            false => (answer.after, Event::Upstream { stream, reply: answer.reply }),
        };
        self.schedule(after, event);
    }

    /// Forgets a stream; one that goes on is ended as by a client that leaves.
    pub fn close(&mut self, stream: StreamId) {
        self.finish(stream, End::ClientGone);
        self.streams.remove(&stream);
    }

    /// What is known of a stream so far: the request as it reached the upstream, and the response as it reached the client.
    pub fn seen(&self, stream: StreamId) -> (Option<&Message>, Option<&Message>) {
        let stream = self.streams.get(&stream);
        (stream.and_then(|it| it.upstream.as_ref()), stream.and_then(|it| it.downstream.as_ref()))
    }

    /// How a stream ended, `None` while it goes on.
    pub fn ended(&self, stream: StreamId) -> Option<&End> {
        self.streams.get(&stream)?.end.as_ref()
    }

    /// Does everything that is due, without a step of the clock.
    pub fn settle(&mut self) {
        loop {
            let now = self.host.now();
            if let Some(entry) = self.agenda.first_entry().filter(|it| it.key().0 <= now) {
                let event = entry.remove();
                self.happen(event);
            } else if !self.tell_queues() {
                return;
            }
        }
    }

    /// Lets time pass: ticks, answers and timeouts happen when their time comes.
    pub fn advance(&mut self, time: Duration) {
        let until = self.host.now() + time;
        while self.step(until) {
            self.settle();
        }
        self.host.set_now(until);
        self.settle();
    }

    /// Sets the clock to what is due next, if that is not after `until`.
    fn step(&mut self, until: Duration) -> bool {
        match self.agenda.first_key_value().map(|((due, _), _)| *due).filter(|due| *due <= until) {
            Some(due) => {
                self.host.set_now(due);
                true
            }
            None => false,
        }
    }

    /// Has a hook called before each host call of a filter, with the call's name. There, a test may run another worker:
    /// that is how a race is played, one way or the other, the same in every run.
    pub fn before_host_call(&mut self, filter: usize, hook: impl FnMut(&str) + Send + 'static) {
        if let Some(vm) = self.vms.get_mut(filter) {
            vm.state_mut().hook = Some(Box::new(hook));
        }
    }

    /// What the filters logged outside of exchanges, since the last call: when they started, and when time passed.
    pub fn take_log(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.kept.log)
    }

    /// The HTTP calls outside of exchanges, since the last call.
    pub fn take_callouts(&mut self) -> Vec<Callout> {
        std::mem::take(&mut self.kept.callouts)
    }

    /// The gRPC calls outside of exchanges, since the last call.
    pub fn take_grpc_calls(&mut self) -> Vec<GrpcCall> {
        std::mem::take(&mut self.kept.grpc_calls)
    }

    /// The traps outside of exchanges, since the last call.
    pub fn take_traps(&mut self) -> Vec<Trap> {
        std::mem::take(&mut self.kept.traps)
    }

    /// The value of an integer that a filter exports as a global: what a module counts itself, such as one that was
    /// rewritten to be measured. `None` where there is no such export.
    pub fn global(&self, filter: usize, name: &str) -> Option<u64> {
        self.vms.get(filter)?.global(name)
    }

    /// What all filters of this worker cost since they were started.
    pub fn counts(&self) -> Counts {
        let mut counts = self.past.clone();
        self.vms.iter().for_each(|vm| counts.add(vm.counts()));
        counts
    }

    /// Ends the worker as a drained listener ends: each root context is asked whether it is done, and deleted when it is,
    /// at once or when it calls `proxy_done`.
    pub fn shut_down(&mut self) {
        for filter in 0..self.vms.len() {
            let Some(root) = self.vms.get(filter).map(|vm| vm.root) else { continue };
            if self.call(filter, "proxy_on_done", root, &[root]) == Some(0) {
                if let Some(vm) = self.vms.get_mut(filter) {
                    vm.state_mut().pending_done = true;
                }
            } else {
                self.call(filter, "proxy_on_delete", root, &[root]);
            }
            self.act(filter);
        }
        self.settle();
    }

    pub(crate) fn schedule(&mut self, after: Duration, event: Event) {
        self.scheduled += 1;
        self.agenda.insert((self.host.now() + after, self.scheduled), event);
    }

    /// Calls into a filter's VM; what it asks for there is done by [`Worker::act`].
    pub(crate) fn call(&mut self, filter: usize, export: &str, context: u32, arguments: &[u32]) -> Option<u32> {
        let returned = self.vms.get_mut(filter)?.call(export, context, arguments);
        self.collect(filter);
        returned
    }

    /// Takes from a VM what it leaves behind: what it logged, what is to happen later, and that it died.
    fn collect(&mut self, filter: usize) {
        let now = self.host.now();
        let (Some(vm), Some(dead)) = (self.vms.get_mut(filter), self.dead.get_mut(filter)) else { return };
        let state = vm.state_mut();
        if let Some(trap) = state.trap.clone().filter(|_| dead.is_none()) {
            *dead = Some(now);
            self.kept.traps.push(trap);
        }
        self.kept.log.append(&mut state.log);
        self.kept.callouts.append(&mut state.callouts);
        self.kept.grpc_calls.append(&mut state.grpc_log);
        let (vm, later) = (state.number, std::mem::take(&mut state.later));
        later.into_iter().for_each(|(after, later)| self.schedule(after, Event::Vm { filter, vm, later }));
    }

    /// Makes a dead VM anew, where the policy says so and it has been dead for long enough.
    fn revive(&mut self, filter: usize) {
        let now = self.host.now();
        let (Some(vm), Some(Some(since))) = (self.vms.get_mut(filter), self.dead.get(filter)) else { return };
        let plugin = vm.state().plugin.clone();
        if plugin.failure_policy != FailurePolicy::Reload || now < *since + RELOAD_AFTER {
            return;
        }
        match Vm::start(&self.host, &plugin) {
            Ok(mut new) => {
                new.state_mut().hook = vm.state_mut().hook.take();
                self.past.add(vm.counts());
                *vm = new;
                self.dead[filter] = None;
                self.collect(filter);
            }
            Err(error) => {
                self.kept.log.extend(error.log);
                self.dead[filter] = Some(now);
            }
        }
    }
}
