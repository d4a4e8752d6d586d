use super::*;
use crate::vectors;

fn parse(jwk: &str, allowed: &[Algorithm]) -> Result<Key, Unusable> {
    read(Value::read(jwk.as_bytes()).unwrap(), allowed)
}

/// The key with one more member.
fn with(jwk: &str, member: &str) -> String {
    jwk.replacen('{', &format!("{{{member},"), 1)
}

#[test]
fn a_key_says_which_algorithm_it_is_for() {
    for (jwk, algorithm) in [
        (vectors::HS_KEY, Algorithm::Hs256),
        (vectors::RS_KEY, Algorithm::Rs256),
        (vectors::ES256_KEY, Algorithm::Es256),
        (vectors::ES384_KEY, Algorithm::Es384),
        (vectors::ED_KEY, Algorithm::EdDsa),
    ] {
        assert_eq!(parse(jwk, &[]).unwrap().algorithm, algorithm, "{jwk}");
    }
    let ps512 = parse(&with(vectors::RS_KEY, r#""alg":"PS512""#), &[]).unwrap();
    assert_eq!(ps512.algorithm, Algorithm::Ps512);
    assert_eq!(parse(&with(vectors::ED_KEY, r#""alg":"Ed25519""#), &[]).unwrap().algorithm, Algorithm::EdDsa);
    // Without `alg`, an RSA key is for the first that is allowed, and for one only.
    let allowed = [Algorithm::Es256, Algorithm::Ps384, Algorithm::Rs256];
    assert_eq!(parse(vectors::RS_KEY, &allowed).unwrap().algorithm, Algorithm::Ps384);
}

#[test]
fn a_key_for_an_algorithm_of_another_kind_is_refused() {
    for (jwk, alg) in [
        (vectors::RS_KEY, "HS256"),
        (vectors::HS_KEY, "RS256"),
        (vectors::ES256_KEY, "ES384"),
        (vectors::ED_KEY, "ES256"),
        (vectors::RS_KEY, "none"),
        (vectors::RS_KEY, "RSA-OAEP"),
    ] {
        let jwk = with(jwk, &format!("\"alg\":\"{alg}\""));
        assert_eq!(parse(&jwk, &[]).unwrap_err(), Unusable::Algorithm, "{jwk}");
    }
    assert_eq!(parse(vectors::ES256_KEY, &[Algorithm::EdDsa]).unwrap_err(), Unusable::Algorithm);
    let named = with(vectors::RS_KEY, r#""alg":"RS256""#);
    assert_eq!(parse(&named, &[Algorithm::Ps256]).unwrap_err(), Unusable::Algorithm);
    assert!(parse(&named, &[Algorithm::Ps256, Algorithm::Rs256]).is_ok());
}

#[test]
fn a_key_for_another_purpose_is_refused() {
    for (member, purpose) in [
        (r#""use":"sig""#, Ok(())),
        (r#""use":"enc""#, Err(Unusable::Purpose)),
        (r#""key_ops":["sign","verify"]"#, Ok(())),
        (r#""key_ops":["sign"]"#, Err(Unusable::Purpose)),
        (r#""key_ops":[]"#, Err(Unusable::Purpose)),
        (r#""key_ops":"verify""#, Err(Unusable::Malformed)),
        (r#""use":1"#, Err(Unusable::Malformed)),
        (r#""x5c":["not looked at"]"#, Ok(())),
    ] {
        assert_eq!(parse(&with(vectors::ES256_KEY, member), &[]).map(drop), purpose, "{member}");
    }
}

#[test]
fn what_is_no_key_is_refused() {
    let long = "A".repeat(MOST_ID + 1);
    for (jwk, why) in [
        ("[]".to_owned(), Unusable::Malformed),
        ("{}".to_owned(), Unusable::Malformed),
        (r#"{"kty":1}"#.to_owned(), Unusable::Malformed),
        (r#"{"kty":"oct"}"#.to_owned(), Unusable::Malformed),
        (r#"{"kty":"oct","k":1}"#.to_owned(), Unusable::Malformed),
        (r#"{"kty":"EC","crv":"P-521","x":"AA","y":"AA"}"#.to_owned(), Unusable::Algorithm),
        (r#"{"kty":"OKP","crv":"Ed448","x":"AA"}"#.to_owned(), Unusable::Algorithm),
        (r#"{"kty":"OKP","crv":"X25519","x":"AA"}"#.to_owned(), Unusable::Algorithm),
        (r#"{"kty":"DSA"}"#.to_owned(), Unusable::Algorithm),
        // Padding, and one bit beyond the last byte.
        (vectors::HS_KEY.replace("ow\"", "ow==\""), Unusable::Malformed),
        (vectors::HS_KEY.replace("ow\"", "ox\""), Unusable::Malformed),
        // 31 bytes of secret, an RSA key of 64 bits, one of 8200.
        (r#"{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#.to_owned(), Unusable::Size),
        (r#"{"kty":"RSA","n":"_____________w","e":"AQAB"}"#.to_owned(), Unusable::Size),
        (format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"}}"#, "____".repeat(342)), Unusable::Size),
        // An even modulus; the exponents 1, 2, 0 and one of 9 bytes.
        (vectors::RS_KEY.replace("Xpo", "Xpg").replace("pgQ", "pgA"), Unusable::Malformed),
        (vectors::RS_KEY.replace("AQAB", "Ag"), Unusable::Malformed),
        (vectors::RS_KEY.replace("AQAB", "AA"), Unusable::Malformed),
        (vectors::RS_KEY.replace("AQAB", "AQ"), Unusable::Malformed),
        (vectors::RS_KEY.replace("AQAB", "____________"), Unusable::Size),
        // A point off the curve, a coordinate that was cut, one with a zero before it.
        (vectors::ES256_KEY.replace("x_F", "x_G"), Unusable::Malformed),
        (vectors::ES256_KEY.replace("\"x\":\"f8", "\"x\":\""), Unusable::Malformed),
        (vectors::ES384_KEY.replace("P-384", "P-256"), Unusable::Malformed),
        // Ed25519's points of small order, under which a signature of nobody's verifies: y = 1, y = 0, y = -1.
        (ed(&[1], 0), Unusable::Malformed),
        (ed(&[0], 0), Unusable::Malformed),
        (ed(&[0xec], 0xff), Unusable::Malformed),
        (with(vectors::ES256_KEY, &format!("\"kid\":\"{long}\"")), Unusable::Malformed),
        (with(vectors::ES256_KEY, r#""kid":7"#), Unusable::Malformed),
    ] {
        assert_eq!(parse(&jwk, &[]).unwrap_err(), why, "{jwk}");
    }
    assert!(parse(&with(vectors::ES256_KEY, &format!("\"kid\":\"{}\"", &long[1..])), &[]).is_ok());
}

/// A key on Ed25519 whose y begins with these bytes, has `fill` in the others, and no sign.
fn ed(start: &[u8], fill: u8) -> String {
    use base64ct::{Base64UrlUnpadded, Encoding};
    let mut y = [fill; 32];
    y[..start.len()].copy_from_slice(start);
    y[31] &= 0x7f;
    format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, Base64UrlUnpadded::encode_string(&y))
}
