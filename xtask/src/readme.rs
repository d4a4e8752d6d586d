//! The table of filters in README.md: made from the manifests and the committed sizes, so that it cannot drift.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use weir_cases::manifest::SizeProfile;

use crate::build::report::{Baseline, thousands};
use crate::project::{Port, Project};
use crate::whole;

const BEGIN: &str = "<!-- filters: written by `cargo xtask build-all --bless` -->\n";
const END: &str = "<!-- end of filters -->\n";

/// Writes the table anew.
///
/// # Errors
/// README.md cannot be written, or lacks the marks between which the table stands.
pub(crate) fn write(project: &Project) -> Result<()> {
    let (path, old, new) = both(project)?;
    if old == new { Ok(()) } else { whole::file(&path, new.as_bytes()) }
}

/// Makes sure that the table is as the manifests and the sizes make it.
///
/// # Errors
/// It is not.
pub(crate) fn check(project: &Project) -> Result<()> {
    let (_, old, new) = both(project)?;
    if old != new {
        bail!("README.md: the table of filters is out of date; `cargo xtask build-all --bless` writes it");
    }
    Ok(())
}

fn both(project: &Project) -> Result<(PathBuf, String, String)> {
    let path = project.root.join("README.md");
    let old = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let new = replace(&old, &table(&project.ports()?)?)
        .with_context(|| format!("{}: expected the lines {BEGIN:?} and {END:?}", path.display()))?;
    Ok((path, old, new))
}

/// The text with what stands between the marks replaced.
fn replace(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{table}{END}{after}"))
}

fn table(ports: &[Port]) -> Result<String> {
    let mut table = String::from("| filter | language | what it does | bytes, `standard` | bytes, `min` |\n");
    table.push_str("| --- | --- | --- | ---: | ---: |\n");
    for port in ports {
        let bytes =
            |profile| -> Result<String> { Ok(Baseline::shipped(port, profile)?.map_or("–".to_owned(), thousands)) };
        table.push_str(&format!(
            "| [{filter}](filters/{filter}) | {} | {} | {} | {} |\n",
            port.language,
            port.manifest()?.summary,
            bytes(SizeProfile::Standard)?,
            bytes(SizeProfile::Min)?,
            filter = port.filter,
        ));
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_changes() {
        let text = format!("# A\n{BEGIN}old\n{END}after\n");
        assert_eq!(replace(&text, "new\n").unwrap(), format!("# A\n{BEGIN}new\n{END}after\n"));
    }

    #[test]
    fn without_the_marks_there_is_no_place() {
        assert_eq!(replace("# A\n", "new\n"), None);
        assert_eq!(replace(&format!("# A\n{BEGIN}old\n"), "new\n"), None);
    }
}
