//! Binaryen's wasm-opt, told which features the module uses and nothing more.

use thiserror::Error;

#[cfg(feature = "optimise")]
use crate::features::{self, Feature};
#[cfg(feature = "optimise")]
use crate::module::{Facts, Item};

/// Why there is no optimised module.
#[derive(Debug, Error)]
pub(crate) enum OptimiseError {
    #[cfg(not(feature = "optimise"))]
    /// The crate was built without its feature `optimise`.
    #[error("this program was built without the optimiser: build weir-shrink with its default features")]
    NotBuilt,
    /// The optimiser works on files.
    #[cfg(feature = "optimise")]
    #[error("no temporary file could be written for the optimiser")]
    TemporaryFile(#[from] std::io::Error),
    #[cfg(feature = "optimise")]
    /// Binaryen 116 has no such feature.
    #[error("the optimiser does not know {0}")]
    UnknownFeature(&'static str),
    #[cfg(feature = "optimise")]
    /// What Binaryen says.
    #[error("the optimiser failed: {0}")]
    Binaryen(String),
}

#[cfg(not(feature = "optimise"))]
pub(crate) fn optimise(_wasm: &[u8]) -> Result<Vec<u8>, OptimiseError> {
    Err(OptimiseError::NotBuilt)
}

/// Bytes from which a module goes through the passes once, and not until they change nothing more: of the two megabytes
/// that Go's compiler makes, that would take two thirds of the time and a hundred bytes.
#[cfg(feature = "optimise")]
const LARGE: usize = 1 << 20;

/// Optimises for size. The names of functions survive.
///
/// Only the features in use are enabled: given all of them, Binaryen 116 splits data into more segments than V8 takes.
/// Nothing is assumed that the specification does not say: traps stay traps, and memory is what it was.
///
/// # Errors
/// A feature that Binaryen lacks, no temporary file, or what Binaryen says.
#[cfg(feature = "optimise")]
pub(crate) fn optimise(wasm: &[u8]) -> Result<Vec<u8>, OptimiseError> {
    let mut smaller = wasm_opt::OptimizationOptions::new_optimize_for_size_aggressively();
    smaller.mvp_features_only().debug_info(true);
    for feature in features::used(wasm) {
        smaller.enable_feature(binaryen(feature).ok_or(OptimiseError::UnknownFeature(feature.name))?);
    }
    let narrowed = if is_table_shared(wasm) {
        None
    } else {
        // Once pruned, most methods in an SDK's vtables have no caller left, and the flow of values through the whole
        // program shows which: a seventh of a Rust filter. It comes first, while the code still looks as compiled.
        let mut flow = smaller.clone();
        flow.add_default_passes(false).add_pass(wasm_opt::Pass::GufaOptimizing);
        Some(run(&flow, wasm)?)
    };
    if wasm.len() < LARGE {
        smaller.set_converge();
    }
    run(&smaller, narrowed.as_deref().unwrap_or(wasm))
}

/// Whether the host can put functions into a table, or call those that are in one: then nobody knows all callers.
#[cfg(feature = "optimise")]
fn is_table_shared(wasm: &[u8]) -> bool {
    let facts = Facts::read(wasm).unwrap_or_default();
    let items = facts.imports.iter().map(|import| &import.item).chain(facts.exports.iter().map(|export| &export.item));
    items.into_iter().any(|item| *item == Item::Table)
}

#[cfg(feature = "optimise")]
fn run(options: &wasm_opt::OptimizationOptions, wasm: &[u8]) -> Result<Vec<u8>, OptimiseError> {
    let folder = tempfile::tempdir()?;
    let (input, output) = (folder.path().join("in.wasm"), folder.path().join("out.wasm"));
    std::fs::write(&input, wasm)?;
    options.run(&input, &output).map_err(|error| OptimiseError::Binaryen(said(&error)))?;
    Ok(std::fs::read(&output)?)
}

#[cfg(feature = "optimise")]
fn said(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(feature = "optimise")]
fn binaryen(feature: &Feature) -> Option<wasm_opt::Feature> {
    use wasm_opt::Feature as Binaryen;
    use wasmparser::WasmFeatures as Ours;
    const SAME: &[(Ours, Binaryen)] = &[
        (Ours::MUTABLE_GLOBAL, Binaryen::MutableGlobals),
        (Ours::SATURATING_FLOAT_TO_INT, Binaryen::TruncSat),
        (Ours::SIGN_EXTENSION, Binaryen::SignExt),
        (Ours::REFERENCE_TYPES, Binaryen::ReferenceTypes),
        (Ours::MULTI_VALUE, Binaryen::Multivalue),
        (Ours::BULK_MEMORY, Binaryen::BulkMemory),
        (Ours::SIMD, Binaryen::Simd),
        (Ours::RELAXED_SIMD, Binaryen::RelaxedSimd),
        (Ours::TAIL_CALL, Binaryen::TailCall),
        (Ours::EXTENDED_CONST, Binaryen::ExtendedConst),
        (Ours::THREADS, Binaryen::Atomics),
        (Ours::MULTI_MEMORY, Binaryen::MultiMemory),
        // It only reads the legacy instructions, and says so where it finds the others.
        (Ours::EXCEPTIONS, Binaryen::ExceptionHandling),
        (Ours::LEGACY_EXCEPTIONS, Binaryen::ExceptionHandling),
    ];
    SAME.iter().find(|(ours, _)| *ours == feature.flag).map(|(_, theirs)| *theirs)
}

#[cfg(all(test, feature = "optimise"))]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_shared_when_the_host_can_reach_it() {
        let shared = |text: &str| is_table_shared(&wat::parse_str(text).unwrap());
        assert!(shared(r#"(module (import "env" "t" (table 1 funcref)))"#));
        assert!(shared(r#"(module (table (export "t") 1 funcref))"#));
        assert!(!shared("(module (table 1 funcref))"));
    }

    #[test]
    fn a_feature_that_binaryen_lacks_is_named() {
        let wasm = wat::parse_str("(module (type $f (func)) (func (param (ref null $f))))").unwrap();
        assert_eq!(optimise(&wasm).unwrap_err().to_string(), "the optimiser does not know typed function references");
    }

    #[test]
    fn legacy_exceptions_pass_through() {
        let text = r#"(module (tag $e) (func (export "f") try (throw $e) catch_all end))"#;
        assert!(optimise(&wat::parse_str(text).unwrap()).is_ok());
    }
}
