//! What filters ask for when they return: to go on, to answer in the upstream's place, to end the stream.

use crate::state::{Action, LocalReply, Way, lock};
use crate::stream::{End, Gate};
use crate::worker::{StreamId, Worker};

impl Worker {
    /// Does what a filter asked for in the call that just returned.
    pub(crate) fn act(&mut self, filter: usize) {
        let actions = self.vms.get_mut(filter).map(|vm| std::mem::take(&mut vm.state_mut().actions));
        for action in actions.unwrap_or_default() {
            match action {
                Action::Continue { context, way } => {
                    let Some(id) = self.stream_of(filter, context) else { continue };
                    let Some(stream) = self.streams.get(&id) else { continue };
                    let position = stream.filter(way, filter);
                    let place = stream.places[way as usize].get(filter).copied().unwrap_or_default();
                    let begun = stream.contexts.get(filter).is_some_and(|it| *it != 0);
                    // Within the callback for this very way, what it returns decides.
                    if begun && stream.calling != Some(way) && place.gate != Gate::Open {
                        self.go_on(id, way, position);
                    }
                }
                Action::Close { context } => {
                    if let Some(id) = self.stream_of(filter, context) {
                        self.finish(id, End::Reset("wasm_close_stream".to_owned()));
                    }
                }
                Action::LocalReply { context, reply } => {
                    if let Some(id) = self.stream_of(filter, context) {
                        self.local_reply(id, reply);
                    }
                }
                Action::Done => {
                    if let Some(root) = self.vms.get(filter).map(|vm| vm.root) {
                        self.call(filter, "proxy_on_delete", root, &[root]);
                    }
                }
            }
        }
    }

    fn stream_of(&self, filter: usize, context: u32) -> Option<StreamId> {
        let found = self.streams.iter().find(|(_, stream)| stream.contexts.get(filter) == Some(&context));
        found.map(|(id, _)| *id)
    }

    /// Answers a stream in the upstream's place: through the filters, where they have seen no response; to the client,
    /// where they hold one; and where the client has one already, the stream is reset.
    pub(crate) fn local_reply(&mut self, id: StreamId, reply: LocalReply) {
        let Some(stream) = self.streams.get_mut(&id).filter(|it| it.end.is_none()) else { return };
        if stream.prepared.is_some() {
            return;
        }
        lock(&stream.state).code_details = Some(reply.details.clone());
        let details = reply.details.clone();
        stream.local_reply = Some(reply.clone());
        if !stream.response_begun {
            match stream.calling {
                Some(Way::Request) => stream.prepared = Some(reply),
                _ => self.reply_through(id, &reply),
            }
        } else if stream.downstream.is_none() {
            let message = stream.reply(&reply);
            lock(&stream.state).ways[Way::Response as usize].headers = message.headers.clone();
            stream.sink_headers(Way::Response);
            stream.sink_data(Way::Response, message.body());
            self.finish(id, End::Complete);
        } else {
            self.finish(id, End::Reset(details));
        }
    }

    pub(crate) fn reply_through(&mut self, id: StreamId, reply: &LocalReply) {
        let Some(stream) = self.streams.get_mut(&id).filter(|it| it.end.is_none()) else { return };
        (stream.request_over, stream.response_begun) = (true, true);
        let message = stream.reply(reply);
        let mut state = lock(&stream.state);
        state.response_code = Some(message.status());
        state.ways[Way::Response as usize].headers = message.headers.clone();
        drop(state);
        let end = message.chunks.is_empty();
        stream.ended[Way::Response as usize] = end;
        self.headers(id, Way::Response, 0, end);
        if !end {
            self.arrive_data(id, Way::Response, &message.body(), true);
        }
    }

    /// Ends a stream, once: each filter is told to log, and then that it is done.
    pub(crate) fn finish(&mut self, id: StreamId, end: End) {
        let now = self.host.now();
        let Some(stream) = self.streams.get_mut(&id).filter(|it| it.end.is_none()) else { return };
        stream.end = Some(end);
        lock(&stream.state).finished = Some(now);
        for filter in 0..self.vms.len() {
            let Some(context) = self.context_at_end(id, filter) else { continue };
            self.set_logging(filter, context, true);
            self.call(filter, "proxy_on_log", context, &[context]);
            self.act(filter);
            self.set_logging(filter, context, false);
        }
        for filter in 0..self.vms.len() {
            let context = self.streams.get(&id).and_then(|it| it.contexts.get(filter)).copied().unwrap_or(0);
            if context == 0 {
                continue;
            }
            self.call(filter, "proxy_on_done", context, &[context]);
            self.act(filter);
            self.call(filter, "proxy_on_delete", context, &[context]);
            self.act(filter);
            if let Some(vm) = self.vms.get_mut(filter) {
                vm.state_mut().contexts.remove(&context);
            }
        }
    }

    /// The context that is told to log: a filter that the request never got to has one made for that.
    fn context_at_end(&mut self, id: StreamId, filter: usize) -> Option<u32> {
        match *self.streams.get(&id)?.contexts.get(filter)? {
            0 => self.create(id, filter),
            context => Some(context),
        }
    }

    fn set_logging(&mut self, filter: usize, context: u32, logging: bool) {
        let context = self.vms.get_mut(filter).and_then(|vm| vm.state_mut().contexts.get_mut(&context));
        if let Some(context) = context {
            context.logging = logging;
        }
    }
}
