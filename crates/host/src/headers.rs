//! Maps of headers, in the order and with the joining that a filter in Envoy sees.
//!
//! Envoy keeps some headers, its *inline* ones, in a slot each: adding to one that is there appends to its value,
//! behind a comma. Others may stand more than once. Pseudo-headers always come first. To replace is to remove and to
//! add, so that what is replaced moves to the end.

use std::fmt;

/// One header: its name, in lower case, and its value. Neither need be UTF-8.
pub type Header = (Vec<u8>, Vec<u8>);

/// Which map it is: that decides which headers are inline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MapKind {
    /// A request's headers.
    #[default]
    Request,
    /// A request's trailers.
    RequestTrailers,
    /// A response's headers.
    Response,
    /// A response's trailers.
    ResponseTrailers,
}

/// An ordered map of headers.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HeaderMap {
    kind: MapKind,
    entries: Vec<Header>,
}

impl HeaderMap {
    /// An empty map.
    pub fn new(kind: MapKind) -> HeaderMap {
        HeaderMap { kind, entries: Vec::new() }
    }

    /// A map of these headers, added in their order.
    pub fn of<N: AsRef<[u8]>, V: AsRef<[u8]>>(kind: MapKind, headers: impl IntoIterator<Item = (N, V)>) -> HeaderMap {
        let mut map = HeaderMap::new(kind);
        headers.into_iter().for_each(|(name, value)| map.add(name.as_ref(), value.as_ref()));
        map
    }

    /// The name as this map keeps it: in lower case, and in a request's headers `host` is `:authority`.
    fn key(&self, name: &[u8]) -> Vec<u8> {
        match (self.kind, name.to_ascii_lowercase()) {
            (MapKind::Request, name) if name == b"host" => b":authority".to_vec(),
            (_, name) => name,
        }
    }

    /// Adds a header: to an inline one that is there its value is appended, another one stands beside what is there.
    pub fn add(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let (key, value) = (self.key(name.as_ref()), value.as_ref());
        let inline = self.kind.inline(&key);
        if let Some((_, existing)) = self.entries.iter_mut().find(|(name, _)| inline && *name == key) {
            // Envoy puts no comma behind nothing.
            if !existing.is_empty() && !value.is_empty() {
                existing.push(b',');
            }
            existing.extend_from_slice(value);
            return;
        }
        let pseudo = self.entries.iter().take_while(|(name, _)| name.starts_with(b":")).count();
        let at = if key.starts_with(b":") { pseudo } else { self.entries.len() };
        self.entries.insert(at, (key, value.to_vec()));
    }

    /// Sets a header to one value; it moves to the end.
    pub fn set(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.remove(name.as_ref());
        self.add(name, value);
    }

    /// Removes every value of a header.
    pub fn remove(&mut self, name: impl AsRef<[u8]>) {
        let key = self.key(name.as_ref());
        self.entries.retain(|(name, _)| *name != key);
    }

    /// The first value of a header.
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<&[u8]> {
        self.get_all(name).next()
    }

    /// Every value of a header, in order.
    pub fn get_all(&self, name: impl AsRef<[u8]>) -> impl Iterator<Item = &[u8]> {
        let key = self.key(name.as_ref());
        self.entries.iter().filter(move |(name, _)| *name == key).map(|(_, value)| value.as_slice())
    }

    /// The first value of a header as text, what is not UTF-8 replaced.
    pub fn text(&self, name: impl AsRef<[u8]>) -> Option<String> {
        self.get(name).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// Every value of a header, joined with commas, as Envoy's properties show it.
    pub(crate) fn joined(&self, name: &[u8]) -> Option<Vec<u8>> {
        let values: Vec<_> = self.get_all(name).collect();
        if values.is_empty() { None } else { Some(values.join(&b","[..])) }
    }

    /// The headers in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.entries.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// The headers in order, as they are passed to a guest.
    pub(crate) fn pairs(&self) -> &[Header] {
        &self.entries
    }

    /// How many headers there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The bytes of all names and values.
    pub fn byte_size(&self) -> usize {
        self.entries.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    /// Takes every header away.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// The number in `:status`; 0 where there is none.
    pub(crate) fn status(&self) -> u16 {
        self.text(":status").and_then(|it| it.parse().ok()).unwrap_or(0)
    }
}

impl fmt::Debug for HeaderMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        f.debug_list().entries(self.iter().map(|(name, value)| format!("{}: {}", text(name), text(value)))).finish()
    }
}

