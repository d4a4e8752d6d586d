//! Scenarios as data: `bench/scenarios/*.toml`. What is sent, how it comes back, and what is measured of it.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// What may be measured of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// What the filter takes, in process.
    Counts,
    /// Instructions of the Envoy process, under callgrind.
    Instructions,
    /// Throughput, latency, CPU time and memory under load.
    Load,
    /// How long an Envoy takes to be ready, and its first request.
    Start,
}

/// One scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The file's stem.
    #[serde(default)]
    pub name: String,
    /// One sentence.
    pub summary: String,
    /// Its place among the scenarios.
    pub order: u32,
    /// Whether it is a part of a quick run.
    #[serde(default)]
    pub quick: bool,
    /// What is measured.
    pub measure: Vec<Measure>,
    /// The request.
    #[serde(default)]
    pub request: Request,
    /// The upstream's answer.
    #[serde(default)]
    pub answer: Answer,
    /// Which version of HTTP, 1 or 2, on both sides.
    #[serde(default = "one")]
    pub http: u8,
    /// How many workers Envoy has.
    #[serde(default = "one")]
    pub workers: u8,
    /// How often the filter stands in the chain.
    #[serde(default = "one")]
    pub chain: u8,
    /// Whether the request is the one that the filter answers itself; only for filters that name such a request.
    #[serde(default)]
    pub rejected: bool,
}

/// What is sent, beside what the filter itself asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Request {
    /// The method.
    pub method: String,
    /// How many headers of 24 bytes there are beside the usual ones.
    pub fillers: u32,
    /// Bytes of the body.
    pub body: usize,
}

/// What comes back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Answer {
    /// How many headers of 24 bytes there are beside the usual ones.
    pub fillers: u32,
    /// Bytes of the body.
    pub body: usize,
}

impl Default for Request {
    fn default() -> Request {
        Request { method: "GET".into(), fillers: 0, body: 0 }
    }
}

/// The name of the plainest scenario, which curves and comparisons are drawn from.
pub const PLAIN: &str = "headers";

fn one() -> u8 {
    1
}

/// What a client says of itself in every request.
const USUAL: [(&str, &str); 4] = [
    ("user-agent", "weir-bench"),
    ("accept", "application/json"),
    ("accept-encoding", "identity"),
    ("x-request-source", "bench"),
];

impl Scenario {
    /// Whether something is measured of it.
    pub fn measures(&self, what: Measure) -> bool {
        self.measure.contains(&what)
    }

    /// The headers of a request, without those that a filter asks for.
    pub fn request_headers(&self) -> Vec<(String, String)> {
        let usual = USUAL.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        usual.chain(fillers(self.request.fillers)).collect()
    }

    /// The headers of an answer.
    pub fn answer_headers(&self) -> Vec<(String, String)> {
        let kind = ("content-type".to_owned(), "application/json".to_owned());
        [kind].into_iter().chain(fillers(self.answer.fillers)).collect()
    }

    fn check(&self) -> Result<()> {
        if !self.name.is_empty() {
            bail!("name: the file's own is the scenario's, and none stands in it");
        }
        if !matches!(self.http, 1 | 2) {
            bail!("http: expected 1 or 2, got {}", self.http);
        }
        if self.workers == 0 || self.chain == 0 {
            bail!("workers, chain: expected at least 1");
        }
        if self.measure.is_empty() {
            bail!("measure: expected what is measured, got nothing");
        }
        Ok(())
    }
}

fn fillers(count: u32) -> impl Iterator<Item = (String, String)> {
    (0..count).map(|n| (format!("x-filler-{n:02}"), "twelve bytes".to_owned()))
}

/// Reads one scenario.
///
/// # Errors
/// Names the file, and the field or the line.
pub fn read(path: &Path) -> Result<Scenario> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let context = || format!("{} is not a scenario", path.display());
    let mut scenario: Scenario = toml::from_str(&text).with_context(context)?;
    scenario.check().with_context(context)?;
    scenario.name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(scenario)
}

/// Reads all scenarios of a folder, in their order.
///
/// # Errors
/// The folder cannot be listed, or a file is no scenario.
pub fn read_all(folder: &Path) -> Result<Vec<Scenario>> {
    let mut scenarios = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == "toml") {
            scenarios.push(read(&path)?);
        }
    }
    scenarios.sort_by_key(|it| (it.order, it.name.clone()));
    Ok(scenarios)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scenarios_are_all_that_a_filter_is_asked_for() {
        let scenarios = read_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")).unwrap();
        let names: Vec<_> = scenarios.iter().map(|it| it.name.as_str()).collect();
        let expected = ["headers", "body-1k", "body-64k", "headers-50", "chain-3", "chain-10", "http2", "workers-4"];
        assert_eq!(names[..8], expected);
        assert_eq!(names[8..], ["rejected", "cold-start"]);
        assert_eq!(scenarios.iter().filter(|it| it.quick).count(), 1);
        assert_eq!(scenarios[3].request_headers().len(), 54);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        let error = |text: &str| {
            std::fs::write(&path, text).unwrap();
            format!("{:#}", read(&path).unwrap_err())
        };
        let good = "summary = 'a'\norder = 1\nmeasure = ['load']\n";
        assert!(error(&format!("{good}http = 3")).contains("a.toml is not a scenario: http: expected 1 or 2"));
        assert!(error(&format!("{good}worker = 3")).contains("unknown field `worker`"));
        assert!(error(&good.replace("'load'", "")).contains("measure: expected"));
    }
}
