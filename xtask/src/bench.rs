//! `cargo xtask bench`: what each filter costs, beside no filter, a no-op, Lua and Envoy's own filter.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use weir_common::Shard;

use crate::build::{self, Language, LeftOut, Options, toolchains};
use crate::process::{build_tool, run};
use crate::project::Project;
use crate::{envoy, oha, readme, whole};

#[derive(Args, Default)]
pub(crate) struct Bench {
    /// Measure only these filters, or ports: NAME or NAME.LANGUAGE.
    filters: Vec<String>,
    /// Measure only the ports in this language.
    #[arg(long)]
    lang: Option<Language>,
    /// Fail where this language has no compiler here, in place of leaving its ports out; `all` means every language.
    #[arg(long, value_name = "LANG", value_parser = toolchains::required)]
    require: Vec<Vec<Language>>,
    /// A look: two short rounds of the plainest scenario.
    #[arg(long)]
    quick: bool,
    /// Compare to an earlier run, by its results.json.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// How many rounds of load there are; 5, or 2 in a quick run.
    #[arg(long, value_name = "N")]
    rounds: Option<u32>,
    /// Only this scenario of bench/scenarios.
    #[arg(long, value_name = "NAME")]
    scenario: Vec<String>,
    /// Count Envoy's instructions as well, so many times; needs valgrind.
    #[arg(long, value_name = "RUNS", num_args = 0..=1, default_missing_value = "2")]
    instructions: Option<u32>,
    /// Leave the load out: only what is counted.
    #[arg(long)]
    no_load: bool,
    /// Only compare what is counted in process to the committed costs.json; fail where it has grown.
    #[arg(long)]
    check: bool,
    /// Accept the counts of today as filters/<name>/costs.json, and write them into README.md's table.
    #[arg(long, conflicts_with = "check")]
    bless: bool,
    /// Only check that what a filter is compared to behaves as it does.
    #[arg(long)]
    check_equivalents: bool,
    /// Only say where the instructions go, by function.
    #[arg(long)]
    profile: bool,
    /// Keep the run in bench/results/ and write README.md's figures.
    #[arg(long, conflicts_with_all = ["quick", "no_load"])]
    publish: bool,
    /// Only this share of the filters, for a runner of its own: 1/4 is the first of four.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Only write one report of the shares of several runners, by their results.json; named once for each.
    #[arg(long, value_name = "FILE")]
    merge: Vec<PathBuf>,
    /// Only look at the report's page in a real browser, in light and dark, on a desk and a phone; by a results.json.
    #[arg(long, value_name = "FILE")]
    check_page: Option<PathBuf>,
    /// The Envoy to run, in place of the one that is found or fetched.
    #[arg(long, value_name = "PATH")]
    envoy: Option<PathBuf>,
}

/// A port as `weir-bench` is told of it.
#[derive(Serialize)]
struct Told {
    filter: String,
    language: String,
    label: String,
    dir: PathBuf,
    wasm: PathBuf,
    toolchain: String,
}

impl Bench {
    /// The gate: counts of all filters against the committed ones.
    pub(crate) fn gate(required: Vec<Language>) -> Bench {
        Bench { check: true, require: vec![required], ..Bench::default() }
    }

    /// That all equivalents are equivalent.
    pub(crate) fn equivalents(required: Vec<Language>) -> Bench {
        Bench { check_equivalents: true, require: vec![required], ..Bench::default() }
    }

    pub(crate) fn run(self) -> Result<()> {
        let project = Project::find()?;
        if !self.merge.is_empty() {
            let mut report = Command::new(tool()?);
            return run(report.arg("report").args(&self.merge).arg("--out").arg(project.dist().join("bench")));
        }
        if let Some(results) = &self.check_page {
            let mut page = Command::new(tool()?);
            return run(page.arg("page").arg(results).arg("--state").arg(project.state().join("bench")));
        }
        let (ports, left_out) = self.ports(&project)?;
        self.measure(&project, &ports)?;
        left_out.say()
    }

