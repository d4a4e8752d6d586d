//! A copy of this checkout, and the folder that compilers, std and Binaryen are in.

use std::fs::{self, File};
use std::path::PathBuf;

use crate::copy::{self, copy, target};

/// One copy for all tests, so that cargo finds again what it compiled from it; while this lives, it is one test's.
pub(crate) struct Checkout {
    folder: PathBuf,
    _lock: File,
}

impl Checkout {
    /// A copy with nothing published and one filter, hello-header, in every language.
    pub(crate) fn new() -> Checkout {
        let folder = target().join("weir/test-checkout");
        fs::create_dir_all(folder.parent().unwrap()).unwrap();
        let lock = File::create(folder.with_extension("lock")).unwrap();
        lock.lock().unwrap();
        copy::checkout(&folder);
        Checkout { folder, _lock: lock }
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.folder.join(relative)
    }

    /// Adds a filter with hello-header's ports in these of the languages Rust, Zig and C.
    pub(crate) fn add_filter(&self, name: &str, languages: &[&str]) {
        let [from, to] = ["hello-header", name].map(|name| self.path("filters").join(name));
        fs::create_dir(&to).unwrap();
        for entry in fs::read_dir(&from).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
            fs::copy(&entry, to.join(entry.file_name().unwrap())).unwrap();
        }
        for language in languages {
            copy(&from.join(language), &to.join(language));
        }
        // The same sources would be the same module, and be built once for both filters.
        for entry in ["rust/src/lib.rs", "zig/main.zig", "c/main.c"].map(|entry| to.join(entry)) {
            if let Ok(text) = fs::read_to_string(&entry) {
                fs::write(&entry, format!("{text}\n// {name}\n")).unwrap();
            }
        }
        let manifest = to.join("rust/Cargo.toml");
        if let Ok(text) = fs::read_to_string(&manifest) {
            fs::write(&manifest, text.replace("name = \"hello-header\"", &format!("name = \"{name}\""))).unwrap();
        }
    }
}
