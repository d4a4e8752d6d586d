//! The run that is kept with the checkout, and README.md's figures, which are made from it and cannot drift.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use weir_common::{replace_between, whole};

use super::{added, adds, short, slower_than_lua, spread, times, write as write_report};
use crate::results::{Figure, FilterResults, Results};
use crate::scenario::{Measure, Scenario};
use crate::subject::What;

const BEGIN: &str = "<!-- costs: written by `cargo xtask bench --publish` -->\n";
const END: &str = "<!-- end of costs -->\n";

/// Keeps a run in `bench/results/<date>-<machine>/`, and brings README.md up to date.
///
/// # Errors
/// The run is a quick one or not whole, a port costs more than Lua and no note says why, or a file cannot be written.
pub fn publish(root: &Path, results: &Results) -> Result<PathBuf> {
    if results.quick || results.incomplete.is_some() {
        bail!("a run that is kept has to be whole, and no quick one");
    }
    for filter in results.filters.iter().filter(|it| it.note.is_none()) {
        if let Some(label) = slower_than_lua(filter) {
            bail!(
                "{label} costs more than Lua: say why, and what would mend it, as bench.note in {}'s filter.toml",
                filter.name
            );
        }
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
        "| port | instructions added | those of a no-op | beside Envoy's own filter | beside Lua | MiB for each VM | start-up |\n\
         | --- | ---: | ---: | --- | --- | ---: | ---: |\n",
    );
    for filter in &results.filters {
        for module in &filter.modules {
            text.push_str(&row(filter, &module.label, &results.scenarios));
        }
    }
    text.push('\n');
    // Writing to a string cannot fail, here and below.
    for (name, note) in results.filters.iter().filter_map(|it| Some((&it.name, it.note.as_ref()?))) {
        let _ = writeln!(text, "- {name}: {note}");
    }
    let run = folder.file_name().unwrap_or_default().to_string_lossy();
    let _ = write!(
        text,
        "\nMade by `{}` on {} ({} cores, Envoy {}): [`bench/results/{run}`](bench/results/{run}).\n",
        results.command,
        results.machine.processor,
        results.machine.cores,
        results.versions.get("envoy").map_or("", String::as_str),
    );
    text
}

/// A port: what it adds to a plain request, and what stands beside it; what it takes in memory, and to start.
fn row(filter: &FilterResults, label: &str, scenarios: &[Scenario]) -> String {
    let nothing = || "–".to_owned();
    let own = adds(filter, |it| it.what == What::Port && it.label == label);
    let beside = |what: What| {
        let (own, (name, other)) = (own.as_ref()?, adds(filter, |it| it.what == what)?);
        Some(format!("{} ({})", times(&own.1, &other, name), added(&other)))
    };
    let load = |measured: Measure| {
        let scenario = scenarios.iter().find(|it| it.measures(measured))?;
        let load = filter.load.iter().find(|it| it.scenario == scenario.name)?;
        Some((scenario, load, load.series.iter().find(|it| it.label == label)?))
    };
    let memory = load(Measure::Load).and_then(|(scenario, load, series)| load.memory_per_vm(series, scenario));
    let start = load(Measure::Start).and_then(|(_, load, series)| load.ratio(series, Figure::Start));
    let cells = [
        own.as_ref().map(|it| added(&it.1)),
        adds(filter, |it| it.what == What::Noop).map(|it| added(&it.1)),
        beside(What::Native),
        beside(What::Lua),
        memory.map(|it| short(it.median)),
        start.map(|it| format!("{} ×", spread(&it))),
    ];
    let cells: Vec<_> = cells.into_iter().map(|it| it.unwrap_or_else(nothing)).collect();
    format!("| {label} | {} |\n", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_cannot_drift_and_says_why_it_is_dear() {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/results.json");
        let mut results = Results { quick: false, incomplete: None, ..Results::read(&fixture).unwrap() };
        let root = tempfile::tempdir().unwrap();
        let readme = root.path().join("README.md");
        fs::write(&readme, format!("before\n{BEGIN}{END}after\n")).unwrap();
        publish(root.path(), &results).unwrap();
        check(root.path()).unwrap();
        let text = fs::read_to_string(&readme).unwrap();
        let row = text.lines().find(|line| line.starts_with("| hello-header |")).unwrap();
        assert!(row.contains(" times header_mutation (") && row.contains(" times Lua ("), "{row}");
        fs::write(&readme, text.replace(" times Lua (", " times lua (")).unwrap();
        assert!(check(root.path()).unwrap_err().to_string().contains("the figures are not those of"));

        for it in results.filters[0].instructions.iter_mut().filter(|it| it.what == What::Lua) {
            it.runs.iter_mut().for_each(|run| run.with = run.bare + 1.0);
        }
        results.filters[0].note = None;
        let refused = publish(root.path(), &results).unwrap_err().to_string();
        assert!(refused.starts_with("hello-header costs more than Lua: say why"), "{refused}");
        results.filters[0].note = Some("It is dear.".into());
        publish(root.path(), &results).unwrap();
    }
}
