use weir_kit::address::Cidr;

use super::*;
use crate::cost::Named;
use crate::key::Group;
use crate::path::{Pattern, Route};

fn read(text: &str) -> Result<Config, String> {
    Config::read(text.as_bytes()).map_err(|error| error.message().to_owned())
}

/// The one policy of a configuration in which `rest` stands beside what every policy needs.
fn policy(rest: &str) -> Policy {
    let text = format!(r#"{{"policies":[{{"name":"p","quota":100,"window":60{rest}}}]}}"#);
    read(&text).unwrap_or_else(|error| panic!("{rest}: {error}")).policies.remove(0)
}

fn networks(texts: &[&str]) -> Vec<Cidr> {
    texts.iter().map(|text| Cidr::parse(text.as_bytes()).unwrap()).collect()
}

fn exact(path: &str) -> Route {
    Route { text: format!("exact {path}"), pattern: Pattern::Exact(path.as_bytes().to_vec()) }
}

#[test]
fn no_configuration_is_ten_requests_in_ten_seconds_for_each_client() {
    let config = read("").unwrap();
    let said = r#"{"policies":[{"name":"default","key":["client"],"quota":10,"window":10}]}"#;
    assert_eq!(read(said), Ok(config));
    assert_eq!(read(r#"{"policies":[]}"#), Ok(Config::default()));
}

#[test]
fn reads_what_is_common() {
    let config = read(
        r#"{
            "trust": {"hops": 2}, "exempt": {"methods": ["OPTIONS"]}, "policies": [],
            "headers": {"dialects": ["x-ratelimit-epoch", "draft-03"], "upstream": "keep", "shadow": "X-Marked"},
            "limited": {"status": 503, "body": {"text": "later"}},
            "state": {"name": "blue", "slots": 7, "retries": 0, "undecided": "admit"}
        }"#,
    );
    let expected = Config {
        policies: vec![],
        trust: Trust::Hops(2),
        exempt: Exempt { methods: vec!["OPTIONS".to_owned()], ..Exempt::default() },
        dialects: vec![Dialect::XRateLimitEpoch, Dialect::Draft03],
        upstream: Upstream::Keep,
        shadow_header: "x-marked".to_owned(),
        answer: Answer {
            status: 503,
            body: Body::Text { content_type: "text/plain; charset=utf-8".to_owned(), text: "later".to_owned() },
        },
        state: State { name: "blue".to_owned(), slots: 7, retries: 0, admit_undecided: true },
    };
    assert_eq!(config, Ok(expected));
    let trust = |text: &str| read(&format!(r#"{{"policies":[],"trust":{text}}}"#)).map(|config| config.trust);
    assert_eq!(trust(r#"{"networks":["10.0.0.0/8","::1"]}"#), Ok(Trust::Networks(networks(&["10.0.0.0/8", "::1"]))));
    let body = |text: &str| {
        read(&format!(r#"{{"policies":[],"limited":{{"body":{text}}}}}"#)).map(|config| config.answer.body)
    };
    assert_eq!((body(r#""none""#), body(r#""problem""#)), (Ok(Body::None), Ok(Body::Problem)));
    let dialects = |text: &str| read(&format!(r#"{{"policies":[],"headers":{text}}}"#)).map(|config| config.dialects);
    assert_eq!((dialects("{}"), dialects(r#"{"dialects":[]}"#)), (Ok(vec![Dialect::Draft11]), Ok(vec![])));
    let upstream = |text: &str| {
        read(&format!(r#"{{"policies":[],"headers":{{"upstream":"{text}"}}}}"#)).map(|config| config.upstream)
    };
    assert_eq!((upstream("merge"), upstream("replace")), (Ok(Upstream::Merge), Ok(Upstream::Replace)));
}

#[test]
fn reads_quotas_and_how_they_come_back() {
    let limit = |algorithm, capacity| Limit { algorithm, quota: 100, capacity, window: 60_000_000_000 };
    for (rest, expected) in [
        ("", limit(Algorithm::Gcra, 100)),
        (r#","algorithm":"gcra","burst":7"#, limit(Algorithm::Gcra, 7)),
        (r#","algorithm":"fixed-window""#, limit(Algorithm::FixedWindow, 100)),
        (r#","algorithm":"sliding-window""#, limit(Algorithm::SlidingWindow, 100)),
    ] {
        assert_eq!(policy(rest).limit, expected, "{rest}");
    }
    assert!(!policy("").shadow && policy(r#","shadow":true"#).shadow);
    assert!(!policy(r#","missing":"share""#).skip_missing && policy(r#","missing":"skip""#).skip_missing);
}

#[test]
fn reads_costs() {
    let named = |otherwise, least, most| Named { header: "x-cost".to_owned(), otherwise, least, most };
    for (rest, expected) in [
        ("", Cost::Constant(1)),
        (r#","cost":100"#, Cost::Constant(100)),
        (r#","cost":{"request_header":"X-Cost"}"#, Cost::Request(named(1, 1, 100))),
        (r#","cost":{"request_header":"x-cost","default":0,"least":0,"most":9}"#, Cost::Request(named(0, 0, 9))),
        (r#","cost":{"response_header":"x-cost"}"#, Cost::Response(named(1, 0, 100))),
        (r#","burst":5,"cost":{"response_header":"x-cost","default":2}"#, Cost::Response(named(2, 0, 5))),
    ] {
        assert_eq!(policy(rest).cost, expected, "{rest}");
    }
}

#[test]
fn reads_every_part_of_a_key() {
    let client = |v4, v6, groups| Part::Client(Client { v4, v6, groups });
    let group = Group { name: "a".to_owned(), networks: networks(&["10.0.0.0/8"]) };
    let template =
        Route { text: "template /u/{id}/*/**".to_owned(), pattern: Pattern::template("/u/{id}/*/**").unwrap() };
    let prefix = Route { text: "prefix /api".to_owned(), pattern: Pattern::Prefix(b"/api".to_vec()) };
    for (part, expected) in [
        (r#""client""#, client(32, 64, vec![])),
        (r#""consumer""#, Part::Property("weir.consumer".to_owned())),
        (r#""method""#, Part::Method),
        (r#""path""#, Part::Path),
        (r#"{"header":"X-Api-Key"}"#, Part::Header("x-api-key".to_owned())),
        (r#"{"query":"User id"}"#, Part::Query("User id".to_owned())),
        (r#"{"cookie":"sid"}"#, Part::Cookie("sid".to_owned())),
        (
            r#"{"paths":[{"exact":"/a"},{"prefix":"/api"},{"template":"/u/{id}/*/**"}]}"#,
            Part::Paths(vec![exact("/a"), prefix, template]),
        ),
        (r#"{"methods":["GET","PURGE"]}"#, Part::Methods(vec!["GET".to_owned(), "PURGE".to_owned()])),
        (r#"{"client":{}}"#, client(32, 64, vec![])),
        (
            r#"{"client":{"v4":24,"v6":0,"groups":[{"networks":["10.0.0.0/8"],"name":"a"}]}}"#,
            client(24, 0, vec![group]),
        ),
        (r#"{"claim":"sub"}"#, Part::Property("weir.claim.sub".to_owned())),
        (r#"{"property":["source","address"]}"#, Part::Property("source\0address".to_owned())),
    ] {
        assert_eq!(policy(&format!(r#","key":[{part}]"#)).key, [expected], "{part}");
    }
    assert_eq!(policy("").key, []);
}

#[test]
fn reads_who_is_exempt() {
    let text = r#","exempt":{
        "clients": ["192.0.2.1"], "consumers": ["a b"], "methods": ["GET"], "paths": [{"exact": "/a"}],
        "headers": [{"name": "X-A", "values": ["1", "2"]}]
    }"#;
    let words = |words: &[&str]| words.iter().map(|word| word.to_string()).collect::<Vec<_>>();
    let expected = Exempt {
        clients: networks(&["192.0.2.1"]),
        consumers: words(&["a b"]),
        methods: words(&["GET"]),
        paths: vec![exact("/a")],
        headers: vec![("x-a".to_owned(), words(&["1", "2"]))],
    };
    assert_eq!(policy(text).exempt, expected);
    assert_eq!(policy("").exempt, Exempt::default());
}

#[test]
fn every_refusal_names_the_field_and_what_was_expected() {
    for (text, message) in [
        ("limits", r#"configuration: expected an object, got "limits""#),
        ("{}", "policies: expected an array, got nothing"),
        (r#"{"policies":[],"policy":[]}"#, r#"policy: expected one of "policies", "trust", "exempt""#),
        (r#"{"policies":[]} x"#, "configuration: expected the end of the text"),
        (r#"{"policies":[{"quota":1,"window":1}]}"#, "policies[0].name: expected a string, got nothing"),
        (r#"{"policies":[{"name":"a","window":1}]}"#, "policies[0].quota: expected an integer, got nothing"),
        (r#"{"policies":[{"name":"a","quota":1}]}"#, "policies[0].window: expected an integer, got nothing"),
        (
            r#"{"policies":[{"name":"a","quota":1,"window":1},{"name":"a","quota":1,"window":1}]}"#,
            "policies[1].name: expected a name that no other policy has",
        ),
        (
            r#"{"policies":[{"name":"a b"}]}"#,
            r#"policies[0].name: expected a name: 1 to 64 letters, digits, "_" or "-", got "a b""#,
        ),
        (r#"{"policies":[{"quota":0}]}"#, "policies[0].quota: expected an integer from 1 to 1000000000, got 0"),
        (r#"{"policies":[{"quota":1.5}]}"#, "policies[0].quota: expected an integer from 1 to 1000000000, got 1.5"),
        (
            r#"{"policies":[{"window":31536001}]}"#,
            "policies[0].window: expected an integer from 1 to 31536000, got 31536001",
        ),
        (
            r#"{"policies":[{"name":"a","algorithm":"fixed-window","quota":1,"window":1,"burst":1}]}"#,
            r#"policies[0].burst: expected nothing, because only "gcra" has a burst, got an integer"#,
        ),
        (
            r#"{"policies":[{"name":"a","quota":1,"window":31536000,"burst":11}]}"#,
            "policies[0].burst: expected a burst that comes back within ten years",
        ),
        (
            r#"{"policies":[{"algorithm":"leaky"}]}"#,
            r#"policies[0].algorithm: expected one of "gcra", "fixed-window", "sliding-window", got "leaky""#,
        ),
        (r#"{"policies":[{"shadow":"yes"}]}"#, "policies[0].shadow: expected true or false, got a string"),
        (r#"{"policies":[{"missing":"ignore"}]}"#, r#"policies[0].missing: expected one of "share", "skip""#),
        (r#"{"policies":[{"key":"client"}]}"#, "policies[0].key: expected an array, got a string"),
        (r#"{"policies":[{"key":["ip"]}]}"#, r#"policies[0].key[0]: expected one of "client", "consumer""#),
        (r#"{"policies":[{"key":[1]}]}"#, "policies[0].key[0]: expected a string or an object"),
        (r#"{"policies":[{"key":[{}]}]}"#, "policies[0].key[0]: expected one field, got none"),
        (
            r#"{"policies":[{"key":[{"query":"a","cookie":"b"}]}]}"#,
            "policies[0].key[0].cookie: expected one field, got a second",
        ),
        (r#"{"policies":[{"key":[{"header":":path"}]}]}"#, "policies[0].key[0].header: expected a header name"),
        (r#"{"policies":[{"key":[{"query":""}]}]}"#, "policies[0].key[0].query: expected 1 to 256 bytes"),
        (
            r#"{"policies":[{"key":[{"paths":[]}]}]}"#,
            "policies[0].key[0].paths: expected at least one element, got none",
        ),
        (
            r#"{"policies":[{"key":[{"paths":[{"exact":"a"}]}]}]}"#,
            r#"policies[0].key[0].paths[0].exact: expected a path, which begins with "/", got "a""#,
        ),
        (
            r#"{"policies":[{"key":[{"paths":[{"prefix":"/a?b"}]}]}]}"#,
            "policies[0].key[0].paths[0].prefix: expected a path",
        ),
        (
            r#"{"policies":[{"key":[{"paths":[{"template":"/{a"}]}]}]}"#,
            "policies[0].key[0].paths[0].template: expected a template such as",
        ),
        (r#"{"policies":[{"key":[{"methods":["G T"]}]}]}"#, "policies[0].key[0].methods[0]: expected a method"),
        (
            r#"{"policies":[{"key":[{"client":{"v4":33}}]}]}"#,
            "policies[0].key[0].client.v4: expected an integer from 0 to 32, got 33",
        ),
        (
            r#"{"policies":[{"key":[{"client":{"groups":[{"name":"a"}]}}]}]}"#,
            "policies[0].key[0].client.groups[0].networks: expected an array, got nothing",
        ),
        (
            r#"{"policies":[],"exempt":{"clients":["10.0.0.1/8"]}}"#,
            r#"exempt.clients[0]: expected a network such as "10.0.0.0/8""#,
        ),
        (
            r#"{"policies":[],"exempt":{"headers":[{"name":"a"}]}}"#,
            "exempt.headers[0].values: expected an array, got nothing",
        ),
        (r#"{"policies":[{"cost":0}]}"#, "policies[0].cost: expected an integer from 1 to 1000000000, got 0"),
        (
            r#"{"policies":[{"name":"a","quota":5,"window":1,"cost":6}]}"#,
            r#"policies[0].cost: expected costs within the burst, and "least" within "most", got others"#,
        ),
        (
            r#"{"policies":[{"name":"a","quota":5,"window":1,"cost":{"request_header":"a","least":3,"most":2}}]}"#,
            "policies[0].cost: expected costs within the burst",
        ),
        (
            r#"{"policies":[{"name":"a","quota":5,"window":1,"cost":{"most":2}}]}"#,
            "policies[0].cost: expected a header that names the cost, got none",
        ),
        (
            r#"{"policies":[{"cost":{"request_header":"a","response_header":"b"}}]}"#,
            r#"policies[0].cost: expected either "request_header" or "response_header", got both"#,
        ),
        (r#"{"policies":[],"trust":{}}"#, r#"trust: expected either "hops" or "networks", got neither"#),
        (
            r#"{"policies":[],"trust":{"hops":1,"networks":["::1"]}}"#,
            r#"trust.networks: expected either "hops" or "networks""#,
        ),
        (r#"{"policies":[],"trust":{"hops":0}}"#, "trust.hops: expected an integer from 1 to 32, got 0"),
        (
            r#"{"policies":[],"headers":{"dialects":["draft-12"]}}"#,
            r#"headers.dialects[0]: expected one of "draft-11""#,
        ),
        (
            r#"{"policies":[],"headers":{"dialects":["x-ratelimit","x-ratelimit-epoch"]}}"#,
            "headers.dialects[1]: expected dialects with headers of their own",
        ),
        (
            r#"{"policies":[],"headers":{"upstream":"drop"}}"#,
            r#"headers.upstream: expected one of "merge", "replace", "keep""#,
        ),
        (r#"{"policies":[],"limited":{"status":399}}"#, "limited.status: expected an integer from 400 to 599, got 399"),
        (r#"{"policies":[],"limited":{"body":{}}}"#, "limited.body.text: expected a string, got nothing"),
        (r#"{"policies":[],"limited":{"body":7}}"#, r#"limited.body: expected "problem", "none" or an object"#),
        (
            r#"{"policies":[],"limited":{"body":{"content_type":"a\nb"}}}"#,
            "limited.body.content_type: expected 1 to 256 visible characters and spaces",
        ),
        (r#"{"policies":[],"state":{"slots":0}}"#, "state.slots: expected an integer from 1 to 1048576, got 0"),
        (r#"{"policies":[],"state":{"undecided":"open"}}"#, r#"state.undecided: expected one of "reject", "admit""#),
    ] {
        let refusal = read(text).unwrap_err();
        assert!(refusal.starts_with(message), "{text}: {refusal}");
        assert!(refusal.contains(" (line 1, column "), "{refusal}");
    }
}

#[test]
fn bounds_hold_to_the_last() {
    let list = |count: usize, element: &str| vec![element; count].join(",");
    let part = |count: usize| {
        read(&format!(r#"{{"policies":[{{"name":"a","quota":1,"window":1,"key":[{}]}}]}}"#, list(count, r#""path""#)))
    };
    assert!(part(8).is_ok() && part(9).is_err());
    let methods =
        |count: usize| read(&format!(r#"{{"policies":[],"exempt":{{"methods":[{}]}}}}"#, list(count, r#""GET""#)));
    assert!(methods(64).is_ok() && methods(65).is_err());
    let name = |length: usize| read(&format!(r#"{{"policies":[],"state":{{"name":"{}"}}}}"#, "n".repeat(length)));
    assert!(name(64).is_ok() && name(65).is_err() && name(0).is_err());
    let text =
        |length: usize| read(&format!(r#"{{"policies":[],"limited":{{"body":{{"text":"{}"}}}}}}"#, "t".repeat(length)));
    assert!(text(8192).is_ok() && text(8193).is_err());
    let policies = |count: usize| {
        let policies: Vec<_> =
            (0..count).map(|index| format!(r#"{{"name":"p{index}","quota":1,"window":1}}"#)).collect();
        read(&format!(r#"{{"policies":[{}]}}"#, policies.join(",")))
    };
    assert!(policies(16).is_ok() && policies(17).is_err());
}

mod schema;
mod written;
