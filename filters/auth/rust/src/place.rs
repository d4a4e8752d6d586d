//! Where in a request a credential stands, and taking it out.

use std::borrow::Cow;

use weir_kit::headers::{Headers, Refused};

use crate::refusal::Reason;
use crate::request::{Request, percent_decoded};

/// A place where a client may put a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A header, whose value follows a scheme where there is one: `authorization: Bearer …`.
    Header {
        /// Its name, in lower case.
        name: String,
        /// The scheme, in any case (RFC 9110, section 11.1).
        scheme: Option<String>,
    },
    /// A cookie of this name.
    Cookie(String),
    /// A parameter of the query of this name.
    Query(String),
}

/// What the places hold: nothing, or one credential.
///
/// # Errors
/// It stands in more than one place or more than once in one: then two servers may each see another (RFC 6750, section
/// 2, forbids clients to).
pub(crate) fn find<'a>(places: &'a [Place], request: &Request<'a>) -> Result<Option<Cow<'a, [u8]>>, Reason> {
    let mut found = None;
    for place in places {
        if let Some(credential) = place.find(request)?
            && found.replace(credential).is_some()
        {
            return Err(Reason::Repeated);
        }
    }
    Ok(found)
}

impl Place {
    fn find<'a>(&'a self, request: &Request<'a>) -> Result<Option<Cow<'a, [u8]>>, Reason> {
        match self {
            Place::Header { name, scheme } => {
                let value = only(request.all(name))?;
                Ok(value.and_then(|value| after_scheme(value, scheme.as_deref())).map(Cow::Borrowed))
            }
            Place::Cookie(name) => Ok(only(
                request
                    .all("cookie")
                    .flat_map(cookies)
                    .filter(|cookie| cookie_name(cookie) == name.as_bytes())
                    .map(|cookie| cookie.get(name.len() + 1..).unwrap_or_default()),
            )?
            .map(Cow::Borrowed)),
            Place::Query(name) => Ok(only(
                parameters(request.query().unwrap_or_default())
                    .filter(|parameter| percent_decoded(parameter_name(parameter)) == name.as_bytes())
                    .map(|parameter| parameter.splitn(2, |byte| *byte == b'=').nth(1).unwrap_or_default()),
            )?
            .map(|value| Cow::Owned(percent_decoded(value)))),
        }
    }

    /// Takes the credential out of the request that goes upstream. `path` is the path as it will be, which loses a
    /// parameter; the caller sets it when all places have been through.
    ///
    /// # Errors
    /// The host refuses.
    pub(crate) fn remove(
        &self,
        request: &Request<'_>,
        headers: &mut impl Headers,
        path: &mut Option<Vec<u8>>,
    ) -> Result<(), Refused> {
        match self {
            Place::Header { name, scheme } => {
                if request.all(name).any(|value| after_scheme(value, scheme.as_deref()).is_some()) {
                    headers.remove(name)?;
                }
            }
            Place::Cookie(name) => {
                // The map is asked again: another cookie may have been taken out before.
                let before = headers.all("cookie")?;
                let cookies = before.iter().flat_map(|value| cookies(value));
                let (kept, gone): (Vec<_>, Vec<_>) = cookies.partition(|cookie| cookie_name(cookie) != name.as_bytes());
                match (gone.is_empty(), kept.is_empty()) {
                    (true, _) => {}
                    (false, true) => headers.remove("cookie")?,
                    (false, false) => headers.set("cookie", &kept.join(&b"; "[..]))?,
                }
            }
            Place::Query(name) => {
                let whole = path.as_deref().unwrap_or(request.path);
                if let Some(shorter) = without_parameter(whole, name) {
                    *path = Some(shorter);
                }
            }
        }
        Ok(())
    }
}

fn only<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Result<Option<&'a [u8]>, Reason> {
    let first = values.next();
    if values.next().is_some() { Err(Reason::Repeated) } else { Ok(first) }
}

/// What stands behind the scheme; none where the value has another scheme.
fn after_scheme<'a>(value: &'a [u8], scheme: Option<&str>) -> Option<&'a [u8]> {
    let Some(scheme) = scheme else {
        return Some(value.trim_ascii());
    };
    let (start, rest) = value.trim_ascii_start().split_at_checked(scheme.len())?;
    let ends = rest.first().is_none_or(|byte| *byte == b' ');
    if start.eq_ignore_ascii_case(scheme.as_bytes()) && ends { Some(rest.trim_ascii()) } else { None }
}

/// The cookies of a header (RFC 6265, section 4.2.1).
fn cookies(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b';').map(<[u8]>::trim_ascii).filter(|cookie| !cookie.is_empty())
}

fn cookie_name(cookie: &[u8]) -> &[u8] {
    cookie.split(|byte| *byte == b'=').next().unwrap_or_default()
}

fn parameters(query: &[u8]) -> impl Iterator<Item = &[u8]> {
    query.split(|byte| *byte == b'&')
}

fn parameter_name(parameter: &[u8]) -> &[u8] {
    parameter.split(|byte| *byte == b'=').next().unwrap_or_default()
}

