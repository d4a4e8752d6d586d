//! What an image says of the filter in it: who built it, from what, for which Envoy. Carried as annotations.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Serialize};

use crate::canonical;

/// The most bytes of a configuration schema that an image carries.
const MOST_SCHEMA_BYTES: usize = 256 << 10;

/// What an image says of its filter. A field that is not known is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Facts {
    /// The filter's name.
    pub filter: String,
    /// The language that it is written in.
    pub language: String,
    /// The filter's version.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// An SPDX expression.
    pub license: String,
    /// The version of the ABI: `0.2.1`. Found in the module when the image is made.
    pub abi: String,
    /// The oldest Envoy that runs it.
    pub minimum_envoy: String,
    /// The Envoy that its cases ran through.
    pub tested_envoy: String,
    /// SHA-256 of all that the module was built from, in hexadecimal digits.
    pub source_digest: String,
    /// The compiler, in its own words.
    pub toolchain: String,
    /// How std was built for it.
    pub size_profile: String,
    /// The commit, if nothing was changed beside it.
    pub revision: String,
    /// Where the sources are.
    pub source: String,
    /// When the sources were committed: seconds since 1970. What was built when would not be the same twice.
    pub created: Option<i64>,
    /// The JSON Schema of its configuration, as text.
    pub config_schema: String,
}

const TITLE: &str = "org.opencontainers.image.title";
const DESCRIPTION: &str = "org.opencontainers.image.description";
const VERSION: &str = "org.opencontainers.image.version";
const LICENSES: &str = "org.opencontainers.image.licenses";
const REVISION: &str = "org.opencontainers.image.revision";
const SOURCE: &str = "org.opencontainers.image.source";
const CREATED: &str = "org.opencontainers.image.created";
const FILTER: &str = "weir.filter";
const LANGUAGE: &str = "weir.language";
const ABI: &str = "weir.abi";
const MINIMUM_ENVOY: &str = "weir.envoy.minimum";
const TESTED_ENVOY: &str = "weir.envoy.tested";
const SOURCE_DIGEST: &str = "weir.source-digest";
const TOOLCHAIN: &str = "weir.toolchain";
const SIZE_PROFILE: &str = "weir.size-profile";
const CONFIG_SCHEMA: &str = "weir.config-schema";

impl Facts {
    /// Checks what must be there, and writes the schema without what only people need.
    ///
    /// # Errors
    /// Names the field: no filter, a date out of range, a schema that is no JSON or too large.
    pub fn checked(mut self) -> Result<Facts> {
        if self.filter.is_empty() {
            bail!("filter: expected the filter's name, found nothing");
        }
        if let Some(seconds) = self.created {
            written_time(seconds).with_context(|| format!("created: {seconds} is no time"))?;
        }
        if !self.config_schema.is_empty() {
            let schema: serde_json::Value =
                serde_json::from_str(&self.config_schema).context("config_schema: expected JSON")?;
            self.config_schema = canonical::sorted(&schema).to_string();
        }
        if self.config_schema.len() > MOST_SCHEMA_BYTES {
            bail!("config_schema: expected at most {MOST_SCHEMA_BYTES} bytes, found {}", self.config_schema.len());
        }
        Ok(self)
    }

    /// The annotations that say all this.
    pub fn annotations(&self) -> BTreeMap<String, String> {
        let created = self.created.and_then(written_time).unwrap_or_default();
        let pairs = [
            (TITLE, &self.filter),
            (DESCRIPTION, &self.summary),
            (VERSION, &self.version),
            (LICENSES, &self.license),
            (REVISION, &self.revision),
            (SOURCE, &self.source),
            (CREATED, &created),
            (FILTER, &self.filter),
            (LANGUAGE, &self.language),
            (ABI, &self.abi),
            (MINIMUM_ENVOY, &self.minimum_envoy),
            (TESTED_ENVOY, &self.tested_envoy),
            (SOURCE_DIGEST, &self.source_digest),
            (TOOLCHAIN, &self.toolchain),
            (SIZE_PROFILE, &self.size_profile),
            (CONFIG_SCHEMA, &self.config_schema),
        ];
        let said = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        said.map(|(key, value)| (key.to_owned(), value.clone())).collect()
    }

    /// What annotations or labels say; an image that somebody else made says little, and that is no error.
    pub fn read(annotations: &BTreeMap<String, String>) -> Facts {
        let get = |key: &str| annotations.get(key).cloned().unwrap_or_default();
        let filter = [FILTER, TITLE].into_iter().map(get).find(|name| !name.is_empty()).unwrap_or_default();
        let created = DateTime::parse_from_rfc3339(&get(CREATED)).ok().map(|time| time.timestamp());
        Facts {
            filter,
            language: get(LANGUAGE),
            version: get(VERSION),
            summary: get(DESCRIPTION),
            license: get(LICENSES),
            abi: get(ABI),
            minimum_envoy: get(MINIMUM_ENVOY),
            tested_envoy: get(TESTED_ENVOY),
            source_digest: get(SOURCE_DIGEST),
            toolchain: get(TOOLCHAIN),
            size_profile: get(SIZE_PROFILE),
            revision: get(REVISION),
            source: get(SOURCE),
            created,
            config_schema: get(CONFIG_SCHEMA),
        }
    }

    /// The day of [`Facts::created`], for a table.
    pub fn day(&self) -> String {
        self.created.and_then(written_time).map(|time| time[..10].to_owned()).unwrap_or_default()
    }

    /// [`Facts::created`] as OCI writes a time.
    pub fn time(&self) -> Option<String> {
        self.created.and_then(written_time)
    }
}

fn written_time(seconds: i64) -> Option<String> {
    let time = DateTime::from_timestamp(seconds, 0)?;
    Some(time.to_rfc3339_opts(SecondsFormat::Secs, true)).filter(|text| text.len() == "1970-01-01T00:00:00Z".len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let text = r#"{"filter": "demo", "language": "rust", "created": 1700000000, "config_schema": "{\n  \"type\": \"object\"\n}"}"#;
        serde_json::from_str::<Facts>(text).unwrap().checked().unwrap()
    }

    #[test]
    fn annotations_read_as_they_were_written() {
        let annotations = facts().annotations();
        assert_eq!(annotations[CREATED], "2023-11-14T22:13:20Z");
        assert_eq!(annotations[CONFIG_SCHEMA], r#"{"type":"object"}"#);
        assert!(!annotations.contains_key(REVISION), "what is not known is not said");
        assert_eq!(Facts::read(&annotations), facts());
        assert_eq!(facts().day(), "2023-11-14");
    }

    #[test]
    fn an_image_of_somebody_else_says_little() {
        let annotations =
            BTreeMap::from([(TITLE.to_owned(), "theirs".to_owned()), (CREATED.to_owned(), "once".to_owned())]);
        assert_eq!(Facts::read(&annotations), Facts { filter: "theirs".into(), ..Facts::default() });
        assert_eq!(Facts::read(&BTreeMap::new()), Facts::default());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |change: fn(&mut Facts)| {
            let mut facts = facts();
            change(&mut facts);
            format!("{:#}", facts.checked().unwrap_err())
        };
        assert!(wrong(|it| it.filter.clear()).contains("filter: expected"));
        assert!(wrong(|it| it.config_schema = "{".into()).contains("config_schema: expected JSON"));
        assert!(wrong(|it| it.config_schema = format!("\"{}\"", "x".repeat(MOST_SCHEMA_BYTES))).contains("at most"));
        assert!(wrong(|it| it.created = Some(i64::MAX)).contains("created:"));
    }
}
