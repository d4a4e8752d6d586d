//! Two runs beside each other: what was counted has to be the same, and spreads have to overlap.

use std::fmt::Write as _;

use weir_common::thousands;

use super::spread;
use crate::results::{Figure, FilterResults, Results};

/// Everything in which two runs differ, in words.
pub fn text(earlier: &Results, now: &Results) -> String {
    let mut text = format!("Beside the run of {}:\n", earlier.began);
    let (mut same, mut lines) = (0, Vec::new());
    for filter in &now.filters {
        let Some(before) = earlier.filters.iter().find(|it| it.name == filter.name) else { continue };
        same += counts(before, filter, &mut lines) + ratios(before, filter, &mut lines);
    }
    for line in &lines {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {line}");
    }
    let _ = write!(text, "{same} figures are the same or within each other's spread, {} are not", lines.len());
    text
}

fn counts(before: &FilterResults, now: &FilterResults, lines: &mut Vec<String>) -> usize {
    let mut same = 0;
    for (label, scenarios) in &now.counts {
        for (scenario, counts) in scenarios {
            match before.counts.get(label).and_then(|it| it.get(scenario)) {
                Some(known) if known == counts => same += 1,
                Some(known) => lines.push(format!(
                    "{label}, {scenario}: {} guest instructions, and it was {}; {} host calls, and it was {}",
                    thousands(counts.instructions),
                    thousands(known.instructions),
                    counts.calls(),
                    known.calls(),
                )),
                None => {}
            }
        }
    }
    same
}

fn ratios(before: &FilterResults, now: &FilterResults, lines: &mut Vec<String>) -> usize {
    let mut same = 0;
    for load in &now.load {
        let Some(known) = before.load.iter().find(|it| it.scenario == load.scenario) else { continue };
        for series in &load.series {
            let Some(other) = known.series.iter().find(|it| it.label == series.label) else { continue };
            for figure in Figure::ALL {
                match (known.ratio(other, figure), load.ratio(series, figure)) {
                    (Some(before), Some(now)) if before.overlaps(&now) => same += 1,
                    (Some(before), Some(now)) => lines.push(format!(
                        "{}, {}, {}: {}, and it was {}",
                        load.scenario,
                        series.label,
                        figure.words(),
                        spread(&now),
                        spread(&before),
                    )),
                    _ => {}
                }
            }
        }
    }
    same
}
