//! Paths and what is in them: patterns, and the query.

/// A pattern of paths as the configuration has it, and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub text: String,
    pub pattern: Pattern,
}

/// A pattern of paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// This path and no other.
    Exact(Vec<u8>),
    /// This path and all below it: `/a` is not `/ab`. One that ends in a slash is not below itself without it.
    Prefix(Vec<u8>),
    /// A path of these segments.
    Template(Vec<Segment>),
}

/// What a segment of a template stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// This text.
    Literal(Vec<u8>),
    /// `{name}`: any text that is not empty, which is part of the key.
    Captured,
    /// `*`: any text that is not empty, which is not.
    Any,
    /// `**`, at the end: the rest, whatever it is.
    Rest,
}

impl Pattern {
    /// Reads a template such as `/users/{id}/posts`. None where it does not begin with a slash, or a segment is no
    /// literal without braces and stars, no `{name}`, no `*`, and no `**` at the end.
    pub(crate) fn template(text: &str) -> Option<Pattern> {
        let mut segments = Vec::new();
        for segment in text.strip_prefix('/')?.split('/') {
            if segments.last() == Some(&Segment::Rest) {
                return None;
            }
            segments.push(match segment {
                "*" => Segment::Any,
                "**" => Segment::Rest,
                _ => match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                    Some(name) if is_plain(name) && !name.is_empty() => Segment::Captured,
                    None if is_plain(segment) => Segment::Literal(segment.as_bytes().to_vec()),
                    _ => return None,
                },
            });
        }
        Some(Pattern::Template(segments))
    }

    /// What a path has in the places of `{name}`, in their order, where it is one of this pattern.
    pub(crate) fn captures<'p>(&self, path: &'p [u8]) -> Option<Vec<&'p [u8]>> {
        match self {
            Pattern::Exact(exact) => (path == exact).then(Vec::new),
            Pattern::Prefix(prefix) => {
                let below = path.strip_prefix(prefix.as_slice())?;
                (below.is_empty() || prefix.ends_with(b"/") || below.starts_with(b"/")).then(Vec::new)
            }
            Pattern::Template(segments) => captures(segments, path),
        }
    }
}

fn is_plain(text: &str) -> bool {
    !text.contains(['{', '}', '*'])
}

fn captures<'p>(segments: &[Segment], path: &'p [u8]) -> Option<Vec<&'p [u8]>> {
    let mut texts = path.strip_prefix(b"/")?.split(|byte| *byte == b'/');
    let mut captured = Vec::new();
    for segment in segments {
        if *segment == Segment::Rest {
            return Some(captured);
        }
        let text = texts.next()?;
        match segment {
            Segment::Literal(literal) if text == literal => {}
            Segment::Any if !text.is_empty() => {}
            Segment::Captured if !text.is_empty() => captured.push(text),
            _ => return None,
        }
    }
    texts.next().is_none().then_some(captured)
}

/// The path of a request target, without query and fragment, and with characters that need no escape (RFC 3986, section
/// 2.3) unescaped: they mean the same, and would be a way around a limit.
pub(crate) fn normal(target: &[u8]) -> Vec<u8> {
    let end = target.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(target.len());
    let mut rest = target.get(..end).unwrap_or_default();
    let mut path = Vec::with_capacity(rest.len());
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match escaped(byte, rest) {
            Some((character, after)) if is_unreserved(character) => {
                path.push(character);
                rest = after;
            }
            _ => path.push(byte),
        }
    }
    path
}

/// The value of the first parameter of this name in the query of a request target, unescaped.
pub(crate) fn query(target: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let start = target.iter().position(|byte| *byte == b'?')?;
    let query = target.get(start + 1..)?.split(|byte| *byte == b'#').next()?;
    query.split(|byte| *byte == b'&').find_map(|pair| {
        let (key, value) = split_once(pair, b'=').unwrap_or((pair, b""));
        (unescaped(key) == name).then(|| unescaped(value))
    })
}

/// The value of the first cookie of this name in a header's value (RFC 6265, section 4.2).
pub(crate) fn cookie<'v>(value: &'v [u8], name: &[u8]) -> Option<&'v [u8]> {
    value.split(|byte| *byte == b';').find_map(|pair| {
        let (key, value) = split_once(pair, b'=')?;
        (key.trim_ascii() == name).then(|| value.trim_ascii())
    })
}

fn split_once(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|known| *known == byte)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// A text of a form (application/x-www-form-urlencoded), in which a plus is a space.
fn unescaped(mut rest: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(rest.len());
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        text.push(match escaped(byte, rest) {
            Some((character, after)) => {
                rest = after;
                character
            }
            None if byte == b'+' => b' ',
            None => byte,
        });
    }
    text
}

