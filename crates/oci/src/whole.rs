//! Files that are there whole or not at all.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

/// Writes a file so that a reader sees the old bytes or the new, and never a part; makes its folder.
///
/// # Errors
/// The folder cannot be written to, or the disk is full; the old file is then as it was.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = builder().tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(unix)]
fn builder() -> tempfile::Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt as _;
    // Temporary files are private by default; what is kept is as readable as any other file.
    let mut builder = tempfile::Builder::new();
    builder.prefix(".weir-").permissions(fs::Permissions::from_mode(0o644));
    builder
}

#[cfg(not(unix))]
fn builder() -> tempfile::Builder<'static, 'static> {
    tempfile::Builder::new()
}
