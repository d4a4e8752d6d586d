//! What is measured: filters with their ports, and what stands beside them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use weir_cases::manifest::Manifest;
use weir_cases::manifest::bench::{Bench, Equivalent, Kind};
use weir_envoy::bootstrap::Filter;

use crate::scenario::Scenario;

/// A module that was built: one port of a filter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Port {
    /// The filter's name.
    pub filter: String,
    /// The language.
    pub language: String,
    /// The stem of its file: `hello-header`, `hello-header.go`.
    pub label: String,
    /// The filter's folder.
    pub dir: PathBuf,
    /// The module.
    pub wasm: PathBuf,
    /// The compiler that made it, in its own words.
    pub toolchain: String,
}

/// A use of a filter, with its ports.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The filter's name, and after a slash that of the use, where it is not the first: `auth/api-key`. The labels of
    /// the ports end in the same way.
    pub name: String,
    /// Its folder.
    pub dir: PathBuf,
    /// What it is measured with.
    pub bench: Bench,
    /// Its ports.
    pub ports: Vec<Port>,
}

impl Subject {
    /// The uses of the filters of these ports, in the order in which they come.
    ///
    /// # Errors
    /// A filter's manifest cannot be read.
    pub fn of(ports: Vec<Port>) -> Result<Vec<Subject>> {
        let mut filters: Vec<Vec<Port>> = Vec::new();
        for port in ports {
            match filters.iter_mut().find(|it| it[0].filter == port.filter) {
                Some(known) => known.push(port),
                None => filters.push(vec![port]),
            }
        }
        let mut subjects = Vec::new();
        for ports in filters {
            let (name, dir) = (&ports[0].filter, &ports[0].dir);
            let path = dir.join("filter.toml");
            let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let mut first = Manifest::parse(&text).with_context(|| path.display().to_string())?.bench;
            let others = std::mem::take(&mut first.also);
            for bench in [first].into_iter().chain(others) {
                let named = |stem: &str| bench.name.as_ref().map_or(stem.to_owned(), |it| format!("{stem}/{it}"));
                let ports = ports.iter().map(|it| Port { label: named(&it.label), ..it.clone() }).collect();
                subjects.push(Subject { name: named(name), dir: dir.clone(), bench, ports });
            }
        }
        Ok(subjects)
    }

    /// The configuration in a scenario; `None` where the filter has no request of that kind, which is then left out.
    pub fn configuration(&self, scenario: &Scenario) -> Option<Option<&str>> {
        let usual = self.bench.configuration.as_deref();
        match (scenario.rejected, &self.bench.rejected) {
            (false, _) => Some(usual),
            (true, Some(rejected)) => Some(rejected.configuration.as_deref().or(usual)),
            (true, None) => None,
        }
    }

    /// How many requests of a scenario pass before its answers are those that are measured.
    pub fn before(&self, scenario: &Scenario) -> u32 {
        self.bench.rejected.as_ref().filter(|_| scenario.rejected).map_or(0, |it| it.after)
    }

    /// The headers of a request in a scenario.
    pub fn headers(&self, scenario: &Scenario) -> Vec<(String, String)> {
        let own = match (scenario.rejected, &self.bench.rejected) {
            (true, Some(rejected)) => &rejected.headers,
            _ => &self.bench.headers,
        };
        scenario.request_headers().into_iter().chain(own.iter().cloned()).collect()
    }

    /// The status that a contender of this filter answers with.
    pub fn status(&self, scenario: &Scenario, contender: &Contender) -> u16 {
        match (&self.bench.rejected, contender.what) {
            (Some(rejected), What::Port | What::Lua | What::Native) if scenario.rejected => rejected.status,
            _ => 200,
        }
    }

