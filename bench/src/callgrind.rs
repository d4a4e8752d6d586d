//! Instructions of Envoy for each request, by valgrind's callgrind: what the filter costs with all that it has Envoy do.
//!
//! One Envoy with one contender and the bare listener beside it, one worker, one connection. Counting goes from a reset
//! before the requests to a dump after them. V8's code is written while it runs, so callgrind is told to look.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::process::Command;
use weir_envoy::Launch;

use crate::client::Client;
use crate::machine::{cores, taskset};
use crate::scenario::Scenario;
use crate::site::{Site, Tools};
use crate::subject::{Contender, Subject};

/// How many requests go before any is counted: V8 compiles functions anew that are called often.
const WARM: u32 = 1000;

/// How many requests are counted.
const COUNTED: u32 = 1000;

/// Under callgrind Envoy takes fifty times as long.
const PATIENCE: Duration = Duration::from_secs(600);

/// Instructions for each request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Of the bare listener.
    pub bare: f64,
    /// Of the contender's.
    pub with: f64,
}

/// Makes sure that callgrind is there.
///
/// # Errors
/// It is not; with the mend.
pub fn find() -> Result<()> {
    for tool in ["valgrind", "callgrind_control"] {
        let found = std::process::Command::new(tool).arg("--version").output();
        if !found.is_ok_and(|it| it.status.success()) {
            bail!(
                "{tool} is missing, which is needed to count instructions in Envoy; to mend it: apt-get install valgrind"
            );
        }
    }
    Ok(())
}

/// Counts a contender, and the bare listener in the same process.
///
/// # Errors
/// Envoy does not start, an answer is not as it should be, or callgrind writes nothing.
pub async fn count(
    tools: &Tools,
    subject: &Subject,
    scenario: &Scenario,
    bare: &Contender,
    contender: &Contender,
) -> Result<Pair> {
    fs::create_dir_all(&tools.state).with_context(|| format!("cannot write under {}", tools.state.display()))?;
    let folder = tempfile::Builder::new().prefix("callgrind-").tempdir_in(tools.state.canonicalize()?)?;
    let out = folder.path().join("out");
    // What is not counted runs several times as fast.
    let under = ["valgrind", "--tool=callgrind", "--smc-check=all-non-file", "--instr-atstart=no"].map(str::to_owned);
    let under = under.into_iter().chain([format!("--callgrind-out-file={}", out.display())]);
    let under = taskset(cores()).into_iter().chain(under).collect();
    let launch = Launch { workers: 1, under, patience: PATIENCE };
    let site = Site::start(tools, subject, scenario, &[bare, contender], launch).await?;
    let mut dumps = Dumps { pid: site.pid()?, out, seen: 0 };
    let mut counted = [0.0; 2];
    for (count, contender) in counted.iter_mut().zip([bare, contender]) {
        let status = subject.status(scenario, contender);
        let headers = subject.headers(scenario);
        let mut client = Client::connect(site.port(contender)?, scenario, &headers, status).await?;
        client.pass(subject.before(scenario)).await?;
        for _ in 0..WARM {
            client.send().await?;
        }
        dumps.begin().await?;
        for _ in 0..COUNTED {
            client.send().await?;
        }
        *count = dumps.end().await? as f64 / f64::from(COUNTED);
    }
    Ok(Pair { bare: counted[0], with: counted[1] })
}

/// The files that callgrind writes.
struct Dumps {
    pid: i32,
    out: PathBuf,
    seen: u32,
}

impl Dumps {
    /// Has callgrind count from here on.
    async fn begin(&self) -> Result<()> {
        self.control("--instr=on").await?;
        self.control("--zero").await
    }

    /// Has callgrind write what it counted since then, and reads the sum.
    async fn end(&mut self) -> Result<u64> {
        self.control("--dump").await?;
        self.seen += 1;
        let path = self.out.with_added_extension(self.seen.to_string());
        let deadline = Instant::now() + PATIENCE;
        let sum = loop {
            if let Some(sum) = total(&path) {
                break sum;
            }
            if Instant::now() > deadline {
                bail!("callgrind wrote no sum to {}", path.display());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        self.control("--instr=off").await?;
        Ok(sum)
    }

    async fn control(&self, command: &str) -> Result<()> {
        let mut control = Command::new("callgrind_control");
        control.args([command, &self.pid.to_string()]).kill_on_drop(true).process_group(0);
        let output = control.output().await.context("cannot start callgrind_control")?;
        if !output.status.success() {
            bail!("callgrind_control {command} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }
}

/// The sum at the end of a dump, where it is there.
fn total(path: &Path) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().rev().find_map(|line| line.strip_prefix("totals: "))?;
    line.trim().split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_stands_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.1");
        assert_eq!(total(&path), None);
        fs::write(&path, "# callgrind format\nevents: Ir\nfn=(1) main\n12 34\n").unwrap();
        assert_eq!(total(&path), None);
        fs::write(&path, "events: Ir\n12 34\n\ntotals: 3458\n").unwrap();
        assert_eq!(total(&path), Some(3458));
    }
}
