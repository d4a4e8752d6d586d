//! The configuration: the value of the header.

use weir_kit::json::{Error, Reader};

/// The most bytes of the header's value.
const MOST_VALUE: usize = 256;

/// What the filter does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// The value of the header.
    pub(crate) value: String,
}

impl Default for Config {
    fn default() -> Config {
        Config { value: "hello".into() }
    }
}

impl Config {
    /// Reads the configuration's JSON; no bytes at all mean the default.
    ///
    /// # Errors
    /// Names the field, what was expected there and what stood there instead: see `config.schema.json`.
    pub(crate) fn read(text: &[u8]) -> Result<Config, Error> {
        let mut config = Config::default();
        if text.is_empty() {
            return Ok(config);
        }
        let mut reader = Reader::new(text);
        reader.object(&["value"], &mut |reader, _| {
            config.value = reader.string_where("at most 256 bytes without CR, LF and NUL", is_value)?;
            Ok(())
        })?;
        reader.end()?;
        Ok(config)
    }
}

/// Whether these bytes can stand in a header without ending it (RFC 9110, section 5.5).
fn is_value(value: &[u8]) -> bool {
    value.len() <= MOST_VALUE && !value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_what_the_configuration_says() {
        assert_eq!(Config::read(b"").unwrap().value, "hello");
        assert_eq!(Config::read(b"{}").unwrap().value, "hello");
        assert_eq!(Config::read(br#"{"value":"1"}"#).unwrap().value, "1");
    }

    #[test]
    fn a_refusal_names_the_field() {
        let error = Config::read(br#"{"value":1}"#).unwrap_err();
        assert_eq!(error.message(), "value: expected a string, got a number (line 1, column 10)");
    }

    #[test]
    fn bounds_hold_to_the_byte() {
        let is_taken = |length| Config::read(format!(r#"{{"value":"{}"}}"#, "v".repeat(length)).as_bytes()).is_ok();
        assert!(is_taken(MOST_VALUE) && !is_taken(MOST_VALUE + 1));
    }
}
