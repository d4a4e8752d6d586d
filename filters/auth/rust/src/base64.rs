//! Base64 as RFC 7515 and RFC 9421 want it: one spelling for each sequence of bytes, everything else is refused.

use base64ct::{Base64, Base64UrlUnpadded, Encoding};

/// Decodes base64url without padding (RFC 7515, section 2). A text that another one decodes alike is refused, so that
/// a token has one spelling.
pub(crate) fn url(text: &[u8]) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(std::str::from_utf8(text).ok()?).ok()
}

/// Decodes base64 with padding (RFC 4648, section 4).
pub(crate) fn standard(text: &[u8]) -> Option<Vec<u8>> {
    Base64::decode_vec(std::str::from_utf8(text).ok()?).ok()
}

/// Encodes as [`standard`] decodes.
pub(crate) fn write_standard(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

#[cfg(test)]
mod tests {
    use weir_testing::Dice;

    use super::*;

    #[test]
    fn decodes_the_vectors_of_rfc_4648() {
        for (plain, encoded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(standard(encoded.as_bytes()).unwrap(), plain.as_bytes());
            assert_eq!(url(encoded.trim_end_matches('=').as_bytes()).unwrap(), plain.as_bytes());
        }
        assert_eq!(url(b"-_8").unwrap(), [0xfb, 0xff]);
        assert_eq!(standard(b"+/8=").unwrap(), [0xfb, 0xff]);
    }

    #[test]
    fn every_other_spelling_is_refused() {
        // Padding, a length that is none, bits beyond the last byte, the other alphabet, blanks, what is no letter.
        for text in ["Zg==", "Zg=", "Z", "Zh", "Zm9", "Zm9vZ", "+/8", "Zm 9v", "Zm9v\n", "Zm9v.", "é", "\u{0}AAA"] {
            assert_eq!(url(text.as_bytes()), None, "{text:?}");
        }
        for text in ["Zg", "Zg=", "Zh==", "Zg==Zg==", "-_8=", "Zm9v=", "=", "====", "Zm9v\n"] {
            assert_eq!(standard(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn what_decodes_encodes_to_the_same_text() {
        let mut dice = Dice(7);
        let mut taken = 0;
        for _ in 0..20_000 {
            let alphabet = b"ABCxyz019-_+/=. ";
            let text: Vec<u8> = (0..dice.below(9)).map(|_| alphabet[dice.below(alphabet.len())]).collect();
            if let Some(bytes) = url(&text) {
                taken += 1;
                assert_eq!(Base64UrlUnpadded::encode_string(&bytes).as_bytes(), text);
            }
            if let Some(bytes) = standard(&text) {
                assert_eq!(Base64::encode_string(&bytes).as_bytes(), text);
            }
        }
        assert!(taken > 500, "{taken}");
    }
}
