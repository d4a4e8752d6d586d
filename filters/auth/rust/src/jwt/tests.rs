use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use weir_testing::agree;

use super::*;
use crate::vectors;

/// The moment, in seconds, at which RFC 7519's example expires.
const EXPIRY: i64 = 1_300_819_380;

fn set(keys: &[&str]) -> KeySet {
    KeySet::read(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes(), &[]).unwrap().0
}

fn policy() -> Policy {
    Policy {
        issuers: vec!["joe".to_owned()],
        audiences: Audiences::OneOf(vec![]),
        kind: None,
        leeway: 0,
        forever: false,
        consumer: vec!["sub".to_owned()],
        pass: vec![],
    }
}

fn encode(text: &str) -> String {
    Base64UrlUnpadded::encode_string(text.as_bytes())
}

/// A token with these two parts, and the signature of RFC 7515's secret.
fn sign(header: &str, payload: &str) -> String {
    let jwk: serde_json::Value = serde_json::from_str(vectors::HS_KEY).unwrap();
    let key = Base64UrlUnpadded::decode_vec(jwk["k"].as_str().unwrap()).unwrap();
    let signed = format!("{}.{}", encode(header), encode(payload));
    let tag = Hmac::<Sha256>::new_from_slice(&key).unwrap().chain_update(&signed).finalize().into_bytes();
    format!("{signed}.{}", Base64UrlUnpadded::encode_string(&tag))
}

fn judge(header: &str, payload: &str) -> Result<Verified, Reason> {
    verify(sign(header, payload).as_bytes(), &set(&[vectors::HS_KEY]), &policy(), EXPIRY - 1)
}

#[test]
fn takes_the_tokens_of_rfc_7515_until_they_expire() {
    for (key, token) in
        [(vectors::HS_KEY, vectors::HS256), (vectors::RS_KEY, vectors::RS256), (vectors::ES256_KEY, vectors::ES256)]
    {
        let keys = set(&[key]);
        let window = Window { from: i64::MIN, until: EXPIRY };
        let verified = Verified { window, consumer: None, claims: vec![] };
        assert_eq!(verify(token.as_bytes(), &keys, &policy(), EXPIRY - 1), Ok(verified));
        assert_eq!(verify(token.as_bytes(), &keys, &policy(), EXPIRY), Err(Reason::Expired));
    }
}

#[test]
fn the_published_signatures_are_good_and_no_bit_of_them_can_change() {
    let bytes = |text: &str| Base64UrlUnpadded::decode_vec(text).unwrap();
    let of_token = |token: &str| {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        (signed.as_bytes().to_vec(), bytes(signature))
    };
    let of_sample = |signature: &str| (b"sample".to_vec(), bytes(signature));
    for (jwk, alg, (message, signature)) in [
        (vectors::HS_KEY, "HS256", of_token(vectors::HS256)),
        (vectors::RS_KEY, "RS256", of_token(vectors::RS256)),
        (vectors::COOKBOOK_KEY, "RS384", of_sample(vectors::RS384_SAMPLE)),
        (vectors::COOKBOOK_KEY, "RS512", of_sample(vectors::RS512_SAMPLE)),
        (vectors::COOKBOOK_KEY, "PS256", of_sample(vectors::PS256_SAMPLE)),
        (vectors::COOKBOOK_KEY, "PS384", of_token(vectors::PS384)),
        (vectors::COOKBOOK_KEY, "PS512", of_sample(vectors::PS512_SAMPLE)),
        (vectors::ES256_KEY, "ES256", of_token(vectors::ES256)),
        (vectors::ES384_KEY, "ES384", of_sample(vectors::ES384_SAMPLE)),
        (vectors::ED_KEY, "EdDSA", of_token(vectors::EDDSA)),
    ] {
        let jwk = jwk.replacen('{', &format!("{{\"alg\":\"{alg}\","), 1);
        let key = crate::jwk::read(Value::read(jwk.as_bytes()).unwrap(), &[]).unwrap();
        assert!(key.verifier.verifies(&message, &signature), "{alg}");
        assert!(!key.verifier.verifies(b"another message", &signature), "{alg}");
        for at in (0..signature.len()).step_by(7) {
            let mut changed = signature.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(!key.verifier.verifies(&message, &changed), "{alg}: byte {at}");
        }
        for length in [0, 1, signature.len() - 1] {
            assert!(!key.verifier.verifies(&message, &signature[..length]), "{alg}: {length} bytes");
        }
        let longer = [signature.as_slice(), &[0]].concat();
        let zeros = vec![0; signature.len()];
        assert!(!key.verifier.verifies(&message, &longer) && !key.verifier.verifies(&message, &zeros), "{alg}");
    }
}

