//! Input that is meant to break a filter, made from the filter's own cases without its author's asking.
//!
//! What comes out are cases like those of a file, except that nothing is expected of them but that the filter stands:
//! it may refuse a configuration, and it has to answer every request, but it never traps. Each case's numbers come from
//! its name, so that a run can be repeated, and that another executor is given the same.

mod configuration;
mod exchange;
mod recipe;
mod value;
mod words;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::case::{Body, Case, Cluster, Http, Reset, Step};
use crate::value::Bytes;
pub(crate) use recipe::recipes;
use words::Words;

/// What the names of all these cases begin with.
pub const PREFIX: &str = "hostile: ";

/// How many answers to a callout are made of each that its case gives.
const STRANGE_ANSWERS: usize = 8;

/// How much is made of one file of cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    /// The most configurations that requests are sent under, each to a VM of its own and in both versions of HTTP.
    pub served: usize,
    /// The requests under each of them.
    pub requests: usize,
    /// The configurations that are not valid, or only just.
    pub configurations: usize,
}

/// The hostile cases that a file's cases give: requests under configurations that they use, and configurations that are
/// almost theirs.
pub fn of(cases: &[Case], amount: Amount) -> Vec<Case> {
    let words = Words::of(cases);
    let mut made = Vec::new();
    for case in distinct(cases.iter().filter(|case| case.refused.is_none()), amount.served) {
        for http in [Http::One, Http::Two] {
            made.push(requests(case, cases, &words, http, amount.requests));
        }
    }
    made.extend((0..amount.configurations).map(|number| configured(cases, &words, number)));
    made
}

/// The first cases of each configuration, at most `most`, spread over the file.
fn distinct<'a>(cases: impl Iterator<Item = &'a Case>, most: usize) -> Vec<&'a Case> {
    let mut seen = HashSet::new();
    let firsts: Vec<_> = cases.filter(|case| seen.insert(case.configuration.as_ref().map(|it| &it.0))).collect();
    let step = firsts.len().div_ceil(most.max(1)).max(1);
    firsts.into_iter().step_by(step).collect()
}

/// Many requests to one VM, under one configuration.
fn requests(of: &Case, cases: &[Case], words: &Words, http: Http, count: usize) -> Case {
    let version = if http == Http::One { "HTTP/1.1" } else { "HTTP/2" };
    let name = format!("{PREFIX}requests over {version}, configured as in {:?}", of.name);
    let mut dice = dice(&name);
    let own: Vec<_> = of.steps.iter().collect();
    let all: Vec<_> = cases.iter().flat_map(|case| &case.steps).collect();
    let steps = (0..count).map(|_| {
        // The steps of the case itself reach the furthest into the filter.
        let from = if dice.u8(..3) > 0 { &own } else { &all };
        let step = dice.choice(from).copied().cloned().unwrap_or_default();
        let request = exchange::request(&mut dice, words, step.request.unwrap_or_default(), http);
        Step { request: Some(request), upstream: exchange::answer(&mut dice, words, step.upstream, http), ..bare(of) }
    });
    let steps = steps.collect();
    let clusters = of.clusters.iter().map(|(name, it)| (name.clone(), cluster(&mut dice, words, it))).collect();
    Case { name, line: of.line, clusters, steps, hostile: true, ..of.clone() }
}

/// One configuration, and one request where it is taken.
fn configured(cases: &[Case], words: &Words, number: usize) -> Case {
    let name = format!("{PREFIX}configuration {number}");
    let mut dice = dice(&name);
    let of = dice.choice(cases).cloned();
    let of = of.unwrap_or_else(|| Case { name: name.clone(), ..Case::default() });
    let text = of.configuration.as_ref().map(|it| it.0.as_slice()).unwrap_or_default();
    let configuration = Some(Bytes(configuration::almost(&mut dice, words, text)));
    let request = of.steps.iter().find_map(|step| step.request.clone()).unwrap_or_default();
    let steps = vec![Step { request: Some(request), ..bare(&of) }];
    Case { name, configuration, refused: None, steps, hostile: true, ..of }
}

/// Answers to callouts: those of the case among others that are not what the filter expects.
fn cluster(dice: &mut fastrand::Rng, words: &Words, of: &Cluster) -> Cluster {
    let mut answers = Vec::new();
    for answer in &of.answers {
        answers.push(answer.clone());
        for _ in 0..STRANGE_ANSWERS {
            let mut strange = exchange::answer(dice, words, answer.clone(), of.http);
            if strange.reset == Reset::Never && dice.bool() {
                strange.body = Body::Whole(Bytes(configuration::almost(dice, words, &answer.body.bytes().0)));
            }
            answers.push(strange);
        }
    }
    Cluster { answers, ..of.clone() }
}

fn bare(of: &Case) -> Step {
    Step { line: of.line, ..Step::default() }
}

/// Numbers that are the same for the same name.
fn dice(name: &str) -> fastrand::Rng {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    fastrand::Rng::with_seed(hasher.finish())
}

#[cfg(test)]
mod tests;
