//! What was seen against what was expected. Pure: the same two give the same verdict.

use std::collections::BTreeMap;
use std::fmt;

use crate::case::{Case, Step};
use crate::difference::{self, shown_body};
use crate::expect::{
    BodyExpectation, Expected, ExpectedCallout, ExpectedRequest, ExpectedResponse, HeaderExpectation, LogExpectation,
    list,
};
use crate::observed::{Observed, Outcome, Reply, Seen, SeenCallout, SeenRequest, SeenResponse};
use crate::value::{Bytes, Header};

/// One thing that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The index of the step, from 0.
    pub step: usize,
    /// The field of the step's `expect` that does not hold: `["response", "headers", "x-a"]`, `["callouts", "0", "path"]`.
    pub field: Vec<String>,
    /// Where, for a reader: `upstream`, `upstream header x-a`, `response status`, `configuration`, …
    pub place: String,
    /// What was expected, as text.
    pub expected: String,
    /// What was seen, as text.
    pub got: String,
    /// Whether it may mend itself by what is still to come: something is missing, and nothing is too much.
    pub lacking: bool,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  expected: {}\n       got: {}", self.place, self.expected, self.got)
    }
}

/// Everything in which what was seen differs from what the case expects, in the order of the steps; empty where the case
/// holds.
pub fn judge(case: &Case, observed: &Observed) -> Vec<Mismatch> {
    let mut found = Found::default();
    for trap in &observed.traps {
        found.step = trap.step;
        found.add(&[], "the filter", "stands", format_args!("traps: {}", trap.text));
    }
    found.step = 0;
    match (&case.refused, &observed.outcome) {
        (_, Outcome::Refused { .. }) if case.hostile => {}
        (_, Outcome::Served(seen)) if case.hostile => found.answered(seen),
        (Some(expected), Outcome::Refused { reason, log }) => found.refusal(expected, reason, log),
        (Some(_), Outcome::Served(_)) => found.add(&["refused"], "configuration", "refused", "accepted"),
        (None, Outcome::Refused { reason, .. }) => {
            found.add(&["refused"], "configuration", "accepted", format_args!("refused: {reason}"));
        }
        (None, Outcome::Served(seen)) => {
            for (index, step) in case.steps.iter().enumerate() {
                found.step = index;
                match seen.get(index) {
                    Some(seen) => found.step(step, seen),
                    None => found.add(&[], "the step", "done", "not done"),
                }
            }
        }
    }
    found.mismatches
}

/// Everything in which one step differs from what it expects, as [`judge`] tells it with step 0.
pub fn judge_step(step: &Step, seen: &Seen) -> Vec<Mismatch> {
    let mut found = Found::default();
    found.step(step, seen);
    found.mismatches
}

/// The mismatches so far, of the step that is being judged.
#[derive(Default)]
struct Found {
    step: usize,
    mismatches: Vec<Mismatch>,
}

impl Found {
    fn add(&mut self, field: &[&str], place: impl fmt::Display, expected: impl fmt::Display, got: impl fmt::Display) {
        let field = field.iter().map(|it| (*it).to_owned()).collect();
        let (place, expected, got) = (place.to_string(), expected.to_string(), got.to_string());
        self.mismatches.push(Mismatch { step: self.step, field, place, expected, got, lacking: false });
    }

    /// Says of the mismatch that was told last that something is missing.
    fn lacking(&mut self, lacking: bool) {
        if let Some(last) = self.mismatches.last_mut() {
            last.lacking = lacking;
        }
    }

    fn refusal(&mut self, expected: &LogExpectation, reason: &str, log: &[String]) {
        if log.iter().any(|line| expected.holds(line)) {
            return;
        }
        let logged = if log.is_empty() { "no log line at all".to_owned() } else { format!("{:?}", log.join("\n")) };
        let got = format_args!("{logged} (refused: {reason})").to_string();
        self.add(&["refused"], "configuration: the filter's log", expected, got);
    }

