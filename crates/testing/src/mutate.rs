//! Two readers of one language against each other, on texts that are broken at random.

use std::fmt::Debug;

use crate::Dice;

/// What pieces any JSON text can be broken with.
const PIECES: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    " ",
    "\n",
    "\\",
    "null",
    "true",
    "0",
    "-1.5e3",
    "[]",
    "{}",
    "\"\"",
    "\"\\u0041\"",
    "\"\\n\"",
    "\"é\"",
    "\u{feff}",
    "\u{0}",
    "\"\\ud800\"",
    "'",
];

/// How often two readers were asked, and what they said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Texts that both took.
    pub taken: usize,
    /// Texts that both refused.
    pub refused: usize,
}

/// Asks `ours` and `theirs` about `rounds` texts that are made from `seeds` by cutting, doubling, overwriting and
/// inserting at random places, also with the language's own words, `pieces`. Each returns what it read; none where it
/// refuses the text.
///
/// # Panics
/// They disagree: the message holds the text.
pub fn agree<T: PartialEq + Debug>(
    seeds: &[&str],
    pieces: &[&str],
    rounds: usize,
    ours: impl Fn(&[u8]) -> Option<T>,
    theirs: impl Fn(&[u8]) -> Option<T>,
) -> Agreement {
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let mut agreement = Agreement::default();
    for round in 0..rounds {
        let mut text = seeds[round % seeds.len()].as_bytes().to_vec();
        mutate(&mut text, pieces, &mut dice);
        let read = ours(&text);
        assert_eq!(read, theirs(&text), "{}", String::from_utf8_lossy(&text));
        if read.is_some() { agreement.taken += 1 } else { agreement.refused += 1 }
    }
    agreement
}

/// Does something to a random place of a text, up to three times.
pub fn mutate(text: &mut Vec<u8>, pieces: &[&str], dice: &mut Dice) {
    for _ in 0..=dice.below(3) {
        let start = dice.below(text.len() + 1);
        let end = (start + dice.below(12)).min(text.len());
        let part: Vec<u8> = match dice.below(5) {
            0 => Vec::new(),
            1 => text[start..end].repeat(2),
            2 => vec![dice.below(256) as u8],
            3 => PIECES[dice.below(PIECES.len())].as_bytes().to_vec(),
            _ => pieces[dice.below(pieces.len())].as_bytes().to_vec(),
        };
        // Half of them keep what was there, so that a fair share of the texts stays valid.
        text.splice(if dice.below(2) == 0 { start..start } else { start..end }, part);
    }
}
