//! Bytes where a filter expects something else.

use super::words::Words;

/// What numbers, dates, lists and encodings are tripped over by.
const PIECES: [&[u8]; 40] = [
    b"",
    b" ",
    b"0",
    b"-1",
    b"+1",
    b"00",
    b"1.5",
    b"1e309",
    b"2147483648",
    b"4294967296",
    b"9223372036854775808",
    b"18446744073709551616",
    b"99999999999999999999999999999999",
    b"NaN",
    b"\xff",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"caf\xe9",
    b"\"",
    b"\\",
    b"\"\\\"",
    b"'",
    b",",
    b",,",
    b";",
    b"=",
    b"==",
    b"%",
    b"%zz",
    b"%00",
    b":",
    b"..",
    b"{}",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    b"{\"a\":{\"a\":{\"a\":",
    b"null",
    b"Bearer ",
    b"Basic ",
    b"1970-01-01T00:00:00Z",
];

/// A header's value, made from one that may be there: near to it, or nothing like it. What cannot stand in a header
/// (RFC 9110, section 5.5) does not.
pub(super) fn of_header(dice: &mut fastrand::Rng, words: &Words, old: &[u8]) -> Vec<u8> {
    let mut made = twisted(dice, words, old);
    made.retain(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f));
    made
}

/// Bytes of any kind.
pub(super) fn twisted(dice: &mut fastrand::Rng, words: &Words, old: &[u8]) -> Vec<u8> {
    match dice.u8(..10) {
        0 => piece(dice).to_vec(),
        1 => noise(dice, 64),
        2 => vec![b"a0\xff= "[dice.usize(..5)]; [1, 255, 256, 4096, 8000][dice.usize(..5)]],
        3 => words.other(dice).into_bytes(),
        4 => old[..cut(dice, old)].to_vec(),
        5 => [old, old].concat(),
        6 => {
            let at = cut(dice, old);
            [&old[..at], piece(dice), &old[at..]].concat()
        }
        7 => [old, piece(dice)].concat(),
        8 => (0..dice.usize(2..40)).flat_map(|_| piece(dice).to_vec()).collect(),
        _ => flipped(dice, old),
    }
}

/// One to three bytes of `old` changed.
pub(super) fn flipped(dice: &mut fastrand::Rng, old: &[u8]) -> Vec<u8> {
    let mut made = old.to_vec();
    for _ in 0..dice.usize(1..4) {
        if !made.is_empty() {
            let at = dice.usize(..made.len());
            made[at] = dice.u8(..);
        }
    }
    made
}

/// Up to `most` bytes of any value.
pub(super) fn noise(dice: &mut fastrand::Rng, most: usize) -> Vec<u8> {
    let mut made = vec![0; dice.usize(..=most)];
    dice.fill(&mut made);
    made
}

/// A place to cut `text` at, its ends included.
pub(super) fn cut(dice: &mut fastrand::Rng, text: &[u8]) -> usize {
    dice.usize(..=text.len())
}

pub(super) fn piece(dice: &mut fastrand::Rng) -> &'static [u8] {
    PIECES[dice.usize(..PIECES.len())]
}