#[test]
fn an_unsecured_token_is_refused() {
    let keys = set(&[vectors::HS_KEY, vectors::RS_KEY, vectors::ES256_KEY]);
    assert_eq!(verify(vectors::NONE.as_bytes(), &keys, &policy(), 0), Err(Reason::Algorithm));
    for alg in ["None", "NONE", "nOnE", ""] {
        let token = vectors::NONE.replace("eyJhbGciOiJub25lIn0", &encode(&format!(r#"{{"alg":"{alg}"}}"#)));
        assert_eq!(verify(token.as_bytes(), &keys, &policy(), 0), Err(Reason::Algorithm), "{alg}");
    }
    // A token whose signature was taken away, and one whose signature is empty.
    let stripped = vectors::HS256.rsplit_once('.').unwrap().0;
    assert_eq!(verify(stripped.as_bytes(), &keys, &policy(), 0), Err(Reason::Malformed));
    assert_eq!(verify(format!("{stripped}.").as_bytes(), &keys, &policy(), 0), Err(Reason::Signature));
}

#[test]
fn the_key_decides_the_algorithm() {
    // The RSA key's public bytes as the secret of an HMAC: the set has no key for HS256 at all.
    let token = sign(r#"{"alg":"HS256"}"#, r#"{"iss":"joe"}"#);
    let verified = verify(token.as_bytes(), &set(&[vectors::RS_KEY]), &policy(), 0);
    assert_eq!(verified, Err(Reason::Algorithm));
    // A secret that is long enough for all three is for the one that it says.
    assert_eq!(judge(r#"{"alg":"HS384"}"#, "{}"), Err(Reason::Algorithm));
}

#[test]
fn the_key_is_the_one_that_is_named() {
    let keys = set(&[&vectors::HS_KEY.replacen('{', r#"{"kid":"k1","#, 1)]);
    let payload = r#"{"iss":"joe","exp":1300819380}"#;
    for (header, wanted) in [
        (r#"{"alg":"HS256","kid":"k1"}"#, Ok(())),
        (r#"{"alg":"HS256","kid":"k2"}"#, Err(Reason::UnknownKey)),
        (r#"{"alg":"HS256","kid":""}"#, Err(Reason::UnknownKey)),
        (r#"{"alg":"HS256"}"#, Err(Reason::UnknownKey)),
        (r#"{"alg":"HS256","kid":7}"#, Err(Reason::Malformed)),
    ] {
        let verified = verify(sign(header, payload).as_bytes(), &keys, &policy(), EXPIRY - 1);
        assert_eq!(verified.map(drop), wanted, "{header}");
    }
}

#[test]
fn headers_are_what_rfc_7515_says() {
    let payload = r#"{"iss":"joe","exp":1300819380}"#;
    for (header, wanted) in [
        (r#"{"alg":"HS256","typ":"JWT","cty":"x","jku":"https://evil.example","jwk":{"kty":"oct"},"x5c":[]}"#, Ok(())),
        (r#"{"alg":"HS256","crit":["exp"],"exp":0}"#, Err(Reason::Critical)),
        (r#"{"alg":"HS256","crit":[]}"#, Err(Reason::Critical)),
        (r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#, Err(Reason::Critical)),
        (r#"{"alg":"HS256","b64":false}"#, Err(Reason::Critical)),
        (r#"{"alg":"HS256","alg":"HS256"}"#, Err(Reason::Malformed)),
        (r#"{"alg":"HS256","\u0061lg":"none"}"#, Err(Reason::Malformed)),
        (r#"{"typ":"JWT"}"#, Err(Reason::Malformed)),
        (r#"{"alg":7}"#, Err(Reason::Malformed)),
        (r#"["HS256"]"#, Err(Reason::Malformed)),
        (r#"{"alg":"HS256"} x"#, Err(Reason::Malformed)),
        ("", Err(Reason::Malformed)),
    ] {
        assert_eq!(judge(header, payload).map(drop), wanted, "{header}");
    }
}

#[test]
fn a_token_is_of_the_type_that_is_wanted() {
    let policy = Policy { kind: Some("at+jwt".to_owned()), ..policy() };
    for (header, wanted) in [
        (r#"{"alg":"HS256","typ":"at+jwt"}"#, Ok(())),
        (r#"{"alg":"HS256","typ":"application/AT+JWT"}"#, Ok(())),
        (r#"{"alg":"HS256","typ":"JWT"}"#, Err(Reason::Type)),
        (r#"{"alg":"HS256","typ":"application/"}"#, Err(Reason::Type)),
        (r#"{"alg":"HS256"}"#, Err(Reason::Type)),
    ] {
        let token = sign(header, r#"{"iss":"joe","exp":1300819380}"#);
        let verified = verify(token.as_bytes(), &set(&[vectors::HS_KEY]), &policy, 0);
        assert_eq!(verified.map(drop), wanted, "{header}");
    }
}

#[test]
fn bounds_hold_to_the_byte() {
    let keys = set(&[vectors::HS_KEY]);
    // A payload that fills the token up to the bound.
    let fill = |length: usize| {
        let payload = format!(r#"{{"iss":"joe","exp":1300819380,"x":"{}"}}"#, "x".repeat(length));
        sign(r#"{"alg":"HS256"}"#, &payload)
    };
    let length = (12_000..13_000).find(|length| fill(*length).len() == MOST_TOKEN).unwrap();
    assert!(verify(fill(length).as_bytes(), &keys, &policy(), 0).is_ok());
    assert_eq!(verify(fill(length + 1).as_bytes(), &keys, &policy(), 0), Err(Reason::TooLong));
    let header = |length: usize| sign(&format!(r#"{{"alg":"HS256","x":"{}"}}"#, "x".repeat(length)), "{}");
    let length = MOST_HEADER / 4 * 3 - 22;
    assert_eq!(verify(header(length).as_bytes(), &keys, &policy(), 0), Err(Reason::Claims));
    assert_eq!(verify(header(length + 1).as_bytes(), &keys, &policy(), 0), Err(Reason::TooLong));
}

#[test]
fn what_is_no_token_is_refused() {
    let keys = set(&[vectors::HS_KEY]);
    for token in ["", ".", "..", "...", "a.b", "a.b.c.d.e", "eyJhbGciOiJIUzI1NiJ9..", "\u{e9}.\u{e9}.\u{e9}", " . . "] {
        assert!(verify(token.as_bytes(), &keys, &policy(), 0).is_err(), "{token}");
    }
    for token in [vectors::HS256.replace('.', "=."), format!("{}=", vectors::HS256), format!(" {}", vectors::HS256)] {
        assert_eq!(verify(token.as_bytes(), &keys, &policy(), 0), Err(Reason::Malformed), "{token}");
    }
}

#[test]
fn no_mutated_token_passes() {
    let seeds = [vectors::HS256, vectors::ES256, vectors::NONE];
    let keys = set(&[vectors::HS_KEY, vectors::ES256_KEY]);
    let pieces = [".", "..", "eyJhbGciOiJub25lIn0.", "eyJhbGciOiJIUzI1NiJ9.", "-_", "=", "e30"];
    let ours = |text: &[u8]| verify(text, &keys, &policy(), 0).is_ok().then(|| text.to_vec());
    // Only what the mutation left as it was, or made into another published token.
    let theirs = |text: &[u8]| seeds[..2].iter().any(|seed| seed.as_bytes() == text).then(|| text.to_vec());
    let agreement = agree(&seeds, &pieces, 6_000, ours, theirs);
    assert!(agreement.taken > 20 && agreement.refused > 5_000, "{agreement:?}");
}
