//! Building messages without `format!`, whose machinery weighs more than the small filters themselves.

/// Appends `number` in decimal.
pub(crate) fn push_decimal(text: &mut String, number: usize) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal() {
        let mut text = String::new();
        for number in [0, 9, 10, 4_294_967_295] {
            push_decimal(&mut text, number);
            text.push(' ');
        }
        assert_eq!(text, "0 9 10 4294967295 ");
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
