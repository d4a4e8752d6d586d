//! Cases as named trials on any executor: which are run, what is told of each, and what the run comes to.
//!
//! Behind the feature `harness`, because who only reads cases needs neither a test harness nor a writer of TOML.

mod bless;
mod run;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use libtest_mimic::{Arguments, Failed, Trial};

pub use libtest_mimic::Conclusion;
pub use run::Run;

use crate::case::Case;
use crate::executor::{Executor, Subject};
use crate::hostile::{self, Amount, recipes};
use bless::Blessing;

/// One module and the cases that it has to hold.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The module.
    pub subject: Subject,
    /// Where the cases stand.
    pub file: PathBuf,
    /// The cases.
    pub cases: Vec<Case>,
}

/// The cases of a run, and how they are run.
#[derive(Debug)]
pub struct Harness {
    suites: Vec<Suite>,
    arguments: Arguments,
    bless: bool,
}

impl Harness {
    /// Reads the cases. `arguments` are those of a test harness: a part of the trials' names, `--exact`, `--list`, …;
    /// one that does not exist ends the program with a message. Beside them `--case TEXT`, as often as is asked for, leaves
    /// the cases whose names contain one of the texts. With `bless`, what does not hold is written over with
    /// what was seen; see [`bless_asked`]. Each file's cases are followed by as many hostile ones as `hostile` says.
    ///
    /// # Errors
    /// A file of cases is not read, no case's name contains a text of `--case`, a module's path names no file, or two modules have one label.
    pub fn read(
        program: &str,
        runs: &[Run],
        hostile: Option<Amount>,
        arguments: &[String],
        bless: bool,
    ) -> Result<Harness> {
        let (texts, arguments) = asked(arguments);
        let arguments = Arguments::from_iter([program].into_iter().chain(arguments));
        let mut suites = runs.iter().map(|run| suite(run, hostile)).collect::<Result<Vec<_>>>()?;
        leave(&mut suites, &texts)?;
        for (at, suite) in suites.iter().enumerate() {
            let label = &suite.subject.label;
            if suites[..at].iter().any(|other| other.subject.label == *label) {
                bail!("--run names two modules {label:?}; their trials could not be told apart");
            }
        }
        Ok(Harness { suites, arguments, bless })
    }

    /// Prints the trials' names where that is all that was asked for, and says whether it was.
    pub fn listed(&self) -> bool {
        if self.arguments.list {
            let names = self.cases().into_iter().map(|(suite, case)| Trial::test(name(suite, case), || Ok(())));
            // Listing comes to no conclusion.
            drop(libtest_mimic::run(&self.arguments, names.collect()));
        }
        self.arguments.list
    }

    /// The suites with the cases that are going to be run, and without the others.
    pub fn wanted(&self) -> Vec<Suite> {
        let wanted = |suite: &Suite| {
            let is_wanted = |case: &&Case| {
                let trial = Trial::test(name(suite, case), || Ok(()));
                !self.arguments.is_filtered_out(&trial)
            };
            Suite { cases: suite.cases.iter().filter(is_wanted).cloned().collect(), ..suite.clone() }
        };
        self.suites.iter().map(wanted).filter(|suite| !suite.cases.is_empty()).collect()
    }

    /// Runs the trials, `threads` of them at a time unless the arguments say how many, and prints what becomes of each.
    /// Without a number there are as many as the machine has processors.
    pub fn run(&self, executor: &Arc<impl Executor + Send + 'static>, threads: Option<usize>) -> Conclusion {
        let mut arguments = self.arguments.clone();
        arguments.test_threads = arguments.test_threads.or(threads);
        let blessing = Arc::new(Blessing::default());
        let trials = self.trials(executor, &blessing).into_iter().map(|(name, run)| Trial::test(name, run));
        let conclusion = libtest_mimic::run(&arguments, trials.collect());
        for line in blessing.told() {
            println!("{line}");
        }
        conclusion
    }

