//! CHANGELOG.md: sections by version, what is not released yet on top.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::project::Project;

/// The head of what is not released yet.
const UNRELEASED: &str = "## Unreleased";

/// The whole text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Changelog(String);

/// Reads it.
///
/// # Errors
/// It cannot be read.
pub(super) fn read(project: &Project) -> Result<Changelog> {
    let path = project.root.join("CHANGELOG.md");
    Ok(Changelog(fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?))
}

impl Changelog {
    /// Whether there is a section for a version.
    pub(super) fn has(&self, version: &str) -> bool {
        self.section(&format!("## {version}")).is_some()
    }

    /// What a release of that version changes: its section, or what is not released yet.
    pub(super) fn notes(&self, version: &str) -> String {
        let section = self.section(&format!("## {version}")).or_else(|| self.section(UNRELEASED));
        format!("{}\n", section.unwrap_or_default().trim())
    }

    /// The text with what is not released yet under a version.
    ///
    /// # Errors
    /// Nothing is unreleased, or the version has a section already.
    pub(super) fn released(&self, version: &str) -> Result<String> {
        if self.has(version) {
            bail!("CHANGELOG.md has a section \"## {version}\" already");
        }
        let Some(section) = self.section(UNRELEASED).filter(|section| !section.trim().is_empty()) else {
            bail!("CHANGELOG.md: nothing stands under \"{UNRELEASED}\"; say what a user of the release will notice");
        };
        let before = self.0.split_once(UNRELEASED).map_or("", |(before, _)| before);
        let after = &self.0[before.len() + UNRELEASED.len() + section.len()..];
        Ok(format!("{before}{UNRELEASED}\n\n## {version}{section}{after}"))
    }

    /// What stands between a head and the next one.
    fn section(&self, head: &str) -> Option<&str> {
        let is_head = |at: usize| {
            let (before, after) = (&self.0[..at], &self.0[at + head.len()..]);
            // Behind the version may stand a date; another digit would make it another version.
            (before.is_empty() || before.ends_with('\n')) && after.starts_with(['\n', ' '])
        };
        let at = self.0.match_indices(head).map(|(at, _)| at).find(|at| is_head(*at))?;
        let rest = &self.0[at + head.len()..];
        Some(rest.find("\n## ").map_or(rest, |end| &rest[..=end]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changelog() -> Changelog {
        Changelog("# Changelog\n\nWords.\n\n## Unreleased\n\n- new\n\n## 0.1.0\n\n- old\n".into())
    }

    #[test]
    fn a_version_has_its_section_and_no_other() {
        assert!(changelog().has("0.1.0") && !changelog().has("0.1") && !changelog().has("0.1.00"));
        assert_eq!(changelog().notes("0.1.0"), "- old\n");
        assert_eq!(changelog().notes("9.9.9"), "- new\n");
    }

    #[test]
    fn what_is_released_moves_under_its_version() {
        let released = changelog().released("0.2.0").unwrap();
        assert_eq!(released, "# Changelog\n\nWords.\n\n## Unreleased\n\n## 0.2.0\n\n- new\n\n## 0.1.0\n\n- old\n");
        assert!(changelog().released("0.1.0").unwrap_err().to_string().contains("already"));
        let again = Changelog(released).released("0.3.0").unwrap_err().to_string();
        assert!(again.contains("nothing stands under"), "{again}");
    }
}
