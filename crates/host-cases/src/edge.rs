//! What Envoy's edge makes of a request before a filter sees it, with `use_remote_address` off, as the cases' listeners
//! have it. Found by sending Envoy 1.40 each of these headers.

use std::net::IpAddr;

use weir_cases::Request;
use weir_host::HeaderMap;

/// What belongs to one connection, and what a client may not tell Envoy.
const DROPPED: [&str; 22] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-force-trace",
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-internal",
    "x-envoy-ip-tags",
    "x-envoy-max-retries",
    "x-envoy-original-url",
    "x-envoy-retriable-header-names",
    "x-envoy-retriable-status-codes",
    "x-envoy-retry-grpc-on",
    "x-envoy-retry-on",
    "x-envoy-upstream-alt-stat-name",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-rq-timeout-alt-response",
    "x-envoy-upstream-rq-timeout-ms",
    "x-envoy-upstream-stream-duration-ms",
    "x-forwarded-client-cert",
];

/// Takes away what does not pass, and adds what Envoy adds: the request's `id` where the client gave none.
pub(crate) fn clean(headers: &mut HeaderMap, id: usize) {
    DROPPED.iter().for_each(|name| headers.remove(name));
    // Of what a client says it takes, only trailers pass.
    if let Some(te) = headers.text("te") {
        headers.remove("te");
        if te.split(',').any(|it| it.trim().eq_ignore_ascii_case("trailers")) {
            headers.add("te", "trailers");
        }
    }
    if headers.get("x-forwarded-proto").is_none() {
        headers.add("x-forwarded-proto", "http");
    }
    if headers.get("x-request-id").is_none() {
        headers.add("x-request-id", format!("00000000-0000-4000-8000-{id:012}"));
    }
}

/// The scheme that a request has: what `x-forwarded-proto` says, where that is one.
pub(crate) fn scheme(request: &Request) -> &'static str {
    match values(request, "x-forwarded-proto").as_str() {
        "https" => "https",
        _ => "http",
    }
}

/// The client's address, as a filter is told it: the last one in `x-forwarded-for`, where that is an address; its port is
/// then 0. `None` is whoever is connected.
pub(crate) fn source(request: &Request) -> Option<String> {
    let forwarded = values(request, "x-forwarded-for");
    match forwarded.rsplit(',').next()?.trim().parse::<IpAddr>().ok()? {
        IpAddr::V4(address) => Some(format!("{address}:0")),
        IpAddr::V6(address) => Some(format!("[{address}]:0")),
    }
}

fn values(request: &Request, name: &str) -> String {
    let values = request.headers.iter().filter(|it| it.name == name);
    values.map(|it| String::from_utf8_lossy(&it.value.0).into_owned()).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use weir_cases::Header;
    use weir_host::MapKind;

    use super::*;

    fn request(headers: &[(&str, &str)]) -> Request {
        let headers = headers.iter().map(|(name, value)| Header { name: (*name).into(), value: (*value).into() });
        Request { headers: headers.collect(), ..Request::default() }
    }

    #[test]
    fn what_belongs_to_a_connection_or_to_envoy_does_not_pass() {
        let mut headers = HeaderMap::of(MapKind::Request, DROPPED.map(|name| (name, "1")));
        headers.add("x-envoy-original-path", "/");
        clean(&mut headers, 7);
        let names: Vec<_> = headers.iter().map(|(name, _)| String::from_utf8_lossy(name).into_owned()).collect();
        assert_eq!(names, ["x-envoy-original-path", "x-forwarded-proto", "x-request-id"]);
        assert_eq!(headers.text("x-request-id").unwrap(), "00000000-0000-4000-8000-000000000007");
    }

    #[test]
    fn what_the_client_says_already_is_left() {
        let given = [("x-forwarded-proto", "https"), ("x-request-id", "mine"), ("te", "gzip, Trailers")];
        let mut headers = HeaderMap::of(MapKind::Request, given);
        clean(&mut headers, 1);
        let expected = [("x-forwarded-proto", "https"), ("x-request-id", "mine"), ("te", "trailers")];
        assert_eq!(headers, HeaderMap::of(MapKind::Request, expected));
        let mut headers = HeaderMap::of(MapKind::Request, [("te", "gzip")]);
        clean(&mut headers, 1);
        assert_eq!(headers.get("te"), None);
    }

    #[test]
    fn the_client_is_the_last_that_is_an_address() {
        let of =
            |values: &[&str]| source(&request(&values.iter().map(|it| ("x-forwarded-for", *it)).collect::<Vec<_>>()));
        assert_eq!(of(&["192.0.2.9, 192.0.2.1"]).unwrap(), "192.0.2.1:0");
        assert_eq!(of(&["192.0.2.2", "10.0.0.2 "]).unwrap(), "10.0.0.2:0");
        assert_eq!(of(&["2001:DB8:0:0:0::3"]).unwrap(), "[2001:db8::3]:0");
        for none in ["nope", "", "192.0.2.1,", "192.0.2.1:80", "[2001:db8::2]", "192.0.2.1, nope"] {
            assert_eq!(of(&[none]), None, "{none}");
        }
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn the_scheme_is_what_was_forwarded_where_that_is_one() {
        let of = |value: &str| scheme(&request(&[("x-forwarded-proto", value)]));
        assert_eq!([of("https"), of("http"), of("nope"), scheme(&request(&[]))], ["https", "http", "http", "http"]);
    }
}
