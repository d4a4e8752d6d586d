//! JSON whose text does not depend on how this program was built: what other crates ask of serde_json decides in which
//! order it keeps the fields of a table, and a digest must not depend on that.

use serde_json::{Map, Value};

/// The same value with the fields of every table in the order of their names.
pub(crate) fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            Value::Object(fields.into_iter().map(|(name, value)| (name.clone(), sorted(value))).collect::<Map<_, _>>())
        }
        Value::Array(values) => Value::Array(values.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// The bytes of a value with its fields sorted.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    sorted(value).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_in_the_order_of_their_names() {
        let value: Value = serde_json::from_str(r#"{"b": [{"d": 1, "c": "x"}], "a": null}"#).unwrap();
        assert_eq!(bytes(&value), br#"{"a":null,"b":[{"c":"x","d":1}]}"#);
    }
}
