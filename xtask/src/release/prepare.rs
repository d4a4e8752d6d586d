//! `cargo xtask prepare-release VERSION`: the version, the lock file and the changelog, ready to be committed and tagged.

use std::fs;

use anyhow::{Context, Result, bail};
use clap::Args;
use weir_common::{out, say};

use super::changelog;
use crate::process::{cargo, run};
use crate::project::Project;
use crate::whole;

#[derive(Args)]
pub(crate) struct PrepareRelease {
    /// The version that is to be released: 1.2.3.
    version: String,
}

impl PrepareRelease {
    pub(crate) fn run(self) -> Result<()> {
        let project = Project::find()?;
        let version = self.version.trim_start_matches('v');
        check(version)?;
        let manifest = project.root.join("Cargo.toml");
        let text = fs::read_to_string(&manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
        let current = project.package("xtask")?.version.to_string();
        let new = with_version(&text, &current, version)?;
        // Both are known to succeed before either is written.
        let changelog = changelog::read(&project)?.released(version)?;
        whole::file(&manifest, new.as_bytes())?;
        whole::file(&project.root.join("CHANGELOG.md"), changelog.as_bytes())?;
        run(cargo().args(["update", "--workspace", "--offline", "--quiet"]).current_dir(&project.root))?;
        say!("Cargo.toml, Cargo.lock and CHANGELOG.md are of {version}; to release it:");
        out::print(format_args!(
            "git commit --all --message \"Release {version}\"\ngit tag v{version}\ngit push origin HEAD v{version}\n"
        ))
    }
}

/// A version is what a tag, and an image's tag, can hold.
fn check(version: &str) -> Result<()> {
    let parts: Vec<&str> = version.split('-').next().unwrap_or_default().split('.').collect();
    let numbers = parts.len() == 3 && parts.iter().all(|part| part.parse::<u64>().is_ok());
    let rest = version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    if !numbers || !rest {
        bail!("{version:?} is no version; expected 1.2.3 or 1.2.3-rc.1");
    }
    Ok(())
}

/// The workspace's manifest with another version: in `[workspace.package]`, where it stands once.
fn with_version(manifest: &str, current: &str, version: &str) -> Result<String> {
    let old = format!("\nversion = \"{current}\"\n");
    let Some((before, after)) = manifest.split_once("[workspace.package]") else {
        bail!("Cargo.toml: has no [workspace.package]");
    };
    let section = after.find("\n[").map_or(after, |end| &after[..end]);
    if !section.contains(&old) {
        bail!("Cargo.toml: [workspace.package] has no line version = \"{current}\"");
    }
    Ok(format!("{before}[workspace.package]{}", after.replacen(&old, &format!("\nversion = \"{version}\"\n"), 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_changes_where_it_stands() {
        let text = "[a]\nversion = \"0.1.0\"\n[workspace.package]\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[b]\nversion = \"0.1.0\"\n";
        let new = with_version(text, "0.1.0", "0.2.0").unwrap();
        assert_eq!(new.matches("0.2.0").count(), 1);
        assert!(new.contains("[workspace.package]\nversion = \"0.2.0\"\nedition"), "{new}");
        assert!(with_version(text, "0.3.0", "0.4.0").is_err());
        assert!(with_version("[b]\nversion = \"0.1.0\"\n", "0.1.0", "0.2.0").is_err());
    }

    #[test]
    fn a_version_is_one_that_a_tag_can_hold() {
        for good in ["0.1.0", "10.2.3-rc.1"] {
            check(good).unwrap();
        }
        for bad in ["1", "1.2", "1.2.x", "1.2.3+build", "1.2.3 ", ""] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
