//! Copies of this checkout, and the folder that compilers, std and Binaryen are in.

use std::fs;
use std::path::{Path, PathBuf};

/// Writes a copy of this checkout with one filter, hello-header, in every language.
pub(crate) fn checkout(to: &Path) {
    copy(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap(), to);
    for entry in fs::read_dir(to.join("filters")).unwrap() {
        let path = entry.unwrap().path();
        if !path.ends_with("hello-header") {
            fs::remove_dir_all(path).unwrap();
        }
    }
}

/// This checkout's `target/`.
pub(crate) fn target() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_xtask")).ancestors().nth(2).unwrap().to_owned()
}

/// Copies a folder without what git, compilers and the farm keep in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name == ".git" || name == "target" || name == "dist" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(name));
        } else {
            fs::write(to.join(name), fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}
