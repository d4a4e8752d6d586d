//! Drops the exports that nothing calls, and then the code that only they kept alive.
//!
//! An SDK exports every callback there is, and Envoy calls each that exists: an export that the filter does not need
//! costs instructions on every request, beside its bytes.

use thiserror::Error;
use walrus::{Module, ModuleConfig};
use wasm_encoder::{Encode, ExportKind, ExportSection, Section as _};
use wasmparser::{BinaryReaderError, ExternalKind, Parser, Payload};

use crate::abi;
use crate::module::{HEADER, sections};

/// The module is valid, but cannot be rewritten.
#[derive(Debug, Error)]
pub enum PruneError {
    /// The module is not cut into sections as it should be.
    #[error("its exports cannot be read: {0}")]
    Read(#[from] BinaryReaderError),
    /// The rewriting library does not know all of it.
    #[error("it cannot be rewritten: {0}")]
    Rewrite(String),
}

/// Whether the export `name` stays in a filter that declares `callbacks`.
pub fn is_kept<C: AsRef<str>>(name: &str, callbacks: &[C]) -> bool {
    name.starts_with(abi::MARKER_PREFIX)
        || abi::KEPT.contains(&name)
        || callbacks.iter().any(|callback| callback.as_ref() == name)
}

/// Keeps the exports that [`is_kept`] keeps, and everything else byte for byte: the result is never larger.
///
/// # Errors
/// The module is not cut into sections as it should be.
pub fn prune<C: AsRef<str>>(wasm: &[u8], callbacks: &[C]) -> Result<Vec<u8>, PruneError> {
    let mut kept = ExportSection::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let Payload::ExportSection(exports) = payload? else { continue };
        for export in exports {
            let export = export?;
            if is_kept(export.name, callbacks) {
                kept.export(export.name, kind(export.kind), export.index);
            }
        }
    }
    let mut pruned = wasm.get(..HEADER).unwrap_or_default().to_vec();
    for section in sections(wasm)? {
        if section.bytes.first() == Some(&kept.id()) {
            pruned.push(kept.id());
            kept.encode(&mut pruned);
        } else {
            pruned.extend_from_slice(section.bytes);
        }
    }
    Ok(pruned)
}

fn kind(kind: ExternalKind) -> ExportKind {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => ExportKind::Func,
        ExternalKind::Table => ExportKind::Table,
        ExternalKind::Memory => ExportKind::Memory,
        ExternalKind::Global => ExportKind::Global,
        ExternalKind::Tag => ExportKind::Tag,
    }
}

/// Drops what no export, no table and no start function needs. The names of functions survive.
///
/// # Errors
/// The module uses something that the rewriting library cannot read.
pub fn collect(wasm: &[u8]) -> Result<Vec<u8>, PruneError> {
    let mut config = ModuleConfig::new();
    config.generate_producers_section(false).only_stable_features(false);
    let mut module: Module = config.parse(wasm).map_err(|error| PruneError::Rewrite(format!("{error:#}")))?;
    walrus::passes::gc::run(&mut module);
    Ok(module.emit_wasm())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULE: &str = r#"(module (memory (export "memory") 1)
        (func (export "proxy_abi_version_0_2_1"))
        (func $needed (export "proxy_on_tick") (param i32))
        (func $not (export "proxy_on_log") (param i32))
        (@custom "notes" "kept"))"#;

    #[test]
    fn only_the_exports_that_nothing_calls_go() {
        let wasm = wat::parse_str(MODULE).unwrap();
        let expected = wat::parse_str(MODULE.replace(r#"(export "proxy_on_log")"#, "")).unwrap();
        assert_eq!(prune(&wasm, &["proxy_on_tick"]).unwrap(), expected);
        assert_eq!(prune(&expected, &["proxy_on_tick"]).unwrap(), expected);
    }

    #[test]
    fn the_code_behind_them_is_collected() {
        let wasm = prune(&wat::parse_str(MODULE).unwrap(), &["proxy_on_tick"]).unwrap();
        let names = |wasm: &[u8]| crate::module::Facts::read(wasm).unwrap().names;
        assert!(names(&wasm).values().any(|name| name == "not"));
        let collected = collect(&wasm).unwrap();
        assert!(names(&collected).values().any(|name| name == "needed"));
        assert!(!names(&collected).values().any(|name| name == "not"));
    }
}
