use weir_kit::headers::Pairs;
use weir_testing::TestSharedData;

use super::*;
use crate::config::Config;
use crate::vectors;

/// The moment, in seconds, at which the tokens of RFC 7515 expire, and a moment before, in milliseconds.
const EXPIRY: u64 = 1_300_819_380;
const NOW: u64 = (EXPIRY - 10) * 1000;

/// A configuration with RFC 7515's ES256 key, the API key `abc`, and these rules.
fn config(rules: &str) -> Config {
    let text = format!(
        r#"{{"credentials":[
            {{"name":"users","jwt":{{"issuers":["joe"],"leeway":0,"jwks":{{"keys":[{}]}}}}}},
            {{"name":"partners","api_key":{{"keys":[{{"consumer":"acme",
                "sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}}]}}}},
            {{"name":"remote","jwt":{{"issuers":["joe"],"leeway":0,"from":[{{"header":"x-remote"}}],
                "remote_jwks":{{"cluster":"idp","path":"/"}}}}}}
        ],"rules":{rules}}}"#,
        vectors::ES256_KEY
    );
    Config::read(text.as_bytes()).unwrap()
}

/// A worker under that configuration.
struct Worker {
    auth: Auth,
    memory: Memory,
    data: TestSharedData,
}

impl Worker {
    fn new(rules: &str) -> Worker {
        let config = config(rules);
        let fetchers = config.sources.into_iter().map(Fetcher::new).collect();
        let memory = Memory::new(&config.auth, fetchers);
        Worker { auth: config.auth, memory, data: TestSharedData::default() }
    }

    /// Who passes, by the credentials' places and owners' names; or the reason and the credential.
    fn decide(&mut self, headers: &[(&str, &str)], now: u64) -> Result<Vec<(usize, Option<String>)>, Failed> {
        let pairs = Pairs::from_iter(headers.iter().copied());
        match decide(&self.auth, &mut self.memory, &Request::new(&pairs, true), &self.data, now) {
            Decision::Allow(allowed) => Ok(allowed
                .granted
                .iter()
                .map(|granted| (granted.index, granted.owner.name().map(str::to_owned)))
                .collect()),
            Decision::Refuse(refusal) => Err((refusal.reason, refusal.credential)),
        }
    }
}

fn bearer() -> (&'static str, &'static str) {
    let value: &'static str = Box::leak(format!("Bearer {}", vectors::ES256).into_boxed_str());
    ("authorization", value)
}

const KEY: (&str, &str) = ("x-api-key", "abc");
const ACME: Option<&str> = Some("acme");

fn granted(list: &[(usize, Option<&str>)]) -> Result<Vec<(usize, Option<String>)>, Failed> {
    Ok(list.iter().map(|(index, owner)| (*index, owner.map(str::to_owned))).collect())
}

#[test]
fn any_of_is_the_first_that_is_good() {
    let mut worker = Worker::new(r#"[{"any_of":["users","partners"]}]"#);
    for (headers, wanted) in [
        (vec![bearer()], granted(&[(0, None)])),
        (vec![KEY], granted(&[(1, ACME)])),
        (vec![bearer(), KEY], granted(&[(0, None)])),
        (vec![("authorization", "Bearer x"), KEY], granted(&[(1, ACME)])),
        (vec![("authorization", "Bearer x"), ("x-api-key", "x")], Err((Reason::Malformed, Some(0)))),
        (vec![("x-api-key", "x")], Err((Reason::Unknown, Some(1)))),
        (vec![("authorization", "Basic x")], Err((Reason::Missing, None))),
        (vec![], Err((Reason::Missing, None))),
        (vec![bearer(), bearer(), KEY], Err((Reason::Repeated, Some(0)))),
    ] {
        assert_eq!(worker.decide(&headers, NOW), wanted, "{headers:?}");
    }
}

#[test]
fn all_of_is_each_of_them() {
    let mut worker = Worker::new(r#"[{"all_of":["users","partners"]}]"#);
    for (headers, wanted) in [
        (vec![bearer(), KEY], granted(&[(0, None), (1, ACME)])),
        (vec![bearer()], Err((Reason::Missing, None))),
        (vec![KEY], Err((Reason::Missing, None))),
        (vec![bearer(), ("x-api-key", "x")], Err((Reason::Unknown, Some(1)))),
    ] {
        assert_eq!(worker.decide(&headers, NOW), wanted, "{headers:?}");
    }
}

#[test]
fn none_is_nothing_and_no_rule_is_a_refusal() {
    let mut worker = Worker::new(r#"[{"methods":["GET"],"none":true}]"#);
    assert_eq!(worker.decide(&[(":method", "GET")], NOW), granted(&[]));
    assert_eq!(worker.decide(&[(":method", "POST")], NOW), Err((Reason::NoRule, None)));
}

#[test]
fn a_token_that_is_remembered_expires_all_the_same() {
    let mut worker = Worker::new(r#"[{"any_of":["users"]}]"#);
    for now in [NOW, NOW + 1, (EXPIRY * 1000) - 1] {
        assert_eq!(worker.decide(&[bearer()], now), granted(&[(0, None)]));
    }
    assert_eq!(worker.decide(&[bearer()], EXPIRY * 1000), Err((Reason::Expired, Some(0))));
    assert_eq!(worker.decide(&[bearer()], EXPIRY * 1000 + 1), Err((Reason::Expired, Some(0))));
    // And a clock that steps back lets it in again.
    assert_eq!(worker.decide(&[bearer()], NOW), granted(&[(0, None)]));
}

#[test]
fn what_is_remembered_for_one_credential_is_nothing_to_another() {
    let mut worker = Worker::new(r#"[{"methods":["GET"],"any_of":["users"]},{"any_of":["remote"]}]"#);
    assert_eq!(worker.decide(&[(":method", "GET"), bearer()], NOW), granted(&[(0, None)]));
    let same = (":method", "POST");
    assert_eq!(worker.decide(&[same, ("x-remote", vectors::ES256)], NOW), Err((Reason::NoKeys, Some(2))));
}

#[test]
fn keys_from_elsewhere_come_and_go() {
    let mut worker = Worker::new(r#"[{"any_of":["remote"]}]"#);
    let token = [("x-remote", vectors::ES256)];
    assert_eq!(worker.decide(&token, NOW), Err((Reason::NoKeys, Some(2))));
    let set = |key: &str| format!(r#"{{"keys":[{key}]}}"#).into_bytes();
    let arrive = |worker: &mut Worker, body: &[u8]| {
        worker.memory.fetchers[0].arrived(&worker.data, body, NOW).unwrap();
        worker.memory.keys_changed(&worker.auth, 0);
    };
    arrive(&mut worker, &set(vectors::ES256_KEY));
    assert_eq!(worker.decide(&token, NOW), granted(&[(2, None)]));
    assert!(!worker.memory.fetchers[0].hurries());
    // The key is gone: what was remembered of the token is as well, and the keys are asked for again.
    arrive(&mut worker, &set(&vectors::ES256_KEY.replacen('{', r#"{"kid":"new","#, 1)));
    assert_eq!(worker.decide(&token, NOW), Err((Reason::UnknownKey, Some(2))));
    assert!(worker.memory.fetchers[0].hurries());
}

#[test]
fn what_can_be_used_once_is_used_up_last() {
    let text = r#"{"credentials":[
        {"name":"machines","signature":{"window":4000000000,"cover":[],"remember_nonces":10,"keys":[{"id":"test-shared-secret",
            "consumer":"pump","secret":"uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="}]}},
        {"name":"partners","api_key":{"keys":[{"consumer":"acme",
            "sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}]}}
    ],"rules":[{"all_of":["machines","partners"]}]}"#;
    let config = Config::read(text.as_bytes()).unwrap();
    let memory = Memory::new(&config.auth, Vec::new());
    let mut worker = Worker { auth: config.auth, memory, data: TestSharedData::default() };
    use hmac::{Hmac, KeyInit, Mac};
    let params = r#"();created=1300000000;keyid="test-shared-secret";nonce="1""#;
    let secret = crate::base64::standard(
        b"uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==",
    );
    let mac = Hmac::<sha2::Sha256>::new_from_slice(&secret.unwrap()).unwrap();
    let mac = mac.chain_update(format!("\"@signature-params\": {params}")).finalize().into_bytes();
    let input = format!("s={params}");
    let signature = format!("s=:{}:", crate::base64::write_standard(&mac));
    let signed = [("signature-input", input.as_str()), ("signature", signature.as_str())];
    // Without the key the signature is good for another try; with it, for one.
    assert_eq!(worker.decide(&signed, NOW), Err((Reason::Missing, None)));
    let both = [signed[0], signed[1], KEY];
    assert_eq!(worker.decide(&both, NOW), granted(&[(0, Some("pump")), (1, ACME)]));
    assert_eq!(worker.decide(&both, NOW), Err((Reason::Replayed, Some(0))));
    worker.data.break_down(true);
    assert_eq!(worker.decide(&both, NOW), Err((Reason::Host, Some(0))));
}
