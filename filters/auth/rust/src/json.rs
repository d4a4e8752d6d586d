//! Reading JSON (RFC 8259) that a stranger wrote: a token's header and claims, a key set from the network.
//!
//! Where `weir_kit::json` refuses what it does not know, this reader steps over it, within bounds: how deep a text may
//! nest, how many members an object may have. A name that stands twice is refused, because two readers that each take
//! another of them disagree about who is asking. Nothing is copied but strings with escapes, and there is no float.

use std::borrow::Cow;

/// How deep arrays and objects may nest, the outermost included.
pub(crate) const MOST_DEPTH: usize = 16;
/// The most members that an object may have whose members are read.
pub(crate) const MOST_MEMBERS: usize = 256;

/// The text is not JSON, or is outside the bounds. Where and why is of no use to whoever reads the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// A value of a text that was checked as a whole: its characters, without blanks around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Value<'a>(&'a str);

impl<'a> Value<'a> {
    /// Checks a whole text and hands out its value.
    ///
    /// # Errors
    /// The text is not UTF-8, not one JSON value, or nests deeper than [`MOST_DEPTH`].
    pub(crate) fn read(text: &'a [u8]) -> Result<Value<'a>, Malformed> {
        let text = std::str::from_utf8(text).map_err(|_| Malformed)?;
        let mut scan = Scan { text, at: 0 };
        scan.blank();
        let start = scan.at;
        scan.value(0)?;
        let value = Value(text.get(start..scan.at).ok_or(Malformed)?);
        scan.blank();
        if scan.at == text.len() { Ok(value) } else { Err(Malformed) }
    }

    /// The characters as they stand in the text.
    pub(crate) fn raw(self) -> &'a str {
        self.0
    }

    /// The members of an object with their names, in the order they stand.
    ///
    /// # Errors
    /// This is no object, has more than [`MOST_MEMBERS`], or a name stands twice, however it is spelled.
    pub(crate) fn members(self) -> Result<Vec<(Cow<'a, str>, Value<'a>)>, Malformed> {
        let mut members: Vec<(Cow<'a, str>, Value<'a>)> = Vec::new();
        let mut scan = Scan { text: self.0, at: 0 };
        scan.open(b'{')?;
        while scan.more(b'}', members.is_empty())? {
            let name = unescape(scan.span(Scan::string)?)?;
            scan.blank();
            scan.open(b':')?;
            scan.blank();
            let value = Value(scan.span(|scan| scan.value(0))?);
            if members.len() == MOST_MEMBERS || members.iter().any(|(known, _)| *known == name) {
                return Err(Malformed);
            }
            members.push((name, value));
        }
        Ok(members)
    }

    /// The elements of an array, in order.
    ///
    /// # Errors
    /// This is no array, or it is longer than [`MOST_MEMBERS`].
    pub(crate) fn elements(self) -> Result<Vec<Value<'a>>, Malformed> {
        let mut elements = Vec::new();
        let mut scan = Scan { text: self.0, at: 0 };
        scan.open(b'[')?;
        while scan.more(b']', elements.is_empty())? {
            if elements.len() == MOST_MEMBERS {
                return Err(Malformed);
            }
            elements.push(Value(scan.span(|scan| scan.value(0))?));
        }
        Ok(elements)
    }

    /// The text of a string, its escapes resolved.
    ///
    /// # Errors
    /// This is no string.
    pub(crate) fn string(self) -> Result<Cow<'a, str>, Malformed> {
        if self.0.starts_with('"') { unescape(self.0) } else { Err(Malformed) }
    }

    /// The whole part of a number, as a time in seconds is read (RFC 7519, section 2: NumericDate may have a fraction).
    ///
    /// # Errors
    /// This is no number, one with an exponent, or one that 64 bits do not hold.
    pub(crate) fn whole(self) -> Result<i64, Malformed> {
        let whole = self.0.split_once('.').map_or(self.0, |(whole, fraction)| {
            if fraction.bytes().all(|byte| byte.is_ascii_digit()) { whole } else { "" }
        });
        whole.parse().map_err(|_| Malformed)
    }

    /// Whether this is an array.
    pub(crate) fn is_array(self) -> bool {
        self.0.starts_with('[')
    }
}

