//! `cargo xtask import`: takes in a module that somebody else built, as a filter like any other.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use weir_common::say;

use crate::build::hex;
use crate::new::{appear, check_name, write};
use crate::process::{build_tool, output};
use crate::project::Project;
use crate::readme;

#[derive(Args)]
pub(crate) struct Import {
    /// The module.
    #[arg(value_name = "FILE.wasm")]
    module: PathBuf,
    /// The name that the filter gets. Where there is such a filter, the module becomes a port of it.
    #[arg(long)]
    name: String,
    /// A configuration that the module takes, for the first case; without it, that case has none.
    #[arg(long, value_name = "JSON")]
    config: Option<String>,
}

/// What the lint says of a module that Envoy takes.
#[derive(Deserialize)]
struct Report {
    callbacks: Vec<String>,
}

impl Import {
    pub(crate) fn run(self) -> Result<()> {
        let Import { module, name, config } = self;
        check_name(&name)?;
        let project = Project::find()?;
        let wasm = std::fs::read(&module).with_context(|| format!("cannot read {}", module.display()))?;
        let filter = project.root.join("filters").join(&name);
        let port = filter.join("prebuilt");
        if port.exists() {
            bail!("filters/{name}/prebuilt is there already");
        }
        let callbacks = lint(&module)?;
        let place = |folder: &Path| {
            let path = folder.join(format!("{name}.wasm"));
            std::fs::write(&path, &wasm).with_context(|| format!("cannot write {}", path.display()))
        };
        if filter.exists() {
            appear(&port, place)?;
        } else {
            appear(&filter, |partial| {
                let file = module.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                write(partial, "filter.toml", &manifest(&callbacks))?;
                write(partial, "cases.toml", &cases(&name, config.as_deref()))?;
                write(partial, "README.md", &readme_of(&name, &file, &hex(&Sha256::digest(&wasm))))?;
                std::fs::create_dir(partial.join("prebuilt"))?;
                place(&partial.join("prebuilt"))
            })?;
        }
        readme::write(&Project::find()?)?;
        say!("filters/{name}/prebuilt/{name}.wasm is in; what is next:");
        say!("  edit filters/{name}/filter.toml: what it does, and the callbacks that it acts in");
        say!("  edit filters/{name}/cases.toml: what is expected of it");
        say!("  cargo xtask build-all {name} && cargo xtask e2e {name}");
        Ok(())
    }
}

/// Makes sure that Envoy would load the module, and says which callbacks it exports.
fn lint(module: &Path) -> Result<Vec<String>> {
    let tool = build_tool("weir-shrink", "weir-lint", &["--no-default-features"])?;
    let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
    let mut lint = Command::new(tool);
    lint.arg(module).arg("--out").arg(folder.path().join("out.wasm"));
    let report = output(lint.arg("--symbols").arg(folder.path().join("out.symbols")))?;
    let report: Report = serde_json::from_str(&report).context("the lint's report cannot be read")?;
    Ok(report.callbacks)
}

fn manifest(callbacks: &[String]) -> String {
    let list: String = callbacks.iter().map(|callback| format!("    \"{callback}\",\n")).collect();
    format!(
        "summary = \"A module that was built elsewhere.\"\n\
         # All that it exports. Envoy calls each, and each call costs: take out those that the filter does nothing in.\n\
         callbacks = [\n{list}]\n"
    )
}

fn cases(name: &str, config: Option<&str>) -> String {
    let configuration = config.map_or(String::new(), |text| {
        let text = toml::Value::String(text.to_owned());
        format!("configuration = {text}\n")
    });
    format!(
        "# What {name} does, as data. The first case only says that the module lets a request pass.\n\n\
         [[case]]\nname = \"a request is answered\"\n{configuration}[case.expect.response]\nstatus = 200\n"
    )
}

fn readme_of(name: &str, file: &str, sha256: &str) -> String {
    format!(
        "# {name}\n\nA module that was built elsewhere: `prebuilt/{name}.wasm` came from `{file}`, SHA-256\n\
         `{sha256}`. What ships is what the shrinker makes of it.\n\n## Example\n\n```sh\n\
         cargo xtask serve {name}\n```\n\n```sh\ncurl -i http://127.0.0.1:8080/\n```\n"
    )
}

#[cfg(test)]
mod tests {
    use weir_cases::manifest::Manifest;

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let callbacks = ["proxy_on_request_headers", "proxy_on_log"].map(str::to_owned);
        assert_eq!(Manifest::parse(&manifest(&callbacks)).unwrap().callbacks, callbacks);
        let config = "{\"a\": \"'''\\n\n\"}";
        for (given, expected) in [(None, None), (Some(config), Some(config.as_bytes()))] {
            let cases = weir_cases::parse("cases.toml", &cases("x", given)).unwrap();
            assert_eq!(cases[0].configuration.as_ref().map(|bytes| bytes.0.as_slice()), expected);
        }
    }
}
