//! Values as a case writes them: text, or bytes in hexadecimal where text cannot say them; patterns; times.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Bytes that a case writes as a string, or as `{ hex = "636166e9" }` where they are not UTF-8.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

/// A header as a case writes it: `["name", "value"]`, the name in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The header's name, in lower case: HTTP does not tell cases apart.
    pub name: String,
    /// The header's value, which need not be UTF-8.
    pub value: Bytes,
}

impl fmt::Display for Bytes {
    /// As a quoted string in which every byte that is not printable ASCII is escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<&str> for Bytes {
    fn from(text: &str) -> Bytes {
        Bytes(text.as_bytes().to_vec())
    }
}

/// A regular expression over bytes, found anywhere unless it is anchored.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    regex: regex::bytes::Regex,
}

impl Pattern {
    /// Compiles a regular expression.
    ///
    /// # Errors
    /// Says in one line what is wrong with it.
    pub fn new(text: &str) -> Result<Pattern, String> {
        let regex = regex::bytes::Regex::new(text).map_err(|error| {
            let said = error.to_string();
            let reason = said.lines().last().unwrap_or_default();
            let reason = reason.trim_start_matches("error: ");
            format!("matches: expected a regular expression, found {text:?}: {reason}")
        })?;
        Ok(Pattern { text: text.into(), regex })
    }

    /// Whether it is found in these bytes.
    pub fn is_match(&self, bytes: &[u8]) -> bool {
        self.regex.is_match(bytes)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "matches {:?}", self.text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The time that a case writes as `50ms`, `2s` or `1m`.
///
/// # Errors
/// Says what was expected and found.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let expected = || format!("expected a time such as \"50ms\", \"2s\" or \"1m\", found {text:?}");
    let digits = text.len() - text.trim_start_matches(|it: char| it.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u32 = number.parse().map_err(|_| expected())?;
    let unit = match unit {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        _ => return Err(expected()),
    };
    Ok(unit * number)
}

/// The bytes that pairs of hexadecimal digits stand for.
///
/// # Errors
/// Says what is wrong: an odd number of digits, or a character that is none.
pub(crate) fn from_hex(text: &str) -> Result<Vec<u8>, String> {
    if !text.len().is_multiple_of(2) {
        return Err(format!("hex: expected pairs of digits, found {} characters", text.len()));
    }
    let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    text.as_bytes()
        .chunks(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect::<Option<Vec<u8>>>()
        .ok_or_else(|| format!("hex: expected the digits 0-9 and a-f, found {text:?}"))
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        struct BytesVisitor;
        impl<'de> Visitor<'de> for BytesVisitor {
            type Value = Bytes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, or { hex = \"…\" }")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Bytes, E> {
                Ok(Bytes::from(text))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Bytes, A::Error> {
                let Some(key) = map.next_key::<String>()? else {
                    return Err(A::Error::custom("expected { hex = \"…\" }, found an empty table"));
                };
                if key != "hex" {
                    return Err(A::Error::unknown_field(&key, &["hex"]));
                }
                let bytes = from_hex(&map.next_value::<String>()?).map_err(A::Error::custom)?;
                match map.next_key::<String>()? {
                    Some(more) => Err(A::Error::unknown_field(&more, &["hex"])),
                    None => Ok(Bytes(bytes)),
                }
            }
        }
        deserializer.deserialize_any(BytesVisitor)
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Header, D::Error> {
        struct HeaderVisitor;
        impl<'de> Visitor<'de> for HeaderVisitor {
            type Value = Header;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a header: [\"name\", \"value\"]")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Header, A::Error> {
                let name = seq.next_element::<String>()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
                let value: Bytes = seq.next_element()?.ok_or_else(|| A::Error::invalid_length(1, &self))?;
                if let Some(wrong) = unsayable(&name, &value) {
                    return Err(A::Error::custom(wrong));
                }
                match seq.next_element::<serde::de::IgnoredAny>()? {
                    Some(_) => Err(A::Error::custom("expected two elements, [\"name\", \"value\"], found more")),
                    None => Ok(Header { name: name.to_ascii_lowercase(), value }),
                }
            }
        }
        deserializer.deserialize_seq(HeaderVisitor)
    }
}

/// Why HTTP cannot say a header, if so (RFC 9110, sections 5.5 and 5.6.2): no executor could send it.
fn unsayable(name: &str, value: &Bytes) -> Option<String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Some(format!(
            "header {name:?}: HTTP cannot say this name; expected letters, digits and !#$%&'*+-.^_`|~"
        ));
    }
    let ends_it = |byte: &u8| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f;
    let control = value.0.iter().find(|byte| ends_it(byte))?;
    Some(format!("header {name:?}: HTTP cannot say the byte 0x{control:02x} in a value; expected no control character"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_is_read_and_what_is_none_is_told() {
        assert_eq!(from_hex("636166E9").unwrap(), b"caf\xe9");
        assert!(from_hex("636").unwrap_err().contains("pairs"));
        assert!(from_hex("6x").unwrap_err().contains("\"6x\""));
        assert!(from_hex("é").unwrap_err().contains("digits 0-9"));
    }

    #[test]
    fn a_pattern_is_found_in_bytes_that_are_not_text() {
        let pattern = Pattern::new(r"^caf.*\d$").unwrap();
        assert!(pattern.is_match(b"cafe 7"));
        assert!(!pattern.is_match(b"a cafe 7"));
        assert!(Pattern::new(r"\d").unwrap().is_match(b"caf\xe9 7"));
        assert_eq!(
            Pattern::new("a(").unwrap_err(),
            "matches: expected a regular expression, found \"a(\": unclosed group"
        );
    }

    #[test]
    fn times_have_a_unit() {
        let seconds = |text: &str| duration(text).map(|it| it.as_secs_f64());
        assert_eq!(["50ms", "2s", "1m"].map(seconds), [Ok(0.05), Ok(2.0), Ok(60.0)]);
        for wrong in ["2", "s", "", "2 s", "-2s", "1.5s", "2h", "é"] {
            assert!(duration(wrong).unwrap_err().contains(&format!("found {wrong:?}")), "{wrong}");
        }
    }

    #[test]
    fn bytes_that_are_not_text_are_shown_escaped() {
        assert_eq!(Bytes(b"caf\xe9\n".to_vec()).to_string(), r#""caf\xe9\n""#);
    }
}
