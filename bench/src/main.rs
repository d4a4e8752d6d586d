//! `weir-bench`: says what filters cost. `cargo xtask bench` builds the filters, finds the tools, and calls this.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use weir_bench::baseline::{self, Baseline};
use weir_bench::counts::{self, Play};
use weir_bench::results::Results;
use weir_bench::run::Wish;
use weir_bench::scenario::{self, Scenario};
use weir_bench::shard;
use weir_bench::site::Tools;
use weir_bench::subject::{Port, Subject};
use weir_bench::{callgrind, equivalence, page, profile, report, run, scale};
use weir_common::Shard;
use weir_envoy::{Kind, Runtime};

/// Says what filters cost, beside no filter and beside what does the same.
#[derive(Parser)]
#[command(name = "weir-bench")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What is measured.
#[derive(Args)]
struct Subjects {
    /// A JSON file with a list of the ports: filter, language, label, dir, wasm, toolchain.
    #[arg(long)]
    ports: PathBuf,
    /// The folder of the scenarios.
    #[arg(long, default_value = "bench/scenarios")]
    scenarios: PathBuf,
    /// Only this share of the filters' uses: 1/4 is the first of four.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
}

#[derive(Subcommand)]
enum Command {
    /// Measures, and writes results.json, report.html and summary.md.
    Run {
        #[command(flatten)]
        subjects: Subjects,
        /// The Envoy binary of the pinned version.
        #[arg(long)]
        envoy: PathBuf,
        /// The load generator.
        #[arg(long)]
        oha: Option<PathBuf>,
        /// Where state files go.
        #[arg(long)]
        state: PathBuf,
        /// Where the report goes.
        #[arg(long)]
        out: PathBuf,
        /// How its user asked for it.
        #[arg(long)]
        command: String,
        /// A look: few rounds, short ones.
        #[arg(long)]
        quick: bool,
        /// How many rounds of load.
        #[arg(long)]
        rounds: Option<u32>,
        /// How often Envoy's instructions are counted.
        #[arg(long, value_name = "RUNS")]
        instructions: Option<u32>,
        /// Leave the load out.
        #[arg(long)]
        no_load: bool,
        /// Only this scenario.
        #[arg(long)]
        scenario: Vec<String>,
        /// The results.json of an earlier run to compare to.
        #[arg(long)]
        baseline: Option<PathBuf>,
    },
    /// Compares the counts to the committed ones; fails where they have grown.
    Check {
        #[command(flatten)]
        subjects: Subjects,
    },
    /// Accepts the counts of today.
    Bless {
        #[command(flatten)]
        subjects: Subjects,
    },
    /// Checks that equivalents hold the cases that they claim.
    Equivalents {
        #[command(flatten)]
        subjects: Subjects,
        /// The Envoy binary of the pinned version.
        #[arg(long)]
        envoy: PathBuf,
        /// Where state files go.
        #[arg(long)]
        state: PathBuf,
    },
    /// Says where the instructions go, by function.
    Profile {
        #[command(flatten)]
        subjects: Subjects,
        /// In this scenario.
        #[arg(long, default_value = scenario::PLAIN)]
        scenario: String,
    },
    /// Writes the report of a run anew, or of the shares of one.
    Report {
        /// A results.json, or several.
        #[arg(required = true)]
        results: Vec<PathBuf>,
        /// Where the report goes.
        #[arg(long)]
        out: PathBuf,
    },
    /// Keeps a run with the checkout, and brings README.md's figures up to date.
    Publish {
        /// A results.json.
        results: PathBuf,
        /// The checkout.
        #[arg(long, default_value = ".")]
        root: PathBuf,
    },
    /// Checks the page of a run in a real browser.
    Page {
        /// A results.json.
        results: PathBuf,
        /// Where state files go.
        #[arg(long, default_value = "target/weir/bench")]
        state: PathBuf,
    },
    /// Checks that README.md's figures are those of the run that is kept.
    Readme {
        /// The checkout.
        #[arg(long, default_value = ".")]
        root: PathBuf,
    },
}

impl Subjects {
    fn read(&self) -> Result<(Vec<Subject>, Vec<Scenario>)> {
        let text = std::fs::read(&self.ports).with_context(|| format!("cannot read {}", self.ports.display()))?;
        let ports: Vec<Port> =
            serde_json::from_slice(&text).with_context(|| format!("{} is no list of ports", self.ports.display()))?;
        let mut subjects = Subject::of(ports)?;
        if let Some(shard) = self.shard {
            // Uses of a filter are dealt out and not ports, because the ports of a use are measured in the same rounds.
            subjects = shard.take(subjects);
        }
        Ok((subjects, scenario::read_all(&self.scenarios)?))
    }
}

