//! `[bench]` of a `filter.toml`: what a filter is measured with, and beside what.

use std::path::{Component, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// Header fields that a request gets beside those of its scenario: `[["name", "value"], …]`.
pub type Headers = Vec<(String, String)>;

/// What a filter is measured with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bench {
    /// What reports call this use of the filter; only the uses in [`Bench::also`] have a name.
    pub name: Option<String>,
    /// The filter's configuration; without one it is given none at all.
    pub configuration: Option<String>,
    /// What a request says so that the filter does its usual work.
    pub headers: Headers,
    /// A request that the filter answers itself, where it has such.
    pub rejected: Option<Rejected>,
    /// What does the same without this filter.
    pub equivalent: Vec<Equivalent>,
    /// What of a configuration or of the requests the cost may grow with.
    pub scale: Vec<Scale>,
    /// A word for the report: where the filter stands, why, and what would mend it.
    pub note: Option<String>,
    /// Other uses of the filter, which are measured in the same way.
    pub also: Vec<Bench>,
}

/// A request that the filter answers itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejected {
    /// The configuration, where it is another than for requests that pass.
    #[serde(default)]
    pub configuration: Option<String>,
    /// What the request says.
    #[serde(default)]
    pub headers: Headers,
    /// The status that the filter answers with.
    pub status: u16,
    /// How many requests pass before the filter answers them itself.
    #[serde(default)]
    pub after: u32,
}

/// What an equivalent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A script for Envoy's Lua filter.
    Lua,
    /// A filter that Envoy itself has.
    Native,
}

/// Something that behaves as the filter does under the bench's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Equivalent {
    /// Which kind.
    pub kind: Kind,
    /// What reports call it: `Lua`, `header_mutation`.
    pub name: String,
    /// A file of the filter's folder: a Lua script, or the JSON of an entry of `http_filters`.
    pub file: PathBuf,
    /// The same for requests that are rejected, where the filter has another configuration for them.
    #[serde(default)]
    pub rejected: Option<PathBuf>,
    /// The cases of `cases.toml` that it holds, and that so prove it equivalent. Their configuration is the bench's.
    pub cases: Vec<String>,
}

/// Something that the cost may grow with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// What is counted: `API keys`.
    pub what: String,
    /// How many of it are measured, ascending.
    pub values: Vec<u32>,
    /// The configuration. `${each}` in it stands for as many of [`Scale::each`] as are measured, with commas between.
    pub configuration: String,
    /// One of it; `${n}` is its number, from 0, and `${sha256:TEXT}` a digest in hexadecimal.
    #[serde(default)]
    pub each: String,
    /// What a request says; `${n}` is the number of the request, of as many as are measured, over and over.
    #[serde(default)]
    pub headers: Headers,
}

impl Bench {
    /// Checks what the types do not say.
    ///
    /// # Errors
    /// Names the field: a file outside of the filter's folder, an equivalent that no case proves, values that do not
    /// ascend, uses without a name or with one that another has.
    pub(super) fn check(&self) -> Result<()> {
        if self.name.is_some() {
            bail!("bench.name: the first use has the filter's name; expected none here");
        }
        self.check_use()?;
        for (index, other) in self.also.iter().enumerate() {
            let name = other.name.as_deref().unwrap_or_default();
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            if name.is_empty() || !name.bytes().all(plain) {
                bail!("bench.also[{index}].name: expected lower-case letters, digits and hyphens, got {name:?}");
            }
            if self.also[..index].iter().any(|it| it.name == other.name) {
                bail!("bench.also[{index}].name: there is another use called {name:?}");
            }
            if !other.also.is_empty() {
                bail!("bench.also[{index}].also: a use has no others below it");
            }
            other.check_use().with_context(|| format!("bench.also[{index}]"))?;
        }
        Ok(())
    }

    fn check_use(&self) -> Result<()> {
        for (index, equivalent) in self.equivalent.iter().enumerate() {
            for file in [Some(&equivalent.file), equivalent.rejected.as_ref()].into_iter().flatten() {
                let inside = file.components().all(|it| matches!(it, Component::Normal(_)));
                if !inside || file.as_os_str().is_empty() {
                    bail!("bench.equivalent[{index}].file: expected a file of the filter's folder, got {file:?}");
                }
            }
            if equivalent.cases.is_empty() {
                bail!("bench.equivalent[{index}].cases: expected the cases that prove it equivalent, got none");
            }
        }
        for (index, scale) in self.scale.iter().enumerate() {
            if scale.values.len() < 3 || !scale.values.is_sorted_by(|a, b| a < b) {
                bail!(
                    "bench.scale[{index}].values: expected at least three numbers that ascend, got {:?}",
                    scale.values
                );
            }
        }
        Ok(())
    }
}
