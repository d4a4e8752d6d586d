//! `cargo xtask e2e`: the filters' cases through a real Envoy, or in process.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use weir_cases::manifest::SizeProfile;
use weir_common::{Shard, say};

use crate::build::toolchains::LeftOut;
use crate::build::{self, Language, Options, toolchains};
use crate::images::{self, is_image};
use crate::process::{build_tool, run};
use crate::project::{Port, Project};
use crate::{envoy, machine};

#[derive(Args)]
pub(crate) struct E2e {
    /// Run only the cases of these filters, or ports: NAME or NAME.LANGUAGE; an image, NAME:TAG or a reference, in place
    /// of what would be built.
    #[arg(value_name = "FILTER|IMAGE")]
    filters: Vec<String>,
    /// Run only the ports in this language.
    #[arg(long)]
    lang: Option<Language>,
    /// Fail where this language has no compiler here, in place of leaving its ports out; `all` means every language.
    #[arg(long, value_name = "LANG", value_parser = toolchains::required)]
    require: Vec<Vec<Language>>,
    /// Run only the cases of this share of the ports, of so many.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// What the filters run in.
    #[arg(long, default_value = "auto")]
    runtime: Runtime,
    /// The Envoy to run, in place of the one that is found or fetched.
    #[arg(long, value_name = "PATH")]
    envoy: Option<PathBuf>,
    /// Run only the cases whose names contain this text; given several times, each of the texts.
    #[arg(long, value_name = "TEXT")]
    case: Vec<String>,
    /// Build with this size profile in place of the one that filter.toml names.
    #[arg(long, value_name = "PROFILE", value_parser = build::size_profile)]
    size_profile: Option<SizeProfile>,
    /// Leave the optimiser out: quick, for a look.
    #[arg(long)]
    dev: bool,
    /// Write what was seen over the expectations that do not hold, in cases.toml.
    #[arg(long)]
    bless: bool,
    /// Check also, with real processes, that no Envoy outlives who started it, and that what goes wrong is told.
    #[arg(long)]
    selftest: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Runtime {
    /// In a container where a Docker engine answers, else native.
    Auto,
    /// In a container, through testcontainers.
    Container,
    /// The binary itself.
    Native,
    /// No Envoy at all: a host in process, in milliseconds.
    Host,
}

impl E2e {
    /// All that a native Envoy can tell.
    pub(crate) fn native(required: Vec<Language>) -> E2e {
        E2e::everything(Runtime::Native, true, required)
    }

    /// Every case, in process.
    pub(crate) fn host(required: Vec<Language>) -> E2e {
        E2e::everything(Runtime::Host, false, required)
    }

    fn everything(runtime: Runtime, selftest: bool, required: Vec<Language>) -> E2e {
        E2e {
            filters: Vec::new(),
            lang: None,
            require: vec![required],
            shard: None,
            runtime,
            envoy: None,
            case: Vec::new(),
            size_profile: None,
            dev: false,
            bless: false,
            selftest,
        }
    }

    pub(crate) fn run(self) -> Result<()> {
        let project = Project::find()?;
        if self.runtime == Runtime::Host {
            ensure!(!self.selftest, "--selftest is about Envoy's processes; the host has none");
            let (modules, left_out) = self.modules(&project)?;
            if !modules.is_empty() {
                let mut command = Command::new(build_tool("weir-host-cases", "weir-host", &[])?);
                run(self.cases(command.arg("e2e"), &modules))?;
            }
            return left_out.say();
        }
        let runtime = self.runtime.choose()?;
        let envoy = envoy::find_or_fetch(&project, self.envoy.as_deref())?;
        let (modules, left_out) = self.modules(&project)?;
        let features: &[&str] = if runtime == "container" { &["--features", "container"] } else { &[] };
        let tool = build_tool("weir-envoy", "weir-envoy", features)?;
        let command = |name: &str| {
            let mut command = Command::new(&tool);
            command.args([name, "--runtime", runtime]).arg("--envoy").arg(&envoy);
            command.arg("--state").arg(project.state().join("envoy"));
            command
        };
        if !modules.is_empty() {
            run(self.cases(&mut command("e2e"), &modules))?;
        }
        if self.selftest {
            run(&mut command("selftest"))?;
        }
        left_out.say()
    }

    /// The modules to hold against cases: those in images, and those of this share of the ports, built now.
    fn modules(&self, project: &Project) -> Result<(Vec<(Port, PathBuf)>, LeftOut)> {
        let (images, names): (Vec<String>, Vec<String>) = self.filters.iter().cloned().partition(|it| is_image(it));
        // Without a name all are meant, unless images are.
        let mut ports =
            if names.is_empty() && !images.is_empty() { Vec::new() } else { project.select(&names, self.lang)? };
        if let Some(shard) = self.shard {
            ports = shard.take(ports);
        }
        let options = Options {
            dev: self.dev,
            size_profile: self.size_profile,
            required: self.require.concat(),
            ..Options::default()
        };
        let build::Modules { built: mut modules, left_out } = build::modules(project, ports, &options)?;
        for image in images {
            let resolved = images::resolve(project, &image)?;
            let port = project.select(std::slice::from_ref(&resolved.filter), None);
            let port = port.with_context(|| format!("{image} cannot be held against cases"))?.into_iter().next();
            modules.extend(port.map(|port| (port, resolved.module)));
        }
        if modules.is_empty() {
            say!("this share has no ports, and so no cases");
        }
        Ok((modules, left_out))
    }

    /// The command with the modules, the cases that they have to hold, and which of them are asked for.
    fn cases<'a>(&self, command: &'a mut Command, modules: &[(Port, PathBuf)]) -> &'a mut Command {
        command.arg("--hostile");
        for (port, wasm) in modules {
            let mut run = port.dir.join("cases.toml").into_os_string();
            run.push("=");
            run.push(wasm);
            command.arg("--run").arg(run);
        }
        if self.bless {
            command.arg("--bless");
        }
        command.arg("--").args(self.case.iter().flat_map(|text| ["--case", text]))
    }
}

impl Runtime {
    /// The runtime's name, with `auto` settled, which is told.
    fn choose(self) -> Result<&'static str> {
        let engine = machine::docker_engine();
        match (self, engine) {
            (Runtime::Auto, Ok(version)) => {
                say!("runtime: container (a Docker engine answers: {version})");
                Ok("container")
            }
            (Runtime::Auto, Err(_)) => {
                say!("runtime: native (no Docker engine answers)");
                Ok("native")
            }
            (Runtime::Container, engine) => Ok(engine.map(|_| "container")?),
            (Runtime::Native, _) => Ok("native"),
            (Runtime::Host, _) => Ok("host"),
        }
    }
}
