//! Copies of this checkout.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// This checkout's `target/`: the folder that compilers, std and Binaryen are in.
pub(crate) fn target() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_xtask")).ancestors().nth(2).unwrap().to_owned()
}

/// Puts a copy of this checkout into a folder, in place of what is there: with nothing published and one filter,
/// hello-header, which has a port in every language. What others there are is no matter of the farm's tests.
pub(crate) fn checkout(to: &Path) {
    if to.exists() {
        fs::remove_dir_all(to).unwrap();
    }
    copy(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap(), to);
    for entry in fs::read_dir(to.join("filters")).unwrap() {
        let path = entry.unwrap().path();
        if !path.ends_with("hello-header") {
            fs::remove_dir_all(path).unwrap();
        }
    }
}

/// Copies a folder without what git, compilers and the farm keep in it. Cargo goes by times, which are therefore kept.
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
            let path = to.join(name);
            fs::copy(entry.path(), &path).unwrap();
            let time = entry.metadata().unwrap().modified().unwrap();
            File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        }
    }
}
