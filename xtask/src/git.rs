//! What git knows of this checkout. Where there is no git, nothing is known, and that is no error.

use std::path::Path;
use std::process::Command;

use crate::process::output;

/// What git knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Commit {
    /// The commit; nothing where files differ from it, because then it is not what was built.
    pub(crate) revision: Option<String>,
    /// When it was made, in seconds since 1970.
    pub(crate) time: Option<i64>,
}

/// The commit that is checked out at `root`.
pub(crate) fn commit(root: &Path) -> Commit {
    let git = |args: &[&str]| output(Command::new("git").arg("-C").arg(root).args(args)).ok();
    let clean = git(&["status", "--porcelain"]).is_some_and(|changes| changes.trim().is_empty());
    let line = |args: &[&str]| git(args).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    Commit {
        revision: line(&["rev-parse", "HEAD"]).filter(|_| clean),
        time: line(&["log", "-1", "--format=%ct"]).and_then(|seconds| seconds.parse().ok()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_commit_is_what_was_built_only_without_changes() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(commit(folder.path()), Commit::default());
        let git = |args: &[&str]| {
            let mut command = Command::new("git");
            command
                .arg("-C")
                .arg(folder.path())
                .args(["-c", "user.name=a", "-c", "user.email=a@example.org"])
                .args(args);
            output(command.env("GIT_COMMITTER_DATE", "1700000000 +0100")).unwrap()
        };
        git(&["init", "--quiet"]);
        fs::write(folder.path().join("a"), "1").unwrap();
        git(&["add", "a"]);
        git(&["commit", "--quiet", "-m", "one"]);
        let clean = commit(folder.path());
        assert_eq!(clean.revision.as_deref().map(str::len), Some(40));
        assert_eq!(clean.time, Some(1_700_000_000));
        fs::write(folder.path().join("a"), "2").unwrap();
        assert_eq!(commit(folder.path()), Commit { revision: None, ..clean });
    }
}