    /// All that is asked of a filter under hostile input, beside that it does not trap.
    fn answered(&mut self, seen: &[Seen]) {
        for (index, seen) in seen.iter().enumerate() {
            if let Reply::Nothing(why) = &seen.response {
                self.step = index;
                self.add(&[], "response", "an answer", format_args!("none: {why}"));
            }
        }
    }

    fn step(&mut self, step: &Step, seen: &Seen) {
        match (&step.expect.upstream, &seen.upstream) {
            (None, _) | (Some(Expected::Absent), None) => {}
            (Some(Expected::Absent), Some(seen)) => {
                self.add(&["upstream"], "upstream", "no request", format_args!("{} {}", seen.method, seen.path));
            }
            (Some(Expected::Present(_)), None) => {
                self.add(&["upstream"], "upstream", "a request", "none reached it");
                self.lacking(true);
            }
            (Some(Expected::Present(expected)), Some(seen)) => self.request(&["upstream"], "upstream", expected, seen),
        }
        match (&step.expect.response, &seen.response) {
            (None, _) | (Some(Expected::Absent), Reply::Nothing(_)) => {}
            (Some(Expected::Absent), Reply::Response(seen)) => {
                self.add(&["response"], "response", "no answer", format_args!("status {}", seen.status));
            }
            (Some(Expected::Present(_)), Reply::Nothing(why)) => {
                self.add(&["response"], "response", "an answer", format_args!("none: {why}"));
            }
            (Some(Expected::Present(expected)), Reply::Response(seen)) => self.response(expected, seen),
        }
        self.log(step.expect.log.as_deref(), &seen.log);
        for (name, expected) in &step.expect.metrics {
            let got = seen.metrics.get(name);
            if got.unwrap_or(&0) != expected {
                let said = got.map_or("0: there is no such metric".to_owned(), u64::to_string);
                self.add(&["metrics", name], format_args!("metric {name}"), expected, said);
                self.lacking(got.unwrap_or(&0) < expected);
            }
        }
        if let Some(expected) = &step.expect.callouts {
            self.callouts(expected, &seen.callouts);
        }
    }

    fn request(&mut self, at: &[&str], place: &str, expected: &ExpectedRequest, seen: &SeenRequest) {
        if let Some(method) = expected.method.as_ref().filter(|it| **it != seen.method) {
            self.add(&[at, &["method"]].concat(), format_args!("{place} method"), method, &seen.method);
        }
        if let Some(path) = expected.path.as_ref().filter(|it| **it != seen.path) {
            self.add(&[at, &["path"]].concat(), format_args!("{place} path"), path, &seen.path);
        }
        self.fields(&[at, &["headers"]].concat(), &format!("{place} header"), &expected.headers, &seen.headers);
        self.body(&[at, &["body"]].concat(), &format!("{place} body"), expected.body.as_ref(), &seen.body);
        self.fields(&[at, &["trailers"]].concat(), &format!("{place} trailer"), &expected.trailers, &seen.trailers);
    }

    fn response(&mut self, expected: &ExpectedResponse, seen: &SeenResponse) {
        if let Some(status) = expected.status.filter(|it| *it != seen.status) {
            self.add(&["response", "status"], "response status", status, seen.status);
        }
        self.fields(&["response", "headers"], "response header", &expected.headers, &seen.headers);
        self.body(&["response", "body"], "response body", expected.body.as_ref(), &seen.body);
        self.fields(&["response", "trailers"], "response trailer", &expected.trailers, &seen.trailers);
        let breaks = expected.broken.unwrap_or(false);
        if breaks != seen.broken {
            let said = |breaks| if breaks { "breaks off" } else { "comes to its end" };
            self.add(&["response", "broken"], "response", said(breaks), said(seen.broken));
        }
    }

