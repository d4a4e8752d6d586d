use super::*;
use crate::vectors;

fn named(jwk: &str, id: &str) -> String {
    jwk.replacen('{', &format!("{{\"kid\":\"{id}\","), 1)
}

fn read(keys: &[String]) -> Result<(KeySet, Option<(usize, Unusable)>), SetError> {
    KeySet::read(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes(), &[])
}

#[test]
fn a_token_gets_the_key_it_names_and_no_other() {
    let keys = [named(vectors::ES256_KEY, "a"), named(vectors::ED_KEY, "b"), vectors::RS_KEY.to_owned()];
    let (set, passed_over) = read(&keys).unwrap();
    assert_eq!((set.len(), passed_over), (3, None));
    for (id, algorithm, found) in [
        (Some("a"), Algorithm::Es256, Ok(())),
        (Some("b"), Algorithm::EdDsa, Ok(())),
        (None, Algorithm::Rs256, Ok(())),
        (Some("c"), Algorithm::Es256, Err(NoKey::Name)),
        (Some(""), Algorithm::Rs256, Err(NoKey::Name)),
        (Some("a"), Algorithm::EdDsa, Err(NoKey::Algorithm)),
        (None, Algorithm::Hs256, Err(NoKey::Algorithm)),
        (None, Algorithm::Es256, Err(NoKey::Algorithm)),
    ] {
        assert_eq!(set.find(id, algorithm).map(drop), found, "{id:?} {algorithm:?}");
    }
}

#[test]
fn a_set_without_a_nameless_key_has_none_for_a_nameless_token() {
    let (set, _) = read(&[named(vectors::ES256_KEY, "a")]).unwrap();
    assert_eq!(set.find(None, Algorithm::Es256).map(drop), Err(NoKey::Name));
}

#[test]
fn one_name_may_stand_for_keys_of_several_algorithms() {
    let (set, _) = read(&[named(vectors::ES256_KEY, "a"), named(vectors::ED_KEY, "a")]).unwrap();
    assert_eq!(set.find(Some("a"), Algorithm::Es256).unwrap().algorithm, Algorithm::Es256);
    assert_eq!(set.find(Some("a"), Algorithm::EdDsa).unwrap().algorithm, Algorithm::EdDsa);
}

#[test]
fn keys_that_cannot_be_told_apart_are_refused() {
    let other = vectors::COOKBOOK_KEY.replace("bilbo.baggins@hobbiton.example", "a");
    assert_eq!(read(&[named(vectors::RS_KEY, "a"), other]).unwrap_err(), SetError::Twins);
    assert_eq!(read(&[vectors::ED_KEY.to_owned(), vectors::ED_KEY.to_owned()]).unwrap_err(), SetError::Twins);
}

#[test]
fn what_cannot_be_used_is_passed_over() {
    let other = r#"{"kty":"EC","crv":"P-521"}"#.to_owned();
    let encrypting = vectors::RS_KEY.replacen('{', r#"{"use":"enc","#, 1);
    let (set, passed_over) = read(&[vectors::ED_KEY.to_owned(), other.clone(), encrypting.clone()]).unwrap();
    assert_eq!((set.len(), passed_over), (1, Some((1, Unusable::Algorithm))));
    assert_eq!(read(&[encrypting, other]).unwrap_err(), SetError::Empty(Some(Unusable::Purpose)));
    assert_eq!(read(&[]).unwrap_err(), SetError::Empty(None));
}

#[test]
fn a_set_is_an_object_with_keys_and_not_too_many() {
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":1}"#, "{\"keys\":[", "\u{feff}{}"] {
        assert_eq!(KeySet::read(text.as_bytes(), &[]).unwrap_err(), SetError::Malformed, "{text}");
    }
    let many = |count: usize| read(&(0..count).map(|n| named(vectors::ED_KEY, &n.to_string())).collect::<Vec<_>>());
    assert_eq!(many(MOST_KEYS).unwrap().0.len(), MOST_KEYS);
    assert_eq!(many(MOST_KEYS + 1).unwrap_err(), SetError::TooMany);
}
