//! Requests and answers that a proxy lets through and a filter may not expect.

use super::value::{noise, of_header, piece, twisted};
use super::words::{Words, without_framing};
use crate::case::{Answer, Body, Http, Request, Reset};
use crate::value::{Bytes, Header};

/// Envoy takes 100 headers and 60 KiB of them, and clients and servers of HTTP/2 take 16 KiB; what is more never reaches
/// a filter.
const MOST_HEADERS: usize = 80;

/// The most bytes of headers that are made for one message.
fn most_bytes(http: Http) -> usize {
    match http {
        Http::One => 40_000,
        Http::Two => 10_000,
    }
}

/// What may stand in a path unescaped and yet says something (RFC 3986, section 3.3), and what often comes escaped.
const PATH_PIECES: [&str; 24] = [
    "/", "//", "/./", "/../", ";", ";a=b", "?", "??", "&", "=", "&&=", "%", "%2f", "%2F", "%00", "%ff", "%c3%28",
    "%zz", "+", ":", "@", "~", "*", "!$&'()",
];

/// A request made from one that the filter is used to.
pub(super) fn request(dice: &mut fastrand::Rng, words: &Words, of: Request, http: Http) -> Request {
    let mut made = Request { headers: without_framing(of.headers), http, trailers: Vec::new(), ..of };
    for _ in 0..dice.usize(1..4) {
        match dice.u8(..8) {
            0 => made.path = path(dice, words, &made.path),
            1 => made.body = body(dice),
            2 => made.method = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"][dice.usize(..7)].into(),
            3 if http == Http::Two => made.trailers = fields(dice, words, 3),
            _ => twist_fields(dice, words, &mut made.headers, most_bytes(http)),
        }
    }
    // What Envoy answers itself, because a body cannot follow, is no test of a filter.
    if ["GET", "HEAD"].contains(&made.method.as_str()) {
        made.body = Body::default();
        made.trailers.clear();
    }
    made
}

/// An answer made from one that the filter is used to.
pub(super) fn answer(dice: &mut fastrand::Rng, words: &Words, of: Answer, http: Http) -> Answer {
    let mut made =
        Answer { headers: without_framing(of.headers), delay: Default::default(), trailers: Vec::new(), ..of };
    for _ in 0..dice.usize(0..4) {
        match dice.u8(..8) {
            0 => made.status = [200, 201, 202, 206, 301, 400, 401, 404, 418, 429, 500, 503, 599][dice.usize(..13)],
            1 | 2 => made.body = body(dice),
            3 if http == Http::Two => made.trailers = fields(dice, words, 3),
            4 if dice.u8(..4) == 0 => made.reset = [Reset::BeforeHeaders, Reset::InBody][dice.usize(..2)],
            _ => twist_fields(dice, words, &mut made.headers, most_bytes(http)),
        }
    }
    possible(made)
}

/// An answer as a case can say it: where a reset takes the place of something, that is left out.
fn possible(of: Answer) -> Answer {
    match of.reset {
        Reset::Never => of,
        Reset::BeforeHeaders => Answer { reset: of.reset, ..Answer::default() },
        Reset::InBody => {
            let body = match of.body {
                Body::Whole(bytes) if bytes.0.is_empty() => Body::Chunks(vec!["half".into()]),
                Body::Whole(bytes) => Body::Chunks(vec![bytes]),
                chunks => chunks,
            };
            Answer { body, trailers: Vec::new(), ..of }
        }
    }
}

/// Changes a list of headers in one way: a value, a repetition, one more, one less, very many.
fn twist_fields(dice: &mut fastrand::Rng, words: &Words, headers: &mut Vec<Header>, mut room: usize) {
    let at = (!headers.is_empty()).then(|| dice.usize(..headers.len())).filter(|at| headers[*at].name != "host");
    match (dice.u8(..8), at) {
        (0..=3, Some(at)) => headers[at].value = Bytes(of_header(dice, words, &headers[at].value.0)),
        (4, Some(at)) => {
            let mut again = headers[at].clone();
            again.value = Bytes(of_header(dice, words, &again.value.0));
            headers.extend(vec![again; dice.usize(1..10)]);
        }
        (5, Some(at)) => drop(headers.remove(at)),
        (6, _) => headers.extend(fields(dice, words, MOST_HEADERS)),
        _ => headers.extend(fields(dice, words, 2)),
    }
    headers.truncate(MOST_HEADERS);
    headers.retain(|it| {
        let size = it.name.len() + it.value.0.len() + 4;
        let fits = size <= room;
        room -= if fits { size } else { 0 };
        fits
    });
}

fn fields(dice: &mut fastrand::Rng, words: &Words, most: usize) -> Vec<Header> {
    let field = |dice: &mut fastrand::Rng| {
        let old = words.other(dice).into_bytes();
        Header { name: words.header(dice), value: Bytes(of_header(dice, words, &old)) }
    };
    (0..dice.usize(1..=most)).map(|_| field(dice)).collect()
}

fn path(dice: &mut fastrand::Rng, words: &Words, old: &str) -> String {
    let mut made = if dice.bool() { old.to_owned() } else { "/".to_owned() };
    for _ in 0..dice.usize(1..6) {
        match dice.u8(..4) {
            0 => made.push_str(&escaped(words.other(dice).as_bytes())),
            1 => {
                let (name, old) = (words.other(dice), words.other(dice));
                let value = escaped(&twisted(dice, words, old.as_bytes()));
                let mark = if made.contains('?') { '&' } else { '?' };
                made.push_str(&format!("{mark}{}={value}", escaped(name.as_bytes())));
            }
            2 => made.push_str(&escaped(piece(dice))),
            _ => made.push_str(PATH_PIECES[dice.usize(..PATH_PIECES.len())]),
        }
    }
    made.truncate(16_000);
    made
}

/// Every byte that is no letter and no digit as `%` and two hexadecimal digits.
fn escaped(bytes: &[u8]) -> String {
    let one = |byte: &u8| {
        if byte.is_ascii_alphanumeric() { (*byte as char).to_string() } else { format!("%{byte:02x}") }
    };
    bytes.iter().map(one).collect()
}

fn body(dice: &mut fastrand::Rng) -> Body {
    let most = [0, 1, 100, 20_000, 200_000][dice.usize(..5)];
    // Chunks are sent with time between them, so there are few.
    match dice.u8(..4) > 0 {
        true => Body::Whole(Bytes(noise(dice, most))),
        // An empty chunk would end a body in HTTP/1.
        false => {
            Body::Chunks((0..dice.usize(0..4)).map(|_| Bytes([b"c".to_vec(), noise(dice, most)].concat())).collect())
        }
    }
}
