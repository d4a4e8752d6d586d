//! A run: what is measured in which order, and what is kept of it when it is stopped.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use futures_util::{StreamExt as _, stream};
use weir_envoy::stop_requested;

use crate::callgrind::{self, Pair};
use crate::counts;
use crate::load::{self, Times};
use crate::machine::{self, Machine, Pins, pin_this_thread};
use crate::results::{
    Figure, Figures, FilterResults, InstructionRun, Instructions, Load, ModuleInfo, Results, Series, now,
};
use crate::scale;
use crate::scenario::{Measure, Scenario};
use crate::site::Tools;
use crate::subject::{Contender, Subject, What, write_noop};

/// What a run is asked for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The command line, as its user wrote it.
    pub command: String,
    /// Few rounds, short ones, and only the scenarios that are for a look.
    pub quick: bool,
    /// How many rounds of load there are.
    pub rounds: u32,
    /// Whether Envoy's instructions are counted, and how often.
    pub instructions: Option<u32>,
    /// Whether there is load.
    pub load: bool,
    /// Only these scenarios; all where none is named.
    pub scenarios: Vec<String>,
}

/// What is known so far.
#[derive(Clone, Debug)]
pub struct Kept(Arc<Mutex<Results>>);

impl Kept {
    fn lock(&self) -> MutexGuard<'_, Results> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn filter(&self, at: usize, change: impl FnOnce(&mut FilterResults)) {
        if let Some(filter) = self.lock().filters.get_mut(at) {
            change(filter);
        }
    }
}

/// Runs what is wished, and gives what was found. Where a signal or an error ends it early, that is what was finished
/// until then, with the reason and the exit code: a round counts when every contender has had its turn.
///
/// # Errors
/// Nothing could be measured at all.
pub fn run(wish: &Wish, tools: &Tools, subjects: &[Subject], scenarios: &[Scenario]) -> Result<(Results, i32)> {
    let chosen: Vec<Scenario> = scenarios.iter().filter(|it| wanted(wish, it)).cloned().collect();
    let kept = Kept(Arc::new(Mutex::new(begin(wish, tools, subjects, &chosen)?)));
    // What the load runs on is settled before its threads are started, which inherit it.
    let most = chosen.iter().map(|it| usize::from(it.workers)).filter(|it| Pins::here(*it).is_some()).max();
    if let (true, Some(pins)) = (wish.load, most.and_then(Pins::here)) {
        pin_this_thread(&pins.load)?;
    }
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let code = tokio.block_on(async {
        let stopped = stop_requested()?;
        let measured = measure(wish, tools, subjects, &chosen, &kept);
        tokio::select! {
            biased;
            signal = stopped => {
                kept.lock().incomplete = Some("it was stopped by a signal".into());
                anyhow::Ok(128 + signal)
            }
            measured = measured => Ok(match measured {
                Ok(()) => 0,
                Err(error) => {
                    eprintln!("error: {error:#}");
                    kept.lock().incomplete = Some(format!("{error:#}"));
                    1
                }
            }),
        }
    })?;
    let results = kept.lock().clone();
    Ok((results, code))
}

fn wanted(wish: &Wish, scenario: &Scenario) -> bool {
    match wish.scenarios.as_slice() {
        [] => !wish.quick || scenario.quick,
        named => named.contains(&scenario.name),
    }
}

fn begin(wish: &Wish, tools: &Tools, subjects: &[Subject], scenarios: &[Scenario]) -> Result<Results> {
    let mut versions: BTreeMap<String, String> = [("envoy".to_owned(), weir_envoy::VERSION.to_owned())].into();
    let mut version = |name: &str, program: PathBuf| {
        if let Ok(output) = Command::new(program).arg("--version").output() {
            let said = String::from_utf8_lossy(&output.stdout);
            let said = said.trim().trim_start_matches(name).trim_start_matches([' ', '-']);
            versions.insert(name.into(), said.into());
        }
    };
    if let (true, Some(oha)) = (wish.load, &tools.oha) {
        version("oha", oha.clone());
    }
    if wish.instructions.is_some() {
        version("valgrind", "valgrind".into());
    }
    let filter = |subject: &Subject| {
        Ok(FilterResults {
            name: subject.name.clone(),
            note: subject.bench.note.clone(),
            modules: subject.ports.iter().map(ModuleInfo::of).collect::<Result<_>>()?,
            counts: BTreeMap::new(),
            curves: Vec::new(),
            instructions: Vec::new(),
            load: Vec::new(),
        })
    };
    Ok(Results {
        command: wish.command.clone(),
        began: now(),
        quick: wish.quick,
        incomplete: None,
        versions,
        machine: Machine::now(),
        scenarios: scenarios.to_vec(),
        filters: subjects.iter().map(filter).collect::<Result<_>>()?,
    })
}

