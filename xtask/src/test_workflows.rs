//! `cargo xtask test-workflows`: the workflows as GitHub reads them, and every action pinned by its commit.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;
use weir_common::say;

use crate::go_tools::ACTIONLINT;
use crate::process::run;
use crate::project::Project;

#[derive(Args)]
pub(crate) struct TestWorkflows {}

impl TestWorkflows {
    pub(crate) fn run(self) -> Result<()> {
        let project = Project::find()?;
        let folder = project.root.join(".github/workflows");
        let entries = fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        files.sort();
        for file in &files {
            let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            if let Some(wrong) = unpinned(&text) {
                bail!("{}: {wrong}: an action is named by its commit, with its version behind a #", file.display());
            }
        }
        let actionlint = ACTIONLINT.find_or_build(&project)?;
        // With a shellcheck on PATH it would find more on one machine than on another.
        run(Command::new(actionlint).args(["-shellcheck=", "-pyflakes="]).args(&files).current_dir(&project.root))?;
        say!("{} workflows are as GitHub reads them", files.len());
        Ok(())
    }
}

/// The first use of an action that is not named by a commit.
fn unpinned(workflow: &str) -> Option<&str> {
    let uses = workflow.lines().filter_map(|line| line.split_once("uses:").map(|(_, action)| action.trim()));
    let is_pinned = |action: &str| {
        let (name, comment) = action.split_once(" # ").unwrap_or((action, ""));
        let commit = name.split_once('@').map_or("", |(_, commit)| commit);
        let by_commit = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        name.starts_with("./") || (by_commit && !comment.is_empty())
    };
    uses.into_iter().find(|action| !is_pinned(action))
}

#[cfg(test)]
mod tests {
    use super::unpinned;

    #[test]
    fn an_action_is_named_by_its_commit() {
        let pinned = format!("      - uses: actions/checkout@{} # v4.2.2\n", "a1".repeat(20));
        assert_eq!(unpinned(&format!("{pinned}      - uses: ./.github/actions/mine\n")), None);
        assert_eq!(unpinned(&format!("{pinned}      - uses: actions/cache@v4\n")), Some("actions/cache@v4"));
        let short = "      - uses: actions/cache@5a3ec84 # v4\n";
        assert_eq!(unpinned(short), Some("actions/cache@5a3ec84 # v4"), "a short commit can come to mean another");
        let unnamed = pinned.replace(" # v4.2.2", "");
        assert!(unpinned(&unnamed).is_some(), "a reader sees which version it is");
    }
}
