//! What a reader says to many texts, written down for the ports of a filter in other languages: they read the same file in
//! their own tests, so that all of them take the same configurations and refuse the others in the same words.

use std::collections::BTreeSet;
use std::path::Path;

use crate::{Dice, mutate};

/// Makes sure that `file` has a line for each of the texts: those that are `chosen`, and random ones that are made from
/// `seeds` as [`agree`](crate::agree) makes them, each of which is there for a verdict of a new kind or by chance. A line is
/// the text in hexadecimal digits, a tab, and what `verdict` says to it: the message of a refusal, or `taken` and what the
/// filter wants to show of it. With `WEIR_BLESS` in the environment it writes the file.
///
/// # Panics
/// The file is not as it should be.
pub fn hold_to(file: &Path, chosen: Vec<Vec<u8>>, seeds: &[&str], pieces: &[&str], verdict: impl Fn(&[u8]) -> String) {
    let mut texts = chosen;
    let mut dice = Dice(0x6a09_e667_f3bc_c908);
    let mut seen: BTreeSet<String> = texts.iter().map(|text| kind(&verdict(text))).collect();
    for round in 0..20_000 {
        let mut text = seeds[round % seeds.len()].as_bytes().to_vec();
        mutate(&mut text, pieces, &mut dice);
        if seen.insert(kind(&verdict(&text))) || dice.below(150) == 0 {
            texts.push(text);
        }
    }
    let lines: String = texts.iter().map(|text| format!("{}\t{}\n", hex(text), verdict(text))).collect();
    if std::env::var_os("WEIR_BLESS").is_some() {
        std::fs::write(file, &lines).expect("the file can be written");
    }
    let written = std::fs::read_to_string(file).unwrap_or_default();
    assert!(written == lines, "{} is out of date; with WEIR_BLESS=1 this test writes it", file.display());
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What was expected and got, without the digits and the quoted words that tell a message from others of its kind.
fn kind(verdict: &str) -> String {
    let said = verdict.rsplit_once(": expected").map_or("taken", |(_, said)| said);
    let words = said.split('"').step_by(2).collect::<String>();
    words.chars().filter(|character| !character.is_ascii_digit()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_differ_in_a_word_are_of_one_kind() {
        let message = |field: &str, got: &str| format!("{field}: expected a string, got \"{got}\" (line 1, column 7)");
        assert_eq!(kind(&message("a", "x")), kind(&message("b[1].c", "yz")));
        assert_ne!(kind(&message("a", "x")), kind("a: expected a string, got a number (line 1, column 7)"));
        assert_eq!(kind("taken request:set"), kind("taken"));
    }
}
