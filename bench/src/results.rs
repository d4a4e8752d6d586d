//! What a run found, as it is kept: raw, so that every ratio and spread can be made again from it.
//!
//! `results.json` is one [`Results`]. Keys are stable: new ones may come, none changes its meaning.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::counts::Table;
use crate::machine::Machine;
use crate::scale::Curve;
use crate::scenario::Scenario;
use crate::stats::Ratio;
use crate::subject::{Port, What};

/// One figure of a measurement under load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Answers a second, in a closed loop.
    Throughput,
    /// Microseconds of Envoy's CPU time for each request of the closed loop.
    CpuTime,
    /// Milliseconds that half of the requests of the open loop took at most.
    P50,
    /// The same of nine in ten.
    P90,
    /// The same of 99 in a hundred.
    P99,
    /// The same of 999 in a thousand.
    P999,
    /// MiB of Envoy in memory after the closed loop, or after the first request where there is no loop.
    Resident,
    /// Milliseconds until an Envoy that is started serves.
    Start,
    /// Milliseconds of its first request.
    First,
}

impl Figure {
    /// All of them, in the order of reports.
    pub const ALL: [Figure; 9] = [
        Figure::CpuTime,
        Figure::Throughput,
        Figure::P50,
        Figure::P90,
        Figure::P99,
        Figure::P999,
        Figure::Resident,
        Figure::Start,
        Figure::First,
    ];

    /// What reports call it, with its unit.
    pub fn words(self) -> &'static str {
        match self {
            Figure::Throughput => "throughput (requests/s)",
            Figure::CpuTime => "CPU time (µs/request)",
            Figure::P50 => "p50 (ms)",
            Figure::P90 => "p90 (ms)",
            Figure::P99 => "p99 (ms)",
            Figure::P999 => "p99.9 (ms)",
            Figure::Resident => "memory (MiB)",
            Figure::Start => "start-up (ms)",
            Figure::First => "first request (ms)",
        }
    }
}

/// The figures of one measurement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Figures(BTreeMap<Figure, f64>);

impl Figures {
    /// Notes a figure.
    pub fn set(&mut self, figure: Figure, value: f64) {
        self.0.insert(figure, value);
    }

    /// A figure, where it was measured.
    pub fn get(&self, figure: Figure) -> Option<f64> {
        self.0.get(&figure).copied()
    }
}

/// A contender over the rounds of a scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// What it is called.
    pub label: String,
    /// What it is.
    pub what: What,
    /// Its figures, round by round.
    pub rounds: Vec<Figures>,
}

impl Series {
    /// A figure of each round.
    pub fn figures(&self, figure: Figure) -> Vec<Option<f64>> {
        self.rounds.iter().map(|it| it.get(figure)).collect()
    }
}

/// A scenario under load. Of every round there is a figure of every contender.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// The scenario's name.
    pub scenario: String,
    /// Requests a second in the open loop.
    pub rate: Option<u32>,
    /// Those who were measured; the bare listener is the first.
    pub series: Vec<Series>,
}

impl Load {
    /// The difference of a contender to the bare listener in words, where the figure was measured.
    pub fn words(&self, series: &Series, figure: Figure) -> Option<String> {
        let control = self.series.iter().find(|it| it.what == What::Control);
        let control = control.and_then(|it| self.ratio(it, figure));
        Some(self.ratio(series, figure)?.words(control.as_ref()))
    }

    /// MiB of memory for each VM of a Wasm filter: what Envoy holds beyond the bare listener of the same round, over as
    /// many VMs as the scenario has workers and links. `None` for what has no VM.
    pub fn memory_per_vm(&self, series: &Series, scenario: &Scenario) -> Option<Ratio> {
        if !matches!(series.what, What::Noop | What::Port) {
            return None;
        }
        let vms = f64::from(scenario.workers) * f64::from(scenario.chain);
        let bare = self.series.first()?.figures(Figure::Resident);
        let ours = series.figures(Figure::Resident);
        Ratio::over(ours.into_iter().zip(bare).filter_map(|(ours, bare)| Some((ours? - bare?) / vms)))
    }

    /// How many rounds there are: `4 rounds`.
    pub fn rounds(&self) -> String {
        match self.series.first().map_or(0, |it| it.rounds.len()) {
            1 => "1 round".into(),
            count => format!("{count} rounds"),
        }
    }

    /// A contender's figure as a ratio to the bare listener of the same round.
    pub fn ratio(&self, series: &Series, figure: Figure) -> Option<Ratio> {
        Ratio::of(&series.figures(figure), &self.series.first()?.figures(figure))
    }
}

/// Instructions of Envoy for each request, with the filter and without, in one process.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstructionRun {
    /// Of the bare listener.
    pub bare: f64,
    /// Of the one with the contender.
    pub with: f64,
}

