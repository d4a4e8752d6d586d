//! `cargo xtask e2e`: the filters' cases through a real Envoy.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::build::{self, Language, Options, toolchains};
use crate::process::{build_tool, run, say};
use crate::project::Project;
use crate::{envoy, machine};

#[derive(Args)]
pub(crate) struct E2e {
    /// Run only the cases of these filters, or ports: NAME or NAME.LANGUAGE.
    filters: Vec<String>,
    /// Run only the ports in this language.
    #[arg(long)]
    lang: Option<Language>,
    /// Fail where this language has no compiler here, in place of leaving its ports out; `all` means every language.
    #[arg(long, value_name = "LANG", value_parser = toolchains::required)]
    require: Vec<Vec<Language>>,
    /// What Envoy runs in.
    #[arg(long, default_value = "auto")]
    runtime: Runtime,
    /// The Envoy to run, in place of the one that is found or fetched.
    #[arg(long, value_name = "PATH")]
    envoy: Option<PathBuf>,
    /// Run only the cases whose names contain this text.
    #[arg(long, value_name = "TEXT")]
    case: Vec<String>,
    /// Leave the optimiser out: quick, for a look.
    #[arg(long)]
    dev: bool,
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
    pub(crate) fn native(required: Vec<Language>) -> E2e {
        E2e {
            filters: Vec::new(),
            lang: None,
            require: vec![required],
            runtime: Runtime::Native,
            envoy: None,
            case: Vec::new(),
            dev: false,
            selftest: true,
        }
    }

    pub(crate) fn run(self) -> Result<()> {
        let project = Project::find()?;
        let ports = project.select(&self.filters, self.lang)?;
        let runtime = self.runtime.choose()?;
        let envoy = envoy::find_or_fetch(&project, self.envoy.as_deref())?;
        let options = Options { dev: self.dev, required: self.require.concat(), ..Options::default() };
        let modules = build::modules(&project, ports, &options)?;
        let features: &[&str] = if runtime == "container" { &["--features", "container"] } else { &[] };
        let tool = build_tool("weir-envoy", "weir-envoy", features)?;
        let command = |name: &str| {
            let mut command = Command::new(&tool);
            command.args([name, "--runtime", runtime]).arg("--envoy").arg(&envoy);
            command.arg("--state").arg(project.state().join("envoy"));
            command
        };
        let mut cases = command("e2e");
        for (port, wasm) in modules.built {
            let mut run = port.dir.join("cases.toml").into_os_string();
            run.push("=");
            run.push(wasm);
            cases.arg("--run").arg(run);
        }
        run(cases.arg("--").args(&self.case))?;
        if self.selftest {
            run(&mut command("selftest"))?;
        }
        if !modules.left_out.is_empty() {
            say!("all that was run holds{}", modules.left_out);
        }
        Ok(())
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
