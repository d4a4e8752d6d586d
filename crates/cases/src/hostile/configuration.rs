//! Configurations that are almost valid.

use super::value::{cut, flipped, piece, twisted};
use super::words::Words;

/// A configuration near to `text`: cut, flipped, spliced, with a token too many or of another type, nested too deep.
pub(super) fn almost(dice: &mut fastrand::Rng, words: &Words, text: &[u8]) -> Vec<u8> {
    match dice.u8(..8) {
        0 => text[..cut(dice, text)].to_vec(),
        1 => flipped(dice, text),
        2 => {
            let at = cut(dice, text);
            [&text[..at], piece(dice), &text[at..]].concat()
        }
        3 => {
            let (mut from, mut to) = (cut(dice, text), cut(dice, text));
            if from > to {
                std::mem::swap(&mut from, &mut to);
            }
            [&text[..from], &text[to..]].concat()
        }
        4 | 5 => another_token(dice, words, text),
        6 => {
            let deep = [1, 10, 1000, 50_000][dice.usize(..4)];
            let (open, close): (&[u8], &[u8]) = if dice.bool() { (b"[", b"]") } else { (b"{\"a\":", b"}") };
            [open.repeat(deep).as_slice(), text, close.repeat(deep).as_slice()].concat()
        }
        _ => twisted(dice, words, text),
    }
}

/// One token of the JSON replaced by another that could not stand there, or no longer says the same.
fn another_token(dice: &mut fastrand::Rng, words: &Words, text: &[u8]) -> Vec<u8> {
    let tokens = tokens(text);
    let Some(&(from, to)) = dice.choice(&tokens) else { return piece(dice).to_vec() };
    let other: Vec<u8> = match dice.u8(..6) {
        0 => b"null".to_vec(),
        1 => b"[]".to_vec(),
        2 => b"{}".to_vec(),
        3 => [&b"18446744073709551616"[..], b"-1", b"0", b"1.5", b"1e400", b"true"][dice.usize(..6)].to_vec(),
        4 => format!("{:?}", words.other(dice)).into_bytes(),
        _ => format!("\"{}\"", "\\u0000\\ud83d".repeat(dice.usize(..5))).into_bytes(),
    };
    [&text[..from], &other, &text[to..]].concat()
}

/// Where the strings, numbers and words of a JSON text begin and end.
fn tokens(text: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let length = match text[at] {
            b'"' => rest[1..].iter().position(|byte| *byte == b'"').map_or(rest.len(), |end| end + 2),
            byte if byte.is_ascii_alphanumeric() || byte == b'-' => rest
                .iter()
                .position(|byte| !byte.is_ascii_alphanumeric() && !b"-+.".contains(byte))
                .unwrap_or(rest.len()),
            _ => 0,
        };
        if length > 0 {
            found.push((at, at + length));
        }
        at += length.max(1);
    }
    found
}
