//! Files that are there whole or not at all, in folders that may not be there yet.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Writes a file so that a reader sees the old bytes or the new, and never a part; makes its folder.
///
/// # Errors
/// The folder cannot be written to, or the disk is full; the old file is then as it was.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    // A name alone is one in the folder where the program runs.
    let path = std::path::absolute(path).with_context(|| format!("cannot write {}", path.display()))?;
    path.parent().map_or(Ok(()), fs::create_dir_all).with_context(|| format!("cannot write {}", path.display()))?;
    weir_common::whole::file(&path, bytes)
}
