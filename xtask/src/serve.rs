//! `cargo xtask serve`: a filter, or a chain of them, on a local Envoy, rebuilt and reloaded as its sources change.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use clap::Args;
use walkdir::WalkDir;
use weir_cases::manifest::SizeProfile;
use weir_common::say;

use crate::build::{self, Language, Options};
use crate::envoy;
use crate::images::{self, is_image};
use crate::process::build_tool;
use crate::project::{Port, Project};

/// How often the sources are looked at: faster than a hand that saves, slow enough to cost nothing.
const WATCH: Duration = Duration::from_millis(300);

#[derive(Args)]
pub(crate) struct Serve {
    /// The filters, in the order in which a request meets them: NAME or NAME,NAME. NAME.LANGUAGE is that port of it; an
    /// image, NAME:TAG or a reference, is served as it is.
    #[arg(required = true, value_delimiter = ',', value_name = "FILTER|IMAGE")]
    filters: Vec<String>,
    /// The language of the ports to serve; without it, Rust where there is such a port, or else the only one.
    #[arg(long)]
    lang: Option<Language>,
    /// A filter's configuration, as JSON or as @FILE; in a chain: NAME=JSON or NAME=@FILE, once for each.
    #[arg(long, value_name = "[NAME=]JSON|@FILE")]
    config: Vec<String>,
    /// Where requests go in the end; without it, an upstream that answers with what it received.
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// The port to listen on, on 127.0.0.1.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Build and load a filter anew when one of its sources changes.
    #[arg(long)]
    watch: bool,
    /// Serve the modules as they ship, through the slow optimiser.
    #[arg(long)]
    optimise: bool,
    /// Build with this size profile in place of the one that filter.toml names.
    #[arg(long, value_name = "PROFILE", value_parser = build::size_profile)]
    size_profile: Option<SizeProfile>,
    /// The Envoy to run, in place of the one that is found or fetched.
    #[arg(long, value_name = "PATH")]
    envoy: Option<PathBuf>,
}

impl Serve {
    pub(crate) fn run(mut self) -> Result<()> {
        let project = Project::find()?;
        let images = self.images(&project)?;
        let ports = self.ports(&project, &images)?;
        let mut chain: Vec<Port> = ports.values().cloned().collect();
        chain.sort_by_key(Port::name);
        chain.dedup();
        let configs = configurations(&self.config, &self.filters)?;
        let envoy = envoy::find_or_fetch(&project, self.envoy.as_deref())?;
        let built = build::modules(&project, chain.clone(), &self.options(&chain))?.built;
        let mut command = Command::new(build_tool("weir-envoy", "weir-envoy", &[])?);
        command.arg("serve").arg("--envoy").arg(envoy).arg("--state").arg(project.state().join("envoy"));
        command.arg("--port").arg(self.port.to_string());
        if let Some(url) = &self.upstream {
            command.arg("--upstream").arg(url);
        }
        for name in &self.filters {
            let is_served = |port: &Port| ports.get(name) == Some(port);
            let built = built.iter().find(|(port, _)| is_served(port)).map(|(_, wasm)| wasm);
            let wasm = images.get(name).or(built).with_context(|| format!("{name} was not built"))?;
            command.arg("--filter").arg(format!("{name}={}", wasm.display()));
        }
        for (name, text) in &configs {
            command.arg("--config").arg(format!("{name}={text}"));
        }
        let watched = if self.watch { Some(watched(&project, &chain, &configs)?) } else { None };
        self.attend(command, &chain, watched.as_deref())
    }

    fn options(&self, chain: &[Port]) -> Options {
        // What is asked for by name is not left out.
        let required = chain.iter().map(|port| port.language).collect();
        Options { dev: !self.optimise, required, size_profile: self.size_profile, ..Options::default() }
    }

    /// The modules that come in images, by the names of the ports in them, which from here on stand for the images.
    fn images(&mut self, project: &Project) -> Result<BTreeMap<String, PathBuf>> {
        let mut modules = BTreeMap::new();
        for filter in self.filters.iter_mut().filter(|it| is_image(it)) {
            let resolved = images::resolve(project, filter)?;
            let name = resolved.name();
            if modules.insert(name.clone(), resolved.module.clone()).is_some_and(|other| other != resolved.module) {
                bail!("{filter}: another image of {name} is served already, and a chain has each filter by its name");
            }
            *filter = name;
        }
        Ok(modules)
    }

    /// The ports to build, by the names that they were asked for.
    fn ports(&self, project: &Project, images: &BTreeMap<String, PathBuf>) -> Result<BTreeMap<String, Port>> {
        let names = self.filters.iter().filter(|name| !images.contains_key(*name));
        let port =
            |name: &String| Ok((name.clone(), one_port(project.select(std::slice::from_ref(name), self.lang)?)?));
        names.map(port).collect()
    }

    /// Runs Envoy's keeper until it ends. It ends when it is told to, or when its standard input does: with this
    /// process, however that ends.
    fn attend(&self, mut command: Command, chain: &[Port], watched: Option<&[PathBuf]>) -> Result<()> {
        // Ctrl-C in a terminal reaches the keeper too; a signal to this process alone is told by the end of its input.
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopped);
        ctrlc::set_handler(move || stop.store(true, Ordering::Relaxed)).context("cannot attend to Ctrl-C")?;
        let mut keeper = command.stdin(Stdio::piped()).spawn().context("cannot start weir-envoy")?;
        let mut seen = watched.map(snapshot);
        let status = loop {
            if let Some(status) = keeper.try_wait().context("cannot wait for weir-envoy")? {
                break status;
            }
            std::thread::sleep(WATCH);
            if stopped.load(Ordering::Relaxed) {
                drop(keeper.stdin.take());
                continue;
            }
            let now = watched.map(snapshot);
            if now != seen {
                seen = now;
                self.reload(&mut keeper, chain)?;
            }
        };
        if !status.success() {
            bail!("Envoy was not served to the end ({status})");
        }
        Ok(())
    }

    fn reload(&self, keeper: &mut Child, chain: &[Port]) -> Result<()> {
        say!("a source changed");
        // A source that does not compile is no reason to stop: what was loaded goes on serving.
        let built = Project::find().and_then(|project| build::modules(&project, chain.to_vec(), &self.options(chain)));
        match (built, &mut keeper.stdin) {
            (Ok(_), Some(stdin)) => writeln!(stdin, "reload").context("weir-envoy does not listen any more")?,
            (Ok(_), None) => {}
            (Err(error), _) => say!("not reloaded: {error:#}"),
        }
        Ok(())
    }
}

