//! `cargo xtask build-all`: every filter built, shrunk, sized, and held against its budget.

use anyhow::{Result, bail};
use clap::Args;
use weir_cases::manifest::SizeProfile;
use weir_common::{Shard, out, say, shown};

use crate::build::report::{self, Built, Format, Row};
use crate::build::{self, Language, Options, Outcome, toolchains};
use crate::project::{self, Port, Project};
use crate::readme;

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
    #[arg(long, value_name = "PROFILE", value_parser = build::size_profile)]
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
        // Where a folder is no filter, nobody knows what belongs to it.
        let all = project.ports().or_else(|error| match self.dev {
            true => Err(error),
            false => build::tidy(&project, &[]).and(Err(error)),
        })?;
        let mut ports = project::choose(all, &self.filters, self.lang)?;
        if let Some(shard) = self.shard {
            ports = shard.take(ports);
        }
        let required = self.require.concat();
        let options = Options { dev: self.dev, size_profile: self.size_profile, rebuild: self.rebuild, required };
        let (outcomes, left_out) = build::build(&project, ports, &options)?;
        let count = outcomes.len();
        let (modules, mut failures) = sort_out(outcomes);
        if self.bless {
            // What cannot be blessed fails for the reason that its row has.
            modules.iter().for_each(|(port, built)| drop(report::bless(port, built)));
        }
        let rows = if self.dev {
            modules.into_iter().map(|(port, built)| Row::new(&port, built)).collect::<Result<_>>()?
        } else {
            let (rows, failed) = build::record(&project, modules)?;
            failures.extend(failed);
            rows
        };
        if self.bless && failures.is_empty() {
            readme::write(&project)?;
        }
        out::print(if self.format == Format::Json { report::json(&rows)? } else { report::text(&rows) })?;
        if !failures.is_empty() {
            bail!("{} of {count} failed:\n  {}{left_out}", failures.len(), failures.join("\n  "));
        }
        say!("{count} built, in {}{left_out}", shown(&build::folder(&project, self.dev)));
        Ok(())
    }
}

/// What was built, and for each that was not, why: the whole story was told when it failed.
fn sort_out(outcomes: Vec<Outcome>) -> (Vec<(Port, Built)>, Vec<String>) {
    let mut modules = Vec::new();
    let mut failures = Vec::new();
    for Outcome { port, result } in outcomes {
        match result {
            Ok(built) => modules.push((port, built)),
            Err(error) => {
                failures.push(format!("{}: {}", port.artifact(), gist(&format!("{error:#}"))));
            }
        }
    }
    (modules, failures)
}

/// The most lines of a story that the end of a run tells again.
const GIST: usize = 6;

/// A short story whole, and of a compiler's long one the first line and the first error.
fn gist(story: &str) -> String {
    let lines: Vec<&str> = story.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.len() <= GIST {
        return lines.join("\n    ");
    }
    let (first, rest) = lines.split_first().map_or(("", &[][..]), |(first, rest)| (*first, rest));
    let found = rest.iter().position(|line| line.to_lowercase().contains("error")).unwrap_or(0);
    // Where the compiler says its place in the next line, that is half of what it says.
    let told = rest[found..].iter().take(2).map(|line| line.trim());
    std::iter::once(first).chain(told).collect::<Vec<_>>().join("\n    ")
}

#[cfg(test)]
mod tests {
    use super::gist;

    #[test]
    fn the_end_of_a_run_tells_why_something_failed() {
        assert_eq!(gist("refused:\n\n  no allocator\n  no marker"), "refused:\n      no allocator\n      no marker");
        let compiler =
            "does not compile\n   Compiling a\nwarning: w\n --> b\nerror: expected `)`\n  --> src/lib.rs:3:4\n |\n |";
        assert_eq!(gist(compiler), "does not compile\n    error: expected `)`\n    --> src/lib.rs:3:4");
        assert_eq!(gist("no\n1\n2\n3\n4\n5\n6"), "no\n    1\n    2", "a story that calls nothing an error");
    }
}