    /// A trial for every case, with its name.
    fn trials(
        &self,
        executor: &Arc<impl Executor + Send + 'static>,
        blessing: &Arc<Blessing>,
    ) -> Vec<(String, Runner)> {
        let blessing = self.bless.then_some(blessing);
        let trial = |(suite, case): (&Suite, &Case)| {
            let (executor, blessing, file) = (Arc::clone(executor), blessing.cloned(), suite.file.clone());
            let (subject, own) = (suite.subject.clone(), case.clone());
            let run = move || trial(executor.as_ref(), &subject, &file, &own, blessing.as_deref());
            (name(suite, case), Box::new(run) as Runner)
        };
        self.cases().into_iter().map(trial).collect()
    }

    /// All cases. The ones that need time, or need others to wait, come first: the run is over the sooner.
    fn cases(&self) -> Vec<(&Suite, &Case)> {
        let cases = self.suites.iter().flat_map(|suite| suite.cases.iter().map(move |case| (suite, case)));
        let mut cases: Vec<_> = cases.collect();
        cases.sort_by_key(|(_, case)| (!case.expects_metrics(), Reverse(case.waits())));
        cases
    }
}

type Runner = Box<dyn FnOnce() -> Result<(), Failed> + Send>;

/// Whether the environment asks to write what was seen over what does not hold: `WEIR_BLESS=1`.
pub fn bless_asked() -> bool {
    std::env::var_os("WEIR_BLESS").is_some_and(|it| it == "1")
}

/// The texts of `--case`, and the other arguments.
fn asked(arguments: &[String]) -> (Vec<&str>, Vec<&str>) {
    let (mut texts, mut others) = (Vec::new(), Vec::new());
    let mut arguments = arguments.iter().map(String::as_str);
    while let Some(argument) = arguments.next() {
        match argument {
            "--case" => texts.extend(arguments.next()),
            other => others.push(other),
        }
    }
    (texts, others)
}

/// Takes away the cases whose names contain none of the texts, where there are any.
fn leave(suites: &mut [Suite], texts: &[&str]) -> Result<()> {
    let names: Vec<String> = suites.iter().flat_map(|suite| suite.cases.iter().map(|case| name(suite, case))).collect();
    if let Some(lost) = texts.iter().find(|text| !names.iter().any(|name| name.contains(**text))) {
        bail!("no case was run: none of {} has {lost:?} in its name", names.len());
    }
    for suite in suites.iter_mut().filter(|_| !texts.is_empty()) {
        let mut cases = std::mem::take(&mut suite.cases);
        cases.retain(|case| texts.iter().any(|text| name(suite, case).contains(text)));
        suite.cases = cases;
    }
    Ok(())
}

/// What a case's trial is called.
fn name(suite: &Suite, case: &Case) -> String {
    format!("{}::{}", suite.subject.label, case.name)
}

fn suite(run: &Run, hostile: Option<Amount>) -> Result<Suite> {
    let label = run.wasm.file_stem().with_context(|| format!("{} names no file", run.wasm.display()))?;
    let subject = Subject { label: label.to_string_lossy().into_owned(), wasm: run.wasm.clone() };
    let mut cases = crate::read(&run.cases)?;
    cases.extend(hostile.map_or_else(Vec::new, |amount| hostile::of(&cases, amount)));
    Ok(Suite { subject, file: run.cases.clone(), cases })
}

fn trial(
    executor: &dyn Executor,
    subject: &Subject,
    file: &Path,
    case: &Case,
    blessing: Option<&Blessing>,
) -> Result<(), Failed> {
    let observed = executor.execute(subject, case).map_err(|error| format!("{error:#}"))?;
    let Some(report) = crate::report(case, &observed) else { return Ok(()) };
    let report = report + &recipes(case, &observed);
    match blessing {
        None => Err(report.into()),
        Some(blessing) => blessing.bless(file, case, &observed).map_err(|why| format!("{report}\n{why:#}").into()),
    }
}

/// The exit code of a run: 0, or the harness's own 101 where a trial failed.
///
/// # Errors
/// Something went wrong beside the cases' verdicts, as `aftermath` says, or no case was run.
pub fn conclude(conclusion: &Conclusion, aftermath: &[String]) -> Result<i32> {
    if !aftermath.is_empty() {
        bail!("{}", aftermath.join("\n"));
    }
    if conclusion.num_passed + conclusion.num_failed == 0 {
        bail!("no case was run: {} were filtered out, {} ignored", conclusion.num_filtered_out, conclusion.num_ignored);
    }
    Ok(if conclusion.has_failed() { 101 } else { 0 })
}
