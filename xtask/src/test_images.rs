//! `cargo xtask test-images`: images through a real registry, tools that nobody here wrote, and a real Envoy.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use crate::build::{self, Language, Options};
use crate::go_tools::ORAS;
use crate::process::{cargo, run};
use crate::project::Project;
use crate::{envoy, machine};

/// The filter whose module the images hold.
const FILTER: &str = "hello-header";

#[derive(Args)]
pub(crate) struct TestImages {
    /// Run only the tests whose names contain this text.
    #[arg(value_name = "TEXT")]
    tests: Vec<String>,
    /// The Envoy to run, in place of the one that is found or fetched.
    #[arg(long, value_name = "PATH")]
    envoy: Option<PathBuf>,
    /// A cosign of version 2, to be held against our signatures; it takes minutes to build, and so none is fetched.
    #[arg(long, value_name = "PATH")]
    cosign: Option<PathBuf>,
}

impl TestImages {
    pub(crate) fn run(self) -> Result<()> {
        let project = Project::find()?;
        let (registry, skopeo, _) = (machine::docker_registry()?, machine::skopeo()?, machine::openssl()?);
        let oras = ORAS.find_or_build(&project)?;
        let envoy = envoy::find_or_fetch(&project, self.envoy.as_deref())?;
        let ports = project.select(&[FILTER.to_owned()], Some(Language::rust()))?;
        let modules = build::modules(&project, ports, &Options::default())?.built;
        let (_, module) = modules.first().context("nothing was built")?;
        let mut command = cargo();
        command.args(["test", "--quiet", "--package", "weir-oci", "--features", "real", "--test", "real", "--"]);
        command.args(&self.tests).current_dir(&project.root);
        command.env("WEIR_TEST_REGISTRY", &registry).env("WEIR_TEST_SKOPEO", skopeo).env("WEIR_TEST_ORAS", oras);
        command.env("WEIR_TEST_ENVOY", absolute(&envoy)?).env("WEIR_TEST_MODULE", module);
        if let Some(path) = &self.cosign {
            command.env("WEIR_TEST_COSIGN", absolute(path)?).arg("--include-ignored");
        }
        run(&mut command)?;
        if self.tests.is_empty() {
            let mut shared = cargo();
            shared.args(["test", "--quiet", "--package", "xtask", "--features", "real", "--test", "real"]);
            shared.current_dir(&project.root).env("WEIR_TEST_REGISTRY", &registry);
            run(shared.env("WEIR_ENVOY", absolute(&envoy)?))?;
        }
        Ok(())
    }
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("cannot name {}", path.display()))
}
