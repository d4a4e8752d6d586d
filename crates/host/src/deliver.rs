//! What happens outside of streams' own frames: ticks, answers to calls, the upstream's answer, news from queues.

use crate::callout::{GrpcAnswer, GrpcFrame, Reply};
use crate::calls::callouts::{RESET, TIMEOUT};
use crate::message::Message;
use crate::state::{Delivered, Later, LocalReply, VmState, Way, lock};
use crate::stream::End;
use crate::worker::{Event, StreamId, Worker};

/// What `proxy_get_status` says of a connection that ended within a response.
const BROKEN_CONNECTION: u32 = 11;

impl Worker {
    pub(crate) fn happen(&mut self, event: Event) {
        match event {
            // A VM that was made anew since has nothing to do with what the last one waited for.
            Event::Vm { filter, vm, later } => {
                if self.vms.get(filter).is_some_and(|it| it.state().number == vm) {
                    self.happen_to_vm(filter, later);
                }
            }
            Event::Upstream { stream, reply } => self.upstream_answers(stream, reply),
            Event::UpstreamTimeout { stream } => self.upstream_fails(stream, 504, TIMEOUT, "response_timeout"),
        }
    }

    fn happen_to_vm(&mut self, filter: usize, later: Later) {
        match later {
            Later::Tick { root, generation } => self.tick(filter, root, generation),
            Later::HttpReply { root, token, response } => self.http_reply(filter, root, token, response),
            Later::Grpc { root, token, answer } => self.grpc_answer(filter, root, token, answer),
        }
    }

    fn tick(&mut self, filter: usize, root: u32, generation: u64) {
        let timer = |worker: &Worker| {
            let timer = worker.vms.get(filter)?.state().timers.get(&root).copied();
            timer.filter(|it| it.generation == generation && !it.period.is_zero())
        };
        if timer(self).is_none() {
            return;
        }
        self.call(filter, "proxy_on_tick", root, &[root]);
        self.act(filter);
        if let (Some(timer), Some(vm)) = (timer(self), self.vms.get(filter)) {
            let vm = vm.state().number;
            self.schedule(timer.period, Event::Vm { filter, vm, later: Later::Tick { root, generation } });
        }
    }

    /// Calls into a VM while something can be read there that is gone afterwards.
    fn deliver(&mut self, filter: usize, what: Delivered, export: &str, root: u32, arguments: &[u32]) {
        let Some(vm) = self.vms.get_mut(filter) else { return };
        vm.state_mut().delivered = what;
        self.call(filter, export, root, arguments);
        if let Some(vm) = self.vms.get_mut(filter) {
            let status = vm.state().delivered.status.0;
            vm.state_mut().delivered = Delivered { status: (status, String::new()), ..Delivered::default() };
        }
        self.act(filter);
    }

    fn state(&mut self, filter: usize) -> Option<&mut VmState> {
        self.vms.get_mut(filter).map(|vm| vm.state_mut())
    }

    fn http_reply(&mut self, filter: usize, root: u32, token: u32, response: Option<Message>) {
        if self.state(filter).and_then(|it| it.http_calls.remove(&token)).is_none() {
            return;
        }
        let count = |number: usize| number as u32;
        let (arguments, delivered) = match response {
            Some(response) => {
                let trailers = response.trailers.as_ref().map_or(0, |it| count(it.len()));
                let arguments = [root, token, count(response.headers.len()), count(response.body().len()), trailers];
                (arguments, Delivered { http: Some(response), ..Delivered::default() })
            }
            None => {
                let status = (BROKEN_CONNECTION, "reset".to_owned());
                ([root, token, 0, 0, 0], Delivered { status, ..Delivered::default() })
            }
        };
        self.deliver(filter, delivered, "proxy_on_http_call_response", root, &arguments);
    }

    fn grpc_answer(&mut self, filter: usize, root: u32, token: u32, answer: GrpcAnswer) {
        for frame in answer.frames {
            let Some(state) = self.state(filter) else { return };
            let Some(open) = state.grpc_calls.get_mut(&token) else { return };
            let stream = open.call.stream;
            let mut delivered = Delivered::default();
            let (export, argument, over) = match frame {
                // A unary call knows a message and an end.
                GrpcFrame::InitialMetadata(_) | GrpcFrame::TrailingMetadata(_) if !stream => continue,
                GrpcFrame::InitialMetadata(metadata) => {
                    let count = metadata.len();
                    delivered.grpc_initial = Some(metadata);
                    ("proxy_on_grpc_receive_initial_metadata", count as u32, false)
                }
                GrpcFrame::TrailingMetadata(metadata) => {
                    let count = metadata.len();
                    delivered.grpc_trailing = Some(metadata);
                    ("proxy_on_grpc_receive_trailing_metadata", count as u32, false)
                }
                GrpcFrame::Message(message) => {
                    let size = message.len();
                    delivered.grpc_message = message;
                    ("proxy_on_grpc_receive", size as u32, !stream)
                }
                GrpcFrame::Close { status, message } => {
                    open.remote_closed = true;
                    let over = !stream || open.local_closed;
                    delivered.status = (status, message);
                    ("proxy_on_grpc_close", status, over)
                }
            };
            self.deliver(filter, delivered, export, root, &[root, token, argument]);
            if let Some(state) = self.state(filter).filter(|_| over) {
                state.grpc_calls.remove(&token);
            }
        }
    }

    /// Tells the VMs of this worker what came to their queues; whether there was anything to tell.
    pub(crate) fn tell_queues(&mut self) -> bool {
        let mut told = false;
        for filter in 0..self.vms.len() {
            let Some(vm) = self.vms.get(filter).map(|vm| vm.state().number) else { continue };
            for (root, token) in self.host.queue_news(vm) {
                told = true;
                self.call(filter, "proxy_on_queue_ready", root, &[root, token]);
                self.act(filter);
            }
        }
        told
    }

    fn upstream_answers(&mut self, stream: StreamId, reply: Reply) {
        match reply {
            Reply::Response(response) => {
                let http2 = self.speaks_http2(stream);
                self.play(stream, Way::Response, &response, http2);
            }
            Reply::Reset => {
                let details = "upstream_reset_before_response_started{connection_termination}";
                self.upstream_fails(stream, 503, RESET, details);
            }
            Reply::ResetWithin(response) => {
                self.arrive_headers(stream, Way::Response, &response.headers, false);
                response.chunks.iter().for_each(|chunk| self.arrive_data(stream, Way::Response, chunk, false));
                // Envoy answers 503 as long as a filter still holds the response's headers.
                let details = "upstream_reset_after_response_started{connection_termination}";
                match self.streams.get(&stream) {
                    Some(it) if it.downstream.is_none() => self.upstream_fails(stream, 503, RESET, details),
                    _ => self.finish(stream, End::Reset(details.to_owned())),
                }
            }
            Reply::Silence => {}
        }
    }

    /// Envoy answers in the upstream's place.
    fn upstream_fails(&mut self, stream: StreamId, status: u16, body: &str, details: &str) {
        let reply = LocalReply {
            status,
            body: body.into(),
            headers: Vec::new(),
            grpc_status: None,
            details: details.to_owned(),
        };
        self.local_reply(stream, reply);
    }

    /// Whether both ends of a stream speak HTTP/2: in Envoy the end of a body then comes with its last piece.
    pub(crate) fn speaks_http2(&self, stream: StreamId) -> bool {
        self.streams.get(&stream).is_some_and(|it| lock(&it.state).info.protocol == "HTTP/2")
    }
}
