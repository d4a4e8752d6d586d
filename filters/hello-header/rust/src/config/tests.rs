use super::*;

fn refused(text: &str) -> String {
    Config::read(text.as_bytes()).unwrap_err().message().to_owned()
}

fn operation(name: &str, action: Action) -> Operation {
    Operation { name: name.to_owned(), action }
}

#[test]
fn no_configuration_says_hello_and_an_empty_object_says_nothing() {
    let hello = Config { request: vec![], response: vec![operation("hello", Action::Set(b"world".to_vec()))] };
    assert_eq!(Config::read(b""), Ok(hello));
    assert_eq!(Config::read(b"{}"), Ok(Config::default()));
}

#[test]
fn reads_every_operation() {
    let text = r#"{
        "response": [{"op": "set", "name": "x-a", "value": "caf\u00e9"}, {"name": "X-B", "value": "", "op": "append"}],
        "request": [{"op": "set-if-absent", "name": "x", "value": "1"}, {"op": "remove", "name": "!#$%&'*+-.^_`|~"}]
    }"#;
    let config = Config {
        request: vec![operation("x", Action::SetIfAbsent(b"1".to_vec())), operation("!#$%&'*+-.^_`|~", Action::Remove)],
        response: vec![operation("x-a", Action::Set("café".into())), operation("X-B", Action::Append(vec![]))],
    };
    assert_eq!(Config::read(text.as_bytes()), Ok(config));
}

#[test]
fn every_refusal_names_the_field_and_what_was_expected() {
    let name = "expected a header name: 1 to 256 letters, digits or !#$%&'*+-.^_`|~, got ";
    for (text, message) in [
        ("hello", "configuration: expected an object, got \"hello\""),
        (" ", "configuration: expected an object, got the end of the text"),
        (r#"{"request":{}}"#, "request: expected an array, got an object"),
        (r#"{"request":null}"#, "request: expected an array, got \"null\""),
        (r#"{"requests":[]}"#, "requests: expected one of \"request\", \"response\", got an unknown field"),
        (r#"{"response":["set"]}"#, "response[0]: expected an object, got a string"),
        (r#"{"response":[],"response":[]}"#, "response: expected one field of this name, got a second"),
        (
            r#"{"request":[{"op":"sett"}]}"#,
            "request[0].op: expected one of \"set\", \"append\", \"set-if-absent\", \"remove\", got \"sett\"",
        ),
        (r#"{"request":[{"name":"a"}]}"#, "request[0].op: expected a string, got nothing"),
        (r#"{"request":[{"op":"remove"}]}"#, "request[0].name: expected a string, got nothing"),
        (r#"{"request":[{"op":"append","name":"a"}]}"#, "request[0].value: expected a string, got nothing"),
        (
            r#"{"request":[{"op":"remove","name":"a","value":"b"}]}"#,
            "request[0].value: expected nothing, because \"remove\" takes no value, got a string",
        ),
        (r#"{"request":[{"op":"set","name":"a","value":1}]}"#, "request[0].value: expected a string, got a number"),
        (
            r#"{"request":[{"op":"set","name":"a","to":"b"}]}"#,
            "request[0].to: expected one of \"op\", \"name\", \"value\", got an unknown field",
        ),
        (
            r#"{"response":[{"op":"remove","name":"Transfer-Encoding"}]}"#,
            "response[0].name: expected no header of framing or connection, which are the proxy's own, got \
             Transfer-Encoding",
        ),
        (r#"{"request":[{"name":":path"}]}"#, &format!("request[0].name: {name}\":path\"")),
        (r#"{"request":[{"name":"a b"}]}"#, &format!("request[0].name: {name}\"a b\"")),
        (r#"{"request":[{"name":"é"}]}"#, &format!("request[0].name: {name}\"??\"")),
        (r#"{"request":[{"name":""}]}"#, &format!("request[0].name: {name}\"\"")),
    ] {
        let refusal = refused(text);
        assert!(refusal.starts_with(&format!("{message} (line 1, column ")), "{text}: {refusal}");
    }
}

#[test]
fn what_would_end_a_header_is_refused() {
    for escape in ["\\r", "\\n", "\\u0000"] {
        let refusal = refused(&format!(r#"{{"response":[{{"op":"set","name":"a","value":"b{escape}c"}}]}}"#));
        assert!(
            refusal.starts_with("response[0].value: expected at most 8192 bytes without CR, LF and NUL, got \"b?c\"")
        );
    }
}

#[test]
fn bounds_hold_to_the_byte() {
    let list = |count: usize, name: usize, value: usize| {
        let one = format!(r#"{{"op":"set","name":"{}","value":"{}"}}"#, "n".repeat(name), "v".repeat(value));
        Config::read(format!(r#"{{"request":[{}]}}"#, vec![one; count].join(",")).as_bytes()).is_ok()
    };
    assert!(list(MOST_OPERATIONS, 1, 0) && !list(MOST_OPERATIONS + 1, 1, 0));
    assert!(list(1, MOST_NAME, 0) && !list(1, MOST_NAME + 1, 0));
    assert!(list(1, 1, MOST_VALUE) && !list(1, 1, MOST_VALUE + 1));
}

#[test]
fn the_schema_says_what_the_reader_takes() {
    let schema: serde_json::Value = serde_json::from_str(include_str!("../../../config.schema.json")).unwrap();
    let keys = |value: &serde_json::Value| {
        let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    };
    let sorted = |words: &[&str]| {
        let mut words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
        words.sort();
        words
    };
    assert_eq!(keys(&schema["properties"]), sorted(&FIELDS));
    assert_eq!(schema["$defs"]["operations"]["maxItems"], MOST_OPERATIONS);
    let operation = &schema["$defs"]["operation"];
    assert_eq!(keys(&operation["properties"]), sorted(&OPERATION_FIELDS));
    assert_eq!(operation["properties"]["op"]["enum"], serde_json::json!(OPS));
    assert_eq!(operation["properties"]["name"]["maxLength"], MOST_NAME);
    assert_eq!(operation["properties"]["value"]["maxLength"], MOST_VALUE);
    for closed in [&schema, operation] {
        assert_eq!(closed["additionalProperties"], false);
    }
    let letter = |letter: char| match letter {
        '-' => "-".to_owned(),
        _ => format!("[{}{letter}]", letter.to_ascii_uppercase()),
    };
    let own = PROXYS_OWN.map(|own| own.chars().map(letter).collect::<String>()).join("|");
    assert_eq!(operation["properties"]["name"]["not"]["pattern"], format!("^({own})$"));
    let pattern = operation["properties"]["name"]["pattern"].as_str().unwrap();
    let class = pattern.strip_prefix("^[").unwrap().strip_suffix("]+$").unwrap();
    for byte in 0..=255_u8 {
        let listed = byte.is_ascii_alphanumeric() || class.strip_prefix("0-9A-Za-z").unwrap().contains(byte as char);
        assert_eq!(is_name(&[byte]), listed && byte.is_ascii(), "{byte}");
    }
}

mod oracle;
mod shared;
