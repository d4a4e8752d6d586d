//! `cargo xtask e2e`: the filters' cases through a real Envoy.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use crate::build::{self, Options};
use crate::images::{self, is_image};
use crate::process::{build_tool, run, say};
use crate::project::Project;
use crate::shard::Shard;
use crate::{envoy, machine};

#[derive(Args)]
pub(crate) struct E2e {
    /// Run only the cases of these filters; an image, NAME:TAG or a reference, in place of what would be built.
    #[arg(value_name = "FILTER|IMAGE")]
    filters: Vec<String>,
    /// Run only the cases of this share of the ports, of so many.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// What Envoy runs in.
    #[arg(long, default_value = "auto")]
    runtime: Runtime,
    /// The Envoy to run, in place of the one that is found or fetched.
    #[arg(long, value_name = "PATH")]
    envoy: Option<PathBuf>,
    /// Run only the cases whose names contain this text.
    #[arg(long, value_name = "TEXT")]
    case: Vec<String>,
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
}

impl E2e {
    /// All that a native Envoy can tell.
    pub(crate) fn native() -> E2e {
        E2e {
            filters: Vec::new(),
            shard: None,
            runtime: Runtime::Native,
            envoy: None,
            case: Vec::new(),
            selftest: true,
        }
    }

    pub(crate) fn run(self) -> Result<()> {
        let project = Project::find()?;
        let (images, names): (Vec<String>, Vec<String>) = self.filters.iter().cloned().partition(|it| is_image(it));
        // Without a name all are meant, unless images are.
        let mut ports =
            if names.is_empty() && !images.is_empty() { Vec::new() } else { project.select(&names, None)? };
        if let Some(shard) = self.shard {
            ports = shard.take(ports);
        }
        let runtime = self.runtime.choose()?;
        let envoy = envoy::find_or_fetch(&project, self.envoy.as_deref())?;
        let mut runs = Vec::new();
        if !ports.is_empty() {
            let modules = build::modules(&project, ports, Options::default())?;
            runs.extend(modules.into_iter().map(|(port, wasm)| (port.dir, wasm)));
        }
        for image in images {
            let resolved = images::resolve(&project, &image)?;
            let port = project.select(std::slice::from_ref(&resolved.filter), None);
            let port = port.with_context(|| format!("{image} cannot be held against cases"))?.into_iter().next();
            runs.extend(port.map(|port| (port.dir, resolved.module)));
        }
        let features: &[&str] = if runtime == "container" { &["--features", "container"] } else { &[] };
        let tool = build_tool("weir-envoy", "weir-envoy", features)?;
        let command = |name: &str| {
            let mut command = Command::new(&tool);
            command.args([name, "--runtime", runtime]).arg("--envoy").arg(&envoy);
            command.arg("--state").arg(project.state().join("envoy"));
            command
        };
        let mut cases = command("e2e");
        if runs.is_empty() {
            say!("this share has no ports, and so no cases");
            return Ok(());
        }
        for (dir, wasm) in runs {
            let mut run = dir.join("cases.toml").into_os_string();
            run.push("=");
            run.push(wasm);
            cases.arg("--run").arg(run);
        }
        run(cases.arg("--").args(&self.case))?;
        if self.selftest { run(&mut command("selftest")) } else { Ok(()) }
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
        }
    }
}
