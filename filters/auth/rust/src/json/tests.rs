use weir_testing::agree;

use super::*;

#[test]
fn reads_the_claims_of_rfc_7519() {
    let text = b"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";
    let members = Value::read(text).unwrap().members().unwrap();
    let shown: Vec<(&str, &str)> = members.iter().map(|(name, value)| (name.as_ref(), value.raw())).collect();
    assert_eq!(shown, [("iss", "\"joe\""), ("exp", "1300819380"), ("http://example.com/is_root", "true")]);
    assert_eq!(members[0].1.string().unwrap(), "joe");
    assert_eq!(members[1].1.whole(), Ok(1_300_819_380));
}

#[test]
fn a_name_that_stands_twice_is_refused_however_it_is_spelled() {
    for text in [r#"{"a":1,"a":2}"#, r#"{"a":1,"\u0061":2}"#] {
        assert_eq!(Value::read(text.as_bytes()).unwrap().members().map(drop), Err(Malformed), "{text}");
    }
}

#[test]
fn bounds_hold_to_the_level_and_the_member() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Value::read(nested(MOST_DEPTH).as_bytes()).is_ok());
    assert!(Value::read(nested(MOST_DEPTH + 1).as_bytes()).is_err());
    let wide = |count: usize| format!("{{{}}}", (0..count).map(|n| format!("\"{n}\":0")).collect::<Vec<_>>().join(","));
    assert_eq!(Value::read(wide(MOST_MEMBERS).as_bytes()).unwrap().members().unwrap().len(), MOST_MEMBERS);
    assert!(Value::read(wide(MOST_MEMBERS + 1).as_bytes()).unwrap().members().is_err());
    let long = |count: usize| format!("[{}]", vec!["0"; count].join(","));
    assert_eq!(Value::read(long(MOST_MEMBERS).as_bytes()).unwrap().elements().unwrap().len(), MOST_MEMBERS);
    assert!(Value::read(long(MOST_MEMBERS + 1).as_bytes()).unwrap().elements().is_err());
}

#[test]
fn times_may_have_a_fraction_and_no_exponent() {
    for (text, whole) in [("0", 0), ("-1", -1), ("1300819380.75", 1_300_819_380), ("9223372036854775807", i64::MAX)] {
        assert_eq!(Value::read(text.as_bytes()).unwrap().whole(), Ok(whole), "{text}");
    }
    for text in ["1e9", "1.5e3", "9223372036854775808", "\"1\"", "true", "null", "[]"] {
        assert_eq!(Value::read(text.as_bytes()).unwrap().whole(), Err(Malformed), "{text}");
    }
}

#[test]
fn mutated_texts_are_read_as_serde_json_reads_them() {
    let seeds = [
        r#"{"iss":"https://a.example/","sub":"24400320","aud":["a","b"],"exp":1311281970,"n":[-0.5e+7,true,null]}"#,
        r#" { "a\u0062\ud83d\ude00" : [ { } , [ ] , "\"\\\/\b\f\n\r\t" ] , "x" : false } "#,
    ];
    let theirs = |text: &[u8]| {
        // A name that stands twice is the one thing that they take and we refuse.
        if has_twin_names(text) { None } else { serde_json::from_slice(text).ok() }
    };
    let ours = |text: &[u8]| Value::read(text).ok().and_then(rebuild);
    let agreement = agree(&seeds, &["\"a\":1", "\\u", "00", "-", ".", "e"], 60_000, ours, theirs);
    assert!(agreement.taken > 3_000 && agreement.refused > 3_000, "{agreement:?}");
}

/// The value as serde_json would hold it, read by the code under test; numbers by serde_json itself.
fn rebuild(value: Value<'_>) -> Option<serde_json::Value> {
    Some(match value.raw().as_bytes()[0] {
        b'{' => {
            let members = value.members().ok()?;
            let pairs = members.into_iter().map(|(name, value)| Some((name.into_owned(), rebuild(value)?)));
            serde_json::Value::Object(pairs.collect::<Option<_>>()?)
        }
        b'[' => {
            let elements = value.elements().ok()?;
            serde_json::Value::Array(elements.into_iter().map(rebuild).collect::<Option<_>>()?)
        }
        b'"' => serde_json::Value::String(value.string().ok()?.into_owned()),
        _ => serde_json::from_str(value.raw()).ok()?,
    })
}

/// Whether any object of the text, which is JSON, has a name twice.
fn has_twin_names(text: &[u8]) -> bool {
    struct Twins(bool);
    impl<'de> serde::Deserialize<'de> for Twins {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Twins, D::Error> {
            deserializer.deserialize_any(Look)
        }
    }
    struct Look;
    impl<'de> serde::de::Visitor<'de> for Look {
        type Value = Twins;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("anything")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Twins, A::Error> {
            let (mut names, mut found) = (std::collections::HashSet::new(), false);
            while let Some((name, Twins(below))) = map.next_entry::<String, Twins>()? {
                found |= below | !names.insert(name);
            }
            Ok(Twins(found))
        }
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Twins, A::Error> {
            let mut found = false;
            while let Some(Twins(below)) = seq.next_element()? {
                found |= below;
            }
            Ok(Twins(found))
        }
        fn visit_bool<E>(self, _: bool) -> Result<Twins, E> {
            Ok(Twins(false))
        }
        fn visit_i64<E>(self, _: i64) -> Result<Twins, E> {
            Ok(Twins(false))
        }
        fn visit_u64<E>(self, _: u64) -> Result<Twins, E> {
            Ok(Twins(false))
        }
        fn visit_f64<E>(self, _: f64) -> Result<Twins, E> {
            Ok(Twins(false))
        }
        fn visit_str<E>(self, _: &str) -> Result<Twins, E> {
            Ok(Twins(false))
        }
        fn visit_unit<E>(self) -> Result<Twins, E> {
            Ok(Twins(false))
        }
    }
    serde_json::from_slice::<Twins>(text).is_ok_and(|Twins(found)| found)
}
