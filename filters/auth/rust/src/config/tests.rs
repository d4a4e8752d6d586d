use super::*;
use crate::place::Place;
use crate::rules::{HostPattern, Need, PathPattern};
use crate::vectors;

mod schema;

/// A digest, a hash and a secret, as configurations have them.
const SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const BCRYPT: &str = "$2y$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe";
const SECRET: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

fn refused(text: &str) -> String {
    Config::read(text.as_bytes()).unwrap_err().message().to_owned()
}

/// One with this credential, and a rule that asks for nothing.
fn with(credential: &str) -> String {
    format!(r#"{{"credentials":[{{"name":"a",{credential}}}],"rules":[{{"none":true}}]}}"#)
}

/// One with a JWT of this inside.
fn jwt(inside: &str) -> String {
    with(&format!(r#""jwt":{{"issuers":["i"],{inside}}}"#))
}

#[test]
fn reads_every_field() {
    let text = format!(
        r#"{{
        "rules": [
            {{"hosts": ["a.example", "*.b.example"], "paths": [{{"exact": "/a"}}, {{"prefix": "/b/"}}], "methods": ["GET", "M-SEARCH"],
              "all_of": ["key", "token"]}},
            {{"any_of": ["basic"]}}, {{"none": true}}
        ],
        "realm": "my api",
        "credentials": [
            {{"name": "token", "consumer_prefix": "u:", "forward": true, "jwt": {{
                "issuers": ["i"], "audiences": ["x"], "algorithms": ["ES256"], "jwks": {{"keys": [{es}]}},
                "from": [{{"cookie": "c"}}, {{"query": "q"}}, {{"header": "h", "scheme": "S"}}], "typ": "at+jwt", "leeway": 7,
                "without_expiry": true, "consumer": ["a", "b"], "remember": 3,
                "claims": [{{"claim": "x", "header": "x-x"}}, {{"claim": ["y", "z"], "property": true}}]}}}},
            {{"name": "key", "api_key": {{"keys": [{{"consumer": "acme", "sha256": "{SHA256}"}}]}}}},
            {{"name": "basic", "basic": {{"users": [{{"name": "ann", "bcrypt": "{BCRYPT}"}}], "checks_per_second": 2}}}},
            {{"name": "sig", "signature": {{"keys": [{{"id": "k", "consumer": "pump", "secret": "{SECRET}"}}], "cover": ["@path", "x-y"],
                "label": "s", "window": 9, "leeway": 1, "sign_body": false, "remember_nonces": 100}}}},
            {{"name": "remote", "jwt": {{"issuers": ["i"], "any_audience": true, "algorithms": ["RS256"],
                "remote_jwks": {{"cluster": "idp", "path": "/k", "ttl": 10, "cooldown": 5, "timeout": 1}}}}}}
        ],
        "identity": {{"consumer_header": "x-consumer", "credential_header": "x-by", "property": false}}
    }}"#,
        es = vectors::ES256_KEY
    );
    let Config { auth, sources } = Config::read(text.as_bytes()).unwrap();
    assert_eq!(auth.realm, "my api");
    let rule = &auth.rules[0];
    assert_eq!(rule.hosts, [HostPattern::Exact("a.example".into()), HostPattern::Below(".b.example".into())]);
    assert_eq!(rule.paths, [PathPattern::Exact("/a".into()), PathPattern::Prefix("/b/".into())]);
    assert_eq!(rule.methods, ["GET", "M-SEARCH"]);
    let needs: Vec<&Need> = auth.rules.iter().map(|rule| &rule.need).collect();
    assert_eq!(needs, [&Need::All(vec![1, 0]), &Need::Any(vec![2]), &Need::None]);

    let token = &auth.credentials[0];
    assert_eq!((token.prefix.as_str(), token.forward), ("u:", true));
    let header = Place::Header { name: "h".into(), scheme: Some("S".into()) };
    assert_eq!(token.places, [Place::Cookie("c".into()), Place::Query("q".into()), header]);
    let Kind::Jwt(jwt) = &token.kind else { panic!() };
    let policy = crate::jwt::Policy {
        issuers: vec!["i".into()],
        audiences: crate::jwt::Audiences::OneOf(vec!["x".into()]),
        kind: Some("at+jwt".into()),
        leeway: 7,
        forever: true,
        consumer: vec!["a".into(), "b".into()],
        pass: vec![vec!["x".into()], vec!["y".into(), "z".into()]],
    };
    assert_eq!((&jwt.policy, jwt.remember), (&policy, 3));
    assert_eq!(jwt.outputs[0].header.as_deref(), Some("x-x"));
    assert_eq!(jwt.outputs[1].property.as_deref(), Some("weir.claim.y.z"));
    let Kind::Basic(users) = &auth.credentials[2].kind else { panic!() };
    assert_eq!((users.users.len(), users.checks_per_second), (1, 2));
    let Kind::Signature(policy, Some(table)) = &auth.credentials[3].kind else { panic!() };
    assert_eq!((policy.window, policy.leeway, policy.body, policy.nonce), (9, 1, false, true));
    assert_eq!((policy.cover.len(), policy.label.as_deref()), (2, Some("s")));
    assert_eq!(*table, crate::replay::Table::new("sig", 100));
    let source = Source {
        cluster: "idp".into(),
        authority: "idp".into(),
        path: "/k".into(),
        allowed: vec![crate::keys::Algorithm::Rs256],
        ttl: 10_000,
        cooldown: 5_000,
        timeout: 1_000,
    };
    assert_eq!(sources, [source]);
    let identity = Identity {
        consumer: Some("x-consumer".into()),
        credential: Some("x-by".into()),
        property: false,
        owned: ["x-consumer", "x-by", "x-x"].map(str::to_owned).to_vec(),
    };
    assert_eq!(auth.identity, identity);
}

#[test]
fn what_is_left_out_has_a_default() {
    let text = jwt(&format!(r#""jwks":{{"keys":[{}]}}"#, vectors::ES256_KEY));
    let config = Config::read(text.as_bytes()).unwrap();
    let credential = &config.auth.credentials[0];
    let bearer = Place::Header { name: "authorization".into(), scheme: Some("Bearer".into()) };
    assert_eq!((&credential.places, credential.forward), (&vec![bearer], false));
    assert_eq!(config.auth.identity, Identity { property: true, ..Identity::default() });
    let Kind::Jwt(jwt) = &credential.kind else { panic!() };
    assert_eq!((jwt.policy.leeway, jwt.policy.forever, jwt.remember), (60, false, 1024));
    assert_eq!(jwt.policy.audiences, crate::jwt::Audiences::OneOf(vec![]));
}

#[test]
fn one_source_is_fetched_once() {
    let remote = |name: &str, path: &str| {
        format!(r#"{{"name":"{name}","jwt":{{"issuers":["i"],"remote_jwks":{{"cluster":"c","path":"{path}"}}}}}}"#)
    };
    let credentials = [remote("a", "/1"), remote("b", "/2"), remote("c", "/1")].join(",");
    let text = format!(r#"{{"credentials":[{credentials}],"rules":[{{"none":true}}]}}"#);
    let config = Config::read(text.as_bytes()).unwrap();
    assert_eq!(config.sources.len(), 2);
    let of: Vec<usize> = config
        .auth
        .credentials
        .iter()
        .map(|credential| match &credential.kind {
            Kind::Jwt(crate::auth::Jwt { keys: crate::auth::Keys::Remote(source), .. }) => *source,
            _ => usize::MAX,
        })
        .collect();
    assert_eq!(of, [0, 1, 0]);
}

#[test]
fn every_refusal_names_the_field_and_what_was_expected() {
    let key = vectors::ES256_KEY;
    for (text, said) in [
        (String::new(), "configuration: expected an object, got the end of the text"),
        ("{}".into(), "rules: expected an array of rules, got nothing"),
        (
            r#"{"rules":[{"none":false}]}"#.into(),
            "rules[0].any_of: expected one of \"any_of\", \"all_of\" with a credential, \"none\": true, got an empty list or false",
        ),
        (r#"{"rules":[{"any_of":[]}]}"#.into(), "got an empty list or false"),
        (r#"{"rules":[{"none":true,"methods":["get"]}]}"#.into(), "rules[0].methods[0]: expected a method"),
        (r#"{"rules":[{"none":true,"hosts":["*"]}]}"#.into(), "rules[0].hosts[0]: expected a host"),
        (r#"{"rules":[{"none":true,"hosts":["a:80"]}]}"#.into(), "rules[0].hosts[0]: expected a host"),
        (r#"{"rules":[{"none":true,"paths":[{"exact":"a"}]}]}"#.into(), "rules[0].paths[0].exact: expected a path"),
        (r#"{"rules":[{"none":true,"paths":[{"exact":"/%61"}]}]}"#.into(), "rules[0].paths[0].exact: expected a path"),
        (
            r#"{"rules":[{"none":true,"paths":[{}]}]}"#.into(),
            "rules[0].paths[0].exact: expected one of \"exact\", \"prefix\", got neither",
        ),
        (r#"{"rules":[{"none":true,"paths":[{"exact":"/a","prefix":"/a"}]}]}"#.into(), "got both"),
        (
            r#"{"rules":[{"none":true}],"realm":"a\"b"}"#.into(),
            "realm: expected 1 to 128 characters of ASCII without quotes",
        ),
        (
            r#"{"rules":[{"none":true}],"identity":{"consumer_header":"X-A"}}"#.into(),
            "identity.consumer_header: expected a header name",
        ),
        (
            r#"{"rules":[{"none":true}],"identity":{"consumer_header":":path"}}"#.into(),
            "identity.consumer_header: expected a header name",
        ),
        (r#"{"rules":[{"none":true}]} x"#.into(), "configuration: expected the end of the text"),
        (with(r#""api_key":{"keys":[]}"#), "credentials[0].api_key.keys: expected at least one key, got none"),
        (with(r#""basic":{"users":[]}"#), "credentials[0].basic.users: expected at least one user, got none"),
        (with(r#""basic":{"users":[{"name":"a:b"}]}"#), "credentials[0].basic.users[0].name: expected 1 to 256 bytes"),
        (with(r#""signature":{"keys":[]}"#), "credentials[0].signature.keys: expected at least one key, got none"),
        (with(r#""signature":{"cover":["@status"]}"#), "credentials[0].signature.cover[0]: expected a header"),
        (with(r#""name":"b""#), "credentials[0].name: expected one field of this name, got a second"),
        (
            with(&format!(
                r#""basic":{{"users":[{{"name":"a","bcrypt":"{BCRYPT}"}}]}},"api_key":{{"keys":[{{"consumer":"a","sha256":"{SHA256}"}}]}}"#
            )),
            "got several",
        ),
        (
            with(&format!(
                r#""api_key":{{"keys":[{{"consumer":"a","sha256":"{SHA256}"}},{{"consumer":"b","sha256":"{SHA256}"}}]}}"#
            )),
            "credentials[0].api_key.keys: expected each key once",
        ),
        (
            with(&format!(r#""api_key":{{"keys":[{{"sha256":"{SHA256}"}}]}}"#)),
            "credentials[0].api_key.keys[0].consumer: expected a string, got nothing",
        ),
        (
            with(&format!(
                r#""api_key":{{"from":[{{"scheme":"x"}}],"keys":[{{"consumer":"a","sha256":"{SHA256}"}}]}}"#
            )),
            "credentials[0].api_key.from[0].header: expected one of",
        ),
        (
            jwt(r#""jwks":{"keys":[]}"#),
            "credentials[0].jwt.jwks: expected a JWK set, {\"keys\":[…]}, with keys that can be used, got no key",
        ),
        (
            jwt(r#""jwks":[]"#),
            "credentials[0].jwt.jwks: expected a JWK set, {\"keys\":[…]}, with keys that can be used, got something else",
        ),
        (
            jwt(&format!(r#""jwks":{{"keys":[{key},{{"kty":"oct","k":"AA"}}]}}"#)),
            "got at 1, got one of a size that is refused",
        ),
        (jwt(&format!(r#""jwks":{{"keys":[{key}]}},"remote_jwks":{{"cluster":"a","path":"/"}}"#)), "got both"),
        (
            jwt(&format!(r#""audiences":["a"],"any_audience":true,"jwks":{{"keys":[{key}]}}"#)),
            "credentials[0].jwt.any_audience: expected",
        ),
        (
            jwt(&format!(r#""audiences":[],"jwks":{{"keys":[{key}]}}"#)),
            "credentials[0].jwt.audiences: expected at least one",
        ),
        (jwt(&format!(r#""consumer":[],"jwks":{{"keys":[{key}]}}"#)), "credentials[0].jwt.consumer: expected"),
        (
            jwt(r#""claims":[{"claim":"a"}]"#),
            "credentials[0].jwt.claims[0].header: expected a \"header\", or \"property\": true, got neither",
        ),
        (
            jwt(r#""claims":[{"header":"a"}]"#),
            "credentials[0].jwt.claims[0].claim: expected a string or an array of strings, got nothing",
        ),
        (
            jwt(r#""remote_jwks":{"cluster":"a"}"#),
            "credentials[0].jwt.remote_jwks.path: expected a string, got nothing",
        ),
        (jwt(r#""remote_jwks":{"cluster":"a","path":"jwks"}"#), "credentials[0].jwt.remote_jwks.path: expected a path"),
        (jwt(r#""leeway":3601"#), "credentials[0].jwt.leeway: expected an integer from 0 to 3600, got 3601"),
    ] {
        let message = refused(&text);
        assert!(message.contains(said), "{text}\n{message}");
    }
}

#[test]
fn no_secret_is_shown() {
    for text in [
        with(r#""api_key":{"keys":[{"consumer":"a","sha256":"hunter2"}]}"#),
        with(r#""basic":{"users":[{"name":"a","bcrypt":"hunter2"}]}"#),
        with(r#""signature":{"keys":[{"id":"k","consumer":"a","secret":"hunter2"}]}"#),
        jwt(r#""jwks":{"keys":[{"kty":"oct","k":"hunter2"}]}"#),
    ] {
        assert!(!refused(&text).contains("hunter2"), "{}", refused(&text));
    }
}

#[test]
fn a_key_that_says_it_is_for_something_else_is_passed_over() {
    let other = vectors::RS_KEY.replacen('{', r#"{"use":"enc","#, 1);
    let text = jwt(&format!(r#""jwks":{{"keys":[{},{other}]}}"#, vectors::ES256_KEY));
    assert!(Config::read(text.as_bytes()).is_ok());
}
