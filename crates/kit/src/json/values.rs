//! Numbers, truths, objects with names of any kind, and what is passed over unread.

use super::{Error, Reader, quoted};
use crate::text::{push_decimal, push_quoted};

/// What kind of value stands somewhere, by its first byte: where it says [`Kind::Other`], no value starts there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `{`
    Object,
    /// `[`
    Array,
    /// `"`
    String,
    /// A digit or a minus.
    Number,
    /// `true` or `false`, or what begins like it.
    Boolean,
    /// `null`, or what begins like it.
    Null,
    /// Nothing, or nothing of JSON's.
    Other,
}

impl<'a> Reader<'a> {
    /// The kind of the value that stands here, for a field that may hold more than one kind.
    pub fn kind(&mut self) -> Kind {
        match self.peek() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            Some(b't' | b'f') => Kind::Boolean,
            Some(b'n') => Kind::Null,
            _ => Kind::Other,
        }
    }

    /// Reads `true` or `false`.
    ///
    /// # Errors
    /// Something else stands here.
    pub fn boolean(&mut self) -> Result<bool, Error> {
        self.blank();
        for (word, value) in [("true", true), ("false", false)] {
            if self.word_here(word) {
                return Ok(value);
            }
        }
        Err(self.unexpected("true or false"))
    }

    /// Reads a number that is an integer without sign, fraction and exponent, from `least` to `most`.
    ///
    /// # Errors
    /// Something else stands here.
    pub fn integer(&mut self, least: u64, most: u64) -> Result<u64, Error> {
        self.blank();
        let start = self.at;
        let mut expected = String::from("an integer from ");
        push_decimal(&mut expected, least);
        expected.push_str(" to ");
        push_decimal(&mut expected, most);
        if self.kind() != Kind::Number {
            return Err(self.unexpected(&expected));
        }
        let text = self.number()?;
        match decimal(text) {
            Some(value) if (least..=most).contains(&value) => Ok(value),
            _ => Err(self.error(start, &expected, &shortened(text))),
        }
    }

    /// Reads a number of any form and returns it as it stands there. A filter that needs one of these decides itself
    /// what to make of it: no float comes along.
    ///
    /// # Errors
    /// No number stands here, or it is not one of JSON's.
    pub fn number(&mut self) -> Result<&'a str, Error> {
        if self.kind() != Kind::Number {
            return Err(self.unexpected("a number"));
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)).count();
        let number = rest.get(..length).unwrap_or_default();
        match std::str::from_utf8(number) {
            Ok(text) if is_number(number) => {
                self.at += length;
                Ok(text)
            }
            _ => {
                let mut found = String::new();
                push_quoted(&mut found, number);
                Err(self.error(self.at, "a number", &found))
            }
        }
    }

    /// Reads a string and makes something of it; `expected` says of what strings `make` can.
    ///
    /// # Errors
    /// What [`Reader::string`] says, or `make` can make nothing of it.
    pub fn string_as<T>(&mut self, expected: &str, make: impl FnOnce(&str) -> Option<T>) -> Result<T, Error> {
        self.blank();
        let start = self.at;
        let text = self.string()?;
        make(&text).ok_or_else(|| self.error(start, expected, &quoted(&text)))
    }

    /// Reads an object whose names are not known beforehand, at most `most` of them. `each` is called for every field
    /// with its name, and must read the value or [`Reader::skip`] it.
    ///
    /// # Errors
    /// No object stands here, a name stands twice, there are more than `most`, the text is not JSON, or what `each` says.
    pub fn entries(
        &mut self,
        most: usize,
        each: &mut dyn FnMut(&mut Reader<'a>, &str) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.open(b'{', "an object")?;
        let above = self.path.len();
        let mut names: Vec<String> = Vec::new();
        while self.more(b'}', names.is_empty(), "\",\" or \"}\"")? {
            let start = self.at;
            if names.len() == most {
                let mut expected = String::from("at most ");
                push_decimal(&mut expected, most as u64);
                expected.push_str(" fields");
                return Err(self.error(start, &expected, "more"));
            }
            let name = self.name()?;
            if names.contains(&name) {
                return Err(self.error(start, "one field of this name", "a second"));
            }
            self.colon()?;
            each(self, &name)?;
            names.push(name);
            self.path.truncate(above);
        }
        Ok(())
    }

    /// Reads over a value of any kind that nests at most `depth` deep, and makes sure that it is JSON.
    ///
    /// # Errors
    /// It is not, or nests deeper.
    pub fn skip(&mut self, depth: usize) -> Result<(), Error> {
        let kind = self.kind();
        if depth == 0 && matches!(kind, Kind::Object | Kind::Array) {
            return Err(self.unexpected("a value that is not nested as deep"));
        }
        match kind {
            Kind::Object => self.skip_object(depth),
            Kind::Array => self.array(usize::MAX, &mut |reader| reader.skip(depth.saturating_sub(1))),
            Kind::String => self.string().map(drop),
            Kind::Number => self.number().map(drop),
            Kind::Boolean => self.boolean().map(drop),
            Kind::Null if self.word_here("null") => Ok(()),
            _ => Err(self.unexpected("a value")),
        }
    }

    /// Reads over a value as [`Reader::skip`] does, and hands out its text, for a reader of its own: a document of another
    /// standard inside of a configuration.
    ///
    /// # Errors
    /// What [`Reader::skip`] says.
    pub fn raw(&mut self, depth: usize) -> Result<&'a [u8], Error> {
        self.blank();
        let start = self.at;
        self.skip(depth)?;
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    /// A name that stands twice is nobody's concern here: looking for one would take as long as the text squared.
    fn skip_object(&mut self, depth: usize) -> Result<(), Error> {
        self.open(b'{', "an object")?;
        let above = self.path.len();
        let mut first = true;
        while self.more(b'}', first, "\",\" or \"}\"")? {
            first = false;
            self.name()?;
            self.colon()?;
            self.skip(depth.saturating_sub(1))?;
            self.path.truncate(above);
        }
        Ok(())
    }

    /// Steps over a word if it stands here, whole.
    fn word_here(&mut self, word: &str) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let follows = rest.get(word.len()).is_some_and(u8::is_ascii_alphanumeric);
        let here = rest.starts_with(word.as_bytes()) && !follows;
        if here {
            self.at += word.len();
        }
        here
    }
}

/// A number of digits alone; none where there is something else, or where it is too large.
fn decimal(text: &str) -> Option<u64> {
    text.bytes().try_fold(0_u64, |number, byte| {
        let digit = (byte as char).to_digit(10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}

fn shortened(text: &str) -> String {
    match text.get(..40) {
        Some(start) if start.len() < text.len() => [start, "…"].concat(),
        _ => text.to_owned(),
    }
}

/// RFC 8259, section 6.
fn is_number(text: &[u8]) -> bool {
    fn digits(text: &[u8]) -> (usize, &[u8]) {
        let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (count, text.get(count..).unwrap_or_default())
    }
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let (count, mut rest) = digits(unsigned);
    if count == 0 || (count > 1 && unsigned.first() == Some(&b'0')) {
        return false;
    }
    if let Some(fraction) = rest.strip_prefix(b".") {
        let (count, after) = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = after;
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let (count, after) = digits(if let [b'+' | b'-', unsigned @ ..] = exponent { unsigned } else { exponent });
        return count > 0 && after.is_empty();
    }
    rest.is_empty()
}
