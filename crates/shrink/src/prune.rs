//! Drops the exports that nothing calls, and then the code that only they kept alive.
//!
//! An SDK exports every callback there is, and Envoy calls each that exists: an export that the filter does not need
//! costs instructions on every request, beside its bytes.

use thiserror::Error;
use walrus::{ExportId, Module, ModuleConfig};

use crate::abi;

/// The module is valid, but the rewriting library does not know all of it.
#[derive(Debug, Error)]
#[error("its exports cannot be rewritten: {0}")]
pub struct PruneError(String);

/// Whether the export `name` stays in a filter that declares `callbacks`.
pub fn is_kept<C: AsRef<str>>(name: &str, callbacks: &[C]) -> bool {
    name.starts_with(abi::MARKER_PREFIX)
        || abi::KEPT.contains(&name)
        || callbacks.iter().any(|callback| callback.as_ref() == name)
}

/// Keeps what [`is_kept`] says, and collects the garbage. The names of functions survive.
///
/// # Errors
/// The module uses something that the rewriting library cannot read.
pub fn prune<C: AsRef<str>>(wasm: &[u8], callbacks: &[C]) -> Result<Vec<u8>, PruneError> {
    let mut config = ModuleConfig::new();
    config.generate_producers_section(false).only_stable_features(false);
    let mut module: Module = config.parse(wasm).map_err(|error| PruneError(format!("{error:#}")))?;
    let dropped: Vec<ExportId> =
        module.exports.iter().filter(|export| !is_kept(&export.name, callbacks)).map(|export| export.id()).collect();
    for id in dropped {
        module.exports.delete(id);
    }
    walrus::passes::gc::run(&mut module);
    Ok(module.emit_wasm())
}
