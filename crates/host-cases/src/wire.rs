//! Messages between cases and the host: what a client, a server and Envoy's codecs make of them on the way.

use std::net::SocketAddr;
use std::time::Duration;

use weir_cases::{Body, Bytes, Header, Http, Request, SeenRequest, SeenResponse};
use weir_host::{HeaderMap, MapKind, Message};

/// The address that a client of a case connects to.
const AUTHORITY: &str = "127.0.0.1:10000";

/// What may not pass from one connection to the next.
const HOP_BY_HOP: [&str; 5] = ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

/// The request as a filter in Envoy sees it.
pub(crate) fn request(request: &Request, id: usize) -> Message {
    let host = request.headers.iter().find(|it| it.name == "host").map(|it| it.value.0.clone());
    let (authority, path) = (host.unwrap_or_else(|| AUTHORITY.into()), request.path.clone().into_bytes());
    let (method, scheme) = (request.method.clone().into_bytes(), b"http".to_vec());
    let pseudo = match request.http {
        Http::One => [(":authority", authority), (":path", path), (":method", method), (":scheme", scheme)],
        Http::Two => [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path)],
    };
    let mut headers = HeaderMap::of(MapKind::Request, pseudo);
    for header in request.headers.iter().filter(|it| it.name != "host" && !HOP_BY_HOP.contains(&it.name.as_str())) {
        headers.add(&header.name, &header.value.0);
    }
    let chunks = pieces(&request.body, request.http, !request.trailers.is_empty());
    match &request.body {
        Body::Whole(bytes) if !bytes.0.is_empty() && headers.get("content-length").is_none() => {
            headers.add("content-length", bytes.0.len().to_string());
        }
        _ => {}
    }
    headers.add("x-forwarded-proto", "http");
    if headers.get("x-request-id").is_none() {
        headers.add("x-request-id", format!("00000000-0000-4000-8000-{id:012}"));
    }
    let trailers = trailers(MapKind::RequestTrailers, &request.trailers);
    Message { headers, chunks, trailers, gap: gap(&request.body) }
}

/// Whom Envoy takes for the client by its defaults: the last of `x-forwarded-for`, where that is an address. Its port is
/// not known, and 0.
pub(crate) fn client(request: &Request) -> Option<String> {
    let list = request.headers.iter().rfind(|it| it.name == "x-forwarded-for")?;
    let last = std::str::from_utf8(&list.value.0).ok()?.rsplit(',').next()?;
    Some(SocketAddr::new(last.trim().parse().ok()?, 0).to_string())
}

/// The answer of a server as a filter in Envoy sees it.
pub(crate) fn answer(answer: &weir_cases::Answer, http: Http) -> Message {
    let mut message = Message::response(answer.status);
    answer.headers.iter().for_each(|it| message.headers.add(&it.name, &it.value.0));
    let no_body = answer.status == 204 || answer.status == 304;
    match (&answer.body, message.headers.get("content-length").is_some()) {
        (_, true) => {}
        (Body::Whole(bytes), _) if !no_body && answer.trailers.is_empty() => {
            message.headers.add("content-length", bytes.0.len().to_string());
        }
        (Body::Whole(bytes), _) if !bytes.0.is_empty() => {
            message.headers.add("content-length", bytes.0.len().to_string());
        }
        (Body::Chunks(_), _) if http == Http::One && !no_body => message.headers.add("transfer-encoding", "chunked"),
        _ => {}
    }
    message.headers.add("x-envoy-upstream-service-time", answer.delay.as_millis().to_string());
    message.gap = gap(&answer.body);
    message.chunks = pieces(&answer.body, http, !answer.trailers.is_empty());
    message.trailers = trailers(MapKind::ResponseTrailers, &answer.trailers);
    message
}

/// How long after one piece the next one follows: what is sent at once arrives at once.
fn gap(body: &Body) -> Duration {
    if matches!(body, Body::Chunks(_)) { Duration::from_millis(20) } else { Duration::ZERO }
}

/// A body as it arrives. HTTP/1 says the end of any body by itself; HTTP/2 says it with the last piece, unless the sender
/// did not know that it was the last.
fn pieces(body: &Body, http: Http, trailers: bool) -> Vec<Vec<u8>> {
    match body {
        Body::Whole(bytes) if bytes.0.is_empty() => Vec::new(),
        Body::Whole(bytes) => vec![bytes.0.clone()],
        Body::Chunks(chunks) => {
            let mut pieces: Vec<_> = chunks.iter().map(|it| it.0.clone()).collect();
            if !trailers && (http == Http::Two || pieces.is_empty()) {
                pieces.push(Vec::new());
            }
            pieces
        }
    }
}

fn trailers(kind: MapKind, list: &[Header]) -> Option<HeaderMap> {
    let list = list.iter().map(|it| (it.name.as_bytes(), it.value.0.as_slice()));
    let map = HeaderMap::of(kind, list);
    (!map.is_empty()).then_some(map)
}

