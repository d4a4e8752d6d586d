//! The reader against serde_json, which reads the same configuration by derived code, on mutated texts.

use serde::Deserialize;

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
    if !is_name(name.as_bytes()) || !value.as_ref().is_none_or(|value| is_value(value.as_bytes())) {
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

/// A small generator of numbers without a dependency: xorshift, by G. Marsaglia.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

const PARTS: [&str; 40] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    " ",
    "\n",
    "\t",
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
    "\"\\u0041\"",
    "\"\\n\"",
    "\"é\"",
    "\":path\"",
    "\"\"",
    "null",
    "true",
    "0",
    "-1.5e3",
    "[]",
    "{}",
    "\\",
    "/",
    "\u{feff}",
    "\u{0}",
    "{\"op\":\"remove\",\"name\":\"x\"}",
    ",{\"op\":\"set\",\"name\":\"y\",\"value\":\"1\"}",
    "\"\\ud800\"",
    "'",
    "+",
];

pub(super) const SEEDS: [&str; 3] = [
    r#"{"request":[{"op":"set","name":"x-a","value":"1"},{"op":"remove","name":"x-b"}],"response":[]}"#,
    r#"{ "response" : [ { "value" : "caf\u00e9" , "name" : "X" , "op" : "append" } ] }"#,
    r#"{"request":[],"response":[{"op":"set-if-absent","name":"n","value":""},{"name":"m","op":"remove"}]}"#,
];

/// Cuts, doubles, overwrites or inserts something at a random place, up to three times.
pub(super) fn mutate(text: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.below(3) {
        let start = dice.below(text.len() + 1);
        let end = (start + dice.below(12)).min(text.len());
        let part: Vec<u8> = match dice.below(4) {
            0 => Vec::new(),
            1 => text[start..end].repeat(2),
            2 => vec![dice.below(256) as u8],
            _ => PARTS[dice.below(PARTS.len())].as_bytes().to_vec(),
        };
        // Half of them keep what was there, so that a fair share of the texts stays valid.
        text.splice(if dice.below(2) == 0 { start..start } else { start..end }, part);
    }
}

#[test]
fn mutated_configurations_are_read_as_serde_json_reads_them() {
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let (mut taken, mut refused) = (0, 0);
    for round in 0..100_000 {
        let mut text = SEEDS[round % SEEDS.len()].as_bytes().to_vec();
        mutate(&mut text, &mut dice);
        if text.is_empty() {
            continue;
        }
        let ours = Config::read(&text).ok();
        assert_eq!(ours, theirs(&text), "{}", String::from_utf8_lossy(&text));
        if ours.is_some() { taken += 1 } else { refused += 1 }
    }
    assert!(taken > 5_000 && refused > 5_000, "{taken} taken, {refused} refused");
}