/// A path without the parameters of this name, and without a question mark where none is left; none where it has none.
fn without_parameter(path: &[u8], name: &str) -> Option<Vec<u8>> {
    let at = path.iter().position(|byte| *byte == b'?')?;
    let (bare, query) = (path.get(..at)?, path.get(at + 1..)?);
    let (kept, gone): (Vec<_>, Vec<_>) =
        parameters(query).partition(|parameter| percent_decoded(parameter_name(parameter)) != name.as_bytes());
    if gone.is_empty() {
        None
    } else if kept.is_empty() {
        Some(bare.to_vec())
    } else {
        Some([bare, b"?", &kept.join(&b'&')].concat())
    }
}

#[cfg(test)]
mod tests {
    use weir_kit::headers::Pairs;
    use weir_testing::TestHeaders;

    use super::*;

    fn places() -> Vec<Place> {
        vec![
            Place::Header { name: "authorization".into(), scheme: Some("Bearer".into()) },
            Place::Header { name: "x-key".into(), scheme: None },
            Place::Cookie("tok".into()),
            Place::Query("t".into()),
        ]
    }

    fn found(pairs: &[(&str, &str)]) -> Result<Option<String>, Reason> {
        let pairs = Pairs::from_iter(pairs.iter().copied());
        let text = |bytes: Cow<'_, [u8]>| String::from_utf8(bytes.into_owned()).unwrap();
        find(&places(), &Request::new(&pairs, true)).map(|found| found.map(text))
    }

    #[test]
    fn a_credential_is_found_where_it_may_stand() {
        for (pairs, wanted) in [
            (vec![], None),
            (vec![("authorization", "Bearer abc")], Some("abc")),
            (vec![("Authorization", "bEARER   abc  ")], Some("abc")),
            (vec![("authorization", "Bearer")], Some("")),
            (vec![("authorization", "Bearer ")], Some("")),
            (vec![("authorization", "Bearerabc")], None),
            (vec![("authorization", "Basic abc")], None),
            (vec![("authorization", "")], None),
            (vec![("x-key", " k ")], Some("k")),
            (vec![("x-key", "")], Some("")),
            (vec![("cookie", "a=1; tok=x=y;b")], Some("x=y")),
            (vec![("cookie", "a=1"), ("cookie", "tok=")], Some("")),
            (vec![("cookie", "token=1; xtok=2")], None),
            (vec![("cookie", "tok")], Some("")),
            (vec![(":path", "/?a=1&t=x%2by+z")], Some("x+y+z")),
            (vec![(":path", "/?%74=x")], Some("x")),
            (vec![(":path", "/?t")], Some("")),
            (vec![(":path", "/t=1")], None),
            (vec![(":path", "/?tt=1&T=2")], None),
        ] {
            assert_eq!(found(&pairs), Ok(wanted.map(str::to_owned)), "{pairs:?}");
        }
    }

    #[test]
    fn a_credential_that_stands_twice_is_refused() {
        for pairs in [
            vec![("authorization", "Bearer a"), ("authorization", "Bearer a")],
            vec![("authorization", "Bearer a"), ("authorization", "Basic b")],
            vec![("authorization", "Bearer a"), ("x-key", "b")],
            vec![("cookie", "tok=a; tok=b")],
            vec![("cookie", "tok=a"), ("cookie", "tok=b")],
            vec![(":path", "/?t=a&%74=b")],
            vec![(":path", "/?t=a"), ("cookie", "tok=a")],
        ] {
            assert_eq!(found(&pairs), Err(Reason::Repeated), "{pairs:?}");
        }
    }

    #[test]
    fn a_credential_is_taken_out_and_nothing_else() {
        let before: [(&str, &[u8]); 6] = [
            (":path", b"/p?a=1&t=x&%74&b"),
            ("authorization", b"bearer abc"),
            ("x-key", b"k"),
            ("cookie", b"a=1; tok=x"),
            ("cookie", b"b=2"),
            ("x-other", b"\xff"),
        ];
        let mut headers = TestHeaders::of(&before);
        let pairs = headers.pairs().unwrap();
        let request = Request::new(&pairs, true);
        let mut path = None;
        for place in places() {
            place.remove(&request, &mut headers, &mut path).unwrap();
        }
        assert_eq!(path.as_deref(), Some(b"/p?a=1&b".as_slice()));
        let after = [(":path", before[0].1), ("x-other", b"\xff"), ("cookie", b"a=1; b=2")];
        assert_eq!(headers, TestHeaders::of(&after));
    }

    #[test]
    fn what_is_not_there_stays_away() {
        let before: [(&str, &[u8]); 3] = [(":path", b"/?a"), ("authorization", b"Basic x"), ("cookie", b"a=1;b=2")];
        let mut headers = TestHeaders::of(&before);
        let pairs = headers.pairs().unwrap();
        let mut path = None;
        for place in places() {
            place.remove(&Request::new(&pairs, true), &mut headers, &mut path).unwrap();
        }
        assert_eq!((headers, path), (TestHeaders::of(&before), None));
    }

    #[test]
    fn the_last_cookie_and_the_last_parameter_leave_nothing_behind() {
        let mut headers = TestHeaders::of(&[(":path", b"/p?t=1"), ("cookie", b"tok=1;")]);
        let pairs = headers.pairs().unwrap();
        let mut path = None;
        for place in places() {
            place.remove(&Request::new(&pairs, true), &mut headers, &mut path).unwrap();
        }
        assert_eq!(path.as_deref(), Some(b"/p".as_slice()));
        assert_eq!(headers, TestHeaders::of(&[(":path", b"/p?t=1")]));
    }
}