/// The character that `%XX` stands for, and what follows, where `byte` is its `%` and `rest` what stands behind.
fn escaped(byte: u8, rest: &[u8]) -> Option<(u8, &[u8])> {
    let ([high, low], after) = rest.split_first_chunk::<2>().filter(|_| byte == b'%')?;
    let digit = |digit: u8| (digit as char).to_digit(16);
    Some(((digit(*high)? * 16 + digit(*low)?) as u8, after))
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &Pattern, path: &str) -> Option<Vec<String>> {
        let captured = pattern.captures(path.as_bytes())?;
        Some(captured.into_iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect())
    }

    #[test]
    fn exact_and_prefix_end_where_a_segment_does() {
        let none = Some(vec![]);
        let exact = Pattern::Exact(b"/a".to_vec());
        assert_eq!((matches(&exact, "/a"), matches(&exact, "/a/"), matches(&exact, "/")), (none.clone(), None, None));
        let prefix = Pattern::Prefix(b"/a".to_vec());
        for (path, matched) in [("/a", true), ("/a/", true), ("/a/b", true), ("/ab", false), ("/", false)] {
            assert_eq!(matches(&prefix, path).is_some(), matched, "{path}");
        }
        let folder = Pattern::Prefix(b"/a/".to_vec());
        for (path, matched) in [("/a", false), ("/a/", true), ("/a/b", true)] {
            assert_eq!(matches(&folder, path).is_some(), matched, "{path}");
        }
        assert_eq!(matches(&Pattern::Prefix(b"/".to_vec()), "/whatever"), none);
    }

    #[test]
    fn a_template_captures_what_it_names() {
        let template = Pattern::template("/users/{id}/*/posts/{post}").unwrap();
        assert_eq!(matches(&template, "/users/7/x/posts/9"), Some(vec!["7".to_owned(), "9".to_owned()]));
        for path in
            ["/users//x/posts/9", "/users/7//posts/9", "/users/7/x/posts", "/users/7/x/posts/9/", "users/7/x/posts/9"]
        {
            assert_eq!(matches(&template, path), None, "{path}");
        }
        let rest = Pattern::template("/files/{owner}/**").unwrap();
        for path in ["/files/a", "/files/a/", "/files/a/b/c"] {
            assert_eq!(matches(&rest, path), Some(vec!["a".to_owned()]), "{path}");
        }
        assert_eq!(matches(&rest, "/files"), None);
        assert_eq!(matches(&Pattern::template("/").unwrap(), "/"), Some(vec![]));
        for text in ["", "a", "/{}", "/{a", "/a}", "/a*", "/**/a", "/{a}b", "/{{a}}", "/***"] {
            assert_eq!(Pattern::template(text), None, "{text}");
        }
    }

    #[test]
    fn a_path_is_the_same_however_it_is_escaped() {
        for (target, path) in [
            ("/a/b?c=d/e", "/a/b"),
            ("/a#b?c", "/a"),
            ("/%61%2D%7e", "/a-~"),
            ("/a%2Fb%25", "/a%2Fb%25"),
            ("/%", "/%"),
            ("/%6", "/%6"),
            ("/%6g%%61", "/%6g%a"),
            ("", ""),
        ] {
            assert_eq!(normal(target.as_bytes()), path.as_bytes(), "{target}");
        }
        assert_eq!(normal(b"/\xff%ff"), b"/\xff%ff");
    }

    #[test]
    fn the_first_parameter_of_a_name_counts() {
        for (target, value) in [
            ("/?k=1", Some("1")),
            ("/?a=2&k=1&k=3", Some("1")),
            ("/?k", Some("")),
            ("/?k=", Some("")),
            ("/?%6B=a%20b+c%2b%zz", Some("a b c+%zz")),
            ("/?k=1#k=2", Some("1")),
            ("/?kk=1&=k", None),
            ("/?", None),
            ("/k=1", None),
            ("/#?k=1", Some("1")),
        ] {
            assert_eq!(query(target.as_bytes(), b"k").as_deref(), value.map(str::as_bytes), "{target}");
        }
    }

    #[test]
    fn the_first_cookie_of_a_name_counts() {
        for (header, value) in [
            ("sid=1", Some("1")),
            ("a=2; sid = x=y ;sid=3", Some("x=y")),
            ("sid=", Some("")),
            ("SID=1; xsid=2; sid", None),
            ("", None),
        ] {
            assert_eq!(cookie(header.as_bytes(), b"sid"), value.map(str::as_bytes), "{header}");
        }
    }
}
