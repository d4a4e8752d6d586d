//! The processes of checks: started, listened to, signalled, and never left behind.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// Nothing here takes long; what does has gone wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process of this check, killed if the check ends before it.
pub(super) struct Running {
    child: Child,
    pub(super) input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Running {
    pub(super) fn start(mut command: Command) -> Result<Running> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn()?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().context("no standard output")?);
        Ok(Running { child, input, output })
    }

    /// The rest of the first line that holds `mark`. It ends with the process, which [`Running::end`] bounds in time.
    pub(super) fn after(&mut self, mark: &str) -> Result<String> {
        let mut line = String::new();
        while self.output.read_line(&mut line)? > 0 {
            if let Some((_, rest)) = line.split_once(mark) {
                return Ok(rest.trim().to_owned());
            }
            line.clear();
        }
        bail!("the process ended before it said {mark:?}")
    }

    pub(super) fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    pub(super) fn say(&mut self, line: &str) -> Result<()> {
        Ok(writeln!(self.input.as_mut().context("the input is closed")?, "{line}")?)
    }

    pub(super) fn end(&mut self) -> Result<ExitStatus> {
        let mut status = None;
        wait_until("the process ends", || {
            status = self.child.try_wait().ok().flatten();
            status.is_some()
        })?;
        status.context("the process did not end")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing happens where it has ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(super) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        ensure!(Instant::now() < deadline, "waited {} seconds, and still not: {what}", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Runs a command that has to succeed, and gives what it printed.
pub(super) fn succeeds(command: Command) -> Result<String> {
    let (success, said) = ends(command)?;
    ensure!(success, "it failed and said:\n{said}");
    Ok(said)
}

/// Runs a command that has to fail, and gives what it printed.
pub(super) fn fails(command: Command) -> Result<String> {
    let (success, said) = ends(command)?;
    ensure!(!success, "it succeeded and said:\n{said}");
    Ok(said)
}

fn ends(mut command: Command) -> Result<(bool, String)> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let _input = child.stdin.take();
    let (mut output, mut errors) = (String::new(), String::new());
    child.stdout.take().context("no standard output")?.read_to_string(&mut output)?;
    child.stderr.take().context("no standard error")?.read_to_string(&mut errors)?;
    Ok((child.wait()?.success(), output + &errors))
}
