//! `cargo xtask build-all`: every filter built, shrunk, sized, and held against its budget.

use anyhow::{Result, bail};
use clap::Args;
use weir_cases::manifest::SizeProfile;

use crate::build::report::{self, Built, Format, Row};
use crate::build::{self, Language, Options, Outcome, toolchains};
use crate::process::{say, shown};
use crate::project::{Port, Project};
use crate::readme;
use crate::shard::Shard;

#[derive(Args)]
pub(crate) struct BuildAll {
    /// Build only these filters, or ports: NAME or NAME.LANGUAGE.
    filters: Vec<String>,
    /// Build only the ports in this language.
    #[arg(long)]
    lang: Option<Language>,
    /// Fail where this language has no compiler here, in place of leaving its ports out; `all` means every language.
    #[arg(long, value_name = "LANG", value_parser = toolchains::required)]
    require: Vec<Vec<Language>>,
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
    pub(crate) fn shipping(filters: Vec<String>, required: Vec<Language>) -> BuildAll {
        BuildAll {
            filters,
            lang: None,
            require: vec![required],
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
        let required = self.require.concat();
        let options = Options { dev: self.dev, size_profile: self.size_profile, rebuild: self.rebuild, required };
        let (outcomes, left_out) = build::build(&project, ports, &options)?;
        let count = outcomes.len();
        let (mut modules, mut failures) = sort_out(outcomes);
        if self.bless {
            modules.iter().try_for_each(|(port, built)| report::bless(port, built))?;
            readme::write(&project)?;
        }
        if !self.dev {
            build::tidy(&project)?;
            let ports: Vec<Port> = modules.iter().map(|(port, _)| port.clone()).collect();
            modules.extend(build::published(&project, &ports)?);
            modules.sort_by_key(|(port, _)| (port.filter.clone(), port.language));
        }
        let rows: Vec<Row> = modules.into_iter().map(|(port, built)| Row::new(&port, built)).collect::<Result<_>>()?;
        if !self.dev {
            failures.extend(rows.iter().filter_map(Row::failure));
            report::write(&project.dist(), &rows)?;
        }
        print!("{}", if self.format == Format::Json { report::json(&rows)? } else { report::text(&rows) });
        if !failures.is_empty() {
            bail!("{} of {count} failed:\n  {}{left_out}", failures.len(), failures.join("\n  "));
        }
        say!("{count} built, in {}{left_out}", shown(&build::folder(&project, self.dev)));
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
