//! Binaryen's wasm-opt, told which features the module uses and nothing more.

use thiserror::Error;

#[cfg(feature = "optimise")]
use crate::features::{self, Feature};

/// Why there is no optimised module.
#[derive(Debug, Error)]
pub(crate) enum OptimiseError {
    /// The crate was built without its feature `optimise`.
    #[error("this program was built without the optimiser: build weir-shrink with its default features")]
    NotBuilt,
    /// The optimiser works on files.
    #[error("no temporary file could be written for the optimiser")]
    TemporaryFile(#[from] std::io::Error),
    /// Binaryen 116 has no such feature.
    #[error("the optimiser does not know {0}")]
    UnknownFeature(&'static str),
    /// What Binaryen says.
    #[error("the optimiser failed: {0}")]
    Binaryen(String),
}

#[cfg(not(feature = "optimise"))]
pub(crate) fn optimise(_wasm: &[u8]) -> Result<Vec<u8>, OptimiseError> {
    Err(OptimiseError::NotBuilt)
}

/// Optimises for size. The names of functions survive.
///
/// Only the features in use are enabled: given all of them, Binaryen 116 splits data into more segments than V8 takes.
///
/// # Errors
/// A feature that Binaryen lacks, no temporary file, or what Binaryen says.
#[cfg(feature = "optimise")]
pub(crate) fn optimise(wasm: &[u8]) -> Result<Vec<u8>, OptimiseError> {
    let mut options = wasm_opt::OptimizationOptions::new_optimize_for_size_aggressively();
    options.mvp_features_only().debug_info(true).set_converge();
    for feature in features::used(wasm) {
        options.enable_feature(binaryen(feature).ok_or(OptimiseError::UnknownFeature(feature.name))?);
    }
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
        (Ours::LEGACY_EXCEPTIONS, Binaryen::ExceptionHandling),
    ];
    SAME.iter().find(|(ours, _)| *ours == feature.flag).map(|(_, theirs)| *theirs)
}
