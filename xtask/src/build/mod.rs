//! From a port's sources to what ships: inputs by content, compile, shrink, remember, publish.

mod assemblyscript;
mod c;
mod compile;
mod go;
mod inputs;
pub(crate) mod language;
mod prebuilt;
pub(crate) mod report;
mod rust;
mod store;
pub(crate) mod template;
pub(crate) mod toolchains;
mod zig;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;

use anyhow::{Context, Result, bail};
use weir_cases::manifest::{Manifest, SizeProfile};
use weir_common::say;

use crate::project::{Port, Project};
use compile::Tools;
use inputs::Inputs;
pub(crate) use language::Language;
use language::Site;
use report::{Built, Row};
use store::Store;
pub(crate) use store::folder;
pub(crate) use toolchains::LeftOut;
use toolchains::Toolchains;

/// How ports are built.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// Leave the optimiser out, and keep the result out of `dist/`.
    pub(crate) dev: bool,
    /// The size profile in place of what the manifest says.
    pub(crate) size_profile: Option<SizeProfile>,
    /// Build anew what was built before from the same inputs.
    pub(crate) rebuild: bool,
    /// The languages whose ports are not left out where their compiler is missing: that is then an error.
    pub(crate) required: Vec<Language>,
}

/// The size profile that an option names.
///
/// # Errors
/// It is none.
pub(crate) fn size_profile(text: &str) -> Result<SizeProfile, String> {
    match text {
        "standard" => Ok(SizeProfile::Standard),
        "min" => Ok(SizeProfile::Min),
        _ => Err("expected \"standard\" or \"min\"".into()),
    }
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
    /// The most bytes that may be published.
    budget: Option<u64>,
}

