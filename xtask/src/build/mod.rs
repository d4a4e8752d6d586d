//! From a port's sources to what ships: inputs by content, compile, shrink, remember, publish.

mod compile;
pub(crate) mod inputs;
pub(crate) mod report;
mod store;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;

use anyhow::{Context, Result, bail};
use weir_cases::manifest::{Manifest, SizeProfile};

use crate::process::say;
use crate::project::{Port, Project};
use crate::toolchain::{self, Toolchain};
use compile::Tools;
use inputs::Inputs;
use report::Built;
use store::Store;
pub(crate) use store::folder;

/// How ports are built.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    /// Leave the optimiser out, and keep the result out of `dist/`.
    pub(crate) dev: bool,
    /// The size profile in place of what the manifest says.
    pub(crate) size_profile: Option<SizeProfile>,
    /// Build anew what was built before from the same inputs.
    pub(crate) rebuild: bool,
}

/// What became of one port.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) port: Port,
    pub(crate) result: Result<Built>,
}

/// A port whose inputs are known.
struct Job {
    port: Port,
    manifest: Manifest,
    profile: SizeProfile,
    key: String,
}

/// Builds the ports, several at a time, and publishes each that succeeds.
///
/// One that fails does not stop the others, and what it published before is withdrawn.
///
/// # Errors
/// No port can be built at all: there is no toolchain, or nowhere to write to.
pub(crate) fn build(project: &Project, ports: Vec<Port>, options: Options) -> Result<Vec<Outcome>> {
    let store = Store::open(project, options.dev)?;
    let toolchain = toolchain::find_or_fetch(&project.state())?;
    let inputs = Inputs::new(project, &toolchain)?;
    let mut outcomes = Vec::new();
    let mut jobs = Vec::new();
    for port in ports {
        match plan(&inputs, &port, options) {
            Ok(job) => match store.restore(&job.key, &port) {
                Ok(Some(built)) if !options.rebuild => outcomes.push(Outcome { port, result: Ok(built) }),
                Ok(_) => jobs.push(job),
                Err(error) => outcomes.push(Outcome { port, result: Err(error) }),
            },
            Err(error) => {
                say!("{}: {error:#}", port.artifact());
                outcomes.push(Outcome { result: store.withdraw(&port).and(Err(error)), port });
            }
        }
    }
    if !jobs.is_empty() {
        outcomes.extend(build_all(project, &store, &toolchain, jobs, options.dev)?);
    }
    outcomes.sort_by_key(|outcome| outcome.port.artifact());
    Ok(outcomes)
}

fn plan(inputs: &Inputs<'_>, port: &Port, options: Options) -> Result<Job> {
    let manifest = port.manifest()?;
    let profile = options.size_profile.unwrap_or(manifest.size_profile);
    let key = inputs.key(port, &manifest, profile, options.dev)?;
    Ok(Job { port: port.clone(), manifest, profile, key })
}

fn build_all(
    project: &Project,
    store: &Store,
    toolchain: &Toolchain,
    jobs: Vec<Job>,
    dev: bool,
) -> Result<Vec<Outcome>> {
    for job in &jobs {
        store.withdraw(&job.port)?;
    }
    let total = jobs.len();
    let workers = thread::available_parallelism().map_or(1, usize::from).min(total);
    let tools = Tools::new(project, toolchain, dev, workers);
    let queue = Mutex::new(jobs.into_iter());
    let finished = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..workers {
            let sender = sender.clone();
            let (tools, queue, finished) = (&tools, &queue, &finished);
            scope.spawn(move || {
                while let Some(job) = next(queue) {
                    let result = build_one(tools, store, &job);
                    let count = finished.fetch_add(1, Ordering::Relaxed) + 1;
                    match &result {
                        Ok(built) => say!("[{count}/{total}] {}: {} bytes", job.port.artifact(), built.shipped),
                        Err(error) => say!("[{count}/{total}] {}: failed: {error:#}", job.port.artifact()),
                    }
                    sender.send(Outcome { port: job.port, result }).ok();
                }
            });
        }
    });
    drop(sender);
    Ok(receiver.into_iter().collect())
}

fn next(queue: &Mutex<impl Iterator<Item = Job>>) -> Option<Job> {
    queue.lock().ok()?.next()
}

fn build_one(tools: &Tools<'_>, store: &Store, job: &Job) -> Result<Built> {
    say!("{}: compiling ({}, {})", job.port.artifact(), job.port.language, job.profile);
    store.keep(&job.key, |wasm, symbols| {
        let linked = tools.compile(&job.port, job.profile)?;
        let shrunk = tools.shrink(linked, &job.manifest, wasm, symbols)?;
        let wasm = std::fs::read(wasm).with_context(|| format!("cannot read {}", wasm.display()))?;
        report::built(&job.port, job.profile, tools.toolchain.version(), &job.key, shrunk, &wasm)
    })?;
    store.restore(&job.key, &job.port)?.context("what was built is gone before it could be published")
}

/// The reports of the ports that stand in `dist/` as their sources are now, beside those that were just built.
///
/// # Errors
/// The sources cannot be read.
pub(crate) fn published(project: &Project, built: &[Port]) -> Result<Vec<(Port, Built)>> {
    let Some(toolchain) = toolchain::find(&project.state()) else { return Ok(Vec::new()) };
    let store = Store::open(project, false)?;
    let inputs = Inputs::new(project, &toolchain)?;
    let options = Options::default();
    let others = project.ports()?.into_iter().filter(|port| !built.contains(port));
    Ok(others.filter_map(|port| store.published(&plan(&inputs, &port, options).ok()?.key, &port)).collect())
}

/// Takes away what was published for filters that are no more.
///
/// # Errors
/// A file cannot be removed.
pub(crate) fn tidy(project: &Project) -> Result<()> {
    let known: Vec<String> = project.ports()?.iter().map(Port::artifact).collect();
    Store::open(project, false)?.tidy(&known)
}

/// Builds one set of ports for a command that goes on with the modules, and returns each with its path.
///
/// # Errors
/// One of them cannot be built; why was said before.
pub(crate) fn modules(project: &Project, ports: Vec<Port>, options: Options) -> Result<Vec<(Port, PathBuf)>> {
    let path = |port: &Port| folder(project, options.dev).join(format!("{}.wasm", port.artifact()));
    let with_path = |(port, _): (Port, Built)| {
        let path = path(&port);
        (port, path)
    };
    Ok(all(project, ports, options)?.into_iter().map(with_path).collect())
}

/// Builds one set of ports for a command that needs all of them, and returns each with what is known of its module.
///
/// # Errors
/// One of them cannot be built; why was said before.
pub(crate) fn all(project: &Project, ports: Vec<Port>, options: Options) -> Result<Vec<(Port, Built)>> {
    let mut all = Vec::new();
    for Outcome { port, result } in build(project, ports, options)? {
        let Ok(built) = result else { bail!("{} cannot be built (see above)", port.artifact()) };
        all.push((port, built));
    }
    Ok(all)
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
