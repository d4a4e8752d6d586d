//! The configuration: which keys let a request pass.

use weir_kit::json::{Error, Reader};

/// The most keys.
const MOST_KEYS: usize = 64;
/// The most bytes of a key.
const MOST_KEY: usize = 256;

/// What the filter does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Config {
    /// The keys of which a request must have one.
    keys: Vec<String>,
}

impl Config {
    /// Reads the configuration's JSON.
    ///
    /// # Errors
    /// Names the field, what was expected there and what stood there instead: see `config.schema.json`.
    pub(crate) fn read(text: &[u8]) -> Result<Config, Error> {
        let mut keys = None;
        let mut reader = Reader::new(text);
        reader.object(&["keys"], &mut |reader, _| {
            let list = keys.insert(Vec::new());
            reader.array(MOST_KEYS, &mut |reader| {
                list.push(reader.string_where("a key of 1 to 256 bytes", is_key)?);
                Ok(())
            })
        })?;
        let Some(keys) = keys else {
            return Err(reader.refuse("keys", "an array", "nothing"));
        };
        if keys.is_empty() {
            return Err(reader.refuse("keys", "at least one key", "none"));
        }
        reader.end()?;
        Ok(Config { keys })
    }

    /// Whether this is one of the keys. How long the answer takes tells nothing about the keys but their lengths.
    pub(crate) fn knows(&self, given: &[u8]) -> bool {
        self.keys.iter().fold(false, |known, key| known | is_same(key.as_bytes(), given))
    }
}

fn is_key(key: &[u8]) -> bool {
    (1..=MOST_KEY).contains(&key.len())
}

fn is_same(key: &[u8], given: &[u8]) -> bool {
    key.len() == given.len() && key.iter().zip(given).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_key_is_known() {
        let config = Config::read(br#"{"keys":["first","second"]}"#).unwrap();
        assert!(config.knows(b"first") && config.knows(b"second"));
        for other in [&b""[..], b"f", b"firs", b"first ", b"First", b"secons", b"\xff"] {
            assert!(!config.knows(other), "{other:?}");
        }
    }

    #[test]
    fn a_refusal_names_the_field() {
        for (text, message) in [
            ("{}", "keys: expected an array, got nothing (line 1, column 3)"),
            (r#"{"keys":[]}"#, "keys: expected at least one key, got none (line 1, column 12)"),
            (r#"{"keys":["a",1]}"#, "keys[1]: expected a string, got a number (line 1, column 14)"),
        ] {
            assert_eq!(Config::read(text.as_bytes()).unwrap_err().message(), message);
        }
    }
}
