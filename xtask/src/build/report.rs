//! The size report: what each stage left of a module, what ships, and how that stands to budget and baseline.
//!
//! `dist/size-report.json` is an object with the field `ports`: a list of [`Row`]s by filter and language. Sizes are
//! bytes. Keys are stable: new ones may come, none changes its meaning.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use weir_cases::manifest::{Manifest, SizeProfile};
use weir_common::{shown, thousands};

use super::{Language, hex};
use crate::project::Port;
use crate::whole;

/// Whom a command's findings are for: people or programs.
#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

/// A module after one stage of the shrinker, in bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stage {
    pub(crate) stage: String,
    pub(crate) bytes: u64,
}

/// A stage that was left out, because it broke the module or made it larger.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Dropped {
    pub(crate) stage: String,
    pub(crate) reason: String,
}

/// What the shrinker reports.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Shrunk {
    pub(crate) stages: Vec<Stage>,
    pub(crate) abi: String,
    #[serde(default)]
    pub(crate) dropped: Vec<Dropped>,
}

/// A module that was built, as it is remembered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Built {
    /// SHA-256 of everything that went in.
    pub(crate) input: String,
    /// SHA-256 of the module.
    pub(crate) sha256: String,
    pub(crate) filter: String,
    pub(crate) language: Language,
    pub(crate) size_profile: SizeProfile,
    /// The compiler, in its own words.
    pub(crate) toolchain: String,
    #[serde(flatten)]
    pub(crate) shrunk: Shrunk,
    /// The module as it ships.
    pub(crate) shipped: u64,
    /// The same, as gzip packs it at its best.
    pub(crate) gzipped: u64,
}

/// One line of the report.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    #[serde(flatten)]
    built: Built,
    /// What `filter.toml` allows, if it sets a bound.
    budget: Option<u64>,
    over_budget: bool,
    /// What the committed `sizes.json` of the filter says, where it was made by the same compiler.
    baseline: Option<u64>,
    /// `shipped` less `baseline`.
    change: Option<i64>,
    /// Why the baseline cannot be read.
    #[serde(skip)]
    unreadable: Option<String>,
}

/// The committed sizes of one filter, by language and size profile: `filters/<name>/sizes.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Baseline(BTreeMap<String, BTreeMap<SizeProfile, Size>>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Size {
    shipped: u64,
    gzipped: u64,
    toolchain: String,
}

impl Baseline {
    fn path(port: &Port) -> PathBuf {
        port.dir.join("sizes.json")
    }

    fn read(port: &Port) -> Result<Baseline> {
        let path = Self::path(port);
        match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).with_context(|| {
                format!(
                    "{} cannot be read; restore it, or remove it and `cargo xtask build-all --bless` writes it anew",
                    shown(&path)
                )
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Baseline::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// The bytes that a port ships with, if they were blessed.
    pub(crate) fn shipped(port: &Port, profile: SizeProfile) -> Result<Option<u64>> {
        let baseline = Self::read(port)?;
        Ok(baseline.0.get(port.language.name()).and_then(|sizes| sizes.get(&profile)).map(|size| size.shipped))
    }

    fn size(&self, built: &Built) -> Option<&Size> {
        self.0.get(built.language.name())?.get(&built.size_profile)
    }

    fn bless(&mut self, built: &Built) {
        let size = Size { shipped: built.shipped, gzipped: built.gzipped, toolchain: built.toolchain.clone() };
        self.0.entry(built.language.name().to_owned()).or_default().insert(built.size_profile, size);
    }
}

/// Accepts the sizes of a module as the baseline that later reports compare to.
///
/// # Errors
/// The filter's `sizes.json` cannot be written, or not be read: it has sizes that this run did not see.
pub(crate) fn bless(port: &Port, built: &Built) -> Result<()> {
    let mut baseline = Baseline::read(port)?;
    baseline.bless(built);
    whole::file(&Baseline::path(port), format!("{}\n", serde_json::to_string_pretty(&baseline)?).as_bytes())
}

/// Describes a module that was just built.
pub(super) fn built(
    port: &Port,
    size_profile: SizeProfile,
    toolchain: &str,
    input: &str,
    shrunk: Shrunk,
    wasm: &[u8],
) -> Result<Built> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(wasm)?;
    Ok(Built {
        input: input.to_owned(),
        sha256: hex(&Sha256::digest(wasm)),
        filter: port.filter.clone(),
        language: port.language,
        size_profile,
        toolchain: toolchain.to_owned(),
        shrunk,
        shipped: wasm.len() as u64,
        gzipped: gzip.finish()?.len() as u64,
    })
}

impl Row {
    /// Holds what was built against what the filter's folder says.
    ///
    /// # Errors
    /// The manifest cannot be read. A baseline that cannot be is a [`Row::failure`].
    pub(crate) fn new(port: &Port, built: Built) -> Result<Row> {
        let (baseline, unreadable) = match Baseline::read(port) {
            Ok(baseline) => (baseline, None),
            Err(error) => (Baseline::default(), Some(format!("{}: {error:#}", port.artifact()))),
        };
        Ok(Row { unreadable, ..compare(built, &port.manifest()?, &baseline) })
    }

