//! The files of a release: everything that is attached to it, in one folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;
use sha2::{Digest, Sha256};
use weir_common::shown;

use super::{Released, changelog};
use crate::build::hex;
use crate::build::report::Built;
use crate::package;
use crate::project::{Port, Project};
use crate::whole;

/// Reports of the farm that are attached where they are there: the file in `dist/`, and its name in the release.
const REPORTS: [(&str, &str); 5] = [
    ("size-report.md", "size-report.md"),
    ("size-report.json", "size-report.json"),
    ("bench/summary.md", "bench-summary.md"),
    ("bench/results.json", "bench-results.json"),
    ("bench/report.html", "bench-report.html"),
];

/// Writes the files of a release anew, and gives their folder; what it changes stands beside it, and is no file of it.
///
/// # Errors
/// A file cannot be read or written.
pub(super) fn write(project: &Project, built: &[(Port, Built)], images: &[Released], version: &str) -> Result<PathBuf> {
    let dist = project.dist();
    let folder = dist.join("release");
    whole::remove(&folder)?;
    whole::folder(&folder, |partial| {
        for (port, _) in built {
            let stem = port.artifact();
            for extension in ["wasm", "symbols", "sha256"] {
                let name = format!("{stem}.{extension}");
                copy(&dist.join(&name), &partial.join(&name))?;
            }
            let name = format!("{stem}.cdx.json");
            copy(&package::documents(project).join(&name), &partial.join(&name))?;
        }
        for (report, name) in REPORTS.iter().filter(|(report, _)| dist.join(report).is_file()) {
            copy(&dist.join(report), &partial.join(name))?;
        }
        let list = json!({ "version": version, "images": images });
        whole::file(&partial.join("images.json"), format!("{list:#}\n").as_bytes())?;
        whole::file(&partial.join("SHA256SUMS"), sums(partial)?.as_bytes())
    })?;
    whole::file(&dist.join("release-images.sha256"), subjects(images).as_bytes())?;
    whole::file(&dist.join("release-notes.md"), changelog::read(project)?.notes(version).as_bytes())?;
    Ok(folder)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {}", shown(from)))?;
    Ok(())
}

/// The digest of every file of a folder, as `sha256sum --check` reads them.
fn sums(folder: &Path) -> Result<String> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", shown(folder)))?;
    let mut lines = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", shown(&path)))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        lines.push((name, hex(&Sha256::digest(&bytes))));
    }
    lines.sort();
    Ok(lines.into_iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect())
}

/// The images in the same form, for what attests them: their digests, and their names without tags.
fn subjects(images: &[Released]) -> String {
    let line = |image: &Released| {
        let name = image.reference.rsplit_once(':').map_or(image.reference.as_str(), |(name, _)| name);
        format!("{}  {name}\n", image.digest.trim_start_matches("sha256:"))
    };
    images.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_its_sum() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("b"), "").unwrap();
        fs::write(folder.path().join("a"), "1").unwrap();
        let sums = sums(folder.path()).unwrap();
        let lines: Vec<&str> = sums.lines().collect();
        assert!(lines[0].ends_with("  a") && lines[1].ends_with("  b"), "{sums}");
        assert!(lines[1].starts_with("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    }

    #[test]
    fn an_image_is_attested_by_its_digest() {
        let image = Released {
            filter: "demo".into(),
            language: "rust",
            layout: "compat",
            reference: "127.0.0.1:5000/weir/demo:1".into(),
            digest: "sha256:00ff".into(),
            signed: true,
        };
        assert_eq!(subjects(&[image]), "00ff  127.0.0.1:5000/weir/demo\n");
    }
}
