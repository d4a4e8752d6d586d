//! Folders that are there whole or not at all, however a run ends, and what holds other runs off.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result};
pub(crate) use weir_common::whole::{file, files};
use weir_common::{say, shown};

/// Makes a folder, unless it is there: `make` fills it under another name, and it gets its own when it is complete.
///
/// What an interrupted run left is cleared away. Of several runs that want the same folder, one makes it and the
/// others wait.
///
/// # Errors
/// `make` fails, or the folder cannot be written; then it is not there.
pub(crate) fn folder(path: &Path, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let parent = path.parent().context("a folder needs a place to stand in")?;
    fs::create_dir_all(parent).with_context(|| format!("cannot create {}", shown(parent)))?;
    let _lock = lock(&path.with_added_extension("lock"))?;
    if path.exists() {
        return Ok(());
    }
    let partial = path.with_added_extension("partial");
    remove(&partial)?;
    fs::create_dir(&partial).with_context(|| format!("cannot create {}", shown(&partial)))?;
    if let Err(error) = make(&partial) {
        remove(&partial)?;
        return Err(error);
    }
    fs::rename(&partial, path).with_context(|| format!("cannot create {}", shown(path)))
}

/// Removes a folder, if it is there.
///
/// # Errors
/// It is there and stays.
pub(crate) fn remove(path: &Path) -> Result<()> {
    if path.exists() {
        fs::remove_dir_all(path).with_context(|| format!("cannot remove {}", shown(path)))?;
    }
    Ok(())
}

/// Waits until no other run holds the lock; it is held until the file is dropped.
///
/// # Errors
/// The file cannot be created or locked.
pub(crate) fn lock(path: &Path) -> Result<File> {
    let lock = File::create(path).with_context(|| format!("cannot create {}", shown(path)))?;
    if lock.try_lock().is_err() {
        say!("waiting for another run that holds {}", shown(path));
        lock.lock().with_context(|| format!("cannot lock {}", shown(path)))?;
    }
    Ok(lock)
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn a_folder_is_made_once() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b-1.2");
        folder(&path, |partial| Ok(fs::write(partial.join("x"), "1")?)).unwrap();
        folder(&path, |_| bail!("made again")).unwrap();
        assert_eq!(fs::read_to_string(path.join("x")).unwrap(), "1");
    }

    #[test]
    fn a_folder_that_failed_is_not_there_and_can_be_made_again() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a");
        let failed = folder(&path, |partial| {
            fs::write(partial.join("half"), "1")?;
            bail!("no more")
        });
        assert_eq!(failed.unwrap_err().to_string(), "no more");
        assert!(!path.exists());
        folder(&path, |partial| Ok(fs::write(partial.join("x"), "1")?)).unwrap();
        assert!(!path.join("half").exists() && path.join("x").exists());
    }

    #[test]
    fn what_an_interrupted_run_left_is_cleared_away() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a");
        fs::create_dir(root.path().join("a.partial")).unwrap();
        fs::write(root.path().join("a.partial/half"), "1").unwrap();
        folder(&path, |_| Ok(())).unwrap();
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
    }

    #[test]
    fn of_two_runs_one_makes_and_the_other_waits() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a");
        let made = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    folder(&path, |_| {
                        made.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        std::thread::sleep(std::time::Duration::from_millis(20));
                        Ok(())
                    })
                    .unwrap();
                });
            }
        });
        assert_eq!(made.into_inner(), 1);
    }
}
