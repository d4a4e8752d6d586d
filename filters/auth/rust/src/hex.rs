//! Digests as configurations write them.

/// Decodes pairs of hexadecimal digits of either case; anything else is none.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.bytes().map(|byte| (byte as char).to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits?;
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    Some(pairs.map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_pairs_of_digits_and_nothing_else() {
        assert_eq!(decode("00fFa5"), Some(vec![0, 255, 0xa5]));
        assert_eq!(decode(""), Some(vec![]));
        for text in ["0", "0g", " 0", "é0"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