/// A request as a server behind Envoy sees it.
pub(crate) fn seen_request(message: &Message, http: Http, with_body: bool) -> SeenRequest {
    let text = |name: &str| message.headers.text(name).unwrap_or_default();
    let mut headers = vec![field(b"host", message.headers.get(":authority").unwrap_or_default())];
    headers.extend(fields(&message.headers));
    let length = message.headers.get("content-length").is_some();
    let post = !matches!(text(":method").as_str(), "GET" | "HEAD" | "CONNECT");
    match (http, with_body, length) {
        (Http::One, true, false) => headers.push(field(b"transfer-encoding", b"chunked")),
        (Http::One, false, false) if post => headers.push(field(b"content-length", b"0")),
        _ => {}
    }
    let (body, _) = cut(message);
    SeenRequest {
        method: text(":method"),
        path: text(":path"),
        headers,
        body: Bytes(body),
        trailers: message.trailers.as_ref().map(fields).unwrap_or_default(),
    }
}

/// A response as a client of Envoy sees it, after `date` and `server`, which Envoy adds at the last.
pub(crate) fn seen_response(message: &Message, http: Http, head: bool, now: Duration) -> SeenResponse {
    let mut response = message.headers.clone();
    response.remove("transfer-encoding");
    response.remove("connection");
    response.set("server", "envoy");
    if response.get("date").is_none() {
        response.add("date", date(now));
    }
    let status = message.status();
    let bodiless = head || status == 204 || status == 304;
    let mut headers = fields(&response);
    if http == Http::One && response.get("content-length").is_none() && !bodiless {
        let with_body = !message.chunks.is_empty();
        let (name, value): (&[u8], &[u8]) =
            if with_body { (b"transfer-encoding", b"chunked") } else { (b"content-length", b"0") };
        headers.push(field(name, value));
    }
    let (body, short) = if bodiless { (Vec::new(), false) } else { cut(message) };
    SeenResponse {
        status,
        headers,
        body: Bytes(body),
        trailers: message.trailers.as_ref().map(fields).unwrap_or_default(),
        broken: short,
    }
}

/// The body as far as the length that was said, and whether there is less than that: whoever changes a body and leaves its
/// length has it cut off, or waited for.
fn cut(message: &Message) -> (Vec<u8>, bool) {
    let mut body = message.body();
    let length = message.headers.text("content-length").and_then(|it| it.parse::<usize>().ok());
    let short = length.is_some_and(|length| body.len() < length);
    body.truncate(length.unwrap_or(body.len()));
    (body, short)
}

/// Whether a server would wait in vain for the rest of a request.
pub(crate) fn never_ends(message: &Message) -> bool {
    cut(message).1
}

fn fields(map: &HeaderMap) -> Vec<Header> {
    map.iter().filter(|(name, _)| !name.starts_with(b":")).map(|(name, value)| field(name, value)).collect()
}

fn field(name: &[u8], value: &[u8]) -> Header {
    Header { name: String::from_utf8_lossy(name).into_owned(), value: Bytes(value.to_vec()) }
}

/// A time as HTTP writes it: `Thu, 01 Jan 2026 00:00:00 GMT`.
fn date(now: Duration) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, seconds) = (now.as_secs() / 86_400, now.as_secs() % 86_400);
    let weekday = DAYS[(days % 7) as usize];
    let (mut year, mut day) = (1970, days);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = |year: u64| if leap(year) { 366 } else { 365 };
    while day >= length(year) {
        day -= length(year);
        year += 1;
    }
    let mut month = 0;
    let february = length(year) - 337;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let (day, month) = (day + 1, MONTHS[month]);
    format!("{weekday}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_http_writes_them() {
        let date = |seconds| date(Duration::from_secs(seconds));
        assert_eq!(date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(date(951_827_696), "Tue, 29 Feb 2000 12:34:56 GMT");
        assert_eq!(date(1_767_225_599), "Wed, 31 Dec 2025 23:59:59 GMT");
    }

    #[test]
    fn a_length_that_does_not_fit_cuts_a_body_off_or_breaks_it() {
        let response = |length: &str| {
            let message = Message::response(200).header("content-length", length).chunk("abcd");
            let seen = seen_response(&message, Http::One, false, Duration::ZERO);
            (seen.body.0, seen.broken)
        };
        assert_eq!(response("2"), (b"ab".to_vec(), false));
        assert_eq!(response("4"), (b"abcd".to_vec(), false));
        assert_eq!(response("6"), (b"abcd".to_vec(), true));
        assert!(never_ends(&Message::request("PUT", "/").header("content-length", "5").chunk("abcd")));
    }

    #[test]
    fn the_client_is_the_last_that_a_proxy_was_told() {
        let told = |lists: &[&str]| {
            let headers = lists.iter().map(|it| Header { name: "x-forwarded-for".into(), value: (*it).into() });
            client(&Request { headers: headers.collect(), ..Request::default() })
        };
        assert_eq!(told(&["192.0.2.9, 192.0.2.1"]).as_deref(), Some("192.0.2.1:0"));
        assert_eq!(told(&["192.0.2.9", "2001:db8::1"]).as_deref(), Some("[2001:db8::1]:0"));
        assert_eq!((told(&[]), told(&["192.0.2.9, x"])), (None, None));
    }

    #[test]
    fn what_belongs_to_a_connection_does_not_pass() {
        let header = |name: &str| Header { name: name.into(), value: "x".into() };
        let told = Request { headers: HOP_BY_HOP.map(header).to_vec(), ..Request::default() };
        let seen = seen_request(&request(&told, 1), Http::One, false);
        let names: Vec<_> = seen.headers.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["host", "x-forwarded-proto", "x-request-id"]);
    }
}
