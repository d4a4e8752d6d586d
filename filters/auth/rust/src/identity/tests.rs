use std::rc::Rc;

use weir_testing::{STUCK, TestHeaders};

use super::*;
use crate::auth::{Credential, Granted, Identity, Jwt, Keys, Output, Owner};
use crate::jwks::KeySet;
use crate::jwt::{self, Audiences};
use crate::place::Place;

type Told = Vec<(String, Vec<u8>)>;

fn auth() -> Auth {
    let policy = jwt::Policy {
        issuers: vec![],
        audiences: Audiences::Any,
        kind: None,
        leeway: 0,
        forever: false,
        consumer: vec![],
        pass: vec![],
    };
    let output = |header: Option<&str>, property: Option<&str>| Output {
        header: header.map(str::to_owned),
        property: property.map(str::to_owned),
    };
    let outputs =
        vec![output(Some("x-email"), None), output(Some("x-level"), Some("weir.claim.level")), output(None, Some("p"))];
    let credential = |name: &str, prefix: &str, place: Place, forward: bool| Credential {
        name: name.to_owned(),
        prefix: prefix.to_owned(),
        places: vec![place],
        forward,
        kind: Kind::Jwt(Jwt {
            policy: policy.clone(),
            keys: Keys::Inline(KeySet::default()),
            outputs: outputs.clone(),
            remember: 0,
        }),
    };
    Auth {
        realm: "r".into(),
        credentials: vec![
            credential("a", "", Place::Query("t".into()), false),
            credential("b", "b:", Place::Header { name: "x-b".into(), scheme: None }, true),
            credential("c", "", Place::Query("u".into()), false),
        ],
        rules: vec![],
        identity: Identity {
            consumer: Some("x-consumer".into()),
            credential: Some("x-credential".into()),
            property: true,
            owned: ["x-consumer", "x-credential", "x-email", "x-level"].map(str::to_owned).to_vec(),
        },
    }
}

fn token(consumer: Option<&str>, claims: [Option<&str>; 3]) -> Owner<'static> {
    let window = crate::jwt::Window { from: 0, until: 1 };
    let claims = claims.map(|claim| claim.map(str::to_owned)).to_vec();
    Owner::Token(Rc::new(jwt::Verified { window, consumer: consumer.map(str::to_owned), claims }))
}

/// The headers afterwards, and the properties.
fn after(need: &Need, granted: Vec<Granted<'_>>, before: &[(&str, &[u8])]) -> Result<(TestHeaders, Told), Refused> {
    let mut headers = TestHeaders::of(before);
    let pairs = headers.pairs()?;
    let mut told = Vec::new();
    let allowed = Allowed { need, granted, body: None };
    rewrite(&auth(), &Request::new(&pairs, true), &allowed, &mut headers, &mut |name, value| {
        told.push((name.to_owned(), value.to_vec()));
        Ok(())
    })?;
    Ok((headers, told))
}

fn told(pairs: &[(&str, &str)]) -> Told {
    pairs.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect()
}

#[test]
fn says_what_was_found_out_and_only_that() {
    let before: [(&str, &[u8]); 7] = [
        (":path", b"/p?t=1&u=2&v=3"),
        ("x-consumer", b"root"),
        ("x-level", b"9"),
        ("x_credential", b"root"),
        ("X_Email", b"root"),
        ("x-b", b"key"),
        ("x-emails", b"kept"),
    ];
    let granted = vec![Granted { index: 0, owner: token(Some("ann"), [Some("a@b"), None, Some("7")]) }];
    let need = Need::Any(vec![0, 1, 2]);
    let (headers, properties) = after(&need, granted, &before).unwrap();
    let wanted: [(&str, &[u8]); 6] = [
        ("x-b", b"key"),
        ("x-emails", b"kept"),
        ("x-consumer", b"ann"),
        ("x-credential", b"a"),
        ("x-email", b"a@b"),
        (":path", b"/p?v=3"),
    ];
    assert_eq!(headers, TestHeaders::of(&wanted));
    assert_eq!(properties, told(&[("weir.consumer", "ann"), ("p", "7")]));
}

#[test]
fn of_several_the_first_speaks() {
    let granted = vec![
        Granted { index: 0, owner: token(None, [None, Some("1"), None]) },
        Granted { index: 1, owner: token(Some("ben"), [Some("b@b"), Some("2"), None]) },
    ];
    let need = Need::All(vec![0, 1]);
    let (headers, properties) = after(&need, granted, &[]).unwrap();
    let wanted: [(&str, &[u8]); 4] =
        [("x-consumer", b"b:ben"), ("x-credential", b"a,b"), ("x-level", b"1"), ("x-email", b"b@b")];
    assert_eq!(headers, TestHeaders::of(&wanted));
    let twice = [("weir.consumer", "b:ben"), ("weir.claim.level", "1"), ("weir.claim.level", "2")];
    assert_eq!(properties, told(&twice[..2]));
}

#[test]
fn where_nothing_is_needed_nothing_is_said_or_taken_out() {
    let before: [(&str, &[u8]); 3] = [(":path", b"/?t=1"), ("x-b", b"1"), ("x-level", b"9")];
    let (headers, properties) = after(&Need::None, vec![], &before).unwrap();
    assert_eq!((headers, properties), (TestHeaders::of(&before[..2]), vec![]));
}

#[test]
fn a_host_that_refuses_refuses_the_request() {
    let mut auth = auth();
    auth.identity.owned.push(STUCK.to_owned());
    let mut headers = TestHeaders::of(&[(STUCK, b"root")]);
    let pairs = headers.pairs().unwrap();
    let allowed = Allowed { need: &Need::None, granted: vec![], body: None };
    let request = Request::new(&pairs, true);
    assert_eq!(rewrite(&auth, &request, &allowed, &mut headers, &mut |_, _| Ok(())), Err(Refused));
    let granted = vec![Granted { index: 0, owner: token(Some("ann"), [None; 3]) }];
    let allowed = Allowed { need: &Need::None, granted, body: None };
    let mut fine = TestHeaders::default();
    let pairs = fine.pairs().unwrap();
    let request = Request::new(&pairs, true);
    assert_eq!(rewrite(&auth, &request, &allowed, &mut fine, &mut |_, _| Err(Refused)), Err(Refused));
}

#[test]
fn names_are_alike_whatever_their_hyphens() {
    for (one, other, alike_) in [
        ("x-a", "x-a", true),
        ("x-a", "X_A", true),
        ("x-a", "xa", false),
        ("x-a", "x-ab", false),
        ("x-a", "x.a", false),
    ] {
        assert_eq!(alike(one.as_bytes(), other.as_bytes()), alike_, "{one} {other}");
    }
}
