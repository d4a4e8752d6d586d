//! The table of filters in README.md: made from the manifests, the committed sizes and the committed costs, so that it
//! cannot drift.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use weir_cases::manifest::SizeProfile;
use weir_common::{replace_between, thousands};

use crate::build::report::Baseline;
use crate::project::{Port, Project};
use crate::whole;

const BEGIN: &str = "<!-- filters: written by `cargo xtask build-all --bless` and `cargo xtask bench --bless` -->\n";
const END: &str = "<!-- end of filters -->\n";

/// The scenario whose costs the table has.
const PLAIN: &str = "headers";

/// What the table needs of the costs of a port, which `weir-bench` writes to the filter's `costs.json`.
#[derive(Deserialize)]
struct Costs {
    scenarios: BTreeMap<String, Counts>,
}

/// What one request takes.
#[derive(Deserialize)]
struct Counts {
    instructions: u64,
    host_calls: BTreeMap<String, u64>,
}

impl Counts {
    /// The committed costs of a port in the plain scenario, where there are any.
    ///
    /// # Errors
    /// `costs.json` is there and cannot be read.
    fn of(port: &Port) -> Result<Option<Counts>> {
        let path = port.dir.join("costs.json");
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut costs: BTreeMap<String, Costs> = serde_json::from_slice(&text).with_context(|| {
            format!("{} cannot be read; `cargo xtask bench --bless` writes it anew", path.display())
        })?;
        Ok(costs.remove(&port.artifact()).and_then(|mut costs| costs.scenarios.remove(PLAIN)))
    }
}

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
        bail!(
            "README.md: the table of filters is out of date; `cargo xtask build-all --bless` and `cargo xtask bench --bless` write it"
        );
    }
    Ok(())
}

fn both(project: &Project) -> Result<(PathBuf, String, String)> {
    let path = project.root.join("README.md");
    let old = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let new = replace_between(&old, BEGIN, END, &table(&project.ports()?)?)
        .with_context(|| format!("{}: expected the lines {BEGIN:?} and {END:?}", path.display()))?;
    Ok((path, old, new))
}

fn table(ports: &[Port]) -> Result<String> {
    let mut table = String::from(
        "| filter | language | what it does | bytes, `standard` | bytes, `min` | instructions | host calls |\n",
    );
    table.push_str("| --- | --- | --- | ---: | ---: | ---: | ---: |\n");
    let shown = |number: Option<u64>| number.map_or("–".to_owned(), thousands);
    for port in ports {
        let counts = Counts::of(port)?;
        table.push_str(&format!(
            "| [{filter}](filters/{filter}) | {} | {} | {} | {} | {} | {} |\n",
            port.language,
            port.manifest()?.summary,
            shown(Baseline::shipped(port, SizeProfile::Standard)?),
            shown(Baseline::shipped(port, SizeProfile::Min)?),
            shown(counts.as_ref().map(|it| it.instructions)),
            shown(counts.as_ref().map(|it| it.host_calls.values().sum())),
            filter = port.filter,
        ));
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_committed_costs_of_each_port() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("filter.toml"), "summary = \"Does.\"\ncallbacks = []\n").unwrap();
        let counts = r#"{"instructions": 1715, "host_calls": {"a": 2, "b": 1}, "callbacks": {}, "memory": 1}"#;
        let costs =
            format!(r#"{{"f.go": {{"toolchain": "go 1", "scenarios": {{"headers": {counts}, "http2": {counts}}}}}}}"#);
        fs::write(folder.path().join("costs.json"), costs).unwrap();
        let port =
            |name: &str| Port { filter: "f".into(), language: name.parse().unwrap(), dir: folder.path().to_owned() };
        let table = table(&[port("go"), port("zig")]).unwrap();
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            rows,
            ["| [f](filters/f) | go | Does. | – | – | 1,715 | 3 |", "| [f](filters/f) | zig | Does. | – | – | – | – |",]
        );
    }
}