    /// What is wrong with it, if something is.
    pub(crate) fn failure(&self) -> Option<String> {
        self.over_budget().or_else(|| self.unreadable.clone())
    }

    /// Why the module must not ship, if so.
    pub(crate) fn over_budget(&self) -> Option<String> {
        let budget = self.budget.filter(|_| self.over_budget)?;
        let Built { filter, language, shipped, .. } = &self.built;
        Some(format!("{filter} ({language}): {shipped} bytes, which is {} over its budget", shipped - budget))
    }
}

fn compare(built: Built, manifest: &Manifest, baseline: &Baseline) -> Row {
    let budget = manifest.budget(built.language.name(), built.size_profile);
    // Another compiler gives other bytes: that is no change of the filter.
    let same = baseline.size(&built).filter(|size| size.toolchain == built.toolchain);
    let baseline = same.map(|size| size.shipped);
    let change = baseline.map(|before| built.shipped as i64 - before as i64);
    let over_budget = budget.is_some_and(|budget| built.shipped > budget);
    Row { over_budget, budget, baseline, change, unreadable: None, built }
}

/// Writes `size-report.json` and `size-report.md` into a folder.
///
/// # Errors
/// The folder cannot be written to.
pub(crate) fn write(folder: &Path, rows: &[Row]) -> Result<()> {
    whole::file(&folder.join("size-report.json"), json(rows)?.as_bytes())?;
    whole::file(&folder.join("size-report.md"), markdown(rows).as_bytes())
}

/// The report for programs.
pub(crate) fn json(rows: &[Row]) -> Result<String> {
    #[derive(Serialize)]
    struct Report<'a> {
        ports: &'a [Row],
    }
    Ok(format!("{}\n", serde_json::to_string_pretty(&Report { ports: rows })?))
}

/// The report for a terminal: columns under their headings.
pub(crate) fn text(rows: &[Row]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let table = table(rows);
    let columns = table.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns).map(|i| table.iter().map(|row| row[i].len()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for row in &table {
        let cells = row.iter().zip(&widths).enumerate().map(|(i, (cell, &width))| match i {
            0..WORDS => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    for row in rows {
        for dropped in &row.built.shrunk.dropped {
            let name = format!("{}.{}", row.built.filter, row.built.language);
            text.push_str(&format!("{name}: left out {}: {}\n", dropped.stage, dropped.reason));
        }
    }
    text
}

fn markdown(rows: &[Row]) -> String {
    let mut lines: Vec<String> = table(rows).iter().map(|row| format!("| {} |", row.join(" | "))).collect();
    let columns = lines.first().map_or(0, |line| line.matches('|').count() - 1);
    let rule = (0..columns).map(|i| if i < WORDS { " --- |" } else { " ---: |" });
    lines.insert(1, std::iter::once("|").chain(rule).collect());
    lines.join("\n") + "\n"
}

/// How many of the first columns are words; the others are numbers.
const WORDS: usize = 3;

fn table(rows: &[Row]) -> Vec<Vec<String>> {
    let mut stages: Vec<&str> = Vec::new();
    for stage in rows.iter().flat_map(|row| &row.built.shrunk.stages) {
        if !stages.contains(&stage.stage.as_str()) {
            stages.push(&stage.stage);
        }
    }
    let mut table = vec![["filter", "language", "profile"].map(str::to_owned).to_vec()];
    table[0].extend(stages.iter().map(ToString::to_string));
    table[0].extend(["shipped", "gzipped", "budget", "change"].map(str::to_owned));
    for row in rows {
        let built = &row.built;
        let mut cells = vec![built.filter.clone(), built.language.to_string(), built.size_profile.to_string()];
        for name in &stages {
            let stage = built.shrunk.stages.iter().find(|stage| &stage.stage == name);
            cells.push(stage.map_or("–".to_owned(), |stage| thousands(stage.bytes)));
        }
        cells.extend([thousands(built.shipped), thousands(built.gzipped)]);
        cells.push(row.budget.map_or("none".to_owned(), thousands));
        cells.push(row.change.map_or("new".to_owned(), signed));
        table.push(cells);
    }
    table
}

fn signed(change: i64) -> String {
    match change {
        0 => "0".to_owned(),
        1.. => format!("+{}", thousands(change.unsigned_abs())),
        _ => format!("-{}", thousands(change.unsigned_abs())),
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
