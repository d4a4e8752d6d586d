//! Building messages without `format!`, whose machinery weighs more than the small filters themselves.

/// Appends `number` in decimal.
pub fn push_decimal(text: &mut String, number: u64) {
    if number >= 10 {
        push_decimal(text, number / 10);
    }
    text.push((b'0' + (number % 10) as u8) as char);
}

/// Appends `bytes` in double quotes so that they stay on one line and within reason: what a person typed is shown, and
/// what could break a log is not.
pub(crate) fn push_quoted(text: &mut String, bytes: &[u8]) {
    const ENOUGH: usize = 40;
    text.push('"');
    for &byte in bytes.iter().take(ENOUGH) {
        text.push(if byte.is_ascii_graphic() || byte == b' ' { byte as char } else { '?' });
    }
    if bytes.len() > ENOUGH {
        text.push('…');
    }
    text.push('"');
}

/// Appends `text` as a string of JSON (RFC 8259), quotes and all.
pub(crate) fn push_json(json: &mut String, text: &str) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    json.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            '\0'..='\u{1f}' => {
                json.push_str("\\u00");
                json.push(if character < '\u{10}' { '0' } else { '1' });
                json.push(HEX[character as usize % 16]);
            }
            _ => json.push(character),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal() {
        let mut text = String::new();
        for number in [0, 9, 10, 18_446_744_073_709_551_615] {
            push_decimal(&mut text, number);
            text.push(' ');
        }
        assert_eq!(text, "0 9 10 18446744073709551615 ");
    }

    #[test]
    fn json_strings_read_back() {
        let all: String = (0..0x250).filter_map(char::from_u32).chain("\u{2028}😀".chars()).collect();
        let mut json = String::new();
        push_json(&mut json, &all);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), all);
    }

    #[test]
    fn what_is_quoted_stays_on_one_short_line() {
        let mut text = String::new();
        push_quoted(&mut text, b"a\nb\xff");
        assert_eq!(text, "\"a?b?\"");
        text.clear();
        push_quoted(&mut text, &[b'x'; 1000]);
        assert_eq!(text.chars().count(), 43);
    }
}