/// A position in a text. What it steps over is checked.
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blank(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn open(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.peek() != Some(byte) {
            return Err(Malformed);
        }
        self.at += 1;
        Ok(())
    }

    /// Whether another element follows; steps over blanks, the comma before it, or the bracket that closes.
    fn more(&mut self, close: u8, first: bool) -> Result<bool, Malformed> {
        self.blank();
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(false);
        }
        if !first {
            self.open(b',')?;
            self.blank();
        }
        Ok(true)
    }

    /// The characters that `step` steps over.
    fn span(&mut self, step: impl FnOnce(&mut Self) -> Result<(), Malformed>) -> Result<&'a str, Malformed> {
        let start = self.at;
        step(self)?;
        self.text.get(start..self.at).ok_or(Malformed)
    }

    /// Steps over one value, `above` levels deep.
    fn value(&mut self, above: usize) -> Result<(), Malformed> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(open @ (b'{' | b'[')) if above < MOST_DEPTH => {
                self.at += 1;
                let close = if open == b'{' { b'}' } else { b']' };
                let mut first = true;
                while self.more(close, first)? {
                    first = false;
                    if open == b'{' {
                        self.string()?;
                        self.blank();
                        self.open(b':')?;
                        self.blank();
                    }
                    self.value(above + 1)?;
                }
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            _ => Err(Malformed),
        }
    }

    fn word(&mut self, word: &str) -> Result<(), Malformed> {
        if !self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return Err(Malformed);
        }
        self.at += word.len();
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { Err(Malformed) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<(), Malformed> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// Steps over a string, whose escapes are checked by [`unescape`] where they are read.
    fn string(&mut self) -> Result<(), Malformed> {
        self.open(b'"')?;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                None | Some(0..=0x1f) => return Err(Malformed),
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        Ok(())
    }
}

/// The text of a string with its quotes.
fn unescape(quoted: &str) -> Result<Cow<'_, str>, Malformed> {
    let inside = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(Malformed)?;
    if !inside.contains('\\') {
        return Ok(Cow::Borrowed(inside));
    }
    let mut text = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        text.push_str(plain);
        let (character, left) = escape(escaped).ok_or(Malformed)?;
        text.push(character);
        rest = left;
    }
    text.push_str(rest);
    Ok(Cow::Owned(text))
}

/// The character of an escape behind its backslash, and what is left.
fn escape(text: &str) -> Option<(char, &str)> {
    let (kind, rest) = text.split_at_checked(1)?;
    let character = match kind {
        "n" => '\n',
        "t" => '\t',
        "r" => '\r',
        "b" => '\u{8}',
        "f" => '\u{c}',
        "\"" | "\\" | "/" => kind.chars().next()?,
        "u" => return unicode(rest),
        _ => return None,
    };
    Some((character, rest))
}

/// The character of a `\uXXXX` behind its `u`, or of two where they are a surrogate pair.
fn unicode(text: &str) -> Option<(char, &str)> {
    let (high, rest) = unit(text)?;
    if !(0xd800..0xdc00).contains(&high) {
        return Some((char::from_u32(high)?, rest));
    }
    let (low, rest) = unit(rest.strip_prefix("\\u")?)?;
    if !(0xdc00..0xe000).contains(&low) {
        return None;
    }
    Some((char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))?, rest))
}

fn unit(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    let unit = digits.chars().try_fold(0, |unit, digit| Some(unit * 16 + digit.to_digit(16)?))?;
    Some((unit, rest))
}

#[cfg(test)]
mod tests;
