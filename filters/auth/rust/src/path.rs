//! Paths and hosts in the one form that rules are compared with.
//!
//! Whoever can write one resource in two ways gets past a rule that knows it by one of them. So what servers disagree
//! about is not guessed at: the request is refused.

use std::borrow::Cow;

use crate::request::escaped;

/// Servers do not agree which resource this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ambiguous;

/// The path, without its query, as rules see it: escapes of characters that need none are resolved (RFC 3986, section
/// 6.2.2), those that are left are in upper case, slashes side by side are one, and what follows a semicolon in a
/// segment is left out.
///
/// # Errors
/// It does not begin with a slash, has a segment `.` or `..` however it is spelled, an escaped slash, backslash or NUL, a
/// backslash, a control character or a `#`, or an escape that is none.
pub(crate) fn normal(path: &[u8]) -> Result<Cow<'_, [u8]>, Ambiguous> {
    // A request about the server itself (RFC 9110, section 7.1), and one that has no path.
    if path == b"*" || path.is_empty() {
        return Ok(Cow::Borrowed(path));
    }
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_~/".contains(byte);
    if path.first() == Some(&b'/') && path.iter().all(plain) && !path.windows(2).any(|two| two == b"//") {
        return Ok(Cow::Borrowed(path));
    }
    if path.first() != Some(&b'/') {
        return Err(Ambiguous);
    }
    let mut normal = Vec::with_capacity(path.len());
    let mut segments = path.split(|byte| *byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let segment = normal_segment(segment)?;
        // Empty ones are left out, but the one after a slash at the end.
        if !segment.is_empty() || segments.peek().is_none() {
            normal.push(b'/');
            normal.extend_from_slice(&segment);
        }
    }
    Ok(Cow::Owned(normal))
}

fn normal_segment(segment: &[u8]) -> Result<Vec<u8>, Ambiguous> {
    let mut normal = Vec::with_capacity(segment.len());
    let mut rest = segment;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b';' => break,
            b'\\' | b'#' | 0..=b' ' | 0x7f => return Err(Ambiguous),
            b'%' => {
                let (byte, after) = escaped(after).ok_or(Ambiguous)?;
                let escape = rest.get(..2).unwrap_or_default();
                rest = after;
                match byte {
                    b'/' | b'\\' | 0 => return Err(Ambiguous),
                    byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => normal.push(byte),
                    _ => {
                        normal.push(b'%');
                        normal.extend(escape.iter().map(u8::to_ascii_uppercase));
                    }
                }
            }
            byte => normal.push(byte),
        }
    }
    // Some servers resolve dots before they cut off what follows a semicolon, some after.
    if normal == b"." || normal == b".." { Err(Ambiguous) } else { Ok(normal) }
}

/// The host of an authority as rules see it: in lower case, without port and final dot.
///
/// # Errors
/// It has characters that no host has, such as the `@` behind a user's name.
pub(crate) fn host(authority: &[u8]) -> Result<String, Ambiguous> {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(byte);
    if !authority.iter().all(fits) {
        return Err(Ambiguous);
    }
    let text = std::str::from_utf8(authority).map_err(|_| Ambiguous)?;
    let host = match text.rsplit_once(':') {
        Some((host, port))
            if port.bytes().all(|byte| byte.is_ascii_digit()) && (!host.contains(':') || host.ends_with(']')) =>
        {
            host
        }
        _ => text,
    };
    Ok(host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use weir_testing::Dice;

    use super::*;

    fn read(path: &str) -> Result<String, Ambiguous> {
        normal(path.as_bytes()).map(|normal| String::from_utf8(normal.into_owned()).unwrap())
    }

    #[test]
    fn one_resource_has_one_form() {
        for (path, wanted) in [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a/b/", "/a/b/"),
            ("//a///b//", "/a/b/"),
            ("//", "/"),
            ("/%61%2d%7E%2e%5F", "/a-~._"),
            ("/%c3%A9", "/%C3%A9"),
            ("/a%20b%3bc", "/a%20b%3Bc"),
            ("/a;x=1/b;/c", "/a/b/c"),
            ("/;x", "/"),
            ("/a.b/..c/d.", "/a.b/..c/d."),
            ("/...", "/..."),
            ("/a@b:c!$&'()*+,=", "/a@b:c!$&'()*+,="),
            ("*", "*"),
            ("", ""),
        ] {
            assert_eq!(read(path).as_deref(), Ok(wanted), "{path}");
        }
    }

    #[test]
    fn what_servers_disagree_about_is_refused() {
        for path in [
            "a",
            "http://x/",
            "/.",
            "/..",
            "/a/../b",
            "/a/..",
            "/./a",
            "/%2e",
            "/%2E%2e/a",
            "/.%2e",
            "/a/..;/b",
            "/..;x=1",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/a%00",
            "/a%",
            "/a%4",
            "/a%zz",
            "/a b",
            "/a\tb",
            "/a\u{7f}",
            "/a#b",
            "**",
        ] {
            assert_eq!(read(path), Err(Ambiguous), "{path}");
        }
    }

    #[test]
    fn the_form_is_its_own_form() {
        let mut dice = Dice(5);
        let mut taken = 0;
        for _ in 0..50_000 {
            let pieces = ["/", "a", ".", "%", "2", "e", "E", "f", ";", "6", "1", "\\", "~", "é", "=", "//", "/../"];
            let path: String = (0..dice.below(9)).map(|_| pieces[dice.below(pieces.len())]).collect();
            let path = format!("/{path}");
            let Ok(once) = read(&path) else { continue };
            taken += 1;
            assert_eq!(read(&once).as_deref(), Ok(once.as_str()), "{path}");
            assert!(!once.contains("//") && !once.split('/').any(|segment| segment == ".."), "{path}");
        }
        assert!(taken > 10_000, "{taken}");
    }

    #[test]
    fn a_host_has_no_port_and_no_case() {
        for (authority, wanted) in [
            ("A.Example", Ok("a.example")),
            ("a.example:8443", Ok("a.example")),
            ("a.example.:80", Ok("a.example")),
            ("a.example.", Ok("a.example")),
            ("[::1]:80", Ok("[::1]")),
            ("[::1]", Ok("[::1]")),
            ("::1", Ok("::1")),
            ("a:", Ok("a")),
            ("", Ok("")),
            ("u@a.example", Err(Ambiguous)),
            ("a.example/x", Err(Ambiguous)),
            ("a example", Err(Ambiguous)),
            ("é", Err(Ambiguous)),
        ] {
            assert_eq!(host(authority.as_bytes()), wanted.map(str::to_owned), "{authority}");
        }
    }
}