async fn measure(wish: &Wish, tools: &Tools, subjects: &[Subject], scenarios: &[Scenario], kept: &Kept) -> Result<()> {
    std::fs::create_dir_all(&tools.state)?;
    let files = tempfile::Builder::new().prefix("bench-").tempdir_in(tools.state.canonicalize()?)?;
    let noop = write_noop(files.path())?;
    for (at, subject) in subjects.iter().enumerate() {
        say(&format!("{}: counting in process", subject.name));
        let table = counts::table(subject, scenarios)?;
        let curves = scale::curves(subject, scenarios)?;
        kept.filter(at, |it| (it.counts, it.curves) = (table, curves));
        // Between two filters a signal may be heard; counting itself hears none.
        tokio::task::yield_now().await;
    }
    for (at, subject) in subjects.iter().enumerate() {
        for scenario in scenarios.iter().filter(|it| subject.configuration(it).is_some()) {
            let contenders = subject.contenders(scenario, &noop)?;
            if let (Some(runs), true) = (wish.instructions, scenario.measures(Measure::Instructions)) {
                instructions(tools, subject, scenario, &contenders, runs, &|found| {
                    kept.filter(at, |it| note(&mut it.instructions, found));
                })
                .await?;
            }
        }
    }
    for (at, subject) in subjects.iter().enumerate() {
        for scenario in scenarios.iter().filter(|it| subject.configuration(it).is_some()) {
            let contenders = subject.contenders(scenario, &noop)?;
            if wish.load && (scenario.measures(Measure::Load) || scenario.measures(Measure::Start)) {
                rounds(wish, tools, subject, scenario, &contenders, &|found| {
                    kept.filter(at, |it| keep_round(&mut it.load, found));
                })
                .await?;
            }
        }
    }
    Ok(())
}

async fn instructions(
    tools: &Tools,
    subject: &Subject,
    scenario: &Scenario,
    contenders: &[Contender],
    runs: u32,
    keep: &impl Fn(Instructions),
) -> Result<()> {
    let Some((bare, others)) = contenders.split_first() else { return Ok(()) };
    let counted = others.iter().filter(|it| it.what != What::Control);
    let turns = (0..runs).flat_map(|run| counted.clone().map(move |contender| (run + 1, contender)));
    let mut pairs = stream::iter(turns.map(|(run, contender)| async move {
        say(&format!("{}, {}: instructions of {} ({run}/{runs})", subject.name, scenario.name, contender.label));
        anyhow::Ok((contender, callgrind::count(tools, subject, scenario, bare, contender).await?))
    }))
    // What else a core does is not counted.
    .buffered(machine::cores().len());
    while let Some(pair) = pairs.next().await {
        let (contender, Pair { bare, with }) = pair?;
        keep(Instructions {
            scenario: scenario.name.clone(),
            label: contender.label.clone(),
            what: contender.what,
            runs: vec![InstructionRun { bare, with }],
        });
    }
    Ok(())
}

fn note(all: &mut Vec<Instructions>, found: Instructions) {
    match all.iter_mut().find(|it| it.scenario == found.scenario && it.label == found.label) {
        Some(known) => known.runs.extend(found.runs),
        None => all.push(found),
    }
}

/// One round: the figures of every contender, in their order.
struct Round {
    scenario: String,
    rate: Option<u32>,
    turns: Vec<(Contender, Figures)>,
}

async fn rounds(
    wish: &Wish,
    tools: &Tools,
    subject: &Subject,
    scenario: &Scenario,
    contenders: &[Contender],
    keep: &impl Fn(Round),
) -> Result<()> {
    let times = if wish.quick { Times::QUICK } else { Times::WHOLE };
    let mut rate = None;
    for round in 0..wish.rounds {
        say(&format!("{}, {}: round {} of {}", subject.name, scenario.name, round + 1, wish.rounds));
        let mut turns: Vec<(Contender, Figures)> = Vec::new();
        if rate.is_none() && scenario.measures(Measure::Load) {
            // The rate is settled by the bare listener before the first round, and is the same for all of them.
            let bare = load::measure(tools, subject, scenario, &contenders[0], times, None).await?;
            rate = bare.get(Figure::Throughput).map(load::rate);
        }
        for contender in contenders {
            let figures = if scenario.measures(Measure::Load) {
                load::measure(tools, subject, scenario, contender, times, rate).await?
            } else {
                load::start(tools, subject, scenario, contender).await?.1
            };
            turns.push((contender.clone(), figures));
        }
        keep(Round { scenario: scenario.name.clone(), rate, turns });
    }
    Ok(())
}

fn keep_round(all: &mut Vec<Load>, round: Round) {
    let at = all.iter().position(|it| it.scenario == round.scenario).unwrap_or_else(|| {
        let empty = |(contender, _): &(Contender, Figures)| Series {
            label: contender.label.clone(),
            what: contender.what,
            rounds: Vec::new(),
        };
        let series = round.turns.iter().map(empty).collect();
        all.push(Load { scenario: round.scenario.clone(), rate: round.rate, series });
        all.len() - 1
    });
    for (series, (_, figures)) in all[at].series.iter_mut().zip(round.turns) {
        series.rounds.push(figures);
    }
}

/// One line of progress on standard error.
fn say(text: &str) {
    eprintln!("bench: {text}");
}