fn main() -> ExitCode {
    weir_envoy::end_with_parent();
    match execute(Cli::parse().command) {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> Result<i32> {
    match command {
        Command::Run {
            subjects,
            envoy,
            oha,
            state,
            out,
            command,
            quick,
            rounds,
            instructions,
            no_load,
            scenario,
            baseline,
        } => {
            let (subjects, scenarios) = subjects.read()?;
            check_names(&scenario, &scenarios)?;
            if instructions.is_some() {
                callgrind::find()?;
            }
            let runtime = Runtime::find(Kind::Native, Some(&envoy))?;
            let earlier = baseline.as_deref().map(Results::read).transpose()?;
            let rounds = rounds.unwrap_or(if quick { 2 } else { 5 });
            let wish = Wish { command, quick, rounds, instructions, load: !no_load, scenarios: scenario };
            let (results, code) = run::run(&wish, &Tools { runtime, oha, state }, &subjects, &scenarios)?;
            report::write(&out, &results)?;
            println!("{}", report::markdown::summary(&results));
            if let Some(earlier) = earlier {
                println!("{}", report::compare::text(&earlier, &results));
            }
            println!("report: {}", out.join("report.html").display());
            Ok(code)
        }
        Command::Check { subjects } => check(&subjects),
        Command::Bless { subjects } => {
            let (subjects, scenarios) = subjects.read()?;
            for subject in &subjects {
                Baseline::bless(subject, &counts::table(subject, &scenarios)?)?;
            }
            Ok(0)
        }
        Command::Equivalents { subjects, envoy, state } => equivalents(&subjects, &envoy, &state),
        Command::Profile { subjects, scenario } => show_profile(&subjects, &scenario),
        Command::Report { results, out } => {
            let shares = results.iter().map(|it| Results::read(it)).collect::<Result<_>>()?;
            report::write(&out, &shard::merge(shares)?)?;
            println!("report: {}", out.join("report.html").display());
            Ok(0)
        }
        Command::Publish { results, root } => {
            let folder = report::readme::publish(&root, &Results::read(&results)?)?;
            println!("kept in {}; README.md has its figures", folder.display());
            Ok(0)
        }
        Command::Page { results, state } => {
            page::check(&Results::read(&results)?, &state)?.iter().for_each(|line| println!("{line}"));
            Ok(0)
        }
        Command::Readme { root } => report::readme::check(&root).map(|()| 0),
    }
}

fn check_names(asked: &[String], scenarios: &[Scenario]) -> Result<()> {
    match asked.iter().find(|name| scenarios.iter().all(|it| it.name != **name)) {
        None => Ok(()),
        Some(name) => {
            let known: Vec<_> = scenarios.iter().map(|it| it.name.as_str()).collect();
            bail!("there is no scenario {name:?}; the scenarios are: {}", known.join(", "))
        }
    }
}

fn check(subjects: &Subjects) -> Result<i32> {
    let (subjects, scenarios) = subjects.read()?;
    let mut found = Vec::new();
    for subject in &subjects {
        let table = counts::table(subject, &scenarios)?;
        print!("{}", report::markdown::counts_text(&table));
        found.extend(Baseline::read(subject)?.check(subject, &table));
        // Not held to anything, but a run that ends in the middle of a curve would be found out too late.
        scale::curves(subject, &scenarios)?;
    }
    if found.is_empty() {
        println!("the counts are within {} % of costs.json", baseline::MARGIN_PERCENT);
        return Ok(0);
    }
    bail!("the cost has grown:\n  {}\nwhere that is meant, `cargo xtask bench --bless` accepts it", found.join("\n  "));
}

fn equivalents(subjects: &Subjects, envoy: &Path, state: &Path) -> Result<i32> {
    let runtime = Runtime::find(Kind::Native, Some(envoy))?;
    let (subjects, _) = subjects.read()?;
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    tokio.block_on(async {
        let stopped = weir_envoy::stop_requested()?;
        let all = async {
            let mut claims = 0;
            for subject in &subjects {
                for line in equivalence::check(&runtime, state, subject).await? {
                    println!("{line}");
                    claims += 1;
                }
            }
            println!("{claims} claims hold");
            anyhow::Ok(0)
        };
        tokio::select! {
            biased;
            signal = stopped => Ok(128 + signal),
            checked = all => checked,
        }
    })
}

fn show_profile(subjects: &Subjects, name: &str) -> Result<i32> {
    let (subjects, scenarios) = subjects.read()?;
    check_names(&[name.to_owned()], &scenarios)?;
    for subject in &subjects {
        for scenario in scenarios.iter().filter(|it| it.name == name) {
            let Some(play) = Play::new(subject, scenario) else { bail!("{} has no such request", subject.name) };
            for port in &subject.ports {
                let rows = profile::profile(&port.wasm, &Play { chain: 1, ..play.clone() })?;
                print!("{}", report::markdown::profile_text(&port.label, name, &rows));
            }
        }
    }
    Ok(0)
}
