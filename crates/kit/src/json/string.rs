//! Strings: the one part of JSON with an inside.

use super::{Error, Reader};

impl Reader<'_> {
    /// Reads on from behind the opening quote.
    pub(super) fn string_after_quote(&mut self) -> Result<String, Error> {
        let start = self.at;
        let mut bytes = Vec::new();
        loop {
            match self.text.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    let Some(character) = self.escape() else {
                        return Err(self.error(self.at, "an escape such as \\u00e9", "one that JSON has not"));
                    };
                    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Some(0..=0x1f) => {
                    return Err(self.error(self.at, "control characters written as \\u0000", "a bare one"));
                }
                Some(&byte) => {
                    bytes.push(byte);
                    self.at += 1;
                }
                None => return Err(self.error(self.at, "the end of the string", "the end of the text")),
            }
        }
        self.at += 1;
        String::from_utf8(bytes).map_err(|_| self.error(start, "UTF-8", "bytes that are not"))
    }

    /// Reads an escape from its backslash on; where it is none of JSON's, there is none and the position stays.
    fn escape(&mut self) -> Option<char> {
        let (character, length) = match self.text.get(self.at + 1)? {
            b'n' => ('\n', 2),
            b't' => ('\t', 2),
            b'r' => ('\r', 2),
            b'b' => ('\u{8}', 2),
            b'f' => ('\u{c}', 2),
            b'u' => self.unicode_escape()?,
            &byte @ (b'"' | b'\\' | b'/') => (byte as char, 2),
            _ => return None,
        };
        self.at += length;
        Some(character)
    }

    /// The character and the length of a `\uXXXX`, or of two where they are a surrogate pair.
    fn unicode_escape(&self) -> Option<(char, usize)> {
        let high = self.code_unit(self.at)?;
        if !(0xd800..0xdc00).contains(&high) {
            return Some((char::from_u32(high)?, 6));
        }
        let low = self.code_unit(self.at + 6)?;
        if !(0xdc00..0xe000).contains(&low) {
            return None;
        }
        Some((char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))?, 12))
    }

    /// The code unit of the `\uXXXX` at `at`.
    fn code_unit(&self, at: usize) -> Option<u32> {
        let (prefix, digits) = self.text.get(at..at + 6)?.split_at_checked(2)?;
        if prefix != b"\\u" {
            return None;
        }
        digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + (*digit as char).to_digit(16)?))
    }
}
