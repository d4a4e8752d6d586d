//! Reads `cases.toml`, and says of what it cannot read where it stands.

mod check;
mod matchers;
mod raw;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use crate::case::Case;
use raw::RawFile;

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

/// What is wrong, and the bytes of the file that are.
struct Wrong {
    at: Range<usize>,
    message: String,
}

impl Wrong {
    fn new(at: Range<usize>, message: impl Into<String>) -> Wrong {
        Wrong { at, message: message.into() }
    }
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
/// alike, holds a case that expects nothing or both a refusal and an exchange, or says what no executor can do, such as
/// trailers in HTTP/1.
pub fn parse(file: &str, text: &str) -> Result<Vec<Case>, ReadError> {
    cases(text).map_err(|wrong| {
        let (line, content) = line_at(text, wrong.at.start);
        ReadError::Text { file: file.into(), line, message: wrong.message, text: content.trim().into() }
    })
}

fn cases(text: &str) -> Result<Vec<Case>, Wrong> {
    let raw: RawFile =
        toml::from_str(text).map_err(|error| Wrong::new(error.span().unwrap_or(0..0), error.message().to_owned()))?;
    let mut seen = HashMap::new();
    let mut cases = Vec::new();
    for case in raw.case {
        let (name, at) = (case.name.get_ref().clone(), case.name.span());
        let line = line_at(text, at.start).0;
        if name.trim().is_empty() {
            return Err(Wrong::new(at, "name: expected some text, found nothing"));
        }
        if let Some(first) = seen.insert(name.clone(), line) {
            return Err(Wrong::new(at, format!("name: {name:?} stands twice, first in line {first}")));
        }
        let of_case = |wrong: Wrong| Wrong { message: format!("case {name:?}: {}", wrong.message), ..wrong };
        cases.push(check::case(case, |at| line_at(text, at).0).map_err(of_case)?);
    }
    Ok(cases)
}

/// The number, from 1, and the text of the line that holds the byte at `offset`.
fn line_at(text: &str, offset: usize) -> (usize, &str) {
    let before = &text[..offset.min(text.len())];
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    (before.matches('\n').count() + 1, &text[start..end])
}
