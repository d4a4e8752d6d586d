//! The reader against the schema, on configurations that are broken at random, and at every bound.

use serde_json::Value;
use weir_testing::Schema;

use super::*;

const SEEDS: [&str; 4] = [
    r#"{"rules":[{"hosts":["a.example"],"paths":[{"prefix":"/a"}],"methods":["GET"],"none":true}],"realm":"r",
        "identity":{"consumer_header":"x-c","credential_header":"x-d","property":false}}"#,
    r#"{"credentials":[{"name":"k","forward":true,"api_key":{"keys":[{"consumer":"a",
        "sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}],"from":[{"header":"x","scheme":"y"},{"cookie":"c"}]}}],
        "rules":[{"any_of":["k"]}]}"#,
    r#"{"credentials":[{"name":"t","consumer_prefix":"u","jwt":{"issuers":["i"],"audiences":["a"],"algorithms":["RS256"],"leeway":1,
        "remote_jwks":{"cluster":"c","path":"/p","ttl":5,"cooldown":1,"timeout":2},"typ":"x","remember":5,"consumer":["a"],
        "claims":[{"claim":"s","header":"x-s"},{"claim":["a","b"],"property":true}],"without_expiry":false}}],"rules":[{"all_of":["t"]}]}"#,
    r#"{"credentials":[{"name":"s","signature":{"keys":[{"id":"k","consumer":"p","secret":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}],
        "cover":["@path","x"],"label":"l","window":5,"leeway":0,"sign_body":true,"remember_nonces":7}},
        {"name":"b","basic":{"users":[{"name":"n","bcrypt":"$2y$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"}],
        "checks_per_second":3}}],"rules":[{"any_of":["s","b"]}]}"#,
];

const PIECES: [&str; 24] = [
    "\"none\":true",
    "\"rules\"",
    "\"any_of\"",
    "\"k\"",
    "\"name\"",
    "\"jwt\"",
    "\"from\"",
    "\"header\"",
    "\"property\":true",
    "\"any_audience\":true",
    "\"authorization\"",
    "\"exact\"",
    "/..",
    "//",
    "%41",
    "*.",
    "A",
    "[\"a\"]",
    "3600",
    "3601",
    "1.0",
    "-",
    "\"query\":\"q\"",
    "$2y$13$",
];

/// What the schema cannot say: names that must be known or must not stand twice, forms of paths and hosts, lengths in
/// bytes, encodings.
fn beyond(value: &Value) -> bool {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let credentials = list(&value["credentials"]);
    let names: Vec<&str> = credentials.iter().filter_map(|credential| credential["name"].as_str()).collect();
    let distinct = |names: &[&str]| names.iter().enumerate().all(|(index, name)| !names[..index].contains(name));
    let rules = list(&value["rules"]);
    let known = rules.iter().all(|rule| {
        let asked = [list(&rule["any_of"]), list(&rule["all_of"])].concat();
        let paths = list(&rule["paths"]);
        let hosts = list(&rule["hosts"]);
        asked.iter().all(|name| names.contains(&name.as_str().unwrap()))
            && paths.iter().all(|path| {
                let path = path["exact"].as_str().or(path["prefix"].as_str()).unwrap();
                crate::path::normal(path.as_bytes()).is_ok_and(|normal| *normal == *path.as_bytes())
            })
            && hosts.iter().all(|host| {
                let host = host.as_str().unwrap();
                let host = host.strip_prefix("*.").unwrap_or(host);
                crate::path::host(host.as_bytes()).as_deref() == Ok(host)
            })
    });
    let encoded = credentials.iter().all(|credential| {
        list(&credential["signature"]["keys"]).iter().all(|key| {
            crate::base64::standard(key["secret"].as_str().unwrap().as_bytes()).is_some_and(|it| it.len() >= 32)
        })
    });
    distinct(&names) && known && encoded && short(value)
}

/// The schema counts characters, the reader bytes.
fn short(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_ascii() || text.len() <= 64,
        Value::Array(list) => list.iter().all(short),
        Value::Object(members) => members.values().all(short),
        _ => true,
    }
}

#[test]
fn the_reader_takes_what_the_schema_takes() {
    let schema = Schema::new(include_str!("../../../../config.schema.json"));
    let reads = |text: &[u8]| Config::read(text).is_ok();
    for seed in SEEDS {
        assert!(
            reads(seed.as_bytes()) && schema.accepts(seed.as_bytes()).is_some(),
            "{:?}",
            Config::read(seed.as_bytes())
        );
    }
    let agreement = schema.agrees(&SEEDS, &PIECES, 40_000, reads, beyond);
    assert!(agreement.taken > 2_000 && agreement.refused > 10_000, "{agreement:?}");
}

