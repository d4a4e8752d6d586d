//! Reads `cases.toml`, and says of what it cannot read where it stands.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use crate::case::{Answer, Case, Expect, ExpectedRequest, ExpectedResponse, HeaderExpectation, Request};
use crate::value::Bytes;

/// Why a `cases.toml` was not read: the file, where known the line, what is wrong, and the line's text.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read at all.
    #[error("cannot read {file}: {source}")]
    File {
        /// The file, as it was named.
        file: String,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The file's text is not a list of cases.
    #[error("{file}:{line}: {message}\n  {text}")]
    Text {
        /// The file, as it was named.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong, with the field's name.
        message: String,
        /// The line itself.
        text: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    case: Vec<RawCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCase {
    name: Spanned<String>,
    configuration: Option<Bytes>,
    #[serde(default)]
    request: Request,
    #[serde(default)]
    upstream: Answer,
    expect: Spanned<RawExpect>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExpect {
    refused: Option<String>,
    upstream: Option<ExpectedRequest>,
    response: Option<ExpectedResponse>,
}

/// Reads the cases of one file, in the order they stand.
///
/// # Errors
/// Names the file, the line and the field: see [`parse`]. A file that cannot be read is named with the reason.
pub fn read(path: &Path) -> Result<Vec<Case>, ReadError> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| ReadError::File { file: file.clone(), source })?;
    parse(&file, &text)
}

/// Reads the cases out of a file's text; `file` is only what messages call it.
///
/// # Errors
/// The text is not TOML, has a field that does not exist or lacks one, says a value of another type, names two cases
/// alike, or holds a case that expects nothing or both a refusal and an exchange.
pub fn parse(file: &str, text: &str) -> Result<Vec<Case>, ReadError> {
    let fail = |span: Range<usize>, message: String| {
        let (line, content) = line_at(text, span.start);
        ReadError::Text { file: file.into(), line, message, text: content.trim().into() }
    };
    let raw: RawFile =
        toml::from_str(text).map_err(|error| fail(error.span().unwrap_or(0..0), error.message().to_owned()))?;
    let mut seen = HashMap::new();
    raw.case
        .into_iter()
        .map(|case| {
            let line = line_at(text, case.name.span().start).0;
            if case.name.get_ref().trim().is_empty() {
                return Err(fail(case.name.span(), "name: expected some text, found nothing".into()));
            }
            if let Some(first) = seen.insert(case.name.get_ref().clone(), line) {
                let message = format!("name: {:?} stands twice, first in line {first}", case.name.get_ref());
                return Err(fail(case.name.span(), message));
            }
            let RawCase { name, configuration, request, upstream, expect } = case;
            let (name, span) = (name.into_inner(), expect.span());
            let expect = expectation(expect.into_inner())
                .map_err(|message| fail(span, format!("case {name:?}: expect: {message}")))?;
            Ok(Case { name, line, configuration, request, upstream, expect })
        })
        .collect()
}

/// What a case's `expect` comes to, or why it comes to nothing.
fn expectation(raw: RawExpect) -> Result<Expect, String> {
    match (raw.refused, raw.upstream, raw.response) {
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
            Err("a refused configuration serves nothing; expected either `refused`, or `upstream` and `response`"
                .into())
        }
        (Some(text), None, None) if text.trim().is_empty() => {
            Err("refused: expected a text from the filter's log, found nothing".into())
        }
        (Some(text), None, None) => Ok(Expect::Refused(text)),
        (None, upstream, response) => {
            let upstream = upstream.map(lower_request);
            let response = response.map(|it| ExpectedResponse { headers: lower(it.headers), ..it });
            let asks = upstream.as_ref().is_some_and(|it| *it != ExpectedRequest::default())
                || response.as_ref().is_some_and(|it| *it != ExpectedResponse::default());
            match asks {
                true => Ok(Expect::Exchange { upstream, response }),
                false => {
                    Err("the case expects nothing; expected `refused`, `upstream` or `response` with a field".into())
                }
            }
        }
    }
}

fn lower_request(request: ExpectedRequest) -> ExpectedRequest {
    ExpectedRequest { headers: lower(request.headers), ..request }
}

