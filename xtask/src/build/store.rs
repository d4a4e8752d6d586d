//! What was built, by the digest of its inputs, and what of it is published in `dist/`.
//!
//! A file appears whole or not at all: everything is written under another name and renamed. The module itself comes
//! last, so that where it stands, its digest and its symbols stand too.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use weir_common::{say, shown};

use super::hex;
use super::report::Built;
use crate::cache::{self, Cache};
use crate::project::{Port, Project};
use crate::whole;

/// The files of one remembered build.
const REPORT: &str = "built.json";
const MODULE: &str = "module.wasm";
const SYMBOLS: &str = "module.symbols";

/// The files of one artifact.
const EXTENSIONS: [&str; 3] = ["wasm", "sha256", "symbols"];

/// Nobody built from these inputs before.
#[derive(Debug)]
struct NotThere;

impl std::fmt::Display for NotThere {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("it is not in the cache")
    }
}

impl std::error::Error for NotThere {}

/// The store of one checkout.
pub(super) struct Store {
    cache: PathBuf,
    dist: PathBuf,
    /// What other machines built; what is not for shipping is not shared.
    shared: Option<Cache>,
}

/// Where modules are published: `dist/` holds only what may ship.
pub(crate) fn folder(project: &Project, dev: bool) -> PathBuf {
    if dev { project.state().join("dev") } else { project.dist() }
}

impl Store {
    /// Opens the store, and makes sure before anything is built that the result can be written.
    pub(super) fn open(project: &Project, dev: bool) -> Result<Store> {
        let shared = cache::configured().filter(|_| !dev);
        let store = Store { cache: project.state().join("built"), dist: folder(project, dev), shared };
        for folder in [&store.cache, &store.dist] {
            fs::create_dir_all(folder).and_then(|()| NamedTempFile::new_in(folder).map(drop)).with_context(|| {
                format!("cannot write to {}; make the folder writable, or free space on its disk", shown(folder))
            })?;
        }
        Ok(store)
    }

    /// Remembers under its key what `build` makes: it writes module and symbols where it is told to, and reports.
    ///
    /// # Errors
    /// `build` fails; then nothing is remembered.
    pub(super) fn keep(&self, key: &str, build: impl FnOnce(&Path, &Path) -> Result<Built>) -> Result<()> {
        let kept = self.cache.join(key);
        whole::remove(&kept)?;
        whole::folder(&kept, |partial| {
            let built = build(&partial.join(MODULE), &partial.join(SYMBOLS))?;
            whole::file(&partial.join(REPORT), &serde_json::to_vec_pretty(&built)?)
        })?;
        if let Some(shared) = self.shared {
            // Others then build it themselves.
            shared.put(key, &kept).unwrap_or_else(|error| say!("not kept in the cache: {error:#}"));
        }
        Ok(())
    }

    /// Brings what another machine built from these inputs, if one did; what is not right is not kept.
    fn fetch(&self, key: &str) {
        let Some(shared) = self.shared else { return };
        let kept = self.cache.join(key);
        let fetched = whole::remove(&kept).and_then(|()| {
            whole::folder(&kept, |partial| match shared.get(key, partial)? {
                true if Self::is_whole(key, partial) => Ok(()),
                true => bail!("{key} in the cache is not what was built from these inputs"),
                false => Err(NotThere.into()),
            })
        });
        match fetched {
            Ok(()) => say!("{}: built before, by another machine", &key[..12]),
            Err(error) if error.is::<NotThere>() => {}
            Err(error) => say!("the cache is of no use: {error:#}"),
        }
    }

    /// Whether a folder holds what was built from these inputs.
    fn is_whole(key: &str, folder: &Path) -> bool {
        Self::read(folder).is_some_and(|(built, ..)| built.input == key)
    }

    /// What was built from these inputs, if it was and is still whole: report, module and symbols.
    fn kept(&self, key: &str) -> Option<(Built, Vec<u8>, Vec<u8>)> {
        Self::read(&self.cache.join(key))
    }

