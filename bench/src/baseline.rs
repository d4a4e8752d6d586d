//! The committed counts of a filter, `costs.json` beside its `sizes.json`, and what has grown since.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use weir_common::whole;

use crate::counts::{Counts, Table};
use crate::subject::Subject;

/// By how much the instructions may grow before a check fails, in percent. They are exact, so this is no allowance for
/// noise: it is what a change may cost without a word.
pub const MARGIN_PERCENT: u64 = 2;

/// And by how many at least, so that a filter of a few hundred instructions may change at all.
pub const MARGIN_LEAST: u64 = 20;

/// How much more memory may be used: a page of WebAssembly.
pub const MARGIN_MEMORY: u64 = 64 << 10;

/// The costs of one filter, by the label of the port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Baseline(BTreeMap<String, Costs>);

/// The costs of one port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Costs {
    /// The compiler: another one gives other instructions, and that is no change of the filter.
    toolchain: String,
    scenarios: BTreeMap<String, Counts>,
}

fn path(subject: &Subject) -> PathBuf {
    subject.dir.join("costs.json")
}

impl Baseline {
    /// Reads a filter's baseline; one that is not there is empty.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn read(subject: &Subject) -> Result<Baseline> {
        let path = path(subject);
        if !path.exists() {
            return Ok(Baseline::default());
        }
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text)
            .with_context(|| format!("{} cannot be read; `bench --bless` writes it anew", path.display()))
    }

    /// Accepts counts; ports that were not counted keep theirs.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn bless(subject: &Subject, table: &Table) -> Result<()> {
        let mut baseline = Baseline::read(subject).unwrap_or_default();
        for port in &subject.ports {
            let Some(scenarios) = table.get(&port.label).cloned() else { continue };
            baseline.0.insert(port.label.clone(), Costs { toolchain: port.toolchain.clone(), scenarios });
        }
        whole::file(&path(subject), format!("{}\n", serde_json::to_string_pretty(&baseline)?).as_bytes())
    }

    /// Everything that has grown beyond the margin, or has no baseline; empty where the check passes.
    pub fn check(&self, subject: &Subject, table: &Table) -> Vec<String> {
        let mut found = Vec::new();
        for port in &subject.ports {
            let Some(costs) = self.0.get(&port.label) else {
                found.push(format!(
                    "{}: has no costs to compare to; `bench --bless` accepts those of today",
                    port.label
                ));
                continue;
            };
            let same_compiler = costs.toolchain == port.toolchain;
            for (scenario, now) in table.get(&port.label).into_iter().flatten() {
                match costs.scenarios.get(scenario) {
                    None => found.push(format!("{}, {scenario}: has no costs to compare to", port.label)),
                    Some(before) => {
                        let grown = grown(before, now, same_compiler);
                        found.extend(grown.into_iter().map(|it| format!("{}, {scenario}: {it}", port.label)));
                    }
                }
            }
        }
        found
    }
}

/// What of the counts has grown. Of another compiler, only what the filter asks of the proxy is compared.
fn grown(before: &Counts, now: &Counts, same_compiler: bool) -> Vec<String> {
    let mut found = Vec::new();
    let bound = before.instructions + (before.instructions * MARGIN_PERCENT / 100).max(MARGIN_LEAST);
    if same_compiler && now.instructions > bound {
        found.push(format!(
            "{} instructions, {} more than the {} of costs.json and beyond the margin of {MARGIN_PERCENT} %",
            now.instructions,
            now.instructions - before.instructions,
            before.instructions,
        ));
    }
    if same_compiler && now.memory > before.memory + MARGIN_MEMORY {
        found.push(format!("{} bytes of memory, and costs.json says {}", now.memory, before.memory));
    }
    let sides = [("host calls", &before.host_calls, &now.host_calls), ("callbacks", &before.callbacks, &now.callbacks)];
    for (what, before, now) in sides {
        for (name, count) in now {
            let known = before.get(name).copied().unwrap_or(0);
            // How often a guest allocates is its compiler's business.
            if *count > known && (same_compiler || what == "host calls") {
                found.push(format!("{what}: {name} {count} times, and costs.json says {known}"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(instructions: u64, calls: u64, memory: u64) -> Counts {
        let named = |name: &str, count| [(name.to_owned(), count)].into();
        Counts { instructions, host_calls: named("proxy_log", calls), callbacks: named("malloc", calls), memory }
    }

    #[test]
    fn what_grows_beyond_the_margin_is_told() {
        let before = counts(1000, 1, 65536);
        assert_eq!(grown(&before, &counts(1020, 1, 2 * 65536), true), [""; 0]);
        assert_eq!(grown(&before, &counts(500, 0, 65536), true), [""; 0]);
        let found = grown(&before, &counts(1021, 2, 3 * 65536), true);
        assert!(found[0].contains("1021 instructions, 21 more than the 1000"), "{found:?}");
        assert!(found[1].contains("196608 bytes of memory"), "{found:?}");
        assert!(found[2].contains("proxy_log 2 times"), "{found:?}");
        assert_eq!(found.len(), 4);
    }

    #[test]
    fn another_compilers_instructions_are_not_compared() {
        let found = grown(&counts(1000, 1, 65536), &counts(9000, 2, 9 * 65536), false);
        assert_eq!(found, ["host calls: proxy_log 2 times, and costs.json says 1"]);
    }
}
