//! A configuration against its filter's schema, before any proxy sees it.

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

/// How many things that are wrong are told at once.
const MOST_FINDINGS: usize = 5;

/// Checks a configuration against a schema, both JSON, and gives the configuration as a value.
///
/// # Errors
/// Names each field that is wrong, and what was expected of it.
pub(super) fn check(filter: &str, schema: &str, configuration: &str) -> Result<Value> {
    let value: Value = serde_json::from_str(configuration)
        .with_context(|| format!("the configuration of {filter} is no JSON, and its schema asks for that"))?;
    let schema: Value = serde_json::from_str(schema).with_context(|| format!("the schema of {filter} is no JSON"))?;
    let validator = jsonschema::validator_for(&schema).map_err(|error| anyhow!("the schema of {filter}: {error}"))?;
    let findings: Vec<String> = validator
        .iter_errors(&value)
        .take(MOST_FINDINGS)
        .map(|error| {
            let path = error.instance_path().to_string();
            let place = if path.is_empty() { "the configuration".to_owned() } else { path };
            format!("{place}: {error}")
        })
        .collect();
    if !findings.is_empty() {
        bail!("{filter} does not take this configuration:\n  {}", findings.join("\n  "));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"{"type":"object","properties":{"rate":{"type":"integer","minimum":1}},"required":["rate"],"additionalProperties":false}"#;

    #[test]
    fn what_fits_is_given_back() {
        assert_eq!(check("demo", SCHEMA, r#"{"rate": 5}"#).unwrap(), serde_json::json!({ "rate": 5 }));
    }

    #[test]
    fn what_does_not_is_named_with_its_place() {
        let error = check("demo", SCHEMA, r#"{"rate": 0, "burst": 1}"#).unwrap_err().to_string();
        assert!(error.starts_with("demo does not take this configuration:\n"), "{error}");
        assert!(error.contains("/rate: 0 is less than the minimum of 1"), "{error}");
        assert!(error.contains("burst"), "{error}");
        assert!(check("demo", SCHEMA, "{").unwrap_err().to_string().contains("is no JSON"));
        assert!(check("demo", r#"{"type": "no such"}"#, "{}").unwrap_err().to_string().contains("the schema of demo"));
    }

    #[test]
    fn a_schema_fetches_nothing() {
        let outside = r#"{"$ref": "http://127.0.0.1:1/schema.json"}"#;
        assert!(check("demo", outside, "{}").is_err());
        let file = r#"{"$ref": "file:///etc/hostname"}"#;
        assert!(check("demo", file, "{}").is_err());
    }
}
