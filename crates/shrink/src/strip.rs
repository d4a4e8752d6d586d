//! Drops the custom sections, of which Envoy needs none but one: names.
//!
//! Envoy reads three kinds of custom section (proxy-wasm-cpp-host, `src/wasm.cc`, `src/v8/v8.cc`): `signature` when it
//! was compiled with a key, `precompiled_*` when the VM's configuration allows it, and `name`. Without any function name it leaves
//! the whole backtrace out of what it logs about a trap. So one name stays, in as few bytes as it takes, for the
//! frames of all functions to be logged with their indices and offsets; the symbols beside the module name them.

use wasm_encoder::{Encode, NameMap, NameSection, Section as _};
use wasmparser::BinaryReaderError;

use crate::module::{HEADER, Section, sections};

/// What Envoy logs for a frame in function 0, which as a rule is an import and has none.
const STAND_IN: &str = "?";

/// The module without custom sections, names included.
///
/// # Errors
/// A module that is not cut into sections as it should be.
pub fn bare(wasm: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
    keep(wasm, |section| section.custom.is_none())
}

/// The module without its names.
///
/// # Errors
/// As [`bare`].
pub fn without_names(wasm: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
    keep(wasm, |section| section.custom != Some("name"))
}

/// The module with its names, and without every other custom section.
///
/// # Errors
/// As [`bare`].
pub fn only_names(wasm: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
    keep(wasm, |section| matches!(section.custom, None | Some("name")))
}

/// The module as it ships: [`bare`], and a name section of 13 bytes that makes Envoy log backtraces.
///
/// # Errors
/// As [`bare`].
pub fn shipped(wasm: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
    let mut shipped = bare(wasm)?;
    let mut name = NameMap::new();
    name.append(0, STAND_IN);
    let mut section = NameSection::new();
    section.functions(&name);
    shipped.push(section.id());
    section.encode(&mut shipped);
    Ok(shipped)
}

fn keep(wasm: &[u8], wanted: impl Fn(&Section<'_>) -> bool) -> Result<Vec<u8>, BinaryReaderError> {
    let sections = sections(wasm)?;
    let kept = sections.iter().filter(|section| wanted(section)).map(|section| section.bytes);
    Ok(std::iter::once(&wasm[..HEADER]).chain(kept).collect::<Vec<_>>().concat())
}
