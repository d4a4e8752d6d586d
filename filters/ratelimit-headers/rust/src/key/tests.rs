use std::hash::DefaultHasher;

use weir_kit::headers::Refused;
use weir_testing::{TestHeaders, TestProperties};

use super::*;
use crate::path::Pattern;

/// The digest of a request's key; none where the policy is not for it.
fn digest_of(
    parts: &[Part],
    headers: &TestHeaders,
    properties: &TestProperties,
    trust: &Trust,
    skip: bool,
) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    let facts = Facts::new(headers, properties, trust);
    digest(parts, &facts, skip, &mut hasher).then(|| hasher.finish())
}

fn of_headers(part: &Part, pairs: &[(&str, &[u8])]) -> Option<u64> {
    digest_of(std::slice::from_ref(part), &TestHeaders::of(pairs), &TestProperties::default(), &Trust::Proxy, false)
}

fn of_target(part: &Part, target: &str) -> Option<u64> {
    of_headers(part, &[(":path", target.as_bytes())])
}

fn of_client(client: &Client, source: &str) -> Option<u64> {
    let properties = TestProperties::of(&[(property::SOURCE_ADDRESS, source.as_bytes())]);
    digest_of(&[Part::Client(client.clone())], &TestHeaders::default(), &properties, &Trust::Proxy, false)
}

fn plain() -> Client {
    Client { v4: 32, v6: 64, groups: Vec::new() }
}

#[test]
fn values_tell_keys_apart_and_so_does_their_absence() {
    let header = Part::Header("x-a".to_owned());
    let digests = [
        of_headers(&header, &[("x-a", b"1")]),
        of_headers(&header, &[("x-a", b"2")]),
        of_headers(&header, &[("x-a", b"")]),
        of_headers(&header, &[]),
    ];
    for (index, digest) in digests.iter().enumerate() {
        assert!(digest.is_some() && !digests[..index].contains(digest), "{index}");
    }
    assert_eq!(of_headers(&header, &[("X-A", b"1"), ("x-a", b"3")]), digests[0]);
    assert_eq!(of_headers(&header, &[("x-a", b"\xff")]), of_headers(&header, &[("x-a", b"\xff")]));
}

#[test]
fn where_a_value_ends_is_part_of_the_key() {
    let parts = [Part::Header("x-a".to_owned()), Part::Header("x-b".to_owned())];
    let key = |a: &[u8], b: &[u8]| {
        digest_of(&parts, &TestHeaders::of(&[("x-a", a), ("x-b", b)]), &TestProperties::default(), &Trust::Proxy, false)
    };
    assert_ne!(key(b"ab", b"c"), key(b"a", b"bc"));
    assert_ne!(key(b"ab", b""), key(b"", b"ab"));
    assert_eq!(key(b"ab", b"c"), key(b"ab", b"c"));
}

#[test]
fn a_policy_may_not_be_for_who_lacks_a_part() {
    let parts = [
        Part::Header("x-a".to_owned()),
        Part::Query("q".to_owned()),
        Part::Cookie("c".to_owned()),
        Part::Property("p".to_owned()),
        Part::Method,
        Part::Client(plain()),
    ];
    let headers = TestHeaders::of(&[(":method", b"GET"), (":path", b"/?q=1"), ("x-a", b"1"), ("cookie", b"c=1")]);
    let properties = TestProperties::of(&[("p", b"1"), (property::SOURCE_ADDRESS, b"192.0.2.1:80")]);
    assert!(digest_of(&parts, &headers, &properties, &Trust::Proxy, true).is_some());
    for part in parts {
        let (nobody, nothing) = (TestHeaders::default(), TestProperties::default());
        let parts = [part];
        assert!(digest_of(&parts, &headers, &properties, &Trust::Proxy, true).is_some(), "{parts:?}");
        assert!(digest_of(&parts, &nobody, &nothing, &Trust::Proxy, true).is_none(), "{parts:?}");
        assert!(digest_of(&parts, &nobody, &nothing, &Trust::Proxy, false).is_some(), "{parts:?}");
    }
}

#[test]
fn paths_are_the_same_however_they_are_written() {
    assert_eq!(of_target(&Part::Path, "/a?x"), of_target(&Part::Path, "/%61"));
    assert_ne!(of_target(&Part::Path, "/a"), of_target(&Part::Path, "/b"));
    let query = Part::Query("user id".to_owned());
    assert_eq!(of_target(&query, "/?user+id=a%20b"), of_target(&query, "/other?x&user%20id=a+b&user+id=c"));
    assert_ne!(of_target(&query, "/?user+id=a"), of_target(&query, "/?user+id=b"));
}

#[test]
fn a_route_selects_and_what_it_captures_tells_apart() {
    let route = |kind: &str, path: &str| {
        let pattern = match kind {
            "exact" => Pattern::Exact(path.as_bytes().to_vec()),
            "prefix" => Pattern::Prefix(path.as_bytes().to_vec()),
            _ => Pattern::template(path).unwrap(),
        };
        Route { text: format!("{kind} {path}"), pattern }
    };
    let routes =
        [route("exact", "/a"), route("prefix", "/b"), route("template", "/u/{id}/*"), route("template", "/{x}/{y}")];
    let part = Part::Paths(routes.to_vec());
    assert_eq!(of_target(&part, "/c"), None);
    assert_eq!(of_target(&part, "/%61?x"), of_target(&part, "/a"));
    assert_eq!(of_target(&part, "/b/1"), of_target(&part, "/b/2/3"));
    assert_ne!(of_target(&part, "/a"), of_target(&part, "/b"));
    assert_eq!(of_target(&part, "/u/7/posts"), of_target(&part, "/u/7/photos"));
    assert_ne!(of_target(&part, "/u/7/posts"), of_target(&part, "/u/8/posts"));
    assert_ne!(of_target(&part, "/ab/c"), of_target(&part, "/a/bc"));
    // In what order the routes stand is not part of the key, so that a new configuration may change it.
    let mut reversed = routes.to_vec();
    reversed.reverse();
    assert_eq!(of_target(&Part::Paths(reversed), "/b"), of_target(&part, "/b/1"));
}

