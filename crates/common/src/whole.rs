//! Files that are there whole or not at all, however a run ends.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

use crate::shown;

/// Writes a file so that a reader sees the old bytes or the new, and never a part.
///
/// # Errors
/// The folder cannot be written to, or the disk is full; the old file is then as it was.
pub fn file(path: &Path, bytes: &[u8]) -> Result<()> {
    files(&[(path, bytes)])
}

/// Writes files as [`file`] does, in their order; what a full disk keeps from one of them, it keeps from all.
///
/// # Errors
/// One cannot be written. Where its bytes found no room, all the old files are as they were.
pub fn files(files: &[(&Path, &[u8])]) -> Result<()> {
    let staged = files.iter().map(|(path, bytes)| stage(path, bytes)).collect::<Result<Vec<_>>>()?;
    for (file, (path, _)) in staged.into_iter().zip(files) {
        file.persist(path).with_context(|| format!("cannot write {}", shown(path)))?;
    }
    Ok(())
}

/// The bytes of a file beside where it will stand.
fn stage(path: &Path, bytes: &[u8]) -> Result<NamedTempFile> {
    let parent = path.parent().context("a file needs a folder")?;
    let write = || -> std::io::Result<NamedTempFile> {
        let mut file = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o644)).tempfile_in(parent)?;
        file.write_all(bytes)?;
        Ok(file)
    };
    write().with_context(|| format!("cannot write {}", shown(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let root = tempfile::tempdir().unwrap();
        let error = format!("{:#}", file(&root.path().join("absent/x"), b"1").unwrap_err());
        assert!(error.contains("cannot write") && error.contains("absent/x"), "{error}");
    }
}
