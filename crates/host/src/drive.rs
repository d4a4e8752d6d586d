//! How a message goes through the filters of a stream: Envoy's filter manager.
//!
//! Each filter may let a frame go on, hold it, or hold everything; a later frame, a call's answer or a tick lets it go
//! on. What is held of a body is kept once for each way, whichever filter holds it.

use std::time::Duration;

use crate::headers::{HeaderMap, MapKind};
use crate::message::Message;
use crate::show::{Frame, Verdict};
use crate::state::{Body, LocalReply, Way, lock};
use crate::stream::{End, Gate, Place};
use crate::worker::{StreamId, Worker};

impl Worker {
    /// Plays a whole message into a way.
    pub(crate) fn play(&mut self, id: StreamId, way: Way, message: &Message, end_with_data: bool) {
        let (body, trailers) = (&message.chunks, message.trailers.as_ref());
        self.arrive_headers(id, way, &message.headers, body.is_empty() && trailers.is_none());
        // A body of one empty piece is nothing but its end.
        let only_the_end = body.len() == 1 && body[0].is_empty() && trailers.is_none();
        for (at, chunk) in body.iter().enumerate() {
            self.pass(message.gap);
            let last = at + 1 == body.len() && trailers.is_none();
            self.arrive_data(id, way, chunk, last && (end_with_data || only_the_end));
        }
        self.pass(message.gap);
        match trailers {
            Some(trailers) => self.arrive_trailers(id, way, trailers),
            None if !body.is_empty() && !end_with_data && !only_the_end => self.arrive_data(id, way, b"", true),
            None => {}
        }
    }

    /// Lets the time pass that a message takes between its pieces.
    fn pass(&mut self, gap: Duration) {
        if !gap.is_zero() {
            self.advance(gap);
        }
    }

    pub(crate) fn arrive_headers(&mut self, id: StreamId, way: Way, headers: &HeaderMap, end: bool) {
        let Some(stream) = self.streams.get_mut(&id).filter(|it| it.alive(way)) else { return };
        stream.ended[way as usize] |= end;
        let mut state = lock(&stream.state);
        let kind = if way == Way::Request { MapKind::Request } else { MapKind::Response };
        state.ways[way as usize].headers = HeaderMap::of(kind, headers.iter());
        if way == Way::Response {
            state.response_code = Some(headers.status());
            state.code_details = Some("via_upstream".to_owned());
        }
        drop(state);
        stream.response_begun |= way == Way::Response;
        self.headers(id, way, 0, end);
    }

    pub(crate) fn arrive_data(&mut self, id: StreamId, way: Way, data: &[u8], end: bool) {
        let Some(stream) = self.streams.get_mut(&id).filter(|it| it.alive(way)) else { return };
        stream.ended[way as usize] |= end;
        let mut state = lock(&stream.state);
        state.ways[way as usize].chunk = data.to_vec();
        if way == Way::Request {
            state.bytes[Way::Request as usize] += data.len() as u64;
        }
        drop(state);
        self.data(id, way, 0, Body::Chunk, end);
    }

    pub(crate) fn arrive_trailers(&mut self, id: StreamId, way: Way, trailers: &HeaderMap) {
        let Some(stream) = self.streams.get_mut(&id).filter(|it| it.alive(way)) else { return };
        (stream.ended[way as usize], stream.trailers[way as usize]) = (true, true);
        let kind = if way == Way::Request { MapKind::RequestTrailers } else { MapKind::ResponseTrailers };
        lock(&stream.state).ways[way as usize].trailers = Some(HeaderMap::of(kind, trailers.iter()));
        self.trailers(id, way, 0);
    }

    fn place(&mut self, id: StreamId, way: Way, filter: usize) -> Option<&mut Place> {
        self.streams.get_mut(&id)?.places[way as usize].get_mut(filter)
    }

    fn filter(&self, id: StreamId, way: Way, position: usize) -> Option<usize> {
        self.streams.get(&id).map(|it| it.filter(way, position))
    }

