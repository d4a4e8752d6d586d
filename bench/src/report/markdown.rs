//! The summary in Markdown, for a pull request's comment and a terminal.

use std::fmt::Write as _;

use weir_common::thousands;

use super::{added, memory_per_vm, place, spread};
use crate::counts::Table;
use crate::profile::Row;
use crate::results::{Figure, FilterResults, Load, Results};
use crate::scenario::Scenario;
use crate::subject::What;

/// The figures that a summary has room for.
const SHOWN: [Figure; 4] = [Figure::CpuTime, Figure::Throughput, Figure::P99, Figure::Resident];

/// The whole summary.
pub fn summary(results: &Results) -> String {
    let mut text = String::from("# What the filters cost\n");
    if let Some(why) = &results.incomplete {
        // Writing to a string cannot fail, here and below.
        let _ = write!(
            text,
            "\nThis run is not whole: {}. What was finished until then is below.\n",
            why.lines().next().unwrap_or(why)
        );
    }
    for filter in &results.filters {
        let _ = write!(text, "\n## {}\n", filter.name);
        text.push_str(&instructions(filter));
        text.push_str(&counts(&filter.counts));
        text.push_str(&curves(filter));
        for load in &filter.load {
            text.push_str(&under_load(load, &results.scenarios));
        }
        if let Some(note) = &filter.note {
            let _ = write!(text, "\n{note}\n");
        }
    }
    let machine = &results.machine;
    let _ = write!(
        text,
        "\n`{}`, {}: {}, {} cores, load {} when it began. A ratio is to the bare listener of the same round, with the least \
         and the greatest of the rounds; a difference within that, or \
         within that of the bare listener measured again, is none.\n",
        results.command, results.began, machine.processor, machine.cores, machine.load,
    );
    text
}

fn instructions(filter: &FilterResults) -> String {
    let mut scenarios: Vec<&str> = Vec::new();
    for it in &filter.instructions {
        if !scenarios.contains(&it.scenario.as_str()) {
            scenarios.push(&it.scenario);
        }
    }
    if scenarios.is_empty() {
        return String::new();
    }
    let mut text = format!("\nInstructions added to a request in Envoy:\n\n| | {} |\n", scenarios.join(" | "));
    text.push_str(&rule(scenarios.len()));
    let mut labels: Vec<&str> = Vec::new();
    for it in &filter.instructions {
        if !labels.contains(&it.label.as_str()) {
            labels.push(&it.label);
        }
    }
    for label in labels {
        let cells = scenarios.iter().map(|scenario| {
            let found = filter.instructions.iter().find(|it| it.scenario == *scenario && it.label == label);
            found.and_then(|it| it.added()).map_or("–".to_owned(), |it| added(&it))
        });
        let _ = writeln!(text, "| {label} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    for module in &filter.modules {
        if let Some(place) = place(filter, &module.label) {
            let _ = write!(text, "\n{}: {place}.\n", module.label);
        }
    }
    text
}

fn rule(columns: usize) -> String {
    format!("| --- |{}\n", " ---: |".repeat(columns))
}

fn counts(table: &Table) -> String {
    if table.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "\nIn process, for each request:\n\n| port | scenario | guest instructions | host calls | callbacks | memory KiB |\n| --- | --- | ---: | ---: | ---: | ---: |\n",
    );
    for (label, scenarios) in table {
        for (scenario, counts) in scenarios {
            let (instructions, memory) = (thousands(counts.instructions), thousands(counts.memory / 1024));
            let (calls, crossed) = (counts.calls(), counts.crossed());
            let _ = writeln!(text, "| {label} | {scenario} | {instructions} | {calls} | {crossed} | {memory} |");
        }
    }
    text
}

/// The counts for a terminal: a line for each port and scenario.
pub fn counts_text(table: &Table) -> String {
    let mut text = String::new();
    for (label, scenarios) in table {
        for (scenario, counts) in scenarios {
            let _ = writeln!(
                text,
                "{label:<24} {scenario:<12} {:>9} instructions {:>3} host calls {:>3} callbacks {:>6} KiB",
                thousands(counts.instructions),
                counts.calls(),
                counts.crossed(),
                counts.memory / 1024,
            );
        }
    }
    text
}

fn curves(filter: &FilterResults) -> String {
    let mut text = String::new();
    for curve in &filter.curves {
        let _ = write!(text, "\n{}, guest instructions over {}: {}.\n", curve.label, curve.over, curve.words());
    }
    text
}

fn under_load(load: &Load, scenarios: &[Scenario]) -> String {
    let shown: Vec<Figure> = match load.rate {
        Some(_) => SHOWN.to_vec(),
        None => vec![Figure::Start, Figure::First, Figure::Resident],
    };
    let shown: Vec<Figure> =
        shown.into_iter().filter(|figure| load.series.iter().any(|it| load.ratio(it, *figure).is_some())).collect();
    if shown.is_empty() {
        return String::new();
    }
    let headings: Vec<_> = shown.iter().map(|it| it.words()).collect();
    let mut text =
        format!("\n`{}`, {}, ratio to no filter:\n\n| | {} |\n", load.scenario, load.rounds(), headings.join(" | "));
    text.push_str(&rule(shown.len()));
    for series in load.series.iter().filter(|it| it.what != What::Bare) {
        let cells = shown.iter().map(|figure| match load.ratio(series, *figure) {
            Some(ratio) => format!("{} {}", spread(&ratio), load.words(series, *figure).unwrap_or_default()),
            None => "–".into(),
        });
        let _ = writeln!(text, "| {} | {} |", series.label, cells.collect::<Vec<_>>().join(" | "));
    }
    let memory = memory_per_vm(load, scenarios);
    if !memory.is_empty() {
        let _ = write!(text, "\nMemory for each VM: {memory}.\n");
    }
    text
}

/// A profile for a terminal: the dearest functions, and how much of the whole they are.
pub fn profile_text(label: &str, scenario: &str, rows: &[Row]) -> String {
    let sum: f64 = rows.iter().map(|it| it.instructions).sum();
    let mut text = format!(
        "{label}, {scenario}: {} guest instructions executed for each request\n",
        thousands(sum.round() as u64)
    );
    for row in rows {
        let share = row.instructions / sum * 100.0;
        let _ = writeln!(text, "{:>10.1} {share:>5.1} % {:>7.2} calls  {}", row.instructions, row.calls, row.name);
    }
    text
}
