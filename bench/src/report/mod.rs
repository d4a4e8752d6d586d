//! What a run found, for eyes: a page, a summary for a pull request, README's figures, and a comparison of two runs.

pub mod compare;
pub mod html;
pub mod markdown;
pub mod readme;
mod svg;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use weir_common::{shown, thousands, whole};

use crate::results::{FilterResults, Instructions, Load, Results};
use crate::scenario::{PLAIN, Scenario};
use crate::stats::Ratio;
use crate::subject::What;

/// Writes `results.json`, `report.html` and `summary.md` into a folder.
///
/// # Errors
/// The folder cannot be written to.
pub fn write(folder: &Path, results: &Results) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", shown(folder)))?;
    let json = format!("{}\n", serde_json::to_string_pretty(results)?);
    for (name, text) in
        [("results.json", json), ("summary.md", markdown::summary(results)), ("report.html", html::page(results))]
    {
        whole::file(&folder.join(name), text.as_bytes())?;
    }
    Ok(())
}

/// A number as few digits as tell it.
pub fn short(number: f64) -> String {
    match number.abs() {
        it if it >= 1000.0 => thousands(number.round() as u64),
        it if it >= 100.0 => format!("{number:.0}"),
        it if it >= 10.0 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

/// A ratio with its spread: `1.12 (1.08–1.17)`.
pub fn spread(ratio: &Ratio) -> String {
    format!("{:.2} ({:.2}–{:.2})", ratio.median, ratio.low, ratio.high)
}

/// Instructions that are added, with their spread where there is one: `7,012 ± 40`.
pub fn added(added: &Ratio) -> String {
    let around = (added.high - added.low) / 2.0;
    let middle = if added.median < 0.0 {
        format!("-{}", thousands((-added.median) as u64))
    } else {
        thousands(added.median as u64)
    };
    if around < 0.5 { middle } else { format!("{middle} ± {}", thousands(around.ceil() as u64)) }
}

/// What one that is wanted adds to a request of the plain scenario, with its label.
fn adds(filter: &FilterResults, wanted: impl Fn(&Instructions) -> bool) -> Option<(&str, Ratio)> {
    let found = filter.instructions.iter().find(|it| it.scenario == PLAIN && wanted(it))?;
    Some((&found.label, found.added()?))
}

/// How many times that of another a port adds.
fn times(own: &Ratio, other: &Ratio, name: &str) -> String {
    match own.overlaps(other) {
        true => format!("no difference to {name}"),
        false => format!("{:.2} times {name}", own.median / other.median),
    }
}

/// Where a port stands between Envoy's own filter and Lua, by the instructions that each adds in the plain scenario.
pub fn place(filter: &FilterResults, label: &str) -> Option<String> {
    let (_, own) = adds(filter, |it| it.what == What::Port && it.label == label)?;
    let beside = |what| adds(filter, move |it: &Instructions| it.what == what);
    let sides = [(What::Native, "Envoy's own filter"), (What::Lua, "Lua")];
    let sides = sides.map(|(what, name)| Some(times(&own, &beside(what)?.1, name)));
    let sides: Vec<_> = sides.into_iter().flatten().collect();
    (!sides.is_empty()).then(|| sides.join(", "))
}

/// The first port of a filter that adds more than Lua does.
fn slower_than_lua(filter: &FilterResults) -> Option<&str> {
    let (_, lua) = adds(filter, |it| it.what == What::Lua)?;
    let more = |it: &&Instructions| it.what == What::Port && it.added().is_some_and(|own| own.low > lua.high);
    filter.instructions.iter().filter(|it| it.scenario == PLAIN).find(more).map(|it| it.label.as_str())
}

/// What each VM of the Wasm filters takes in memory: `hello-header 3.1 MiB (2.9–3.4)`, and so on; empty where nothing says.
fn memory_per_vm(load: &Load, scenarios: &[Scenario]) -> String {
    let Some(scenario) = scenarios.iter().find(|it| it.name == load.scenario) else { return String::new() };
    let each = load.series.iter().filter_map(|series| {
        let Ratio { median, low, high } = load.memory_per_vm(series, scenario)?;
        Some(format!("{} {} MiB ({}–{})", series.label, short(median), short(low), short(high)))
    });
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_was_kept_is_read_and_shown() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/results.json");
        let results = Results::read(&path).unwrap();
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &results).unwrap();
        assert_eq!(Results::read(&folder.path().join("results.json")).unwrap(), results);
        let summary = std::fs::read_to_string(folder.path().join("summary.md")).unwrap();
        assert!(summary.contains("| hello-header | headers | 1,791 | 2 | 4 | 1,152 |"), "{summary}");
        assert!(summary.contains("\nMemory for each VM: no-op Wasm "), "{summary}");
        let page = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
        assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("NaN"));
        assert!(place(&results.filters[0], "hello-header").unwrap().ends_with(" times Lua"));
        assert!(compare::text(&results, &results).ends_with(", 0 are not"));
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(["7", "70", "700", "7,000", "1,234,567"], [7, 70, 700, 7000, 1_234_567].map(thousands).as_slice());
        assert_eq!([short(0.123), short(12.34), short(123.4), short(1234.5)], ["0.12", "12.3", "123", "1,235"]);
        assert_eq!(added(&Ratio { median: 7012.4, low: 6990.0, high: 7030.0 }), "7,012 ± 20");
    }
}