    /// Everything that is measured in a round, in the order in which it is; the bare listener is the first
    /// and, as a control, the last.
    ///
    /// # Errors
    /// The file of an equivalent cannot be read, or is none.
    pub fn contenders(&self, scenario: &Scenario, noop: &Path) -> Result<Vec<Contender>> {
        let module = |wasm: &Path| wasm.canonicalize().with_context(|| format!("{} is not built", wasm.display()));
        let mut contenders = vec![
            Contender { label: "no filter".into(), what: What::Bare, unit: Unit::Nothing },
            Contender { label: "no-op Wasm".into(), what: What::Noop, unit: Unit::Wasm(module(noop)?) },
        ];
        for equivalent in &self.bench.equivalent {
            let what = if equivalent.kind == Kind::Lua { What::Lua } else { What::Native };
            let unit = Unit::Other(entry(&self.dir, equivalent, scenario.rejected)?);
            contenders.push(Contender { label: equivalent.name.clone(), what, unit });
        }
        for port in &self.ports {
            let unit = Unit::Wasm(module(&port.wasm)?);
            contenders.push(Contender { label: port.label.clone(), what: What::Port, unit });
        }
        contenders.push(Contender { label: "no filter, again".into(), what: What::Control, unit: Unit::Nothing });
        Ok(contenders)
    }
}

/// What a contender is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// The listener alone.
    Bare,
    /// The listener alone, once more at the end of a round: what differs is the machine's doing.
    Control,
    /// A Wasm filter that does nothing.
    Noop,
    /// A Lua script that does the same.
    Lua,
    /// A filter of Envoy's own that does the same.
    Native,
    /// A port of the filter.
    Port,
}

/// Something that is measured beside others.
#[derive(Clone, Debug)]
pub struct Contender {
    /// What reports call it.
    pub label: String,
    /// What it is.
    pub what: What,
    unit: Unit,
}

/// One link of a contender's chain.
#[derive(Clone, Debug)]
enum Unit {
    Nothing,
    Wasm(PathBuf),
    Other(Value),
}

impl Contender {
    /// The chain of as many of it: Wasm filters, and others.
    pub fn chain(&self, length: u8, configuration: Option<&str>) -> (Vec<Filter>, Vec<Value>) {
        let names = (0..length).map(|at| format!("link-{at}"));
        match &self.unit {
            Unit::Nothing => (Vec::new(), Vec::new()),
            Unit::Wasm(wasm) => {
                let configuration = configuration.filter(|_| self.what == What::Port).map(|it| it.as_bytes().to_vec());
                let filter = |name| Filter { name, wasm: wasm.clone(), configuration: configuration.clone() };
                (names.map(filter).collect(), Vec::new())
            }
            Unit::Other(entry) => {
                let named = |name| {
                    let mut entry = entry.clone();
                    entry["name"] = json!(name);
                    entry
                };
                (Vec::new(), names.map(named).collect())
            }
        }
    }
}

/// The entry of `http_filters` that an equivalent's file stands for, or its file for requests that are rejected.
///
/// # Errors
/// The file cannot be read, or is no JSON with a `typed_config`.
pub fn entry(dir: &Path, equivalent: &Equivalent, rejected: bool) -> Result<Value> {
    let path = dir.join(equivalent.rejected.as_ref().filter(|_| rejected).unwrap_or(&equivalent.file));
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    if equivalent.kind == Kind::Lua {
        return Ok(json!({
            "name": "envoy.filters.http.lua",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
                "default_source_code": { "inline_string": text },
            },
        }));
    }
    let value: Value = serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))?;
    if value["typed_config"]["@type"].is_null() {
        bail!("{}: expected an entry of `http_filters` with a typed_config and its @type", path.display());
    }
    Ok(value)
}

/// Writes the module that does nothing, and gives its place.
///
/// # Errors
/// The folder cannot be written to.
pub fn write_noop(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("noop.wasm");
    let wasm = wat::parse_str(include_str!("../fixtures/noop.wat")).context("fixtures/noop.wat")?;
    fs::write(&path, wasm).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
