use super::*;
use crate::dice::Dice;

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