    fn read(kept: &Path) -> Option<(Built, Vec<u8>, Vec<u8>)> {
        let built: Built = serde_json::from_slice(&fs::read(kept.join(REPORT)).ok()?).ok()?;
        let wasm = fs::read(kept.join(MODULE)).ok()?;
        let symbols = fs::read(kept.join(SYMBOLS)).ok()?;
        (hex(&Sha256::digest(&wasm)) == built.sha256).then_some((built, wasm, symbols))
    }

    /// Publishes what was built from these inputs, if it was; touches nothing that is published already. A module of
    /// more bytes than `budget` is withdrawn in place of that.
    ///
    /// # Errors
    /// It cannot be written; then nothing of the port is published.
    pub(super) fn restore(&self, key: &str, port: &Port, budget: Option<u64>) -> Result<Option<Built>> {
        let fetched = || {
            self.fetch(key);
            self.kept(key)
        };
        let Some((built, wasm, symbols)) = self.kept(key).or_else(fetched) else { return Ok(None) };
        if budget.is_some_and(|budget| built.shipped > budget) {
            self.withdraw(port)?;
            return Ok(Some(built));
        }
        let line = format!("{}  {}.wasm\n", built.sha256, port.artifact());
        let paths = ["symbols", "sha256", "wasm"].map(|extension| self.path(port, extension));
        let files: Vec<(&Path, &[u8])> =
            paths.iter().map(AsRef::as_ref).zip([&symbols[..], line.as_bytes(), &wasm]).collect();
        if files.iter().any(|(path, bytes)| !fs::read(path).is_ok_and(|present| present == *bytes)) {
            // What stands there beside a part of what is new would belong to neither.
            whole::files(&files).inspect_err(|_| drop(self.withdraw(port)))?;
        }
        Ok(Some(built))
    }

    /// The report of a port whose module stands published as these inputs make it.
    pub(super) fn published(&self, key: &str, port: &Port) -> Option<(Port, Built)> {
        let (built, wasm, _) = self.kept(key)?;
        fs::read(self.path(port, "wasm")).is_ok_and(|present| present == wasm).then(|| (port.clone(), built))
    }

    /// Takes away every artifact whose name is not among the known ones.
    pub(super) fn tidy(&self, known: &[String]) -> Result<()> {
        for entry in fs::read_dir(&self.dist).with_context(|| format!("cannot list {}", shown(&self.dist)))? {
            let path = entry?.path();
            let [Some(stem), Some(extension)] = [path.file_stem(), path.extension()].map(|part| part?.to_str()) else {
                continue;
            };
            if EXTENSIONS.contains(&extension) && !known.iter().any(|name| name == stem) {
                fs::remove_file(&path).with_context(|| format!("cannot remove {}", shown(&path)))?;
            }
        }
        Ok(())
    }

    /// Takes back what was published for a port: all of it that can be.
    pub(super) fn withdraw(&self, port: &Port) -> Result<()> {
        let paths = EXTENSIONS.map(|extension| self.path(port, extension)).into_iter().filter(|path| path.exists());
        let removed =
            paths.map(|path| fs::remove_file(&path).with_context(|| format!("cannot remove {}", shown(&path))));
        removed.fold(Ok(()), Result::and)
    }