    pub(crate) fn headers(&mut self, id: StreamId, way: Way, from: usize, end: bool) {
        for position in from..self.vms.len() {
            let Some(filter) = self.filter(id, way, position) else { return };
            if let Some(place) = self.place(id, way, filter) {
                place.saw_end = end;
            }
            let verdict = self.show(id, way, filter, Frame::Headers, end);
            let Some(place) = self.place(id, way, filter) else { return };
            match verdict {
                Verdict::Over => return,
                Verdict::Continue => place.headers_left = true,
                // `StopIteration` alone leaves the body to flow.
                Verdict::Stop(1) => return place.gate = Gate::HoldsFrame,
                Verdict::Stop(status) => return place.gate = Gate::HoldsAll { bounded: status == 3 },
            }
        }
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.sink_headers(way);
        }
        self.sunk(id, way, end);
    }

    fn data(&mut self, id: StreamId, way: Way, from: usize, body: Body, mut end: bool) {
        let mut added_at = None;
        for position in from..self.vms.len() {
            let Some(filter) = self.filter(id, way, position) else { return };
            let Some(place) = self.place(id, way, filter) else { return };
            if let Gate::HoldsAll { bounded } = place.gate {
                return self.hold(id, way, body, bounded);
            }
            if place.saw_end {
                return;
            }
            place.saw_end = end;
            let had_trailers = self.has_trailers(id, way);
            let verdict = self.show(id, way, filter, Frame::Data(body), end);
            if verdict != Verdict::Over && !had_trailers && self.has_trailers(id, way) {
                (end, added_at) = (false, Some(position));
                if let Some(stream) = self.streams.get_mut(&id) {
                    stream.trailers[way as usize] = true;
                }
            }
            let Some(place) = self.place(id, way, filter) else { return };
            match verdict {
                Verdict::Over => return,
                Verdict::Continue if place.gate == Gate::HoldsFrame => {
                    self.hold(id, way, body, false);
                    return self.go_on(id, way, position);
                }
                Verdict::Continue => {}
                Verdict::Stop(status) => {
                    place.gate = Gate::HoldsFrame;
                    match status {
                        // `StopIterationAndBuffer`, and `StopIterationAndWatermark`, which only slows the sender down.
                        1 | 2 => self.hold(id, way, body, status == 1),
                        _ => self.drop_data(id, way, body, end),
                    }
                    return;
                }
            }
        }
        if let Some(stream) = self.streams.get_mut(&id) {
            let mut state = lock(&stream.state);
            let passing = &mut state.ways[way as usize];
            let data = match body {
                Body::Buffered => passing.buffered.take().unwrap_or_default(),
                _ => std::mem::take(&mut passing.chunk),
            };
            drop(state);
            stream.sink_data(way, data);
        }
        self.sunk(id, way, end);
        if let Some(position) = added_at {
            self.trailers(id, way, position + 1);
        }
    }

    fn trailers(&mut self, id: StreamId, way: Way, from: usize) {
        if !self.streams.get(&id).is_some_and(|it| it.alive(way)) {
            return;
        }
        for position in from..self.vms.len() {
            let Some(filter) = self.filter(id, way, position) else { return };
            let Some(place) = self.place(id, way, filter) else { return };
            if matches!(place.gate, Gate::HoldsAll { .. }) {
                return;
            }
            place.saw_end = true;
            let verdict = self.show(id, way, filter, Frame::Trailers, true);
            let Some(place) = self.place(id, way, filter) else { return };
            match verdict {
                Verdict::Over => return,
                Verdict::Continue if place.gate == Gate::HoldsFrame => return self.go_on(id, way, position),
                Verdict::Continue => {}
                Verdict::Stop(_) => return place.gate = Gate::HoldsFrame,
            }
        }
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.sink_trailers(way);
        }
        self.sunk(id, way, true);
    }

    /// Something has passed all filters: with the end, the upstream has the request whole, or the client the response.
    fn sunk(&mut self, id: StreamId, way: Way, end: bool) {
        let Some(stream) = self.streams.get_mut(&id).filter(|_| end) else { return };
        match way {
            Way::Request => stream.upstream_whole = true,
            Way::Response => self.finish(id, End::Complete),
        }
    }

    fn has_trailers(&self, id: StreamId, way: Way) -> bool {
        self.streams.get(&id).is_some_and(|it| lock(&it.state).ways[way as usize].trailers.is_some())
    }

    /// Keeps what is at hand with what is held already. More than the limit is answered, where it is to be bounded.
    fn hold(&mut self, id: StreamId, way: Way, body: Body, bounded: bool) {
        let limit = self.buffer_limit;
        let Some(stream) = self.streams.get(&id) else { return };
        let mut state = lock(&stream.state);
        let passing = &mut state.ways[way as usize];
        let buffered = passing.buffered.get_or_insert_default();
        if body == Body::Chunk {
            buffered.append(&mut passing.chunk);
        }
        let over = bounded && buffered.len() > limit;
        drop(state);
        if over {
            let (status, text, details) = match way {
                Way::Request => (413, "Payload Too Large", "request_payload_too_large"),
                Way::Response => (500, "Internal Server Error", "response_payload_too_large"),
            };
            let details = details.to_owned();
            self.local_reply(
                id,
                LocalReply { status, body: text.into(), headers: Vec::new(), grpc_status: None, details },
            );
        }
    }

    /// `StopIterationNoBuffer`: the filter has what it wanted of the data. An end that came with it is still to come.
    fn drop_data(&mut self, id: StreamId, way: Way, body: Body, end: bool) {
        let Some(stream) = self.streams.get(&id) else { return };
        let mut state = lock(&stream.state);
        let passing = &mut state.ways[way as usize];
        passing.chunk.clear();
        if body == Body::Chunk && end {
            passing.buffered.get_or_insert_default();
        }
    }

    /// Lets a filter that holds something back let it go: the headers, then what is held of the body, then trailers.
    /// A filter that held everything is first shown what it has not seen.
    pub(crate) fn go_on(&mut self, id: StreamId, way: Way, position: usize) {
        let Some(filter) = self.filter(id, way, position) else { return };
        let Some(stream) = self.streams.get_mut(&id).filter(|it| it.alive(way)) else { return };
        let (ended, trailers) = (stream.ended[way as usize], stream.trailers[way as usize]);
        let held = lock(&stream.state).ways[way as usize].buffered.is_some();
        let Some(place) = stream.places[way as usize].get_mut(filter) else { return };
        let next = if matches!(place.gate, Gate::HoldsAll { .. }) { position } else { position + 1 };
        place.gate = Gate::Open;
        if !std::mem::replace(&mut place.headers_left, true) {
            self.headers(id, way, position + 1, ended && !held && !trailers);
        }
        let alive = |worker: &Worker| worker.streams.get(&id).is_some_and(|it| it.alive(way));
        if held && alive(self) {
            self.data(id, way, next, Body::Buffered, ended && !trailers);
        }
        if trailers && alive(self) {
            self.trailers(id, way, next);
        }
    }
}
