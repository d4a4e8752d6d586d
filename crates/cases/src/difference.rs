//! In what two bodies differ, short enough to read.

use serde_json::Value;

use crate::value::Bytes;

/// Bodies up to this length are shown whole.
const WHOLE: usize = 400;

/// How much of a longer one is shown before the first byte that differs, and after.
const BEFORE: usize = 40;
const AFTER: usize = 120;

/// One place in which JSON differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonDifference {
    /// Such as `$.a[0].b`.
    pub(crate) path: String,
    pub(crate) expected: String,
    pub(crate) got: String,
}

/// Both bodies as text; of long ones the part around the first byte that differs.
pub(crate) fn of_bytes(expected: &Bytes, got: &Bytes) -> (String, String) {
    if expected.0.len().max(got.0.len()) <= WHOLE {
        return (expected.to_string(), got.to_string());
    }
    let same = expected.0.iter().zip(&got.0).take_while(|(a, b)| a == b).count();
    (around(&expected.0, same), around(&got.0, same))
}

/// One body as text; of a long one its beginning.
pub(crate) fn shown_body(body: &Bytes) -> String {
    if body.0.len() <= WHOLE { body.to_string() } else { around(&body.0, 0) }
}

fn around(bytes: &[u8], at: usize) -> String {
    let start = at.saturating_sub(BEFORE).min(bytes.len());
    let end = at.saturating_add(AFTER).min(bytes.len());
    let (before, after) = (if start > 0 { "… " } else { "" }, if end < bytes.len() { " …" } else { "" });
    let part = Bytes(bytes[start..end].to_vec());
    format!("{before}{part}{after} ({} bytes, these from byte {start})", bytes.len())
}

/// Every place in which `got` is not what `expected` asks for: objects may hold more, arrays may not.
pub(crate) fn of_json(expected: &Value, got: &Value) -> Vec<JsonDifference> {
    let mut found = Vec::new();
    compare("$", expected, got, &mut found);
    found
}

fn compare(path: &str, expected: &Value, got: &Value, found: &mut Vec<JsonDifference>) {
    let mut add = |path: String, expected: String, got: String| found.push(JsonDifference { path, expected, got });
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            for (name, expected) in expected {
                let path = format!("{path}.{name}");
                match got.get(name) {
                    Some(got) => compare(&path, expected, got, found),
                    None => found.push(JsonDifference { path, expected: expected.to_string(), got: "absent".into() }),
                }
            }
        }
        (Value::Array(expected), Value::Array(got)) if expected.len() == got.len() => {
            for (index, (expected, got)) in expected.iter().zip(got).enumerate() {
                compare(&format!("{path}[{index}]"), expected, got, found);
            }
        }
        // 1 and 1.0 are one number.
        (Value::Number(a), Value::Number(b)) if a == b || (a.as_f64() == b.as_f64() && (a.is_f64() || b.is_f64())) => {}
        (expected, got) if expected == got => {}
        (expected, got) => add(path.into(), expected.to_string(), got.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_may_hold_more_and_an_array_may_not() {
        let expected = json!({ "a": 1, "b": [{ "c": "x" }, true], "d": null });
        let got = json!({ "a": 1.0, "b": [{ "c": "x", "more": 1 }, true], "d": null, "more": [] });
        assert_eq!(of_json(&expected, &got), []);
        let got = json!({ "a": 2, "b": [{ "c": "y" }, true], "d": false });
        let found: Vec<_> = of_json(&expected, &got).into_iter().map(|it| (it.path, it.expected, it.got)).collect();
        let expected_differences = [("$.a", "1", "2"), ("$.b[0].c", "\"x\"", "\"y\""), ("$.d", "null", "false")];
        assert_eq!(found, expected_differences.map(|(a, b, c)| (a.into(), b.into(), c.into())));
        let longer = json!({ "a": 1, "b": [{ "c": "x" }, true, true] });
        let paths: Vec<_> = of_json(&expected, &longer).into_iter().map(|it| it.path).collect();
        assert_eq!(paths, ["$.b", "$.d"]);
        assert_eq!(of_json(&json!([]), &json!({})).len(), 1);
        assert_eq!(of_json(&json!(1), &json!("1")).len(), 1);
    }

    #[test]
    fn whole_numbers_beyond_what_a_float_holds_are_told_apart() {
        assert_eq!(of_json(&json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992_u64)).len(), 1);
    }

    #[test]
    fn long_bodies_are_shown_where_they_differ() {
        let (mut a, mut b) = (vec![b'a'; 1000], vec![b'a'; 900]);
        (a[500], b[500]) = (b'x', b'y');
        let (expected, got) = of_bytes(&Bytes(a), &Bytes(b));
        assert!(expected.contains("ax") && expected.ends_with("(1000 bytes, these from byte 460)"), "{expected}");
        assert!(got.contains("ay") && got.contains("(900 bytes"), "{got}");
        let (expected, got) = of_bytes(&Bytes(vec![b'a'; 500]), &Bytes(Vec::new()));
        assert!(expected.starts_with("\"aaa") && got.starts_with("\"\" (0 bytes"), "{expected} {got}");
    }
}
