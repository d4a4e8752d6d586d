//! The run that is kept with the checkout, and README.md's figures, which are made from it and cannot drift.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use weir_common::{replace_between, thousands, whole};

use super::{added, place, write as write_report};
use crate::results::Results;
use crate::subject::What;

const BEGIN: &str = "<!-- costs: written by `cargo xtask bench --publish` -->\n";
const END: &str = "<!-- end of costs -->\n";

/// Keeps a run in `bench/results/<date>-<machine>/`, and brings README.md up to date.
///
/// # Errors
/// The run is a quick one or not whole, or a file cannot be written.
pub fn publish(root: &Path, results: &Results) -> Result<PathBuf> {
    if results.quick || results.incomplete.is_some() {
        bail!("a run that is kept has to be whole, and no quick one");
    }
    let folder = root.join("bench/results").join(name(results));
    write_report(&folder, results)?;
    let path = root.join("README.md");
    let (old, new) = readme(root, &folder, results)?;
    if old != new {
        whole::file(&path, new.as_bytes())?;
    }
    Ok(folder)
}

/// Makes sure that README.md has the figures of the newest run that is kept.
///
/// # Errors
/// It has not, or a file cannot be read.
pub fn check(root: &Path) -> Result<()> {
    let Some(folder) = newest(root)? else { return Ok(()) };
    let results = Results::read(&folder.join("results.json"))?;
    let (old, new) = readme(root, &folder, &results)?;
    if old != new {
        bail!(
            "README.md: the figures are not those of {}; `cargo xtask bench --publish` writes them",
            folder.display()
        );
    }
    Ok(())
}

/// `2026-01-31-2-core-xeon`.
fn name(results: &Results) -> String {
    let date = results.began.split('T').next().unwrap_or_default();
    let words = results.machine.processor.to_lowercase();
    let words: String = words.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { ' ' }).collect();
    let noise = ["r", "tm", "cpu", "processor", "core", "with"];
    let words: Vec<_> = words.split_whitespace().filter(|it| !noise.contains(it)).take(3).collect();
    format!("{date}-{}-core-{}", results.machine.cores, words.join("-"))
}

fn newest(root: &Path) -> Result<Option<PathBuf>> {
    let folder = root.join("bench/results");
    if !folder.exists() {
        return Ok(None);
    }
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut runs: Vec<PathBuf> = entries.filter_map(|it| Some(it.ok()?.path())).filter(|it| it.is_dir()).collect();
    runs.sort();
    Ok(runs.pop())
}

/// README.md as it is, and as the run makes it.
fn readme(root: &Path, folder: &Path, results: &Results) -> Result<(String, String)> {
    let path = root.join("README.md");
    let old = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let new = replace_between(&old, BEGIN, END, &table(folder, results))
        .with_context(|| format!("{}: expected the lines {BEGIN:?} and {END:?}", path.display()))?;
    Ok((old, new))
}

fn table(folder: &Path, results: &Results) -> String {
    let mut text = String::from(
        "| filter | beside it | instructions added | guest instructions | host calls |\n| --- | --- | ---: | ---: | ---: |\n",
    );
    let mut places = String::new();
    for filter in &results.filters {
        let plain = filter.instructions.iter().filter(|it| it.scenario == "headers");
        for it in plain {
            let counts = filter.counts.get(&it.label).and_then(|it| it.get("headers"));
            let instructions = it.added().map_or("–".to_owned(), |it| added(&it));
            let (guest, calls) = counts.map_or(("–".to_owned(), "–".to_owned()), |it| {
                (thousands(it.instructions), it.calls().to_string())
            });
            let label = if it.what == What::Port { format!("**{}**", it.label) } else { it.label.clone() };
            // Writing to a string cannot fail, here and below.
            let _ = writeln!(text, "| {} | {label} | {instructions} | {guest} | {calls} |", filter.name);
        }
        for module in &filter.modules {
            if let Some(place) = place(filter, &module.label) {
                let _ = writeln!(places, "- {}: {place}.{}", module.label, note(filter.note.as_deref()));
            }
        }
    }
    let run = folder.file_name().unwrap_or_default().to_string_lossy();
    let _ = write!(
        text,
        "\n{places}\nMade by `{}` on {} ({} cores, Envoy {}): [`bench/results/{run}`](bench/results/{run}).\n",
        results.command,
        results.machine.processor,
        results.machine.cores,
        results.versions.get("envoy").map_or("", String::as_str),
    );
    text
}

fn note(note: Option<&str>) -> String {
    note.map(|it| format!(" {it}")).unwrap_or_default()
}
