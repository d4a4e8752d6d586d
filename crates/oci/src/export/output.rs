//! YAML or JSON on the standard output.

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde_json::Value;

use crate::canonical;

/// How documents are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// As people write configurations.
    Yaml,
    /// As programs do.
    Json,
}

/// Documents one after another.
pub(super) fn written(documents: &[Value], format: Format) -> Result<String> {
    let texts: Vec<String> = documents.iter().map(|document| one(document, format)).collect::<Result<_>>()?;
    Ok(texts.join(if format == Format::Yaml { "---\n" } else { "" }))
}

fn one(document: &Value, format: Format) -> Result<String> {
    let document = &canonical::sorted(document);
    let mut text = match format {
        Format::Json => serde_json::to_string_pretty(document)?,
        // A long text without spaces, a reference say, gains nothing from being folded.
        Format::Yaml => {
            let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
            serde_saphyr::to_string_with_options(document, options).context("cannot write YAML")?
        }
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// Holds a text against its golden; `WEIR_BLESS=1` writes it anew.
#[cfg(test)]
pub(super) fn holds(name: &str, text: &str) {
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens").join(name);
    if std::env::var_os("WEIR_BLESS").is_some_and(|it| it == "1") {
        std::fs::write(&golden, text).expect("a golden can be written");
    }
    let expected = std::fs::read_to_string(&golden).unwrap_or_default();
    assert!(text == expected, "{} differs, and WEIR_BLESS=1 accepts this:\n{text}", golden.display());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What YAML of one version or another reads as something else must be quoted: Kubernetes reads YAML 1.1.
    #[test]
    fn yaml_means_what_was_meant() {
        let texts = [
            "yes",
            "on",
            "1",
            "1e3",
            "0x1f",
            "null",
            "~",
            "",
            " a",
            "a: b",
            "# a",
            "a\nb\n",
            "{\"a\": 1}",
            "12:30",
            "2024-01-01",
        ];
        let document = json!({ "@type": "x", "texts": texts, "number": 1.5, "empty": {}, "long": "word ".repeat(60) });
        let text = one(&document, Format::Yaml).unwrap();
        for line in ["- \"yes\"", "- \"on\"", "- \"1\"", "- \"null\"", "- \"12:30\""] {
            assert!(text.contains(line), "{line} is not in:\n{text}");
        }
        assert_eq!(serde_saphyr::from_str::<Value>(&text).unwrap(), document);
    }

    #[test]
    fn documents_are_set_apart() {
        let two = [json!({ "a": 1 }), json!({ "b": 2 })];
        assert_eq!(written(&two, Format::Yaml).unwrap(), "a: 1\n---\nb: 2\n");
        assert_eq!(written(&two[..1], Format::Json).unwrap(), "{\n  \"a\": 1\n}\n");
    }
}