impl MapKind {
    /// Whether Envoy 1.40 keeps a header inline in a map of this kind; it lists them in its log when it starts.
    fn inline(self, name: &[u8]) -> bool {
        let list = match self {
            MapKind::Request => REQUEST,
            MapKind::RequestTrailers => "",
            MapKind::Response => RESPONSE,
            MapKind::ResponseTrailers => "grpc-message grpc-status",
        };
        list.split_ascii_whitespace().any(|it| it.as_bytes() == name)
    }
}

const REQUEST: &str = ":authority :method :path :protocol :scheme accept accept-encoding access-control-request-headers \
    access-control-request-method access-control-request-private-network authentication authorization cache-control \
    cdn-loop connection content-encoding content-length content-type expect grpc-accept-encoding grpc-timeout if-match \
    if-modified-since if-none-match if-range if-unmodified-since keep-alive origin pragma proxy-connection proxy-status \
    referer te transfer-encoding upgrade user-agent via x-client-trace-id x-envoy-attempt-count \
    x-envoy-decorator-operation x-envoy-downstream-service-cluster x-envoy-downstream-service-node \
    x-envoy-expected-rq-timeout-ms x-envoy-external-address x-envoy-force-trace x-envoy-hedge-on-per-try-timeout \
    x-envoy-internal x-envoy-ip-tags x-envoy-is-timeout-retry x-envoy-max-retries x-envoy-original-host \
    x-envoy-original-path x-envoy-original-url x-envoy-retriable-header-names x-envoy-retriable-status-codes \
    x-envoy-retry-grpc-on x-envoy-retry-on x-envoy-upstream-alt-stat-name x-envoy-upstream-rq-per-try-timeout-ms \
    x-envoy-upstream-rq-timeout-alt-response x-envoy-upstream-rq-timeout-ms x-envoy-upstream-stream-duration-ms \
    x-forwarded-client-cert x-forwarded-for x-forwarded-host x-forwarded-port x-forwarded-proto x-request-id";

const RESPONSE: &str = ":status access-control-allow-credentials access-control-allow-headers access-control-allow-methods \
    access-control-allow-origin access-control-allow-private-network access-control-expose-headers \
    access-control-max-age age cache-control connection content-encoding content-length content-type date etag expires \
    grpc-message grpc-status keep-alive last-modified location proxy-connection proxy-status server transfer-encoding \
    upgrade vary via x-envoy-attempt-count x-envoy-decorator-operation x-envoy-degraded \
    x-envoy-immediate-health-check-fail x-envoy-ratelimited x-envoy-upstream-canary \
    x-envoy-upstream-healthchecked-cluster x-envoy-upstream-service-time x-request-id";

#[cfg(test)]
mod tests {
    use super::*;

    fn list(map: &HeaderMap) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        map.iter().map(|(name, value)| (text(name), text(value))).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn inline_headers_are_joined_and_others_repeated() {
        let mut map = HeaderMap::of(MapKind::Request, [("X-A", "1"), ("Accept", "a"), ("cookie", "a=1")]);
        map.add("accept", "b");
        map.add("x-a", "2");
        map.add("cookie", "b=2");
        let expected = [("x-a", "1"), ("accept", "a,b"), ("cookie", "a=1"), ("x-a", "2"), ("cookie", "b=2")];
        assert_eq!(list(&map), pairs(&expected));
        // What is inline in requests need not be in responses, nor in trailers.
        let map = HeaderMap::of(MapKind::Response, [("accept", "a"), ("accept", "b"), ("vary", "a"), ("vary", "b")]);
        assert_eq!(list(&map), pairs(&[("accept", "a"), ("accept", "b"), ("vary", "a,b")]));
        let map = HeaderMap::of(MapKind::RequestTrailers, [("accept", "a"), ("accept", "b")]);
        assert_eq!(map.len(), 2);
        assert_eq!(map.joined(b"accept").unwrap(), b"a,b");
    }

    #[test]
    fn what_is_set_moves_to_the_end_of_its_part() {
        let mut map =
            HeaderMap::of(MapKind::Request, [(":authority", "h"), (":path", "/"), ("x-a", "1"), ("x-b", "0")]);
        map.add("x-a", "2");
        map.set("x-a", "new");
        map.set("host", "other");
        map.add(":method", "GET");
        let expected = [(":path", "/"), (":authority", "other"), (":method", "GET"), ("x-b", "0"), ("x-a", "new")];
        assert_eq!(list(&map), pairs(&expected));
        assert_eq!((map.get("HOST"), map.byte_size()), (Some(&b"other"[..]), 41));
        map.remove("x-none");
        map.remove("X-B");
        assert_eq!(map.get("x-b"), None);
    }
}