/// Builds the ports, several at a time, and publishes each that succeeds.
///
/// One that fails does not stop the others, and what it published before is withdrawn; so is what a port published that
/// is left out for want of a compiler.
///
/// # Errors
/// No port can be built at all: a compiler is missing that must not be, or there is nowhere to write to.
pub(crate) fn build(project: &Project, ports: Vec<Port>, options: &Options) -> Result<(Vec<Outcome>, LeftOut)> {
    let store = Store::open(project, options.dev)?;
    let gathered = Toolchains::gather(project, ports.clone(), &options.required);
    // What cannot be built as its sources are now must not stand there as if it were.
    let (toolchains, ports, left_out) =
        gathered.or_else(|error| ports.iter().try_for_each(|port| store.withdraw(port)).and(Err(error)))?;
    left_out.ports().try_for_each(|port| store.withdraw(port))?;
    let inputs = Inputs::new(project)?;
    let mut outcomes = Vec::new();
    let mut jobs = Vec::new();
    for port in ports {
        match plan(&inputs, &toolchains, &port, options) {
            Ok(job) => match store.restore(&job.key, &port, job.budget) {
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
        outcomes.extend(build_all(project, &store, &toolchains, jobs, options.dev)?);
    }
    outcomes.sort_by_key(|outcome| (outcome.port.filter.clone(), outcome.port.language));
    Ok((outcomes, left_out))
}

fn plan(inputs: &Inputs<'_>, toolchains: &Toolchains, port: &Port, options: &Options) -> Result<Job> {
    let compiler = toolchains.of(port.language)?;
    let manifest = port.manifest()?;
    let profile = compiler.size_profile(options.size_profile.unwrap_or(manifest.size_profile));
    let key = inputs.key(port, compiler, &manifest, profile, options.dev)?;
    // What is not shipped may be as large as it is without the optimiser.
    let budget = manifest.budget(port.language.name(), profile).filter(|_| !options.dev);
    Ok(Job { port: port.clone(), manifest, profile, key, budget })
}

fn build_all(
    project: &Project,
    store: &Store,
    toolchains: &Toolchains,
    jobs: Vec<Job>,
    dev: bool,
) -> Result<Vec<Outcome>> {
    for job in &jobs {
        store.withdraw(&job.port)?;
    }
    let total = jobs.len();
    let workers = thread::available_parallelism().map_or(1, usize::from).min(total);
    let tools = Tools::new(project, dev, workers);
    let queue = Mutex::new(jobs.into_iter());
    let finished = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..workers {
            let sender = sender.clone();
            let (tools, queue, finished) = (&tools, &queue, &finished);
            scope.spawn(move || {
                while let Some(job) = next(queue) {
                    let result = build_one(tools, toolchains, store, &job);
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

fn build_one(tools: &Tools<'_>, toolchains: &Toolchains, store: &Store, job: &Job) -> Result<Built> {
    say!("{}: compiling ({}, {})", job.port.artifact(), job.port.language, job.profile);
    let compiler = toolchains.of(job.port.language)?;
    store.keep(&job.key, |wasm, symbols| {
        let linked = tools.compile(compiler, &job.port, job.profile)?;
        let shrunk = tools.shrink(linked, &job.manifest, wasm, symbols)?;
        let wasm = std::fs::read(wasm).with_context(|| format!("cannot read {}", wasm.display()))?;
        report::built(&job.port, job.profile, &compiler.version(tools.project, &job.port)?, &job.key, shrunk, &wasm)
    })?;
    store.restore(&job.key, &job.port, job.budget)?.context("what was built is gone before it could be published")
}

/// The reports of the ports that stand in `dist/` as their sources are now, beside those that were just built.
///
/// # Errors
/// The sources cannot be read.
fn published(project: &Project, built: &[Port]) -> Result<Vec<(Port, Built)>> {
    let toolchains = Toolchains::here(project);
    let store = Store::open(project, false)?;
    let inputs = Inputs::new(project)?;
    let options = Options::default();
    let others = project.ports()?.into_iter().filter(|port| !built.contains(port));
    let reports = others.filter_map(|port| {
        let job = plan(&inputs, &toolchains, &port, &options).ok()?;
        store.published(&job.key, &port)
    });
    Ok(reports.collect())
}

/// Takes away what was published for other ports than these.
///
/// # Errors
/// A file cannot be removed.
pub(crate) fn tidy(project: &Project, known: &[Port]) -> Result<()> {
    let known: Vec<String> = known.iter().map(Port::artifact).collect();
    Store::open(project, false)?.tidy(&known)
}

/// Brings `dist/` and its report up to what was just built. Gives the report's rows, and why any of them fails.
///
/// # Errors
/// The sources cannot be read, or `dist/` cannot be written.
pub(crate) fn record(project: &Project, mut modules: Vec<(Port, Built)>) -> Result<(Vec<Row>, Vec<String>)> {
    tidy(project, &project.ports()?)?;
    let ports: Vec<Port> = modules.iter().map(|(port, _)| port.clone()).collect();
    modules.extend(published(project, &ports)?);
    modules.sort_by_key(|(port, _)| (port.filter.clone(), port.language));
    let rows: Vec<Row> = modules.into_iter().map(|(port, built)| Row::new(&port, built)).collect::<Result<_>>()?;
    report::write(&project.dist(), &rows)?;
    let failures = rows.iter().filter_map(Row::failure).collect();
    Ok((rows, failures))
}

/// Ports that were built for a command that goes on with the modules.
#[derive(Debug)]
pub(crate) struct Modules {
    /// Each port with the path of its module.
    pub(crate) built: Vec<(Port, PathBuf)>,
    /// What was left out for want of a compiler.
    pub(crate) left_out: LeftOut,
}

/// Builds one set of ports for a command that goes on with the modules.
///
/// # Errors
/// One of them cannot be built; why was said before.
pub(crate) fn modules(project: &Project, ports: Vec<Port>, options: &Options) -> Result<Modules> {
    let (built, left_out) = all(project, ports, options)?;
    let folder = folder(project, options.dev);
    let with_path = |(port, _): (Port, Built)| {
        let path = folder.join(format!("{}.wasm", port.artifact()));
        (port, path)
    };
    Ok(Modules { built: built.into_iter().map(with_path).collect(), left_out })
}

/// Builds one set of ports for a command that needs all that can be built here, and returns each with what is known of
/// its module, and what was left out for want of a compiler.
///
/// # Errors
/// One of them cannot be built; why was said before.
pub(crate) fn all(project: &Project, ports: Vec<Port>, options: &Options) -> Result<(Vec<(Port, Built)>, LeftOut)> {
    let (outcomes, left_out) = build(project, ports, options)?;
    let failed = outcomes.iter().find(|outcome| outcome.result.is_err()).map(|outcome| outcome.port.artifact());
    let modules = outcomes.into_iter().filter_map(|Outcome { port, result }| Some((port, result.ok()?)));
    let modules: Vec<(Port, Built)> = modules.collect();
    if !options.dev {
        let over = modules.iter().map(|(port, built)| Row::new(port, built.clone()));
        let over = over.collect::<Result<Vec<_>>>()?.iter().find_map(Row::over_budget);
        record(project, modules.clone())?;
        if let Some(over) = over {
            bail!("{over}; it is not in dist/, and --dev takes it as it is without the optimiser");
        }
    }
    if let Some(failed) = failed {
        bail!("{failed} cannot be built (see above)");
    }
    Ok((modules, left_out))
}

/// Checks the sources of ports and runs their unit tests; what has no compiler here is left out.
///
/// # Errors
/// Something does not hold, or the compiler of a required language is missing.
pub(crate) fn test(project: &Project, ports: Vec<Port>, required: &[Language]) -> Result<LeftOut> {
    let (toolchains, ports, left_out) = Toolchains::gather(project, ports, required)?;
    let jobs = thread::available_parallelism().map_or(1, usize::from);
    for port in ports {
        say!("{}: unit tests", port.name());
        let (folder, _lock) = compile::folder(project, &port, SizeProfile::Standard)?;
        let site = Site { project, port: &port, profile: SizeProfile::Standard, jobs, folder: &folder };
        toolchains.of(port.language)?.test(&site).with_context(|| format!("{}: its own tests fail", port.name()))?;
    }
    Ok(left_out)
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
