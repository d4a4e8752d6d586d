//! A filter's reader against its schema.

use std::fmt;

use jsonschema::Validator;
use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::{Agreement, agree};

/// A JSON Schema, as `config.schema.json` holds one.
#[derive(Debug)]
pub struct Schema(Validator);

impl Schema {
    /// Reads a schema.
    ///
    /// # Panics
    /// It is none.
    pub fn new(text: &str) -> Schema {
        let schema = serde_json::from_str(text).expect("a schema is JSON");
        Schema(jsonschema::draft202012::new(&schema).expect("a schema"))
    }

    /// The value of a text that is valid. JSON Schema does not know how a value is written: here a name must not stand
    /// twice in an object, and 1.0 is no integer.
    pub fn accepts(&self, text: &[u8]) -> Option<Value> {
        let Strict(value) = serde_json::from_slice(text).ok()?;
        self.0.is_valid(&value).then_some(value)
    }

    /// Holds a reader to the schema, on texts that are made from `seeds` by breaking them at random; see [`agree`].
    /// `beyond` are the rules that the schema does not say.
    ///
    /// # Panics
    /// They disagree: the message holds the text.
    pub fn agrees(
        &self,
        seeds: &[&str],
        pieces: &[&str],
        rounds: usize,
        reads: impl Fn(&[u8]) -> bool,
        beyond: impl Fn(&Value) -> bool,
    ) -> Agreement {
        let ours = |text: &[u8]| reads(text).then_some(());
        agree(seeds, pieces, rounds, ours, |text| self.accepts(text).filter(&beyond).map(drop))
    }
}

/// A value in which no name stands twice and in which a number is a float where it is written like one.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Strict, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        // A half is added, so that a float is no integer to the schema either, whatever it was.
        let odd =
            Number::from_f64(value.trunc() + 0.5).filter(|number| number.as_f64().is_some_and(|it| it.fract() != 0.0));
        odd.map(Value::Number).ok_or_else(|| E::custom("a number that is too large"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(value)) = sequence.next_element()? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((name, Strict(value))) = entries.next_entry::<String, Strict>()? {
            if map.insert(name, value).is_some() {
                return Err(serde::de::Error::custom("a name stands twice"));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_value_is_written_counts() {
        let schema = Schema::new(r#"{"properties":{"a":{"type":"integer"}},"additionalProperties":false}"#);
        for (text, valid) in [
            (r#"{"a":1}"#, true),
            (r#"{"a":1.0}"#, false),
            (r#"{"a":1e2}"#, false),
            (r#"{"a":1,"a":1}"#, false),
            (r#"{"b":1}"#, false),
            (r#"{"a":1"#, false),
        ] {
            assert_eq!(schema.accepts(text.as_bytes()).is_some(), valid, "{text}");
        }
    }

    #[test]
    fn agreement_is_about_both() {
        let schema = Schema::new(r#"{"type":"integer","minimum":0}"#);
        let reads = |text: &[u8]| serde_json::from_slice::<u8>(text).is_ok();
        let small = |value: &Value| value.as_u64().is_some_and(|value| value < 256);
        let agreement = schema.agrees(&["7"], &["3"], 1000, reads, small);
        assert!(agreement.taken > 100 && agreement.refused > 100, "{agreement:?}");
    }

    #[test]
    #[should_panic(expected = "left == right")]
    fn disagreement_is_told() {
        Schema::new(r#"{"type":"integer"}"#).agrees(&["7"], &["3"], 1000, |_| false, |_| true);
    }
}
