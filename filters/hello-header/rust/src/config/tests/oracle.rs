//! The reader against serde_json, which reads the same configuration by derived code, on mutated texts.

use serde::Deserialize;
use weir_testing::agree;

use super::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Theirs {
    #[serde(default)]
    request: Vec<TheirOperation>,
    #[serde(default)]
    response: Vec<TheirOperation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TheirOperation {
    op: TheirOp,
    name: String,
    #[serde(default, deserialize_with = "present")]
    value: Option<String>,
}

/// A value that is `null` is not one that is missing.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum TheirOp {
    Set,
    Append,
    SetIfAbsent,
    Remove,
}

fn theirs(text: &[u8]) -> Option<Config> {
    // Derived code takes a struct from an array as well, and an enum from an object; JSON Schema and we do not.
    let shape: serde_json::Value = serde_json::from_slice(text).ok()?;
    let object = shape.as_object()?;
    if object.values().any(|list| list.as_array().is_none_or(|list| !list.iter().all(is_plain))) {
        return None;
    }
    let read: Theirs = serde_json::from_slice(text).ok()?;
    let list = |operations: Vec<TheirOperation>| -> Option<Vec<Operation>> {
        if operations.len() > MOST_OPERATIONS {
            return None;
        }
        operations.into_iter().map(translate).collect()
    };
    Some(Config { request: list(read.request)?, response: list(read.response)? })
}

fn is_plain(operation: &serde_json::Value) -> bool {
    operation.as_object().is_some_and(|fields| fields.values().all(serde_json::Value::is_string))
}

fn translate(TheirOperation { op, name, value }: TheirOperation) -> Option<Operation> {
    if PROXYS_OWN.contains(&name.to_lowercase().as_str())
        || !is_name(name.as_bytes())
        || !value.as_ref().is_none_or(|value| is_value(value.as_bytes()))
    {
        return None;
    }
    let action = match (op, value.map(String::into_bytes)) {
        (TheirOp::Set, Some(value)) => Action::Set(value),
        (TheirOp::Append, Some(value)) => Action::Append(value),
        (TheirOp::SetIfAbsent, Some(value)) => Action::SetIfAbsent(value),
        (TheirOp::Remove, None) => Action::Remove,
        _ => return None,
    };
    Some(Operation { name, action })
}

pub(super) const PIECES: [&str; 15] = [
    "\"request\"",
    "\"response\"",
    "\"op\"",
    "\"name\"",
    "\"value\"",
    "\"set\"",
    "\"append\"",
    "\"set-if-absent\"",
    "\"remove\"",
    "\"x-a\"",
    "\":path\"",
    "\"Te\"",
    "[]",
    "{\"op\":\"remove\",\"name\":\"x\"}",
    ",{\"op\":\"set\",\"name\":\"y\",\"value\":\"1\"}",
];

pub(super) const SEEDS: [&str; 3] = [
    r#"{"request":[{"op":"set","name":"x-a","value":"1"},{"op":"remove","name":"x-b"}],"response":[]}"#,
    r#"{ "response" : [ { "value" : "caf\u00e9" , "name" : "X" , "op" : "append" } ] }"#,
    r#"{"request":[],"response":[{"op":"set-if-absent","name":"n","value":""},{"name":"m","op":"remove"}]}"#,
];

#[test]
fn mutated_configurations_are_read_as_serde_json_reads_them() {
    // No text at all is a configuration of its own.
    let ours = |text: &[u8]| if text.is_empty() { None } else { Config::read(text).ok() };
    let agreement = agree(&SEEDS, &PIECES, 100_000, ours, theirs);
    assert!(agreement.taken > 5_000 && agreement.refused > 5_000, "{agreement:?}");
}
