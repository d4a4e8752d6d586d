//! gRPC over the scripted answers of a cluster: those are HTTP, and a host answers calls with messages.

use weir_cases::{Answer, Bytes, Header, SeenRequest};
use weir_host::{GrpcCall, GrpcFrame, HeaderMap, MapKind};

/// What comes back on a call whose server answers this.
pub(crate) fn frames(answer: &Answer, call: &GrpcCall) -> Vec<GrpcFrame> {
    let find = |name: &str| {
        let fields = answer.trailers.iter().chain(&answer.headers);
        fields.filter(|it| it.name == name).map(|it| String::from_utf8_lossy(&it.value.0).into_owned()).next()
    };
    let status =
        find("grpc-status").and_then(|it| it.parse().ok()).unwrap_or(if answer.status == 200 { 2 } else { 14 });
    let close = GrpcFrame::Close { status, message: find("grpc-message").unwrap_or_default() };
    let messages = messages(&answer.body.bytes().0).into_iter().map(GrpcFrame::Message);
    if !call.stream {
        let first = messages.into_iter().next().filter(|_| status == 0);
        return vec![first.unwrap_or(close)];
    }
    let map = |list: &[Header]| {
        HeaderMap::of(MapKind::ResponseTrailers, list.iter().map(|it| (it.name.as_bytes(), it.value.0.as_slice())))
    };
    let mut frames = vec![GrpcFrame::InitialMetadata(map(&answer.headers))];
    frames.extend(messages);
    frames.extend([GrpcFrame::TrailingMetadata(map(&answer.trailers)), close]);
    frames
}

/// The messages of a body: each a flag, a length of four bytes, and its bytes.
fn messages(mut body: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while let Some(([_, length @ ..], rest)) = body.split_first_chunk::<5>() {
        let Some((message, rest)) = rest.split_at_checked(u32::from_be_bytes(*length) as usize) else { break };
        messages.push(message.to_vec());
        body = rest;
    }
    messages
}

/// A call as its server saw it begin.
pub(crate) fn seen(call: &GrpcCall, message: &[u8]) -> SeenRequest {
    let field = |name: &[u8], value: &[u8]| Header {
        name: String::from_utf8_lossy(name).into_owned(),
        value: Bytes(value.to_vec()),
    };
    let mut headers = vec![
        field(b"host", call.cluster.as_bytes()),
        field(b"content-type", b"application/grpc"),
        field(b"te", b"trailers"),
    ];
    headers.extend(call.metadata.iter().map(|(name, value)| field(name, value)));
    let framed = [&[0][..], &(message.len() as u32).to_be_bytes(), message].concat();
    SeenRequest {
        method: "POST".into(),
        path: format!("/{}/{}", call.service, call.method),
        headers,
        body: Bytes(framed),
        trailers: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use weir_cases::Body;

    use super::*;

    fn call(stream: bool) -> GrpcCall {
        let metadata = HeaderMap::of(MapKind::Request, [("x-m", "1")]);
        GrpcCall { cluster: "k".into(), service: "s".into(), method: "M".into(), metadata, timeout: None, stream }
    }

    #[test]
    fn an_answer_of_http_is_messages_and_a_status() {
        let trailer = |value: &str| Header { name: "grpc-status".into(), value: value.into() };
        let body = Body::Whole(Bytes(b"\0\0\0\0\x02ab\0\0\0\0\0".to_vec()));
        let answer = Answer { body, trailers: vec![trailer("0")], ..Answer::default() };
        assert_eq!(frames(&answer, &call(false)), [GrpcFrame::Message(b"ab".to_vec())]);
        let stream = frames(&answer, &call(true));
        assert_eq!(stream[1..3], [GrpcFrame::Message(b"ab".to_vec()), GrpcFrame::Message(Vec::new())]);
        let close = |status| GrpcFrame::Close { status, message: String::new() };
        assert_eq!(stream.last(), Some(&close(0)));
        let failed = Answer { trailers: vec![trailer("7")], ..answer };
        assert_eq!(frames(&failed, &call(false)), [close(7)]);
        assert_eq!(frames(&Answer { status: 503, ..Answer::default() }, &call(false)), [close(14)]);
    }

    #[test]
    fn a_call_is_a_post_with_its_message_in_a_frame() {
        let seen = seen(&call(false), b"ab");
        assert_eq!((seen.path.as_str(), seen.body.0.as_slice()), ("/s/M", &b"\0\0\0\0\x02ab"[..]));
        assert!(seen.headers.iter().any(|it| it.name == "x-m"));
    }
}