    fn measure(&self, project: &Project, ports: &Path) -> Result<()> {
        let tool = tool()?;
        let command = |name: &str| {
            let mut command = Command::new(&tool);
            command.arg(name).arg("--ports").arg(ports).arg("--scenarios").arg(project.root.join("bench/scenarios"));
            command.args(self.shard.iter().flat_map(|shard| ["--shard".to_owned(), shard.to_string()]));
            command
        };
        if self.check {
            return run(&mut command("check"));
        }
        if self.bless {
            run(&mut command("bless"))?;
            return readme::write(project);
        }
        if self.profile {
            let scenario = self.scenario.first().map_or("headers", String::as_str);
            return run(command("profile").args(["--scenario", scenario]));
        }
        // Ctrl-C reaches the measuring process too: it stops what it started and keeps what is finished, and this one waits.
        ctrlc::set_handler(|| {}).context("cannot attend to Ctrl-C")?;
        let envoy = envoy::find_or_fetch(project, self.envoy.as_deref())?;
        let state = project.state().join("envoy");
        if self.check_equivalents {
            return run(command("equivalents").arg("--envoy").arg(&envoy).arg("--state").arg(&state));
        }
        let out = project.dist().join("bench");
        let mut measure = command("run");
        measure.arg("--envoy").arg(&envoy).arg("--state").arg(&state).arg("--out").arg(&out);
        measure.arg("--command").arg(asked());
        if !self.no_load {
            measure.arg("--oha").arg(oha::find_or_build(project)?);
        }
        run(self.wishes(&mut measure))?;
        if self.publish {
            return publish(&tool, project, &out);
        }
        Ok(())
    }

    /// Builds the ports, and writes the list of them.
    fn ports(&self, project: &Project) -> Result<(PathBuf, LeftOut)> {
        let ports = project.select(&self.filters, self.lang)?;
        let options = Options { required: self.require.concat(), ..Options::default() };
        let (built, left_out) = build::all(project, ports, &options)?;
        let told = built.into_iter().map(|(port, built)| Told {
            filter: port.filter.clone(),
            language: port.language.to_string(),
            label: port.artifact(),
            wasm: project.dist().join(format!("{}.wasm", port.artifact())),
            dir: port.dir,
            toolchain: built.toolchain,
        });
        let told: Vec<Told> = told.collect();
        let folder = project.state().join("bench");
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let path = folder.join("ports.json");
        whole::file(&path, &serde_json::to_vec_pretty(&told)?)?;
        Ok((path, left_out))
    }

    fn wishes<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        if self.quick {
            command.arg("--quick");
        }
        if self.no_load {
            command.arg("--no-load");
        }
        let numbers = [("--rounds", self.rounds), ("--instructions", self.instructions)];
        for (name, number) in numbers {
            command.args(number.map(|number| [name.to_owned(), number.to_string()]).into_iter().flatten());
        }
        if let Some(file) = &self.baseline {
            command.arg("--baseline").arg(file);
        }
        self.scenario.iter().for_each(|name| {
            command.args(["--scenario", name]);
        });
        command
    }
}

/// The program that measures.
fn tool() -> Result<PathBuf> {
    build_tool("weir-bench", "weir-bench", &[])
}

/// The command line, as its user wrote it.
fn asked() -> String {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    format!("cargo xtask {}", arguments.join(" "))
}

fn publish(tool: &Path, project: &Project, out: &Path) -> Result<()> {
    run(Command::new(tool).arg("publish").arg(out.join("results.json")).arg("--root").arg(&project.root))
}

/// Makes sure that README.md's figures are those of the run that is kept.
///
/// # Errors
/// They are not, or the tool that knows does not compile.
pub(crate) fn check_readme() -> Result<()> {
    let project = Project::find()?;
    run(Command::new(tool()?).arg("readme").arg("--root").arg(&project.root))
}