#[test]
fn the_schema_has_the_readers_bounds() {
    let schema = Schema::new(include_str!("../../../../config.schema.json"));
    let list = |one: &str, count: usize| vec![one; count].join(",");
    let numbered = |one: &str, count: usize| {
        (0..count).map(|number| one.replace("{n}", &number.to_string())).collect::<Vec<_>>().join(",")
    };
    let rule = |inside: &str| format!(r#"{{"rules":[{{{inside},"none":true}}]}}"#);
    let claim = r#"{"claim":"a","header":"b"}"#;
    let digest = |number: usize| format!(r#"{{"consumer":"a","sha256":"{number:064x}"}}"#);
    let digests = |count: usize| (0..count).map(digest).collect::<Vec<_>>().join(",");
    let user = format!(r#"{{"name":"{{n}}","bcrypt":"{BCRYPT}"}}"#);
    let secret = format!(r#"{{"id":"{{n}}","consumer":"a","secret":"{SECRET}"}}"#);
    let keys = format!(r#""keys":[{}]"#, secret.replace("{n}", "k"));
    let remote = r#""remote_jwks":{"cluster":"a","path":"/"}"#;
    for (bound, make) in [
        (
            MOST_CREDENTIALS,
            &(|n| {
                format!(
                    r#"{{"credentials":[{}],"rules":[{{"none":true}}]}}"#,
                    numbered(r#"{"name":"c{n}","jwt":{"issuers":["i"],"remote_jwks":{"cluster":"a","path":"/"}}}"#, n)
                )
            }) as &dyn Fn(usize) -> String,
        ),
        (rule::MOST_RULES, &|n| format!(r#"{{"rules":[{}]}}"#, list(r#"{"none":true}"#, n))),
        (rule::MOST_PATTERNS, &|n| rule(&format!(r#""hosts":[{}]"#, list("\"a\"", n)))),
        (rule::MOST_PATTERNS, &|n| rule(&format!(r#""methods":[{}]"#, list("\"A\"", n)))),
        (rule::MOST_PATTERNS, &|n| rule(&format!(r#""paths":[{}]"#, list(r#"{"exact":"/"}"#, n)))),
        (place::MOST_PLACES, &|n| jwt(&format!(r#"{remote},"from":[{}]"#, list(r#"{"query":"q"}"#, n)))),
        (text::MOST_NAME, &|n| {
            format!(
                r#"{{"credentials":[{{"name":"{}","jwt":{{"issuers":["i"],{remote}}}}}],"rules":[{{"none":true}}]}}"#,
                "n".repeat(n)
            )
        }),
        (text::MOST_OWNER, &|n| {
            with(&format!(r#""consumer_prefix":"{}","jwt":{{"issuers":["i"],{remote}}}"#, "n".repeat(n)))
        }),
        (text::MOST_HEADER, &|n| {
            format!(r#"{{"rules":[{{"none":true}}],"identity":{{"consumer_header":"{}"}}}}"#, "n".repeat(n))
        }),
        (jwt::MOST_PARTIES, &|n| jwt(&format!(r#"{remote},"audiences":[{}]"#, list("\"a\"", n)))),
        (jwt::MOST_CLAIMS, &|n| jwt(&format!(r#"{remote},"claims":[{}]"#, list(claim, n)))),
        (jwt::MOST_STEPS, &|n| jwt(&format!(r#"{remote},"consumer":[{}]"#, list("\"a\"", n)))),
        (jwt::MOST_LEEWAY as usize, &|n| jwt(&format!(r#"{remote},"leeway":{n}"#))),
        (jwt::MOST_REMEMBERED as usize, &|n| jwt(&format!(r#"{remote},"remember":{n}"#))),
        (86_400, &|n| jwt(&format!(r#""remote_jwks":{{"cluster":"a","path":"/","ttl":{n}}}"#))),
        (3600, &|n| jwt(&format!(r#""remote_jwks":{{"cluster":"a","path":"/","cooldown":{n}}}"#))),
        (60, &|n| jwt(&format!(r#""remote_jwks":{{"cluster":"a","path":"/","timeout":{n}}}"#))),
        (1024, &|n| jwt(&format!(r#""remote_jwks":{{"cluster":"a","path":"/{}"}}"#, "p".repeat(n - 1)))),
        (api_key::MOST_KEYS, &|n| with(&format!(r#""api_key":{{"keys":[{}]}}"#, digests(n)))),
        (basic::MOST_USERS, &|n| with(&format!(r#""basic":{{"users":[{}]}}"#, numbered(&user, n)))),
        (basic::MOST_CHECKS as usize, &|n| with(&format!(r#""basic":{{"checks_per_second":{n},"users":[{user}]}}"#))),
        (signature::MOST_SECRETS, &|n| with(&format!(r#""signature":{{"keys":[{}]}}"#, numbered(&secret, n)))),
        (signature::MOST_PARTS, &|n| with(&format!(r#""signature":{{{keys},"cover":[{}]}}"#, list("\"a\"", n)))),
        (signature::MOST_WINDOW as usize, &|n| with(&format!(r#""signature":{{{keys},"window":{n}}}"#))),
        (signature::MOST_LEEWAY as usize, &|n| with(&format!(r#""signature":{{{keys},"leeway":{n}}}"#))),
        (signature::MOST_USED as usize, &|n| with(&format!(r#""signature":{{{keys},"remember_nonces":{n}}}"#))),
        (64, &|n| with(&format!(r#""signature":{{{keys},"label":"{}"}}"#, "l".repeat(n)))),
        (128, &|n| format!(r#"{{"rules":[{{"none":true}}],"realm":"{}"}}"#, "r".repeat(n))),
    ] {
        for (count, valid) in [(bound, true), (bound + 1, false)] {
            let text = make(count);
            let shown: String = text.chars().take(200).collect();
            assert_eq!(
                Config::read(text.as_bytes()).is_ok(),
                valid,
                "{shown} {:?}",
                Config::read(text.as_bytes()).err()
            );
            assert_eq!(schema.accepts(text.as_bytes()).is_some(), valid, "{shown}");
        }
    }
}
