//! Copies of this checkout.

use std::fs::{self, File};
use std::path::Path;

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
