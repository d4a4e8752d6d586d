//! What is told of a case that does not hold.

use crate::case::Case;
use crate::judge::{Mismatch, judge};
use crate::observed::{Observed, Outcome};

/// The report of a case that does not hold: its name, every mismatch with its step, and the filter's log; `None` where
/// it holds.
pub fn report(case: &Case, observed: &Observed) -> Option<String> {
    let found = judge(case, observed);
    (!found.is_empty()).then(|| text(case, observed, &found))
}

fn text(case: &Case, observed: &Observed, found: &[Mismatch]) -> String {
    let mut text = format!("case {:?} (line {}):\n", case.name, case.line);
    let mut told = None;
    for mismatch in found {
        if case.steps.len() > 1 && told != Some(mismatch.step) {
            let line = case.steps.get(mismatch.step).map_or(case.line, |step| step.line);
            text.push_str(&format!("step {} (line {line}):\n", mismatch.step + 1));
            told = Some(mismatch.step);
        }
        text.push_str(&format!("{mismatch}\n"));
    }
    match log(observed).as_slice() {
        [] => text.push_str("the filter logged nothing"),
        lines => text.push_str(&format!("the filter's log:\n  {}", lines.join("\n  "))),
    }
    for note in &observed.notes {
        text.push_str(&format!("\n{note}"));
    }
    text
}

/// The filter's log, with the step before each line where there are several.
fn log(observed: &Observed) -> Vec<String> {
    match &observed.outcome {
        Outcome::Refused { log, .. } => log.clone(),
        Outcome::Served(steps) if steps.len() == 1 => steps[0].log.clone(),
        Outcome::Served(steps) => {
            let lines = steps.iter().enumerate().flat_map(|(at, seen)| seen.log.iter().map(move |line| (at, line)));
            lines.map(|(at, line)| format!("[step {}] {line}", at + 1)).collect()
        }
    }
}
