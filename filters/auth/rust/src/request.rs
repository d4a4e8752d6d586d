//! A request as the decision sees it.

use weir_kit::headers::Pairs;

/// The headers of a request, with the four that are looked at most read once. One that is missing is empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pairs: &'a Pairs,
    /// `:method`.
    pub method: &'a [u8],
    /// `:path`, with the query.
    pub path: &'a [u8],
    /// `:authority`.
    pub authority: &'a [u8],
    /// `:scheme`.
    pub scheme: &'a [u8],
    /// Whether the request ends with its headers.
    pub ends: bool,
}

impl<'a> Request<'a> {
    /// Looks at all headers once.
    pub(crate) fn new(pairs: &'a Pairs, ends: bool) -> Request<'a> {
        let mut request = Request { pairs, method: b"", path: b"", authority: b"", scheme: b"", ends };
        for (name, value) in pairs {
            // A host hands pseudo-headers over first.
            match name {
                b":method" => request.method = value,
                b":path" => request.path = value,
                b":authority" => request.authority = value,
                b":scheme" => request.scheme = value,
                _ if name.first() == Some(&b':') => {}
                _ => break,
            }
        }
        request
    }

    /// All headers.
    pub(crate) fn pairs(&self) -> &'a Pairs {
        self.pairs
    }

    /// The values of all headers of this name.
    pub(crate) fn all(&self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.pairs.all(name)
    }

    /// The path without the query.
    pub(crate) fn bare_path(&self) -> &'a [u8] {
        self.path.split(|byte| *byte == b'?').next().unwrap_or(b"")
    }

    /// The query without its question mark; none where there is no question mark.
    pub(crate) fn query(&self) -> Option<&'a [u8]> {
        let at = self.path.iter().position(|byte| *byte == b'?')?;
        self.path.get(at + 1..)
    }
}

/// Resolves `%41` and its like; what only looks like an escape stays as it is.
pub(crate) fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let escape = if byte == b'%' { escaped(after) } else { None };
        match escape {
            Some((byte, after)) => {
                decoded.push(byte);
                rest = after;
            }
            None => {
                decoded.push(byte);
                rest = after;
            }
        }
    }
    decoded
}

/// The byte of the two hexadecimal digits that stand here, and what is behind them.
pub(crate) fn escaped(text: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, rest) = text.split_at_checked(2)?;
    let byte = digits.iter().try_fold(0, |byte, digit| Some(byte * 16 + (*digit as char).to_digit(16)?))?;
    Some((byte as u8, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_knows_its_pseudo_headers() {
        let pairs = Pairs::from_iter([(":method", "GET"), (":path", "/a?b=c?d"), (":authority", "x"), ("a", "1")]);
        let request = Request::new(&pairs, true);
        assert_eq!((request.method, request.authority, request.scheme), (b"GET".as_slice(), b"x".as_slice(), &b""[..]));
        assert_eq!((request.bare_path(), request.query()), (b"/a".as_slice(), Some(b"b=c?d".as_slice())));
        assert_eq!(request.all("A").collect::<Vec<_>>(), [b"1"]);
    }

    #[test]
    fn a_pseudo_header_that_comes_late_is_none() {
        let pairs = Pairs::from_iter([(":path", "/"), ("a", "1"), (":path", "/evil")]);
        assert_eq!(Request::new(&pairs, true).path, b"/");
        assert_eq!(Request::new(&Pairs::default(), true).path, b"");
    }

    #[test]
    fn escapes_are_resolved_and_others_stay() {
        for (text, decoded) in [("a%41%zz%4", "aA%zz%4"), ("%2e%2E", ".."), ("%%41", "%A"), ("", "")] {
            assert_eq!(percent_decoded(text.as_bytes()), decoded.as_bytes());
        }
        assert_eq!(percent_decoded(b"%ff%00"), [0xff, 0]);
    }
}
