use super::*;
use weir_testing::Dice;

/// What the reader says to a text of the shape `{"list": [{"op": "set" | "remove", "name": STRING}, …], "on": STRING}`.
fn read(text: &str) -> Result<Vec<(usize, String)>, String> {
    fn element(reader: &mut Reader<'_>) -> Result<(usize, String), Error> {
        let (mut op, mut name) = (0, String::new());
        reader.object(&["op", "name"], &mut |reader, field| {
            match field {
                0 => op = reader.word(&["set", "remove"])?,
                _ => name = reader.string_where("a short name", |name| name.len() < 9)?,
            }
            Ok(())
        })?;
        if name.is_empty() {
            return Err(reader.refuse("name", "a string", "nothing"));
        }
        Ok((op, name))
    }
    let mut list = Vec::new();
    let mut reader = Reader::new(text.as_bytes());
    reader
        .object(&["list", "on"], &mut |reader, field| match field {
            0 => reader.array(3, &mut |reader| {
                list.push(element(reader)?);
                Ok(())
            }),
            _ => reader.string().map(drop),
        })
        .and_then(|()| reader.end())
        .map_err(|error| error.message().to_owned())?;
    Ok(list)
}

#[test]
fn reads_what_was_asked_for_in_any_order_and_spacing() {
    let text =
        " {\"on\" :\"\",\r\n\t\"list\":[ {\"name\":\"a\",\"op\":\"remove\"} , {\"op\":\"set\",\"name\":\"b\"}]} ";
    assert_eq!(read(text), Ok(vec![(1, "a".to_owned()), (0, "b".to_owned())]));
    assert_eq!(read("{}"), Ok(vec![]));
    assert_eq!(read("{\"list\":[]}"), Ok(vec![]));
}

#[test]
fn every_error_names_the_field_what_was_expected_and_where() {
    for (text, message) in [
        ("", "configuration: expected an object, got the end of the text (line 1, column 1)"),
        ("[]", "configuration: expected an object, got an array (line 1, column 1)"),
        ("\n nope", "configuration: expected an object, got \"nope\" (line 2, column 2)"),
        ("{} x", "configuration: expected the end of the text, got \"x\" (line 1, column 4)"),
        ("{", "configuration: expected the name of a field, got the end of the text (line 1, column 2)"),
        ("{\"on\":\"\"", "configuration: expected \",\" or \"}\", got the end of the text (line 1, column 9)"),
        ("{\"list\":[", "list[0]: expected an object, got the end of the text (line 1, column 10)"),
        ("{1:2}", "configuration: expected the name of a field, got a number (line 1, column 2)"),
        ("{\"on\" 1}", "on: expected \":\", got a number (line 1, column 7)"),
        ("{\"on\":\"\",}", "configuration: expected the name of a field, got \"}\" (line 1, column 10)"),
        ("{\"on\":\"\" \"list\":[]}", "configuration: expected \",\" or \"}\", got a string (line 1, column 10)"),
        ("{\"of\":1}", "of: expected one of \"list\", \"on\", got an unknown field (line 1, column 2)"),
        ("{\"o\\u0000\":1}", "\"o?\": expected one of \"list\", \"on\", got an unknown field (line 1, column 2)"),
        ("{\"on\":\"\",\"on\":\"\"}", "on: expected one field of this name, got a second (line 1, column 10)"),
        ("{\"on\":7}", "on: expected a string, got a number (line 1, column 7)"),
        ("{\"on\":null}", "on: expected a string, got \"null\" (line 1, column 7)"),
        ("{\"on\":\"a", "on: expected the end of the string, got the end of the text (line 1, column 9)"),
        ("{\"list\":{}}", "list: expected an array, got an object (line 1, column 9)"),
        ("{\"list\":[[[[", "list[0]: expected an object, got an array (line 1, column 10)"),
        ("{\"list\":[{\"name\":\"a\"},]}", "list[1]: expected an object, got \"]\" (line 1, column 23)"),
        ("{\"list\":[{\"name\":\"a\"}}", "list: expected \",\" or \"]\", got \"}\" (line 1, column 22)"),
        (
            "{\"list\":[\n{\"op\":\"sett\"}]}",
            "list[0].op: expected one of \"set\", \"remove\", got \"sett\" (line 2, column 7)",
        ),
        (
            "{\"list\":[{\"name\":\"a\"},{\"name\": \"too long a name\"}]}",
            "list[1].name: expected a short name, got \"too long a name\" (line 1, column 32)",
        ),
        ("{\"list\":[{\"op\":\"set\"}]}", "list[0].name: expected a string, got nothing (line 1, column 22)"),
        (
            "{\"list\":[{\"name\":\"a\"},{\"name\":\"a\"},{\"name\":\"a\"},{\"name\":\"a\"}]}",
            "list: expected at most 3 elements, got more (line 1, column 49)",
        ),
    ] {
        assert_eq!(read(text), Err(message.to_owned()), "{text}");
    }
}