/// What a contender adds, over several runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instructions {
    /// The scenario's name.
    pub scenario: String,
    /// The contender.
    pub label: String,
    /// What it is.
    pub what: What,
    /// Each run, in a process of its own.
    pub runs: Vec<InstructionRun>,
}

impl Instructions {
    /// Instructions added to each request: the middle of the runs, and their spread.
    pub fn added(&self) -> Option<Ratio> {
        Ratio::over(self.runs.iter().map(|run| run.with - run.bare))
    }
}

/// A module that was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModuleInfo {
    /// The port's label.
    pub label: String,
    /// The language.
    pub language: String,
    /// Bytes of the module.
    pub bytes: u64,
    /// SHA-256 of the module.
    pub sha256: String,
    /// The compiler.
    pub toolchain: String,
}

/// What was found of one filter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FilterResults {
    /// The filter's name.
    pub name: String,
    /// The word that its manifest has for the report.
    pub note: Option<String>,
    /// Its ports.
    pub modules: Vec<ModuleInfo>,
    /// What each takes, counted in process.
    pub counts: Table,
    /// How that grows.
    pub curves: Vec<Curve>,
    /// Instructions in Envoy.
    pub instructions: Vec<Instructions>,
    /// Load.
    pub load: Vec<Load>,
}

/// A whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// The command that made it.
    pub command: String,
    /// When it began, in UTC: `2026-01-31T12:00:00Z`.
    pub began: String,
    /// Whether it was for a look only: few rounds, short ones.
    pub quick: bool,
    /// Why it is not whole, where it was stopped or failed.
    pub incomplete: Option<String>,
    /// The versions of what was measured with: Envoy, oha, valgrind.
    pub versions: BTreeMap<String, String>,
    /// The machine.
    pub machine: Machine,
    /// The scenarios.
    pub scenarios: Vec<Scenario>,
    /// What was found.
    pub filters: Vec<FilterResults>,
}

impl ModuleInfo {
    /// Describes the module of a port.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of(port: &Port) -> Result<ModuleInfo> {
        let wasm = fs::read(&port.wasm).with_context(|| format!("cannot read {}", port.wasm.display()))?;
        Ok(ModuleInfo {
            label: port.label.clone(),
            language: port.language.clone(),
            bytes: wasm.len() as u64,
            sha256: Sha256::digest(&wasm).iter().map(|byte| format!("{byte:02x}")).collect(),
            toolchain: port.toolchain.clone(),
        })
    }
}

impl Results {
    /// Reads a run.
    ///
    /// # Errors
    /// The file cannot be read, or is none of this form.
    pub fn read(path: &Path) -> Result<Results> {
        let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} does not hold the results of a run", path.display()))
    }
}

/// The time now, as [`Results::began`] has it.
pub fn now() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
    utc(since)
}

/// Seconds since 1970 as date and time, by the calendar's own rule of 400 years.
fn utc(seconds: u64) -> String {
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    // Counted from March of the year 0, a leap day is the last of its year.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_a_date() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(951_827_696), "2000-02-29T12:34:56Z");
        assert_eq!(utc(4_102_444_799), "2099-12-31T23:59:59Z");
    }

    #[test]
    fn ratios_are_to_the_first_of_the_same_round() {
        let series = |label: &str, figures: &[f64]| {
            let round = |value: &f64| {
                let mut figures = Figures::default();
                figures.set(Figure::CpuTime, *value);
                figures
            };
            Series { label: label.into(), what: What::Port, rounds: figures.iter().map(round).collect() }
        };
        let load = Load {
            scenario: "a".into(),
            rate: None,
            series: vec![series("no filter", &[10.0, 20.0]), series("f", &[12.0, 26.0])],
        };
        let ratio = load.ratio(&load.series[1], Figure::CpuTime).unwrap();
        assert_eq!((ratio.low, ratio.high), (1.2, 1.3));
        assert_eq!(load.ratio(&load.series[1], Figure::P50), None);
    }

    #[test]
    fn memory_is_shared_out_to_the_vms() {
        let series = |what, mib: &[f64]| {
            let round = |value: &f64| {
                let mut figures = Figures::default();
                figures.set(Figure::Resident, *value);
                figures
            };
            Series { label: String::new(), what, rounds: mib.iter().map(round).collect() }
        };
        let series =
            vec![series(What::Bare, &[50.0, 60.0]), series(What::Port, &[62.0, 84.0]), series(What::Lua, &[99.0])];
        let load = Load { scenario: "a".into(), rate: None, series };
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let scenario = Scenario { chain: 3, ..crate::scenario::read(&folder.join("workers-4.toml")).unwrap() };
        let each = load.memory_per_vm(&load.series[1], &scenario).unwrap();
        assert_eq!((each.low, each.median, each.high), (1.0, 1.5, 2.0));
        assert_eq!(load.memory_per_vm(&load.series[2], &scenario), None);
    }
}