#[test]
fn methods_select_and_a_method_tells_apart() {
    let some = Part::Methods(vec!["POST".to_owned(), "PUT".to_owned()]);
    assert_eq!(of_headers(&some, &[(":method", b"POST")]), of_headers(&some, &[(":method", b"PUT")]));
    assert_eq!(of_headers(&some, &[(":method", b"GET")]), None);
    assert_eq!(of_headers(&some, &[]), None);
    assert_ne!(of_headers(&Part::Method, &[(":method", b"POST")]), of_headers(&Part::Method, &[(":method", b"PUT")]));
}

#[test]
fn clients_are_told_apart_by_the_bits_that_count() {
    let client = Client { v4: 24, v6: 48, groups: Vec::new() };
    assert_eq!(of_client(&client, "192.0.2.1:80"), of_client(&client, "192.0.2.255:81"));
    assert_ne!(of_client(&client, "192.0.2.1:80"), of_client(&client, "192.0.3.1:80"));
    assert_eq!(of_client(&client, "[2001:db8:1::1]:80"), of_client(&client, "[2001:db8:1:ffff::]:80"));
    assert_ne!(of_client(&client, "[2001:db8:1::1]:80"), of_client(&client, "[2001:db8:2::1]:80"));
    assert_eq!(of_client(&client, "[::ffff:192.0.2.1]:80"), of_client(&client, "192.0.2.1:80"));
    assert_ne!(of_client(&plain(), "192.0.2.1:80"), of_client(&plain(), "192.0.2.2:80"));
    assert_ne!(of_client(&plain(), "[::]:80"), of_client(&plain(), "0.0.0.0:80"));
}

#[test]
fn a_group_of_clients_is_one() {
    let group = |name: &str, network: &str| Group {
        name: name.to_owned(),
        networks: vec![Cidr::parse(network.as_bytes()).unwrap()],
    };
    let client = Client { groups: vec![group("a", "10.1.0.0/16"), group("b", "10.0.0.0/8")], ..plain() };
    assert_eq!(of_client(&client, "10.1.0.1:1"), of_client(&client, "10.1.2.3:1"));
    assert_eq!(of_client(&client, "10.2.0.1:1"), of_client(&client, "10.3.0.1:1"));
    assert_ne!(of_client(&client, "10.1.0.1:1"), of_client(&client, "10.2.0.1:1"));
    assert_ne!(of_client(&client, "11.0.0.1:1"), of_client(&client, "11.0.0.2:1"));
}

#[test]
fn who_the_client_is_depends_on_whom_to_believe() {
    let headers = TestHeaders::of(&[("x-forwarded-for", b"192.0.2.9, 192.0.2.1"), ("X-Forwarded-For", b"10.0.0.1")]);
    let properties = TestProperties::of(&[(property::SOURCE_ADDRESS, b"10.0.0.2:80")]);
    let found = |trust: Trust| Facts::new(&headers, &properties, &trust).client();
    let ip = |text: &str| Some(text.parse().unwrap());
    assert_eq!(found(Trust::Proxy), ip("10.0.0.2"));
    assert_eq!(found(Trust::Hops(2)), ip("192.0.2.1"));
    assert_eq!(found(Trust::Networks(vec![Cidr::parse(b"10.0.0.0/8").unwrap()])), ip("192.0.2.1"));
}

#[test]
fn a_cookie_is_found_in_any_of_its_headers() {
    let part = Part::Cookie("sid".to_owned());
    assert_eq!(
        of_headers(&part, &[("cookie", b"sid=1")]),
        of_headers(&part, &[("cookie", b"a=2"), ("Cookie", b"b=3; sid=1")])
    );
    assert_ne!(of_headers(&part, &[("cookie", b"sid=1")]), of_headers(&part, &[("cookie", b"sid=2")]));
}

#[test]
fn a_host_that_refuses_has_nothing() {
    let headers = Refusing(TestHeaders::of(&[("x-a", b"1"), (":path", b"/a")]));
    let properties = TestProperties::default();
    let facts = Facts::new(&headers, &properties, &Trust::Proxy);
    assert_eq!((facts.header("x-a"), facts.path()), (None, b"".as_slice()));
}

/// Headers that the host does not hand over.
struct Refusing(TestHeaders);

impl Headers for Refusing {
    fn get(&self, _: &str) -> Result<Option<Vec<u8>>, Refused> {
        Err(Refused)
    }

    fn pairs(&self) -> Result<Pairs, Refused> {
        Err(Refused)
    }

    fn set(&mut self, name: &str, value: &[u8]) -> Result<(), Refused> {
        self.0.set(name, value)
    }

    fn append(&mut self, name: &str, value: &[u8]) -> Result<(), Refused> {
        self.0.append(name, value)
    }

    fn remove(&mut self, name: &str) -> Result<(), Refused> {
        self.0.remove(name)
    }
}
