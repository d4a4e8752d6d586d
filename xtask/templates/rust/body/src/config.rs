//! The configuration: what is added.

use weir_kit::json::{Error, Reader};

/// The most bytes that may be added.
const MOST: usize = 8192;

/// What the filter does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// What is added behind the body.
    pub(crate) append: String,
}

impl Default for Config {
    fn default() -> Config {
        Config { append: "-- @name@\n".into() }
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
        reader.object(&["append"], &mut |reader, _| {
            config.append = reader.string_where("at most 8192 bytes", |text| text.len() <= MOST)?;
            Ok(())
        })?;
        reader.end()?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_what_the_configuration_says() {
        assert_eq!(Config::read(b"").unwrap().append, "-- @name@\n");
        assert_eq!(Config::read(b"{}").unwrap().append, "-- @name@\n");
        assert_eq!(Config::read(br#"{"append":"1"}"#).unwrap().append, "1");
    }

    #[test]
    fn a_refusal_names_the_field() {
        let error = Config::read(br#"{"append":1}"#).unwrap_err();
        assert_eq!(error.message(), "append: expected a string, got a number (line 1, column 11)");
    }

    #[test]
    fn bounds_hold_to_the_byte() {
        let is_taken = |length| Config::read(format!(r#"{{"append":"{}"}}"#, "v".repeat(length)).as_bytes()).is_ok();
        assert!(is_taken(MOST) && !is_taken(MOST + 1));
    }
}
