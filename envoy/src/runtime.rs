//! How an Envoy runs: as a process of this machine, or in a container. What it is told is the same.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, Result};

#[cfg(feature = "container")]
use crate::container::{self, Container, Image};
use crate::envoy::Launch;
use crate::log::{self, Log};
use crate::native::{self, Native};

/// Which runtime is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// A container where an engine answers and this binary was built for it, else native.
    Auto,
    /// A process of this machine.
    Native,
    /// A container, through testcontainers.
    Container,
}

/// A way to run Envoy, found to be there.
#[derive(Clone, Debug)]
pub enum Runtime {
    /// The binary of the pinned version.
    Native(PathBuf),
    /// An image that the engine has.
    #[cfg(feature = "container")]
    Container(Image),
}

/// A running Envoy. Dropping it stops it.
pub trait Process: Send + Sync {
    /// Which one it is.
    fn id(&self) -> Id;
    /// How it ended, such as `exit status: 1`; `None` while it runs.
    fn ended(&self) -> Option<String>;
    /// Stops it and waits until it is gone. Stopping twice does nothing.
    fn stop(&self);
}

/// A running Envoy's identity. As text, `pid 4711` or `container NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Id {
    /// A process of this machine.
    Pid(i32),
    /// A container of the engine.
    Container(String),
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Id::Pid(pid) => write!(f, "pid {pid}"),
            Id::Container(name) => write!(f, "container {name}"),
        }
    }
}

impl FromStr for Id {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Id> {
        match text.split_once(' ') {
            Some(("pid", pid)) => Ok(Id::Pid(pid.parse()?)),
            Some(("container", name)) => Ok(Id::Container(name.into())),
            _ => anyhow::bail!("expected `pid N` or `container NAME`, found {text:?}"),
        }
    }
}

impl Id {
    /// Whether it is still there, in whatever state.
    pub fn is_there(&self) -> bool {
        match self {
            Id::Pid(pid) => rustix::process::Pid::from_raw(*pid)
                .is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH)),
            Id::Container(name) => Command::new("docker")
                .args(["container", "inspect", name])
                .output()
                .is_ok_and(|output| output.status.success()),
        }
    }
}

impl Runtime {
    /// Finds the runtime that is asked for. `envoy` is the native binary, which a container may be made from.
    ///
    /// # Errors
    /// The runtime that is asked for is not there; the message says what is missing and what mends it.
    pub fn find(kind: Kind, envoy: Option<&Path>) -> Result<Runtime> {
        match kind {
            Kind::Native => Runtime::native(envoy),
            Kind::Container => Runtime::container(envoy),
            Kind::Auto => match Runtime::container_answers() {
                Ok(()) => Runtime::container(envoy),
                Err(reason) => {
                    eprintln!("runtime: native, because {reason}");
                    Runtime::native(envoy)
                }
            },
        }
    }

    fn native(envoy: Option<&Path>) -> Result<Runtime> {
        let envoy = envoy.context("a native Envoy is asked for and none is named; add --envoy PATH")?;
        native::check_version(envoy)?;
        Ok(Runtime::Native(std::path::absolute(envoy)?))
    }

    #[cfg(feature = "container")]
    fn container(envoy: Option<&Path>) -> Result<Runtime> {
        Ok(Runtime::Container(Image::find(envoy)?))
    }

    #[cfg(not(feature = "container"))]
    fn container(_: Option<&Path>) -> Result<Runtime> {
        anyhow::bail!("this weir-envoy was built without containers; build it with --features container")
    }

    #[cfg(feature = "container")]
    fn container_answers() -> Result<()> {
        container::engine_answers()
    }

    #[cfg(not(feature = "container"))]
    fn container_answers() -> Result<()> {
        anyhow::bail!("this weir-envoy was built without the feature container")
    }

    /// Starts Envoy on the bootstrap in `dir`; it can read `dir` and the modules, and its log goes to `log`.
    ///
    /// # Errors
    /// The process or the container cannot be started.
    pub(crate) fn start(
        &self,
        dir: &Path,
        modules: &[PathBuf],
        launch: &Launch,
        log: &Arc<Log>,
    ) -> Result<Box<dyn Process>> {
        let arguments = arguments(dir, launch.workers);
        match self {
            Runtime::Native(envoy) => {
                // A process of this machine can read them anyway.
                let _ = modules;
                let (program, arguments) = under(&launch.under, envoy, arguments);
                Ok(Box::new(Native::start(&program, &arguments, log)?))
            }
            #[cfg(feature = "container")]
            Runtime::Container(_) if !launch.under.is_empty() => {
                anyhow::bail!("only a native Envoy runs under another command")
            }
            #[cfg(feature = "container")]
            Runtime::Container(image) => Ok(Box::new(Container::start(image, dir, modules, &arguments, log)?)),
        }
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Runtime::Native(envoy) => write!(f, "native, Envoy {} ({})", crate::VERSION, envoy.display()),
            #[cfg(feature = "container")]
            Runtime::Container(image) => write!(f, "container, Envoy {} ({image})", crate::VERSION),
        }
    }
}

/// Where Envoy writes the address of its admin interface.
pub(crate) fn admin_file(dir: &Path) -> PathBuf {
    dir.join("admin-address")
}

/// The bootstrap's place.
pub(crate) fn bootstrap_file(dir: &Path) -> PathBuf {
    dir.join("bootstrap.json")
}

/// A program and its arguments, run under another command where there is one.
fn under(command: &[String], program: &Path, arguments: Vec<String>) -> (PathBuf, Vec<String>) {
    match command {
        [] => (program.to_owned(), arguments),
        [outer, rest @ ..] => {
            let inner = [program.to_string_lossy().into_owned()];
            (outer.into(), rest.iter().cloned().chain(inner).chain(arguments).collect())
        }
    }
}

/// The command line of Envoy, the same for every runtime.
fn arguments(dir: &Path, workers: u16) -> Vec<String> {
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    let (bootstrap, admin) = (text(bootstrap_file(dir)), text(admin_file(dir)));
    let workers = workers.to_string();
    // Hot restart would make two Envoys of one machine meet in shared memory. Draining at once lets a reload be seen at
    // once.
    let fixed =
        ["--concurrency", &workers, "--disable-hot-restart", "--drain-time-s", "1", "--drain-strategy", "immediate"];
    let logs = ["-l", "warning", "--component-log-level", "wasm:info", "--log-format", log::FORMAT];
    let named = ["-c", &bootstrap, "--admin-address-path", &admin];
    named.iter().chain(&fixed).chain(&logs).map(|it| (*it).to_owned()).collect()
}
