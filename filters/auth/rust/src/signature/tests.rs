use base64ct::{Base64, Encoding};
use sha2::Digest;
use weir_kit::headers::Pairs;
use weir_testing::Dice;

use super::*;

/// RFC 9421, appendix B.1.5: `test-shared-secret`.
const SECRET: &str = "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";
/// When the signature of appendix B.2.5 was made.
const CREATED: i64 = 1_618_884_473;

fn policy(cover: &[&str]) -> Policy {
    let secret = Base64::decode_vec(SECRET).unwrap();
    Policy {
        keys: vec![
            Secret::new("other".into(), "ben".into(), &[1; 32]).unwrap(),
            Secret::new("test-shared-secret".into(), "ann".into(), &secret).unwrap(),
        ],
        cover: cover.iter().map(|part| part.to_string()).collect(),
        label: None,
        window: 300,
        leeway: 0,
        body: false,
        nonce: false,
    }
}

/// The request of appendix B.2, with the signature of B.2.5.
fn published() -> Vec<(&'static str, String)> {
    [
        (":method", "POST"),
        (":path", "/foo?param=Value&Pet=dog"),
        (":authority", "example.com"),
        (":scheme", "https"),
        ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("content-type", "application/json"),
        (
            "content-digest",
            "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
        ),
        (
            "signature-input",
            r#"sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret""#,
        ),
        ("signature", "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

fn judge(request: &[(&'static str, String)], policy: &Policy, now: i64) -> Result<Option<Verified<'static>>, Reason> {
    let pairs: Pairs = request.iter().cloned().collect();
    let request = Request::new(&pairs, false);
    let leaked: &'static Policy = Box::leak(Box::new(policy.clone()));
    verify(&request, leaked, now)
}

/// The published request with another input, signed anew by the published secret.
fn signed(input: &str, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let mut request = published();
    request.retain(|(name, _)| *name != "signature" && *name != "signature-input");
    for (name, value) in more {
        request.retain(|(known, _)| known != name);
        request.push((name, value.to_string()));
    }
    let pairs: Pairs = request.iter().cloned().collect();
    let field = format!("s={input}");
    let members = field::dictionary(field.as_bytes()).unwrap();
    let (_, Member::Components(components, parameters)) = &members[0] else { panic!("{input}") };
    // A request that cannot be signed is for the test of it, which sends any signature.
    let base = base::build(&Request::new(&pairs, false), components, parameters).unwrap_or_default();
    let secret = Base64::decode_vec(SECRET).unwrap();
    let mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap().chain_update(base).finalize().into_bytes();
    request.push(("signature-input", field.clone()));
    request.push(("signature", format!("s=:{}:", Base64::encode_string(&mac))));
    request
}

const KEY: &str = r#"keyid="test-shared-secret""#;

#[test]
fn takes_the_signature_of_rfc_9421_within_its_window() {
    let policy = policy(&["date", "@authority"]);
    let verified = Verified { owner: "ann", once: None, body: None };
    for (now, wanted) in [
        (CREATED - 1, Err(Reason::NotYet)),
        (CREATED, Ok(Some(verified.clone()))),
        (CREATED + 299, Ok(Some(verified))),
        (CREATED + 300, Err(Reason::Expired)),
    ] {
        assert_eq!(judge(&published(), &policy, now), wanted, "{now}");
    }
}

#[test]
fn every_part_that_was_signed_counts() {
    let policy = policy(&[]);
    for (name, value) in [
        ("date", "Tue, 20 Apr 2021 02:07:56 GMT"),
        (":authority", "example.org"),
        ("content-type", "application/xml"),
        ("signature", "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE4=:"),
        ("signature", "sig-b25=:pxcQw6G3AjtMBQjwo8Xzkw==:"),
        ("signature", "sig-b25=::"),
        (
            "signature-input",
            r#"sig-b25=("@authority" "date" "content-type");created=1618884473;keyid="test-shared-secret""#,
        ),
        (
            "signature-input",
            r#"sig-b25=("date" "@authority" "content-type");created=1618884474;keyid="test-shared-secret""#,
        ),
        (
            "signature-input",
            r#"sig-b25=("date" "@authority" "content-type");keyid="test-shared-secret";created=1618884473"#,
        ),
        ("signature-input", r#"sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="other""#),
    ] {
        let mut request = published();
        request.iter_mut().find(|(known, _)| *known == name).unwrap().1 = value.to_owned();
        assert_eq!(judge(&request, &policy, CREATED), Err(Reason::Signature), "{name}: {value}");
    }
    // What was not signed may change, and so may blanks and the authority's case.
    for (name, value) in [
        (":method", "GET"),
        (":path", "/"),
        (":authority", "Example.COM:443"),
        (
            "signature-input",
            r#" sig-b25=( "date"  "@authority" "content-type" ); created=1618884473; keyid="test-shared-secret" "#,
        ),
    ] {
        let mut request = published();
        request.iter_mut().find(|(known, _)| *known == name).unwrap().1 = value.to_owned();
        assert!(judge(&request, &policy, CREATED).is_ok(), "{name}: {value}");
    }
}

#[test]
fn the_derived_parts_are_those_of_rfc_9421() {
    let all = r#"("@method" "@authority" "@scheme" "@target-uri" "@request-target" "@path" "@query" "x-a")"#;
    let pairs = Pairs::from_iter([
        (":method", "POST"),
        (":path", "/path?param=value"),
        (":authority", "WWW.Example.com:443"),
        (":scheme", "HTTPS"),
        ("x-a", " 1 "),
        ("x-b", ""),
        ("X-A", "2, 3"),
    ]);
    let field = format!("s={all};b;created=1;keyid=\"a\\\"b\"");
    let members = field::dictionary(field.as_bytes()).unwrap();
    let (_, Member::Components(components, parameters)) = &members[0] else { panic!() };
    let mut request = Request::new(&pairs, false);
    request.scheme = b"https";
    let base = base::build(&request, components, parameters).unwrap();
    let wanted = [
        "\"@method\": POST",
        "\"@authority\": www.example.com",
        "\"@scheme\": https",
        "\"@target-uri\": https://www.example.com/path?param=value",
        "\"@request-target\": /path?param=value",
        "\"@path\": /path",
        "\"@query\": ?param=value",
        "\"x-a\": 1, 2, 3",
        &format!("\"@signature-params\": {all};b;created=1;keyid=\"a\\\"b\""),
    ];
    assert_eq!(String::from_utf8(base).unwrap(), wanted.join("\n"));
    let bare = Pairs::from_iter([(":path", "")]);
    let parts = ["@path".to_owned(), "@query".to_owned()];
    let base = base::build(&Request::new(&bare, false), &parts, &[]).unwrap();
    assert_eq!(base, b"\"@path\": /\n\"@query\": ?\n\"@signature-params\": (\"@path\" \"@query\")");
}

#[test]
fn a_signature_covers_what_it_has_to() {
    let policy = policy(&["@method", "@path", "x-tenant"]);
    for (input, wanted) in [
        (r#"("@method" "@path" "x-tenant")"#, Ok(())),
        (r#"("x-tenant" "@path" "date" "@method")"#, Ok(())),
        (r#"("@method" "@path")"#, Err(Reason::Coverage)),
        (r#"()"#, Err(Reason::Coverage)),
        (r#"("@method" "@path" "x-tenant" "x-missing")"#, Err(Reason::Coverage)),
        (r#"("@method" "@path" "x-tenant" "@path")"#, Err(Reason::Malformed)),
        (r#"("@method" "@path" "x-tenant" "@status")"#, Err(Reason::Malformed)),
        (r#"("@method" "@path" "x-tenant" "Date")"#, Err(Reason::Malformed)),
        (r#"("@method" "@path" "x-tenant" "")"#, Err(Reason::Malformed)),
    ] {
        let request = signed(&format!("{input};created={CREATED};{KEY}"), &[("x-tenant", "7")]);
        assert_eq!(judge(&request, &policy, CREATED).map(drop), wanted, "{input}");
    }
}

#[test]
fn a_signature_says_when_and_by_whom() {
    let skewed = Policy { leeway: 5, ..policy(&[]) };
    for (parameters, now, wanted) in [
        (format!("created={CREATED};{KEY}"), 0, Ok(())),
        (format!("created={CREATED};{KEY}"), -5, Ok(())),
        (format!("created={CREATED};{KEY}"), -6, Err(Reason::NotYet)),
        (format!("created={CREATED};{KEY}"), 304, Ok(())),
        (format!("created={CREATED};{KEY}"), 305, Err(Reason::Expired)),
        (format!("created={CREATED};expires={};{KEY}", CREATED + 10), 14, Ok(())),
        (format!("created={CREATED};expires={};{KEY}", CREATED + 10), 15, Err(Reason::Expired)),
        (format!("created={CREATED};expires={};{KEY}", CREATED + 9000), 305, Err(Reason::Expired)),
        (format!("created={CREATED};{KEY};alg=\"hmac-sha256\""), 0, Ok(())),
        (format!("created={CREATED};{KEY};alg=\"ed25519\""), 0, Err(Reason::Algorithm)),
        (format!("created={CREATED};{KEY};alg=hmac-sha256"), 0, Err(Reason::Malformed)),
        (format!("created={CREATED};keyid=\"nobody\""), 0, Err(Reason::UnknownKey)),
        (format!("created=\"{CREATED}\";{KEY}"), 0, Err(Reason::Malformed)),
        (format!("created={CREATED};keyid=x"), 0, Err(Reason::Malformed)),
        (format!("created={CREATED}"), 0, Err(Reason::Coverage)),
        (KEY.to_owned(), 0, Err(Reason::Coverage)),
        (format!("created=-999999999999999;{KEY}"), 0, Err(Reason::Expired)),
        (format!("created=999999999999999;{KEY}"), 0, Err(Reason::NotYet)),
        (format!("created={CREATED};{KEY};tag=\"app\";x=?0;y"), 0, Ok(())),
    ] {
        let request = signed(&format!("(\"@method\");{parameters}"), &[]);
        assert_eq!(judge(&request, &skewed, CREATED + now).map(drop), wanted, "{parameters} at {now}");
    }
}

#[test]
fn a_nonce_is_needed_where_it_is_and_told_by_key() {
    let once = Policy { nonce: true, leeway: 5, ..policy(&[]) };
    let request = |nonce: &str| signed(&format!("(\"@method\");created={CREATED};{KEY}{nonce}"), &[]);
    assert_eq!(judge(&request(""), &once, CREATED), Err(Reason::Coverage));
    let (first, until) = judge(&request(";nonce=\"a\""), &once, CREATED).unwrap().unwrap().once.unwrap();
    let (second, _) = judge(&request(";nonce=\"b\""), &once, CREATED).unwrap().unwrap().once.unwrap();
    assert_eq!(until, CREATED + 305);
    assert_ne!(first, second);
    assert_ne!(identity("ab", "c"), identity("a", "bc"));
    assert_eq!(judge(&request(";nonce=\"a\""), &policy(&[]), CREATED).unwrap().unwrap().once, None);
}

#[test]
fn a_body_is_signed_by_its_digest() {
    let strict = Policy { body: true, ..policy(&[]) };
    let with = |components: &str, digest: &str| {
        signed(&format!("({components});created={CREATED};{KEY}"), &[("content-digest", digest)])
    };
    let sha256: [u8; 32] = Sha256::digest(b"body").into();
    let digest = format!("sha-256=:{}:", Base64::encode_string(&sha256));
    let verified = judge(&with("\"content-digest\"", &digest), &strict, CREATED).unwrap().unwrap();
    assert_eq!(verified.body, Some(BodyDigest::Sha256(sha256)));
    assert_eq!(judge(&with("\"@method\"", &digest), &strict, CREATED), Err(Reason::Coverage));
    assert_eq!(judge(&with("\"content-digest\"", "md5=:AA==:"), &strict, CREATED), Err(Reason::Digest));
    assert_eq!(judge(&with("\"@method\"", &digest), &policy(&[]), CREATED).unwrap().unwrap().body, None);
    // Without a body none is needed, and one that was signed all the same is held to be empty.
    let pairs: Pairs = with("\"@method\"", &digest).into_iter().collect();
    assert_eq!(verify(&Request::new(&pairs, true), &strict, CREATED).unwrap().unwrap().body, None);
}

#[test]
fn a_request_has_one_signature_or_names_it() {
    let policy = policy(&[]);
    let none: Vec<_> = published().into_iter().filter(|(name, _)| !name.starts_with("signature")).collect();
    assert_eq!(judge(&none, &policy, CREATED), Ok(None));
    for half in ["signature", "signature-input"] {
        let request: Vec<_> = published().into_iter().filter(|(name, _)| *name != half).collect();
        assert_eq!(judge(&request, &policy, CREATED), Err(Reason::Malformed), "without {half}");
        let mut request = published();
        let again = request.iter().find(|(name, _)| *name == half).unwrap().clone();
        request.push(again);
        assert_eq!(judge(&request, &policy, CREATED), Err(Reason::Repeated), "{half} twice");
        request.last_mut().unwrap().0 = "x";
        request.iter_mut().find(|(name, _)| *name == half).unwrap().1 = "a".repeat(MOST_FIELD + 1);
        assert_eq!(judge(&request, &policy, CREATED), Err(Reason::TooLong), "{half} too long");
    }
    let mut two = published();
    for (name, more) in [("signature", ", b=:AA==:"), ("signature-input", ", b=()")] {
        two.iter_mut().find(|(known, _)| *known == name).unwrap().1.push_str(more);
    }
    assert_eq!(judge(&two, &policy, CREATED), Err(Reason::Malformed));
    for (label, good) in [("sig-b25", Ok(())), ("b", Err(Reason::Coverage)), ("c", Err(Reason::Malformed))] {
        let named = Policy { label: Some(label.to_owned()), ..policy.clone() };
        assert_eq!(judge(&two, &named, CREATED).map(drop), good, "{label}");
    }
}

#[test]
fn secrets_have_a_length_and_are_not_shown() {
    for (length, good) in
        [(LEAST_SECRET - 1, false), (LEAST_SECRET, true), (MOST_SECRET, true), (MOST_SECRET + 1, false)]
    {
        assert_eq!(Secret::new("a".into(), "b".into(), &vec![0; length]).is_some(), good, "{length}");
    }
    assert_eq!(format!("{:?}", Secret::new("a".into(), "b".into(), &[0; 32])), "Some(Secret(…))");
}

#[test]
fn no_mutated_signature_passes_for_another_request() {
    let policy = policy(&["@method", "@path", "@query"]);
    let good = signed(&format!("(\"@method\" \"@path\" \"@query\");created={CREATED};{KEY}"), &[]);
    let mut dice = Dice(17);
    let mut refused = 0;
    for _ in 0..20_000 {
        let mut request = good.clone();
        let at = request.len() - 1 - dice.below(2);
        let mut bytes = request[at].1.clone().into_bytes();
        let place = dice.below(bytes.len());
        match dice.below(3) {
            0 => bytes[place] = b"\"()=:;,@ ?1a"[dice.below(12)],
            1 => drop(bytes.remove(place)),
            _ => bytes.insert(place, b"\"()=:;,@ ?1a"[dice.below(12)]),
        }
        request[at].1 = String::from_utf8(bytes).unwrap();
        // Whatever is taken must be the same statement about the same request: only blanks make no difference.
        match judge(&request, &policy, CREATED) {
            Ok(Some(_)) => assert_eq!(
                request[at].1.replace(' ', "").trim_matches(','),
                good[at].1.replace(' ', ""),
                "{}",
                request[at].1
            ),
            _ => refused += 1,
        }
    }
    assert!(refused > 15_000, "{refused}");
}
