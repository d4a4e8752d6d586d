//! A reader for configurations in JSON (RFC 8259) whose errors name the field.
//!
//! A filter says what it expects and gets it, or an [`Error`] such as
//! `request[0].op: expected one of "set", "remove", got "sett" (line 3, column 12)`. Nothing is read that was not asked
//! for, so how deep a text nests is bounded by the filter's own grammar, whatever the text holds; and a field that is
//! unknown or stands twice is refused. There is no tree and no float: those are what weighs in a module.

use crate::text::{push_decimal, push_quoted};

mod string;
mod values;

pub use values::Kind;

/// Why a configuration was refused: the path of the field, what was expected, what stood there, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(String);

impl Error {
    /// The whole message, one line.
    pub fn message(&self) -> &str {
        &self.0
    }
}

/// A position in a JSON text and the path of the field that stands there.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    path: String,
}

impl<'a> Reader<'a> {
    /// Starts at the beginning of `text`.
    pub fn new(text: &'a [u8]) -> Reader<'a> {
        Reader { text, at: 0, path: String::new() }
    }

    /// Reads an object. `each` is called for every field with its index in `fields` (at most 32 of them), and must read
    /// the value.
    ///
    /// # Errors
    /// No object stands here, a field is not among `fields` or stands twice, the text is not JSON, or what `each` says.
    pub fn object(
        &mut self,
        fields: &[&str],
        each: &mut dyn FnMut(&mut Reader<'a>, usize) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.open(b'{', "an object")?;
        let above = self.path.len();
        let mut seen = 0_u32;
        let mut first = true;
        while self.more(b'}', first, "\",\" or \"}\"")? {
            first = false;
            let start = self.at;
            let name = self.name()?;
            let Some(index) = fields.iter().position(|field| *field == name) else {
                return Err(self.error(start, &one_of(fields), "an unknown field"));
            };
            let bit = 1_u32.wrapping_shl(index as u32);
            if seen & bit != 0 {
                return Err(self.error(start, "one field of this name", "a second"));
            }
            seen |= bit;
            self.colon()?;
            each(self, index)?;
            self.path.truncate(above);
        }
        Ok(())
    }

    /// Reads an array of at most `most` elements. `each` is called for every element and must read it.
    ///
    /// # Errors
    /// No array stands here, it is longer than `most`, the text is not JSON, or what `each` says.
    pub fn array(
        &mut self,
        most: usize,
        each: &mut dyn FnMut(&mut Reader<'a>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.open(b'[', "an array")?;
        let above = self.path.len();
        let mut index = 0;
        while self.more(b']', index == 0, "\",\" or \"]\"")? {
            if index == most {
                let mut expected = String::from("at most ");
                push_decimal(&mut expected, most as u64);
                expected.push_str(" elements");
                return Err(self.error(self.at, &expected, "more"));
            }
            self.path.push('[');
            push_decimal(&mut self.path, index as u64);
            self.path.push(']');
            each(self)?;
            self.path.truncate(above);
            index += 1;
        }
        Ok(())
    }

    /// Reads a string, with its escapes resolved.
    ///
    /// # Errors
    /// No string stands here, or it is not one of JSON's: it has no end, a control character, an escape that is none,
    /// half a surrogate pair, or bytes that are not UTF-8.
    pub fn string(&mut self) -> Result<String, Error> {
        self.open(b'"', "a string")?;
        self.string_after_quote()
    }

    /// Reads a string that must be one of `words`, and says which by its index.
    ///
    /// # Errors
    /// What [`Reader::string`] says, or another word stands here.
    pub fn word(&mut self, words: &[&str]) -> Result<usize, Error> {
        self.blank();
        let start = self.at;
        let word = self.string()?;
        match words.iter().position(|known| *known == word) {
            Some(index) => Ok(index),
            None => Err(self.error(start, &one_of(words), &quoted(&word))),
        }
    }

    /// Reads a string that `is_valid` accepts; `expected` says which those are.
    ///
    /// # Errors
    /// What [`Reader::string`] says, or `is_valid` does not accept it.
    pub fn string_where(&mut self, expected: &str, is_valid: fn(&[u8]) -> bool) -> Result<String, Error> {
        self.blank();
        let start = self.at;
        let text = self.string()?;
        if is_valid(text.as_bytes()) { Ok(text) } else { Err(self.error(start, expected, &quoted(&text))) }
    }

    /// Makes sure that nothing but white space is left.
    ///
    /// # Errors
    /// Something is left.
    pub fn end(&mut self) -> Result<(), Error> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.unexpected("the end of the text")),
        }
    }

    /// What a filter says of the value that it has just read: what was `expected`, and what it `got`.
    pub fn refuse_value(&mut self, expected: &str, got: &str) -> Error {
        self.error(self.at, expected, got)
    }

    /// What a filter says of `field` of the object that it has just read: what was `expected`, and what it `got`.
    pub fn refuse(&mut self, field: &str, expected: &str, got: &str) -> Error {
        let above = self.path.len();
        self.enter(field);
        let error = self.error(self.at, expected, got);
        self.path.truncate(above);
        error
    }

    /// Reads the name of a field and makes it part of the path.
    fn name(&mut self) -> Result<String, Error> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("the name of a field"));
        }
        let name = self.string()?;
        self.enter(&name);
        Ok(name)
    }

    fn colon(&mut self) -> Result<(), Error> {
        self.open(b':', "\":\"")
    }

    fn enter(&mut self, field: &str) {
        if !self.path.is_empty() {
            self.path.push('.');
        }
        // A name that is a field of the filter's is shown as it is; one that a person mistyped may hold anything.
        if field.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-') && field.len() <= 40 {
            self.path.push_str(field);
        } else {
            push_quoted(&mut self.path, field.as_bytes());
        }
    }

    fn open(&mut self, byte: u8, expected: &str) -> Result<(), Error> {
        if self.peek() != Some(byte) {
            return Err(self.unexpected(expected));
        }
        self.at += 1;
        Ok(())
    }

    /// Whether another element of an array or object follows; steps over the comma before it, or over `close`.
    fn more(&mut self, close: u8, first: bool, expected: &str) -> Result<bool, Error> {
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(false)
            }
            _ if first => Ok(true),
            Some(b',') => {
                self.at += 1;
                // A comma promises an element: a bracket after it is left for the element's reader to refuse.
                self.blank();
                Ok(true)
            }
            _ => Err(self.unexpected(expected)),
        }
    }

    /// The next byte that is not white space, which stays to be read.
    fn peek(&mut self) -> Option<u8> {
        self.blank();
        self.text.get(self.at).copied()
    }

    fn blank(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.get(self.at) {
            self.at += 1;
        }
    }

    /// The error of finding what stands here instead of what was `expected`.
    fn unexpected(&self, expected: &str) -> Error {
        let mut found = String::new();
        let got = match self.text.get(self.at) {
            None => "the end of the text",
            Some(b'{') => "an object",
            Some(b'[') => "an array",
            Some(b'"') => "a string",
            Some(b'-' | b'0'..=b'9') => "a number",
            Some(_) => {
                let rest = self.text.get(self.at..).unwrap_or_default();
                let word = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count().max(1);
                push_quoted(&mut found, rest.get(..word).unwrap_or_default());
                &found
            }
        };
        self.error(self.at, expected, got)
    }

    fn error(&self, at: usize, expected: &str, got: &str) -> Error {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line_breaks = before.iter().filter(|byte| **byte == b'\n').count();
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        let mut message = String::new();
        message.push_str(if self.path.is_empty() { "configuration" } else { &self.path });
        for part in [": expected ", expected, ", got ", got, " (line "] {
            message.push_str(part);
        }
        push_decimal(&mut message, line_breaks as u64 + 1);
        message.push_str(", column ");
        push_decimal(&mut message, column as u64);
        message.push(')');
        Error(message)
    }
}

fn one_of(words: &[&str]) -> String {
    let mut text = String::from("one of ");
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        push_quoted(&mut text, word.as_bytes());
    }
    text
}

fn quoted(text: &str) -> String {
    let mut message = String::new();
    push_quoted(&mut message, text.as_bytes());
    message
}

#[cfg(test)]
mod tests;
