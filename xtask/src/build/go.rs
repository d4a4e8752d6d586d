//! Go: the `go` on `PATH`, or TinyGo for a port that asks for it.
//!
//! Modules come through Go's own cache, as crates come through cargo's: what is in it is checked against the `go.sum` of
//! the port, whoever put it there, and is shared with everything else on the machine.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use super::language::{Builder, Compiler, Site};
use crate::process::{Missing, output, which};
use crate::project::{Port, Project};

/// The oldest Go that exports functions from WebAssembly (`go:wasmexport`).
const OLDEST: (u32, u32) = (1, 24);

/// What the environment may not change. A newer toolchain is not fetched behind anybody's back.
const ENVIRONMENT: [(&str, &str); 4] = [
    ("GOFLAGS", "-mod=readonly -trimpath -buildvcs=false"),
    ("GOTOOLCHAIN", "local"),
    ("GOWORK", "off"),
    ("CGO_ENABLED", "0"),
];

pub(super) struct Go;

impl Builder for Go {
    fn name(&self) -> &'static str {
        "go"
    }

    fn mark(&self, _: &str) -> String {
        "go.mod".into()
    }

    fn shared(&self, project: &Project, _: &Port) -> Result<Vec<PathBuf>> {
        Ok(vec![project.root.join("sdk/go")])
    }

    fn find(&self, _: &Project) -> Result<Box<dyn Compiler>, Missing> {
        let said = which("go").and_then(|_| output(Command::new("go").arg("version").env("GOTOOLCHAIN", "local")).ok());
        match said.as_deref().and_then(version_in) {
            Some(version) if is_new_enough(version) => Ok(Box::new(Toolchain { version: version.to_owned() })),
            found => Err(missing(found)),
        }
    }
}

fn missing(found: Option<&str>) -> Missing {
    let (major, minor) = OLDEST;
    let found = found.map_or(String::new(), |version| format!(" (there is {version})"));
    Missing {
        what: format!("Go {major}.{minor} or newer{found}"),
        needed_for: "to build Go ports".into(),
        mend: "put a `go` from https://go.dev/dl on PATH (Debian 13: apt-get install golang-go)".into(),
    }
}

/// `go1.26.8` of `go version go1.26.8 linux/amd64`: what a module is does not depend on the machine.
fn version_in(said: &str) -> Option<&str> {
    said.split_whitespace().nth(2).filter(|word| word.starts_with("go"))
}

fn is_new_enough(version: &str) -> bool {
    let number = |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u32>().ok();
    let mut parts = version.trim_start_matches("go").split('.').map(number);
    matches!((parts.next().flatten(), parts.next().flatten()), (Some(major), Some(minor)) if (major, minor) >= OLDEST)
}

struct Toolchain {
    version: String,
}

impl Compiler for Toolchain {
    fn describe(&self) -> String {
        self.version.clone()
    }

    fn version(&self, _: &Port) -> Result<String> {
        Ok(self.version.clone())
    }

    fn compile(&self, site: &Site<'_>) -> Result<PathBuf> {
        let module = site.folder.join("linked.wasm");
        let mut go = go(site);
        go.args(["build", "-buildmode=c-shared", "-p", &site.jobs.to_string(), "-o"]).arg(&module).arg(".");
        go.env("GOOS", "wasip1").env("GOARCH", "wasm");
        output(&mut go).map_err(|error| error.context("does not compile"))?;
        Ok(module)
    }

    fn test(&self, site: &Site<'_>) -> Result<()> {
        let folders = [site.port.folder(), site.project.root.join("sdk/go")];
        let unformatted = output(Command::new("gofmt").arg("-l").args(&folders))?;
        if !unformatted.is_empty() {
            bail!("not formatted (`gofmt -w` does it):\n{}", unformatted.trim_end());
        }
        for folder in folders {
            output(go(site).args(["vet", "./..."]).current_dir(&folder))?;
            output(go(site).args(["test", "./..."]).current_dir(&folder))?;
        }
        Ok(())
    }
}

fn go(site: &Site<'_>) -> Command {
    let mut go = Command::new("go");
    go.current_dir(site.port.folder()).envs(ENVIRONMENT).env_remove("GOEXPERIMENT").env_remove("GOWASM");
    go
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_third_word() {
        assert_eq!(version_in("go version go1.26.8 linux/amd64\n"), Some("go1.26.8"));
        assert_eq!(version_in("The Go programming language"), None);
    }

    #[test]
    fn what_is_too_old_is_told_apart() {
        for new in ["go1.24", "go1.24.3", "go1.30rc1", "go2.0"] {
            assert!(is_new_enough(new), "{new}");
        }
        for old in ["go1.23.9", "go1.9", "go1", "devel"] {
            assert!(!is_new_enough(old), "{old}");
        }
    }

    #[test]
    fn an_old_one_is_named() {
        assert!(missing(Some("go1.19")).to_string().starts_with("Go 1.24 or newer (there is go1.19) is missing"));
    }
}
