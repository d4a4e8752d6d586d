//! How numbers and paths are written for people.

use std::path::Path;

/// A number with its thousands apart: `48,936`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A path as the reader of a message wants it: relative to where they stand, where it lies below.
pub fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        let written = [0, 7, 70, 700, 999, 1_000, 7_000, 48_936, 1_234_567].map(thousands);
        assert_eq!(written, ["0", "7", "70", "700", "999", "1,000", "7,000", "48,936", "1,234,567"]);
    }
}