    fn path(&self, port: &Port, extension: &str) -> PathBuf {
        self.dist.join(format!("{}.{extension}", port.artifact()))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::build::Language;

    fn store(root: &Path) -> Store {
        let store = Store { cache: root.join("built"), dist: root.join("dist"), shared: None };
        fs::create_dir_all(&store.cache).unwrap();
        fs::create_dir_all(&store.dist).unwrap();
        store
    }

    fn port() -> Port {
        Port { filter: "demo".into(), language: Language::rust(), dir: PathBuf::new() }
    }

    fn keep(store: &Store, key: &str, bytes: &[u8]) {
        let build = |wasm: &Path, symbols: &Path| {
            fs::write(wasm, bytes)?;
            fs::write(symbols, "names")?;
            Ok(Built::example(key, bytes))
        };
        store.keep(key, build).unwrap();
    }

    #[test]
    fn what_is_kept_is_published_with_digest_and_symbols() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        keep(&store, "k1", b"module");
        assert_eq!(store.restore("k1", &port(), None).unwrap().unwrap().input, "k1");
        assert_eq!(fs::read(root.path().join("dist/demo.wasm")).unwrap(), b"module");
        assert_eq!(fs::read(root.path().join("dist/demo.symbols")).unwrap(), b"names");
        let line = fs::read_to_string(root.path().join("dist/demo.sha256")).unwrap();
        assert_eq!(line, format!("{}  demo.wasm\n", hex(&Sha256::digest(b"module"))));
    }

    #[test]
    fn other_inputs_find_nothing() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        keep(&store, "k1", b"module");
        assert!(store.restore("k2", &port(), None).unwrap().is_none());
        assert!(!root.path().join("dist/demo.wasm").exists());
    }

    #[test]
    fn a_published_module_that_was_changed_is_mended() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        keep(&store, "k1", b"module");
        store.restore("k1", &port(), None).unwrap();
        fs::write(root.path().join("dist/demo.wasm"), "broken").unwrap();
        store.restore("k1", &port(), None).unwrap();
        assert_eq!(fs::read(root.path().join("dist/demo.wasm")).unwrap(), b"module");
    }

    #[test]
    fn a_kept_module_that_was_changed_is_not_trusted() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        keep(&store, "k1", b"module");
        fs::write(root.path().join("built/k1/module.wasm"), "broken").unwrap();
        assert!(store.restore("k1", &port(), None).unwrap().is_none());
    }

    #[test]
    fn what_is_withdrawn_is_gone() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        keep(&store, "k1", b"module");
        store.restore("k1", &port(), None).unwrap();
        store.withdraw(&port()).unwrap();
        assert_eq!(fs::read_dir(root.path().join("dist")).unwrap().count(), 0);
    }

    #[test]
    fn what_cannot_be_published_whole_is_not_published() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        keep(&store, "k1", b"module");
        // Where a file cannot be put in place of what is there.
        fs::create_dir(root.path().join("dist/demo.wasm")).unwrap();
        let error = store.restore("k1", &port(), None).unwrap_err().to_string();
        assert!(error.starts_with("cannot write ") && error.ends_with("demo.wasm"), "{error}");
        assert_eq!(fs::read_dir(root.path().join("dist")).unwrap().count(), 1, "a digest or symbols of no module");
    }

    #[test]
    fn what_is_over_its_budget_is_withdrawn() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        keep(&store, "k1", b"module");
        store.restore("k1", &port(), Some(6)).unwrap();
        assert!(root.path().join("dist/demo.wasm").exists());
        assert!(store.restore("k1", &port(), Some(5)).unwrap().is_some(), "its sizes are still told");
        assert_eq!(fs::read_dir(root.path().join("dist")).unwrap().count(), 0);
    }

    #[test]
    fn what_belongs_to_no_filter_is_tidied_away() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        for name in ["demo.wasm", "gone.wasm", "gone.symbols", "size-report.json"] {
            fs::write(root.path().join("dist").join(name), "x").unwrap();
        }
        store.tidy(&["demo".into()]).unwrap();
        let left = fs::read_dir(root.path().join("dist")).unwrap().map(|entry| entry.unwrap().file_name());
        let mut left: Vec<_> = left.collect();
        left.sort();
        assert_eq!(left, ["demo.wasm", "size-report.json"]);
    }

    #[test]
    fn a_build_that_fails_is_not_remembered() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        let failed = store.keep("k1", |wasm, _| {
            fs::write(wasm, "half")?;
            anyhow::bail!("the compiler stopped")
        });
        assert_eq!(failed.unwrap_err().to_string(), "the compiler stopped");
        assert!(store.restore("k1", &port(), None).unwrap().is_none());
    }
}
