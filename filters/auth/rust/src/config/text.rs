//! Strings that stand in more than one part of the configuration.

use weir_kit::json::{Error, Reader};

/// The most bytes of a credential's name.
pub(crate) const MOST_NAME: usize = 64;
/// The most bytes of somebody's name, and of what stands before it.
pub(crate) const MOST_OWNER: usize = 256;
/// The most bytes of a header's name.
pub(crate) const MOST_HEADER: usize = 256;

/// Headers that cannot say who somebody is: they mean something to the proxy, or hold credentials.
pub(crate) const FORBIDDEN: [&str; 12] = [
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(super) const NAME: &str = "a name: 1 to 64 letters, digits, hyphens or underscores";
pub(super) const OWNER: &str = "1 to 256 bytes without control characters";

pub(super) fn is_name(text: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    (1..=MOST_NAME).contains(&text.len()) && text.iter().all(fits)
}

/// Whether this can stand in a header.
pub(super) fn is_owner(text: &[u8]) -> bool {
    (1..=MOST_OWNER).contains(&text.len()) && is_prefix(text)
}

pub(super) fn is_prefix(text: &[u8]) -> bool {
    text.len() <= MOST_OWNER && !text.iter().any(|byte| *byte < b' ' || *byte == 0x7f)
}

pub(super) fn is_realm(text: &[u8]) -> bool {
    let fits = |byte: &u8| (b' '..=b'~').contains(byte) && !b"\"\\".contains(byte);
    (1..=128).contains(&text.len()) && text.iter().all(fits)
}

/// Whether this is a token (RFC 9110, section 5.6.2) in lower case, as a proxy compares names.
pub(super) fn is_header(name: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(byte);
    (1..=MOST_HEADER).contains(&name.len()) && name.iter().all(fits)
}

/// A header that the filter sets.
pub(super) fn own_header(reader: &mut Reader<'_>) -> Result<String, Error> {
    let expected = "a header name in lower case that is free to say who it is, such as \"x-consumer\"";
    reader.string_where(expected, |name| {
        is_header(name) && !FORBIDDEN.iter().any(|forbidden| forbidden.as_bytes() == name)
    })
}

/// A whole number that fits into 32 bits.
pub(super) fn small(reader: &mut Reader<'_>, least: u32, most: u32) -> Result<u32, Error> {
    // The bound makes it one.
    Ok(u32::try_from(reader.integer(least.into(), most.into())?).unwrap_or(most))
}