    fn fields(&mut self, at: &[&str], place: &str, expected: &BTreeMap<String, HeaderExpectation>, seen: &[Header]) {
        for (name, expected) in expected {
            let got: Vec<Bytes> = seen.iter().filter(|it| it.name == *name).map(|it| it.value.clone()).collect();
            if !expected.holds(&got) {
                self.add(&[at, &[name.as_str()]].concat(), format_args!("{place} {name}"), expected, list(&got));
                // Headers are there at once, and trailers behind the body.
                self.lacking(at.contains(&"trailers") && got.is_empty());
            }
        }
    }

    fn body(&mut self, at: &[&str], place: &str, expected: Option<&BodyExpectation>, got: &Bytes) {
        match expected {
            None => {}
            Some(BodyExpectation::Exact(bytes)) if bytes == got => {}
            Some(BodyExpectation::Exact(bytes)) => {
                let (expected_text, got_text) = difference::of_bytes(bytes, got);
                self.add(at, place, expected_text, got_text);
                self.lacking(bytes.0.starts_with(&got.0));
            }
            Some(BodyExpectation::Matches(pattern)) if pattern.is_match(&got.0) => {}
            Some(BodyExpectation::Matches(pattern)) => {
                self.add(at, place, pattern, shown_body(got));
                self.lacking(true);
            }
            Some(BodyExpectation::Json(expected)) => match serde_json::from_slice(&got.0) {
                Ok(got) => {
                    for difference in difference::of_json(expected, &got) {
                        let place = format_args!("{place}, JSON at {}", difference.path).to_string();
                        self.add(at, place, difference.expected, difference.got);
                    }
                }
                Err(_) => {
                    self.add(at, place, format_args!("JSON with {expected}"), shown_body(got));
                    self.lacking(true);
                }
            },
        }
    }

    fn log(&mut self, expected: Option<&[LogExpectation]>, seen: &[String]) {
        let (Some(expected), mut rest) = (expected, seen) else { return };
        if expected.is_empty() && !seen.is_empty() {
            self.add(&["log"], "log", "nothing", format_args!("{:?}", seen.join("\n")));
        }
        for (index, expected) in expected.iter().enumerate() {
            match rest.iter().position(|line| expected.holds(line)) {
                Some(at) => rest = &rest[at + 1..],
                None => {
                    let lines = |lines: &[String]| match lines {
                        [] => "no line".to_owned(),
                        lines => format!("{:?}", lines.join("\n")),
                    };
                    let after = if index == 0 { String::new() } else { " after the one before".to_owned() };
                    self.add(&["log"], format_args!("log[{index}]"), format_args!("{expected}{after}"), lines(rest));
                    self.lacking(true);
                    return;
                }
            }
        }
    }

    fn callouts(&mut self, expected: &[ExpectedCallout], seen: &[SeenCallout]) {
        let short = |it: &SeenCallout| format!("{} {} to {}", it.request.method, it.request.path, it.cluster);
        let mut used: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, expected) in expected.iter().enumerate() {
            let nth = used.entry(expected.cluster.as_str()).or_default();
            let place = format!("callouts[{index}]");
            match seen.iter().filter(|it| it.cluster == expected.cluster).nth(*nth) {
                Some(seen) => {
                    let index = index.to_string();
                    self.request(&["callouts", &index], &place, &expected.request, &seen.request);
                }
                None => {
                    self.add(&["callouts"], place, format_args!("a callout to {}", expected.cluster), "none");
                    self.lacking(true);
                }
            }
            *nth += 1;
        }
        let mut met: BTreeMap<&str, usize> = BTreeMap::new();
        let surplus = seen.iter().filter(|seen| {
            let nth = met.entry(seen.cluster.as_str()).or_default();
            *nth += 1;
            *nth > used.get(seen.cluster.as_str()).copied().unwrap_or(0)
        });
        let surplus: Vec<_> = surplus.map(short).collect();
        if !surplus.is_empty() {
            self.add(&["callouts"], "callouts", "no more", surplus.join(", "));
        }
    }
}

#[cfg(test)]
mod tests;