/// The port that a filter is served as, of those that it has: the Rust one, or the only one.
fn one_port(mut ports: Vec<Port>) -> Result<Port> {
    match ports.iter().position(|port| port.language == Language::rust()) {
        Some(rust) => Ok(ports.swap_remove(rust)),
        None if ports.len() == 1 => Ok(ports.remove(0)),
        None => {
            let names: Vec<String> = ports.iter().map(Port::name).collect();
            bail!("name the port to serve, one of: {}", names.join(", "))
        }
    }
}

/// Every watched file with its time of change and its size.
type Snapshot = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// Everything that a served chain is made from: the folders of its ports and of the crates they are built from, and
/// the files of its configurations.
fn watched(project: &Project, chain: &[Port], configs: &BTreeMap<String, String>) -> Result<Vec<PathBuf>> {
    let files = configs.values().filter_map(|value| value.strip_prefix('@'));
    let mut watched: Vec<PathBuf> = files.map(PathBuf::from).collect();
    for port in chain {
        watched.push(port.dir.clone());
        watched.extend(port.language.shared(project, port)?);
    }
    Ok(watched)
}

fn snapshot(folders: &[PathBuf]) -> Snapshot {
    let files = folders.iter().flat_map(|folder| WalkDir::new(folder).into_iter().filter_map(Result::ok));
    let files = files.filter(|entry| entry.file_type().is_file());
    let stamp = |path: &Path| path.metadata().map(|meta| (meta.modified().ok(), meta.len())).unwrap_or_default();
    files.map(|entry| (entry.path().to_owned(), stamp(entry.path()))).collect()
}

/// The configuration of each filter by its name: a text, or `@` and a file that is there, which Envoy's keeper reads
/// anew whenever it reloads.
fn configurations(given: &[String], filters: &[String]) -> Result<BTreeMap<String, String>> {
    let mut configs = BTreeMap::new();
    for text in given {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) if filters.iter().any(|filter| filter == name) => (name, value),
            _ => match filters {
                [only] => (only.as_str(), text.as_str()),
                _ => bail!("--config {text}: expected NAME=JSON, where NAME is one of: {}", filters.join(", ")),
            },
        };
        let value = match value.strip_prefix('@') {
            Some(file) => {
                fs::read(file).with_context(|| format!("--config: cannot read {file}"))?;
                format!("@{}", std::path::absolute(file)?.display())
            }
            None => value.to_owned(),
        };
        if configs.insert(name.to_owned(), value).is_some() {
            bail!("--config: {name} is configured twice");
        }
    }
    Ok(configs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &[&str], filters: &[&str]) -> Result<BTreeMap<String, String>> {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        configurations(&owned(given), &owned(filters))
    }

    #[test]
    fn a_filter_is_served_as_its_rust_port_or_its_only_one() {
        let ports = |languages: &[&str]| {
            let port = |name: &&str| Port { filter: "a".into(), language: name.parse().unwrap(), dir: PathBuf::new() };
            one_port(languages.iter().map(port).collect())
        };
        assert_eq!(ports(&["rust", "go"]).unwrap().name(), "a.rust");
        assert_eq!(ports(&["zig"]).unwrap().name(), "a.zig");
        assert_eq!(ports(&["go", "zig"]).unwrap_err().to_string(), "name the port to serve, one of: a.go, a.zig");
    }

    #[test]
    fn a_single_filter_needs_no_name() {
        assert_eq!(read(&[r#"{"a":"b=c"}"#], &["auth"]).unwrap()["auth"], r#"{"a":"b=c"}"#);
        assert_eq!(read(&["auth={}"], &["auth"]).unwrap()["auth"], "{}");
    }

    #[test]
    fn in_a_chain_each_has_its_own() {
        let configs = read(&["b={}", "a=[]"], &["a", "b"]).unwrap();
        assert_eq!((configs["a"].as_str(), configs["b"].as_str()), ("[]", "{}"));
        let error = read(&["{}"], &["a", "b"]).unwrap_err().to_string();
        assert_eq!(error, "--config {}: expected NAME=JSON, where NAME is one of: a, b");
        assert!(read(&["a={}", "a={}"], &["a", "b"]).is_err());
    }

    #[test]
    fn a_file_stays_a_file_and_its_absence_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let given = format!("@{}", file.path().display());
        assert_eq!(read(&[&given], &["a"]).unwrap()["a"], given);
        assert!(read(&["@absent.json"], &["a"]).unwrap_err().to_string().contains("absent.json"));
    }

    #[test]
    fn a_change_shows_in_the_snapshot() {
        let folder = tempfile::tempdir().unwrap();
        let folders = [folder.path().to_owned()];
        fs::write(folder.path().join("a.rs"), "1").unwrap();
        let before = snapshot(&folders);
        assert_eq!(before, snapshot(&folders));
        fs::write(folder.path().join("a.rs"), "12").unwrap();
        assert_ne!(before, snapshot(&folders));
    }
}
