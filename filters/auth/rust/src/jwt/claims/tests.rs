use weir_testing::Dice;

use super::*;

const NOW: i64 = 1_700_000_000;

fn policy() -> Policy {
    Policy {
        issuers: vec!["https://a.example".to_owned(), "b".to_owned()],
        audiences: Audiences::OneOf(vec!["api".to_owned(), "web".to_owned()]),
        kind: None,
        leeway: 0,
        forever: false,
        consumer: vec!["sub".to_owned()],
        pass: vec![],
    }
}

fn times(claims: &str, policy: &Policy) -> Result<(), Reason> {
    judge(format!(r#"{{"iss":"b","aud":"api",{claims}}}"#).as_bytes(), policy, NOW).map(drop)
}

#[test]
fn expiry_and_start_hold_to_the_second() {
    let skewed = Policy { leeway: 60, ..policy() };
    for (claims, strict, lenient) in [
        (r#""exp":1700000001"#, Ok(()), Ok(())),
        (r#""exp":1700000000"#, Err(Reason::Expired), Ok(())),
        (r#""exp":1699999999"#, Err(Reason::Expired), Ok(())),
        (r#""exp":1700000000.9"#, Err(Reason::Expired), Ok(())),
        (r#""exp":1699999941"#, Err(Reason::Expired), Ok(())),
        (r#""exp":1699999940"#, Err(Reason::Expired), Err(Reason::Expired)),
        (r#""exp":-1"#, Err(Reason::Expired), Err(Reason::Expired)),
        (r#""exp":9223372036854775807"#, Ok(()), Ok(())),
        (r#""exp":2000000000,"nbf":1700000000"#, Ok(()), Ok(())),
        (r#""exp":2000000000,"nbf":1700000001"#, Err(Reason::NotYet), Ok(())),
        (r#""exp":2000000000,"nbf":1700000060"#, Err(Reason::NotYet), Ok(())),
        (r#""exp":2000000000,"nbf":1700000061"#, Err(Reason::NotYet), Err(Reason::NotYet)),
        (r#""exp":2000000000,"iat":1700000000"#, Ok(()), Ok(())),
        (r#""exp":2000000000,"iat":1700000001"#, Err(Reason::NotYet), Ok(())),
        (r#""exp":2000000000,"iat":1700000061,"nbf":1"#, Err(Reason::NotYet), Err(Reason::NotYet)),
        (r#""exp":2000000000,"nbf":-9223372036854775808"#, Ok(()), Ok(())),
        (r#""nbf":0"#, Err(Reason::Claims), Err(Reason::Claims)),
        (r#""exp":"2000000000""#, Err(Reason::Claims), Err(Reason::Claims)),
        (r#""exp":null"#, Err(Reason::Claims), Err(Reason::Claims)),
        (r#""exp":2e9"#, Err(Reason::Claims), Err(Reason::Claims)),
        (r#""exp":2000000000,"nbf":"0""#, Err(Reason::Claims), Err(Reason::Claims)),
        (r#""exp":2000000000,"iat":{}"#, Err(Reason::Claims), Err(Reason::Claims)),
        (r#""exp":1,"exp":2000000000"#, Err(Reason::Claims), Err(Reason::Claims)),
    ] {
        assert_eq!(times(claims, &policy()), strict, "{claims}");
        assert_eq!(times(claims, &skewed), lenient, "{claims} with a leeway");
    }
    let forever = Policy { forever: true, ..policy() };
    assert_eq!(times(r#""nbf":0"#, &forever), Ok(()));
    assert_eq!(times(r#""exp":1"#, &forever), Err(Reason::Expired));
}

#[test]
fn a_window_is_checked_again_as_time_goes_on() {
    let window = Window { from: 10, until: 20 };
    let checks = [9, 10, 19, 20].map(|now| window.check(now));
    assert_eq!(checks, [Err(Reason::NotYet), Ok(()), Ok(()), Err(Reason::Expired)]);
}

#[test]
fn the_issuer_is_one_that_is_known() {
    for (claim, wanted) in [
        (r#""iss":"https://a.example""#, Ok(())),
        (r#""iss":"b""#, Ok(())),
        (r#""iss":"\u0062""#, Ok(())),
        (r#""iss":"https://a.example/""#, Err(Reason::Issuer)),
        (r#""iss":"B""#, Err(Reason::Issuer)),
        (r#""iss":"""#, Err(Reason::Issuer)),
        (r#""x":1"#, Err(Reason::Issuer)),
        (r#""iss":["b"]"#, Err(Reason::Claims)),
    ] {
        let claims = format!(r#"{{"aud":"api","exp":2000000000,{claim}}}"#);
        assert_eq!(judge(claims.as_bytes(), &policy(), NOW).map(drop), wanted, "{claim}");
    }
}

#[test]
fn the_audience_is_one_of_ours() {
    let none = Policy { audiences: Audiences::OneOf(vec![]), ..policy() };
    let any = Policy { audiences: Audiences::Any, ..policy() };
    let (good, bad, wrong) = (Ok(()), Err(Reason::Audience), Err(Reason::Claims));
    for (claim, one_of, without, whatever) in [
        (r#""aud":"api""#, good, bad, good),
        (r#""aud":["x","web"]"#, good, bad, good),
        (r#""aud":"x""#, bad, bad, good),
        (r#""aud":"""#, bad, bad, good),
        (r#""aud":[]"#, bad, bad, good),
        (r#""x":1"#, bad, good, good),
        (r#""aud":["api",7]"#, wrong, wrong, good),
        (r#""aud":{"api":1}"#, wrong, wrong, good),
        (r#""aud":null"#, wrong, wrong, good),
    ] {
        let claims = format!(r#"{{"iss":"b","exp":2000000000,{claim}}}"#);
        for (policy, wanted) in [(&policy(), one_of), (&none, without), (&any, whatever)] {
            assert_eq!(judge(claims.as_bytes(), policy, NOW).map(drop), wanted, "{claim} {:?}", policy.audiences);
        }
    }
}

#[test]
fn claims_are_passed_on_as_a_header_can_hold_them() {
    let path = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    let pass =
        ["s", "i", "f", "t", "n", "l", "le", "lc", "ln", "o", "nl", "del", "u", "missing", "e", "long", "longer"];
    let mut pass: Vec<_> = pass.iter().map(|name| path(&[name])).collect();
    pass.push(path(&["o", "roles"]));
    pass.push(path(&["o", "roles", "0"]));
    let policy = Policy { pass, consumer: path(&["o", "name"]), ..policy() };
    let claims = format!(
        r#"{{"iss":"b","aud":"api","exp":2000000000,
        "s":"a b","i":-7,"f":1.50,"t":true,"n":null,"l":["a","b",3],"le":[],"lc":["a,b"],"ln":[["a"]],
        "o":{{"roles":["x","y"],"name":"ann"}},"nl":"a\r\nb","del":"\u007f","u":"caf\u00e9","e":"",
        "long":"{0}","longer":"{0}x"}}"#,
        "x".repeat(MOST_CLAIM)
    );
    let verified = judge(claims.as_bytes(), &policy, NOW).unwrap();
    let long = "x".repeat(MOST_CLAIM);
    let some = |text: &str| Some(text.to_owned());
    let wanted = [
        some("a b"),
        some("-7"),
        some("1.50"),
        some("true"),
        None,
        some("a,b,3"),
        some(""),
        None,
        None,
        None,
        None,
        None,
        some("café"),
        None,
        some(""),
        some(&long),
        None,
        some("x,y"),
        None,
    ];
    assert_eq!(verified.claims, wanted);
    assert_eq!(verified.consumer, some("ann"));
}

#[test]
fn who_it_is_has_a_name() {
    for (claim, consumer) in [
        (r#""sub":"ann""#, Some("ann")),
        (r#""sub":7"#, Some("7")),
        (r#""sub":"""#, None),
        (r#""sub":"a\nb""#, None),
        (r#""x":1"#, None),
    ] {
        let claims = format!(r#"{{"iss":"b","aud":"api","exp":2000000000,{claim}}}"#);
        let verified = judge(claims.as_bytes(), &policy(), NOW).unwrap();
        assert_eq!(verified.consumer.as_deref(), consumer, "{claim}");
    }
}

#[test]
fn any_bytes_are_claims_or_none() {
    let mut dice = Dice(3);
    let policy = Policy { pass: vec![vec!["a".to_owned(), "b".to_owned()]], ..policy() };
    for _ in 0..20_000 {
        let length = dice.below(60);
        let text: Vec<u8> = (0..length).map(|_| b"{}[]\":,\\ua0-.1tfn \xff\xc3"[dice.below(20)]).collect();
        assert!(judge(&text, &policy, NOW).is_err());
    }
}
