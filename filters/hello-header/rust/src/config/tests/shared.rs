//! What the reader says to some hundreds of texts, for the ports in other languages.
//!
//! In `configurations.txt`, behind `taken`, each operation is ` request:set:NAME:VALUE`, name and value in hexadecimal
//! digits.

use std::fmt::Write;
use std::path::Path;

use weir_testing::{hex, hold_to};

use super::oracle::{PIECES, SEEDS};
use super::*;

/// Texts of which each is there for a reason; random ones follow.
fn chosen() -> Vec<Vec<u8>> {
    let one = |op: &str, name: &str, value: &str| {
        format!(r#"{{"response":[{{"op":"{op}","name":"{name}","value":"{value}"}}]}}"#).into_bytes()
    };
    let many = |count: usize| {
        format!(r#"{{"request":[{}]}}"#, vec![r#"{"op":"remove","name":"x"}"#; count].join(",")).into_bytes()
    };
    let mut texts = vec![many(MOST_OPERATIONS), many(MOST_OPERATIONS + 1)];
    for length in [1, 40, 41, MOST_NAME, MOST_NAME + 1] {
        texts.push(one("set", &"n".repeat(length), "v"));
        texts.push(one("set", &"é".repeat(length), "v"));
        texts.push(format!(r#"{{"{}":1}}"#, "f".repeat(length)).into_bytes());
        texts.push(format!(r#"{{"{}":1}}"#, "é".repeat(length)).into_bytes());
        texts.push(one(&"o".repeat(length), "x", "v"));
        texts.push("w".repeat(length).into_bytes());
    }
    for length in [0, MOST_VALUE, MOST_VALUE + 1] {
        texts.push(one("append", "x", &"v".repeat(length)));
    }
    for own in PROXYS_OWN {
        let mut name = own.to_owned();
        // In small letters, in capitals, and beside others that are nothing but alike.
        texts.extend([
            one("remove", own, ""),
            one("set", &own.to_uppercase(), "v"),
            one("append", &format!("x-{own}"), ""),
        ]);
        name.pop();
        texts.extend([format!("{name}."), format!("{name}\\r"), name].map(|name| one("append", &name, "v")));
    }
    for string in [
        r"\u0041\u00e9\u20ac\ud83d\ude00",
        r#"\"\\\/\b\f\n\r\t"#,
        r"\ud83d\u0041",
        r"\ud83d",
        r"\ude00",
        r"\udc00\ud800",
        r"\u00G0",
        r"\u00",
        r"\u+123",
        r"\x",
        r"\",
        r"\uD83D\uDE00",
        "\u{7f}",
        "é€😀",
        "\u{10ffff}",
    ] {
        texts.push(one("set", "x", string));
        texts.push(one("set", string, "v"));
    }
    for bytes in [
        &b"\xff"[..],
        b"\x80",
        b"\xc1\x81",
        b"\xc3",
        b"\xe0\x9f\xbf",
        b"\xe2\x82",
        b"\xed\xa0\x80",
        b"\xf0\x8f\xbf\xbf",
        b"\xf0\x9f\x98",
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\x1f",
        b"\0",
    ] {
        texts.push([br#"{"request":[{"op":"set","name":"x","value":"a"#, bytes, br#"b"}]}"#].concat());
        texts.push(bytes.to_vec());
    }
    texts.extend(
        [&b""[..], b" ", b"{", b"{}", b"\xef\xbb\xbf{}", b"{\"request\"", b"{\"request\":[\n\n 7]}"].map(Vec::from),
    );
    texts
}

fn verdict(text: &[u8]) -> String {
    match Config::read(text) {
        Err(error) => error.message().to_owned(),
        Ok(config) => {
            let mut verdict = String::from("taken");
            for (list, operations) in [("request", &config.request), ("response", &config.response)] {
                for Operation { name, action } in operations {
                    let (op, value) = match action {
                        Action::Set(value) => (OPS[0], value.as_slice()),
                        Action::Append(value) => (OPS[1], value.as_slice()),
                        Action::SetIfAbsent(value) => (OPS[2], value.as_slice()),
                        Action::Remove => (OPS[3], [].as_slice()),
                    };
                    write!(verdict, " {list}:{op}:{}:{}", hex(name.as_bytes()), hex(value)).unwrap();
                }
            }
            verdict
        }
    }
}

#[test]
fn every_language_reads_what_is_written_down() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configurations.txt");
    hold_to(&file, chosen(), &SEEDS, &PIECES, verdict);
}
