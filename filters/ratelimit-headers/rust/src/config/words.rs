//! The small words of a configuration: names, headers, networks.

use weir_kit::address::Cidr;
use weir_kit::json::{Error, Reader};

/// The most elements of a list.
pub(super) const MOST_ELEMENTS: usize = 64;
/// The most bytes of the name of a policy, a state or a group: it becomes part of keys of shared data and of metrics.
const MOST_NAME: usize = 64;
/// The most bytes of a header's name, or of any other word that is compared to what a request holds.
const MOST_WORD: usize = 256;
/// What [`is_text`] accepts.
pub(super) const MOST_TEXT: &str = "at most 8192 bytes";

/// Reads the name of something.
pub(super) fn name(reader: &mut Reader<'_>) -> Result<String, Error> {
    reader.string_where("a name: 1 to 64 letters, digits, \"_\" or \"-\"", |name| {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
        (1..=MOST_NAME).contains(&name.len()) && name.iter().all(plain)
    })
}

/// Reads the name of a header, in lower case.
pub(super) fn header_name(reader: &mut Reader<'_>) -> Result<String, Error> {
    let name = reader.string_where("a header name: 1 to 256 letters, digits or !#$%&'*+-.^_`|~", is_token)?;
    Ok(name.to_ascii_lowercase())
}

/// Reads a word of any characters.
pub(super) fn word(reader: &mut Reader<'_>) -> Result<String, Error> {
    reader.string_where("1 to 256 bytes", |word| (1..=MOST_WORD).contains(&word.len()))
}

/// Reads a list of words of any characters, at least one.
pub(super) fn words(reader: &mut Reader<'_>) -> Result<Vec<String>, Error> {
    list(reader, word)
}

/// Reads a list of methods, at least one.
pub(super) fn methods(reader: &mut Reader<'_>) -> Result<Vec<String>, Error> {
    list(reader, |reader| reader.string_where("a method, such as \"GET\"", is_token))
}

/// Reads a list of networks, at least one.
pub(super) fn networks(reader: &mut Reader<'_>) -> Result<Vec<Cidr>, Error> {
    let expected = "a network such as \"10.0.0.0/8\", with no bit set behind its prefix, or an address";
    list(reader, |reader| reader.string_as(expected, |text| Cidr::parse(text.as_bytes())))
}

/// Reads a list of at least one element.
pub(super) fn list<T>(
    reader: &mut Reader<'_>,
    element: impl Fn(&mut Reader<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut list = Vec::new();
    reader.array(MOST_ELEMENTS, &mut |reader| {
        list.push(element(reader)?);
        Ok(())
    })?;
    if list.is_empty() { Err(reader.refuse_value("at least one element", "none")) } else { Ok(list) }
}

/// Whether this is a token (RFC 9110, section 5.6.2).
fn is_token(text: &[u8]) -> bool {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    (1..=MOST_WORD).contains(&text.len()) && text.iter().all(is_token)
}

/// Whether this can be the value of a header of ours.
pub(super) fn is_value(text: &[u8]) -> bool {
    (1..=MOST_WORD).contains(&text.len()) && text.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Whether this can be the body of an answer.
pub(super) fn is_text(text: &[u8]) -> bool {
    text.len() <= 8192
}
