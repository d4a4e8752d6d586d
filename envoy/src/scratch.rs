//! Folders of one run each, which do not outlive it: a run that is killed leaves its folder, and the next one takes it
//! away.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

/// What the folders' names begin with, by what they are for.
pub(crate) const RUN: &str = "run-";
pub(crate) const MODULES: &str = "modules-";

/// The file in a folder that its run holds locked.
const LOCK: &str = "lock";

/// How old a folder without a lock is when it is nobody's.
const FORGOTTEN: Duration = Duration::from_hours(24);

/// A folder of its own below the state's, removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Scratch {
    dir: TempDir,
    // Let go of after the folder is gone.
    _lock: File,
}

impl Scratch {
    /// Makes a folder, and removes those of runs that are gone. Its path is absolute.
    ///
    /// # Errors
    /// The state's folder cannot be written to.
    pub(crate) fn new(state: &Path, prefix: &str) -> Result<Scratch> {
        let context = || format!("cannot write under {}; name another directory with --state DIR", state.display());
        fs::create_dir_all(state).with_context(context)?;
        // Envoy is told absolute paths: in a container it has another working directory.
        let state = state.canonicalize().with_context(context)?;
        // One run at a time makes a folder and its lock: between the two it looks like one that was left.
        let one = File::create(state.join("runs.lock")).with_context(context)?;
        one.lock().with_context(context)?;
        sweep(&state);
        let dir = tempfile::Builder::new().prefix(prefix).tempdir_in(&state).with_context(context)?;
        let lock = File::create(dir.path().join(LOCK)).with_context(context)?;
        lock.lock().with_context(context)?;
        Ok(Scratch { dir, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// Removes the folders of runs that are gone. One that stays is no reason not to run.
fn sweep(state: &Path) {
    let Ok(entries) = fs::read_dir(state) else { return };
    for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if [RUN, MODULES].iter().any(|prefix| name.starts_with(prefix)) && is_left(&path) {
            drop(fs::remove_dir_all(&path));
        }
    }
}

fn is_left(folder: &Path) -> bool {
    match File::open(folder.join(LOCK)) {
        Ok(lock) => lock.try_lock().is_ok(),
        Err(_) => {
            let changed = folder.metadata().and_then(|it| it.modified()).ok();
            changed.and_then(|it| it.elapsed().ok()).is_some_and(|age| age > FORGOTTEN)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_removed_with_its_run_or_by_the_next_one() {
        let state = tempfile::tempdir().unwrap();
        let [held, ended] = [RUN, MODULES].map(|prefix| Scratch::new(state.path(), prefix).unwrap());
        let ended_path = ended.path().to_owned();
        drop(ended);
        assert!(!ended_path.exists());
        // As a run that is killed leaves it: the folder is there, and nobody holds the lock.
        let killed = Scratch::new(state.path(), RUN).unwrap();
        let Scratch { dir, _lock } = killed;
        let killed_path = dir.keep();
        drop(_lock);
        fs::create_dir(state.path().join("1.40.0")).unwrap();
        fs::create_dir(state.path().join("run-without-lock")).unwrap();
        let _next = Scratch::new(state.path(), MODULES).unwrap();
        assert!(!killed_path.exists() && held.path().exists());
        assert!(["1.40.0", "run-without-lock"].iter().all(|name| state.path().join(name).exists()));
    }
}
