//! A module that somebody else built: there is nothing to compile, and everything else is done as for any other.

use std::path::PathBuf;

use anyhow::Result;

use super::language::{Builder, Compiler, Site};
use crate::process::Missing;
use crate::project::{Port, Project};
use crate::sbom::Parts;

pub(super) struct Prebuilt;

impl Builder for Prebuilt {
    fn name(&self) -> &'static str {
        "prebuilt"
    }

    fn mark(&self, filter: &str) -> String {
        format!("{filter}.wasm")
    }

    fn shared(&self, _: &Project, _: &Port) -> Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }

    /// Who built it knows.
    fn materials(&self, _: &Project, port: &Port, _: &str) -> Result<Parts> {
        Ok(Parts::of(&port.artifact()))
    }

    fn find(&self, _: &Project) -> Result<Box<dyn Compiler>, Missing> {
        Ok(Box::new(Nothing))
    }
}

/// What needs no compiler.
struct Nothing;

impl Compiler for Nothing {
    fn describe(&self) -> String {
        "needs no compiler".into()
    }

    fn version(&self, _: &Project, _: &Port) -> Result<String> {
        Ok("prebuilt".into())
    }

    fn compile(&self, site: &Site<'_>) -> Result<PathBuf> {
        Ok(site.port.folder().join(format!("{}.wasm", site.port.filter)))
    }

    fn test(&self, _: &Site<'_>) -> Result<()> {
        Ok(())
    }
}