fn lower(headers: BTreeMap<String, HeaderExpectation>) -> BTreeMap<String, HeaderExpectation> {
    headers.into_iter().map(|(name, expected)| (name.to_ascii_lowercase(), expected)).collect()
}

/// The number, from 1, and the text of the line that holds the byte at `offset`.
fn line_at(text: &str, offset: usize) -> (usize, &str) {
    let before = &text[..offset.min(text.len())];
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    (before.matches('\n').count() + 1, &text[start..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse("f/cases.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_absent_has_defaults() {
        let cases = parse("f", "[[case]]\nname = \"a\"\nexpect.response.status = 200\n").unwrap();
        assert_eq!(cases[0].request, Request::default());
        assert_eq!(cases[0].upstream.status, 200);
        assert_eq!(cases[0].configuration, None);
        assert_eq!(cases[0].line, 2);
    }

    #[test]
    fn header_expectations_have_five_forms() {
        let text = r#"
[[case]]
name = "a"
[case.expect.response.headers]
One = "1"
two = ["1", { hex = "e9" }]
raw = { hex = "e9" }
gone = { absent = true }
there = { present = true }
"#;
        let cases = parse("f", text).unwrap();
        let Expect::Exchange { response: Some(response), .. } = &cases[0].expect else { panic!("{cases:?}") };
        let values = |list: &[&[u8]]| HeaderExpectation::Values(list.iter().map(|it| Bytes(it.to_vec())).collect());
        let expected = [
            ("gone", HeaderExpectation::Absent),
            ("one", values(&[b"1"])),
            ("raw", values(&[b"\xe9"])),
            ("there", HeaderExpectation::Present),
            ("two", values(&[b"1", b"\xe9"])),
        ];
        assert_eq!(response.headers, expected.map(|(name, it)| (name.to_owned(), it)).into());
    }

    #[test]
    fn an_unknown_field_is_named_with_file_and_line() {
        let said = error("[[case]]\nname = \"a\"\nexpct.response.status = 200\n");
        assert!(said.starts_with("f/cases.toml:3: unknown field `expct`"), "{said}");
        let said = error("[[case]]\nname = \"a\"\n[case.request]\nheader = []\n");
        assert!(said.starts_with("f/cases.toml:4: unknown field `header`"), "{said}");
    }

    #[test]
    fn a_value_of_another_type_is_shown_with_its_line() {
        let said = error("[[case]]\nname = \"a\"\n[case.expect.response.headers]\nx-a = 1\n");
        assert!(said.starts_with("f/cases.toml:4: ") && said.contains("a header's expectation"), "{said}");
        assert!(said.ends_with("x-a = 1"), "{said}");
        let said = error("[[case]]\nname = \"a\"\nexpect.response.headers = { x-a = { absent = false } }\n");
        assert!(said.starts_with("f/cases.toml:3: ") && said.contains("found { absent = false }"), "{said}");
        let said = error("[[case]]\nname = \"a\"\nrequest.headers = [[\"x\", \"y\", \"z\"]]\n");
        assert!(said.starts_with("f/cases.toml:3: ") && said.contains("found more"), "{said}");
    }

    #[test]
    fn a_name_that_stands_twice_is_told_with_both_lines() {
        let one = "[[case]]\nname = \"a\"\nexpect.response.status = 200\n";
        let said = error(&format!("{one}{one}"));
        assert!(said.starts_with("f/cases.toml:5: name: \"a\" stands twice, first in line 2"), "{said}");
    }

    #[test]
    fn a_case_that_expects_nothing_is_an_error() {
        for nothing in ["expect = {}", "expect.response = {}", "expect.upstream.headers = {}", "expect.refused = \" \""]
        {
            let said = error(&format!("[[case]]\nname = \"a\"\n{nothing}\n"));
            assert!(said.starts_with("f/cases.toml:3: case \"a\": expect: "), "{nothing}: {said}");
        }
        assert!(error("[[case]]\nname = \"a\"\n").contains("missing field `expect`"));
    }

    #[test]
    fn a_refusal_and_an_exchange_exclude_each_other() {
        let said = error("[[case]]\nname = \"a\"\n[case.expect]\nrefused = \"x\"\nresponse.status = 200\n");
        assert!(said.contains("either `refused`"), "{said}");
    }
}
