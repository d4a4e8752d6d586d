//! `cargo xtask build-all`: every filter built, shrunk, sized, and held against its budget.

use anyhow::{Result, bail};
use clap::Args;
use weir_cases::manifest::SizeProfile;

use crate::build::report::{self, Built, Format, Row};
use crate::build::{self, Options, Outcome};
use crate::process::{say, shown};
use crate::project::{Language, Port, Project};
use crate::readme;
use crate::shard::Shard;

#[derive(Args)]
pub(crate) struct BuildAll {
    /// Build only these filters.
    filters: Vec<String>,
    /// Build only the ports in this language.
    #[arg(long)]
    lang: Option<Language>,
    /// Build only this share of the ports, of so many.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Leave the optimiser out: quick, for a look. The result goes to target/weir/dev, not to dist/.
    #[arg(long)]
    dev: bool,
    /// Build with this size profile in place of the one that filter.toml names.
    #[arg(long, value_name = "PROFILE", value_parser = size_profile)]
    size_profile: Option<SizeProfile>,
    /// Accept the sizes of what is built as the baseline: filters/<name>/sizes.json.
    #[arg(long, conflicts_with = "dev")]
    bless: bool,
    /// Build anew even what was built before from the same sources and tools.
    #[arg(long)]
    rebuild: bool,
    /// How to print the report on standard output.
    #[arg(long, default_value = "text")]
    format: Format,
}

fn size_profile(text: &str) -> Result<SizeProfile, String> {
    match text {
        "standard" => Ok(SizeProfile::Standard),
        "min" => Ok(SizeProfile::Min),
        _ => Err("expected \"standard\" or \"min\"".into()),
    }
}

impl BuildAll {
    /// What ships, of these filters or of all.
    pub(crate) fn shipping(filters: Vec<String>) -> BuildAll {
        BuildAll {
            filters,
            lang: None,
            shard: None,
            dev: false,
            size_profile: None,
            bless: false,
            rebuild: false,
            format: Format::Text,
        }
    }

    pub(crate) fn run(self) -> Result<()> {
        let project = Project::find()?;
        let mut ports = project.select(&self.filters, self.lang)?;
        if let Some(shard) = self.shard {
            ports = shard.take(ports);
        }
        let asked = ports.len();
        let options = Options { dev: self.dev, size_profile: self.size_profile, rebuild: self.rebuild };
        let outcomes = build::build(&project, ports, options)?;
        let (mut modules, mut failures) = sort_out(outcomes);
        if self.bless {
            modules.iter().try_for_each(|(port, built)| report::bless(port, built))?;
            readme::write(&project)?;
        }
        if !self.dev {
            build::tidy(&project)?;
            let ports: Vec<Port> = modules.iter().map(|(port, _)| port.clone()).collect();
            modules.extend(build::published(&project, &ports)?);
            modules.sort_by_key(|(port, _)| port.artifact());
        }
        let rows: Vec<Row> = modules.into_iter().map(|(port, built)| Row::new(&port, built)).collect::<Result<_>>()?;
        if !self.dev {
            failures.extend(rows.iter().filter_map(Row::failure));
            report::write(&project.dist(), &rows)?;
        }
        print!("{}", if self.format == Format::Json { report::json(&rows)? } else { report::text(&rows) });
        if !failures.is_empty() {
            bail!("{} of {asked} failed:\n  {}", failures.len(), failures.join("\n  "));
        }
        say!("{asked} built, in {}", shown(&build::folder(&project, self.dev)));
        Ok(())
    }
}

/// What was built, and a line for each that was not: the whole story was told when it failed.
fn sort_out(outcomes: Vec<Outcome>) -> (Vec<(Port, Built)>, Vec<String>) {
    let mut modules = Vec::new();
    let mut failures = Vec::new();
    for Outcome { port, result } in outcomes {
        match result {
            Ok(built) => modules.push((port, built)),
            Err(error) => {
                let story = format!("{error:#}");
                failures.push(format!("{}: {}", port.artifact(), story.lines().next().unwrap_or_default()));
            }
        }
    }
    (modules, failures)
}