#[test]
fn a_string_is_what_json_says() {
    for (text, value) in [
        (r#""""#, ""),
        (r#""caf\u00e9 caf\u00E9 café""#, "café café café"),
        (r#""\ud83d\ude00""#, "😀"),
        (r#""\"\\\/\b\f\n\r\t\u0000""#, "\"\\/\u{8}\u{c}\n\r\t\0"),
    ] {
        assert_eq!(Reader::new(text.as_bytes()).string().as_deref(), Ok(value), "{text}");
    }
    for text in [
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\u+123\"",
        "\"\\ud83d\"",
        "\"\\ud83d\\n\"",
        "\"\\ud83d\\u0041\"",
        "\"\\ude00\"",
        "\"a\nb\"",
        "\"",
        "\"\\",
        "\"\\u",
        "'a'",
    ] {
        assert!(Reader::new(text.as_bytes()).string().is_err(), "{text}");
    }
    let error = Reader::new(b"\"a\xff\"").string().unwrap_err();
    assert_eq!(error.message(), "configuration: expected UTF-8, got bytes that are not (line 1, column 2)");
}

#[test]
fn strings_are_read_as_serde_json_reads_them() {
    let parts: [&[u8]; 19] = [
        b"a",
        b" ",
        b"\xc3\xa9",
        b"\xff",
        b"\xf0\x9f\x98\x80",
        b"\xf0\x9f",
        b"\\n",
        b"\\u00e9",
        b"\\uD83D",
        b"\\uDE00",
        b"\\ud83d\\ude00",
        b"\\u",
        b"\\u00g0",
        b"\\x",
        b"\\",
        b"\"",
        b"\n",
        b"\0",
        b"\x7f",
    ];
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..200_000 {
        let mut text = vec![b'"'];
        for _ in 0..dice.below(6) {
            text.extend_from_slice(parts[dice.below(parts.len())]);
        }
        text.push(b'"');
        let mut reader = Reader::new(&text);
        let ours = reader.string().and_then(|string| reader.end().map(|()| string)).ok();
        let theirs = serde_json::from_slice::<String>(&text).ok();
        assert_eq!(ours, theirs, "{}", String::from_utf8_lossy(&text));
        if ours.is_some() { taken += 1 } else { refused += 1 }
    }
    assert!(taken > 10_000 && refused > 10_000, "{taken} taken, {refused} refused");
}

fn one<T>(text: &str, read: impl FnOnce(&mut Reader<'_>) -> Result<T, Error>) -> Result<T, String> {
    let mut reader = Reader::new(text.as_bytes());
    read(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| error.message().replacen("configuration: expected ", "", 1))
}

#[test]
fn an_integer_is_within_its_bounds() {
    let read = |text: &str| one(text, |reader| reader.integer(1, 60));
    for (text, value) in [("1", 1), (" 60 ", 60), ("7", 7)] {
        assert_eq!(read(text), Ok(value));
    }
    for (text, got) in [
        ("0", "0"),
        ("61", "61"),
        ("-1", "-1"),
        ("1.0", "1.0"),
        ("1e1", "1e1"),
        ("18446744073709551617", "18446744073709551617"),
        (&"9".repeat(99), &format!("{}…", "9".repeat(40))),
        ("\"1\"", "a string"),
        ("null", "\"null\""),
        ("", "the end of the text"),
    ] {
        assert_eq!(read(text), Err(format!("an integer from 1 to 60, got {got} (line 1, column 1)")), "{text}");
    }
    assert_eq!(read("01"), Err("a number, got \"01\" (line 1, column 1)".to_owned()));
    assert_eq!(one("18446744073709551615", |reader| reader.integer(0, u64::MAX)), Ok(u64::MAX));
}

#[test]
fn a_truth_is_one_of_two_words() {
    assert_eq!(one("true", |reader| reader.boolean()), Ok(true));
    assert_eq!(one(" false ", |reader| reader.boolean()), Ok(false));
    for (text, got) in [("truer", "\"truer\""), ("True", "\"True\""), ("1", "a number"), ("", "the end of the text")] {
        assert_eq!(one(text, |reader| reader.boolean()), Err(format!("true or false, got {got} (line 1, column 1)")));
    }
}

#[test]
fn a_kind_shows_without_reading() {
    let kinds = [
        ("{}", Kind::Object),
        (" []", Kind::Array),
        ("\"\"", Kind::String),
        ("-1", Kind::Number),
        ("true", Kind::Boolean),
        ("null", Kind::Null),
        ("x", Kind::Other),
        ("", Kind::Other),
    ];
    for (text, kind) in kinds {
        let mut reader = Reader::new(text.as_bytes());
        assert_eq!((reader.kind(), reader.kind()), (kind, kind), "{text}");
    }
}

#[test]
fn a_string_becomes_what_it_stands_for() {
    let read = |text: &str| one(text, |reader| reader.string_as("two letters", |text| text.chars().nth(1)));
    assert_eq!(read("\"ab\""), Ok('b'));
    assert_eq!(read(" \"a\""), Err("two letters, got \"a\" (line 1, column 2)".to_owned()));
}

#[test]
fn a_filter_refuses_what_it_has_read() {
    let mut reader = Reader::new(b"{\"a\":1}");
    let error = reader.object(&["a"], &mut |reader, _| {
        reader.integer(0, 9)?;
        Err(reader.refuse_value("an even number", "1"))
    });
    assert_eq!(error.unwrap_err().message(), "a: expected an even number, got 1 (line 1, column 7)");
}

#[test]
fn an_object_may_have_names_of_any_kind() {
    let read = |text: &str| {
        let mut entries = Vec::new();
        one(text, |reader| {
            reader.entries(2, &mut |reader, name| {
                entries.push((name.to_owned(), reader.integer(0, 9)?));
                Ok(())
            })
        })
        .map(|()| entries)
    };
    assert_eq!(read("{}"), Ok(vec![]));
    assert_eq!(read("{\"b\":1,\"\":2}"), Ok(vec![("b".to_owned(), 1), (String::new(), 2)]));
    for (text, message) in [
        ("{\"a\":1,\"a\":2}", "a: expected one field of this name, got a second (line 1, column 8)"),
        ("{\"a\":\"\"}", "a: expected an integer from 0 to 9, got a string (line 1, column 6)"),
        ("{\"a\":1,\"b\":1,\"c\":1}", "at most 2 fields, got more (line 1, column 14)"),
        ("{\"a\" 1}", "a: expected \":\", got a number (line 1, column 6)"),
        ("[]", "an object, got an array (line 1, column 1)"),
    ] {
        assert_eq!(read(text), Err(message.to_owned()), "{text}");
    }
}

#[test]
fn what_is_skipped_nests_no_deeper_than_was_said() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(one(&nested(3), |reader| reader.skip(3)), Ok(()));
    let error = one(&nested(4), |reader| reader.skip(3)).unwrap_err();
    assert!(error.contains("[0][0][0]: expected a value that is not nested as deep, got an array"), "{error}");
    assert!(one("nul", |reader| reader.skip(3)).is_err() && one("nulls", |reader| reader.skip(3)).is_err());
}

#[test]
fn what_is_read_raw_is_the_text_of_the_value() {
    let text = r#" { "a" : { "b": [1, 2] } , "c" : "d" } "#;
    let mut raw = Vec::new();
    let mut reader = Reader::new(text.as_bytes());
    reader
        .object(&["a", "c"], &mut |reader, _| {
            raw.push(reader.raw(2)?);
            Ok(())
        })
        .unwrap();
    assert_eq!(raw, [br#"{ "b": [1, 2] }"#.as_slice(), b"\"d\""]);
    assert_eq!(Reader::new(b" [1] ").raw(1), Ok(b"[1]".as_slice()));
    assert!(Reader::new(b"[[1]]").raw(1).is_err() && Reader::new(b"").raw(1).is_err());
}

#[test]
fn what_is_skipped_is_what_serde_json_takes() {
    let parts = [
        "{", "}", "[", "]", ",", ":", "\"a\"", "\"b\"", "1", "-", "0", ".", "e", "+", "5", "true", "false", "null", " ",
    ];
    let seeds = ["{\"a\":[1,-0.5e+5,true],\"b\":{}}", "[null,{\"a\":\"b\"},10]", "-120.05E-7"];
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (mut taken, mut refused) = (0, 0);
    for round in 0..200_000 {
        let mut text = seeds[round % seeds.len()].to_owned();
        for _ in 0..dice.below(4) {
            let at = dice.below(text.len() + 1);
            let end = (at + dice.below(3)).min(text.len());
            text.replace_range(at..end, parts[dice.below(parts.len())]);
        }
        let ours = one(&text, |reader| reader.skip(9));
        assert_eq!(ours.is_ok(), serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok(), "{text}");
        if ours.is_ok() { taken += 1 } else { refused += 1 }
    }
    assert!(taken > 10_000 && refused > 10_000, "{taken} taken, {refused} refused");
}
