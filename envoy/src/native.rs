//! Envoy as a process of this machine.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use crate::VERSION;
use crate::log::Log;
use crate::runtime::{Id, Process};

/// How long Envoy may take to end after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// Envoy as a child of this process, watched over by a thread.
///
/// The thread starts Envoy and lives until Envoy is gone: the kernel's "signal when the parent dies" follows the thread
/// that started a process, and a thread of a pool or of a test would end before its time.
pub(crate) struct Native {
    pid: i32,
    ended: Arc<Mutex<Option<ExitStatus>>>,
    keeper: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

impl Native {
    pub(crate) fn start(envoy: &Path, arguments: &[String], log: &Arc<Log>) -> Result<Native> {
        let mut command = Command::new(envoy);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        // Ctrl-C goes to a terminal's whole foreground group; this process decides when its Envoy stops.
        command.process_group(0);
        end_with_parent(&mut command);
        let (stop, stopped) = mpsc::channel();
        let (started, start) = mpsc::channel();
        let ended = Arc::new(Mutex::new(None));
        let (log, status) = (Arc::clone(log), Arc::clone(&ended));
        let keeper = thread::Builder::new()
            .name("envoy-keeper".into())
            .spawn(move || match command.spawn() {
                Ok(mut child) => {
                    let group = Pid::from_child(&child);
                    let guard = Guard::over(group);
                    let reader = child.stderr.take().map(|stderr| read(BufReader::new(stderr), log));
                    drop(started.send(Ok(Pid::from_child(&child).as_raw_pid())));
                    let end = keep(child, &stopped);
                    // What was started may have been a script, and what that started is still there.
                    let _ = kill_process_group(group, Signal::KILL);
                    guard.into_iter().for_each(Guard::dismiss);
                    // The end is told only when the last line is read: it often says why.
                    reader.map(JoinHandle::join);
                    *status.lock().unwrap_or_else(PoisonError::into_inner) = end;
                }
                Err(error) => drop(started.send(Err(error))),
            })
            .context("cannot start a thread")?;
        let pid = start.recv().context("the thread that starts Envoy died")?;
        let pid = pid.with_context(|| format!("cannot start {}", envoy.display()))?;
        Ok(Native { pid, ended, keeper: Mutex::new(Some((stop, keeper))) })
    }
}

/// Lets the kernel kill the process when the thread that starts it is gone, however this process dies.
fn end_with_parent(command: &mut Command) {
    #[cfg(target_os = "linux")]
    {
        let parent = rustix::process::getpid();
        let ask = move || {
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            // The parent may have died before the kernel was asked.
            if rustix::process::getppid() == Some(parent) { Ok(()) } else { Err(rustix::io::Errno::SRCH.into()) }
        };
        #[expect(unsafe_code, reason = "between fork and exec it makes two system calls and allocates nothing")]
        unsafe {
            command.pre_exec(ask);
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = command;
}

/// Waits until Envoy has ended of itself or is told to stop.
fn keep(mut child: Child, stopped: &Receiver<()>) -> Option<ExitStatus> {
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        match stopped.recv_timeout(Duration::from_millis(20)) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return end(child),
        }
    }
}

/// A process that kills Envoy's group when this process is gone, however that came: the kernel's signal goes to the one
/// process that was started, which may be a script that runs Envoy.
struct Guard(Child);

impl Guard {
    /// There may be none: then nothing is lost but this comfort.
    fn over(group: Pid) -> Option<Guard> {
        let mut shell = Command::new("/bin/sh");
        // Its input ends with this process, or has a line where it is not needed any more.
        shell.args(["-c", "read -r _ || kill -s KILL -- \"-$0\""]).arg(group.as_raw_pid().to_string());
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        shell.spawn().ok().map(Guard)
    }

    fn dismiss(mut self) {
        let told = self.0.stdin.take().is_some_and(|mut stdin| stdin.write_all(b"\n").is_ok());
        if !told {
            drop(self.0.kill());
        }
        drop(self.0.wait());
    }
}

/// Asks Envoy to end, and all that it started or was started by, and kills what does not.
fn end(mut child: Child) -> Option<ExitStatus> {
    // It may have ended by itself in the meantime; then there is nothing to signal.
    let group = Pid::from_child(&child);
    let _ = kill_process_group(group, Signal::TERM);
    let deadline = Instant::now() + GRACE;
    let mut ended = None;
    while Instant::now() < deadline {
        ended = ended.or_else(|| child.try_wait().ok().flatten());
        if ended.is_some() && test_kill_process_group(group).is_err() {
            return ended;
        }
        thread::sleep(Duration::from_millis(5));
    }
    let _ = kill_process_group(group, Signal::KILL);
    ended.or_else(|| child.wait().ok())
}

fn read(mut lines: impl BufRead + Send + 'static, log: Arc<Log>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut line = Vec::new();
        // A filter may log what is not UTF-8.
        while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            log.push(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
            line.clear();
        }
    })
}

impl Process for Native {
    fn id(&self) -> Id {
        Id::Pid(self.pid)
    }

    fn ended(&self) -> Option<String> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).map(|status| status.to_string())
    }

    fn stop(&self) {
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, thread)) = keeper {
            drop(stop);
            // A keeper that panicked has dropped its child's handle; nothing more can be done here.
            drop(thread.join());
        }
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Refuses a binary that is not the pinned Envoy.
///
/// # Errors
/// It cannot be run, or it is of another version; the message says the mend.
pub(crate) fn check_version(envoy: &Path) -> Result<()> {
    let output = Command::new(envoy).arg("--version").output();
    let output = output.with_context(|| format!("cannot run {}; name an Envoy with --envoy PATH", envoy.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match version(&text) {
        Some(VERSION) => Ok(()),
        Some(other) => {
            bail!("{} is Envoy {other}, and this is made for {VERSION}; name one with --envoy PATH", envoy.display())
        }
        None => bail!(
            "{} does not say an Envoy's version but {:?}; name an Envoy with --envoy PATH",
            envoy.display(),
            text.trim().lines().next().unwrap_or_default()
        ),
    }
}

/// The version in what `envoy --version` says: `envoy  version: <commit>/<version>/<state>/<build>/<tls>`.
fn version(text: &str) -> Option<&str> {
    text.split_once("version: ")?.1.split('/').nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read() {
        let text =
            "\n/usr/bin/envoy  version: 9e5580933739775e8bce696a57a2e1bc99368f23/1.40.0/Clean/RELEASE/BoringSSL\n";
        assert_eq!(version(text), Some("1.40.0"));
        assert_eq!(version("cat 9.1"), None);
    }

    #[test]
    fn what_is_no_envoy_is_refused_with_the_mend() {
        let said = check_version(Path::new("/bin/true")).unwrap_err().to_string();
        assert!(said.contains("--envoy PATH"), "{said}");
        let said = format!("{:#}", check_version(Path::new("/nowhere/envoy")).unwrap_err());
        assert!(said.contains("/nowhere/envoy") && said.contains("--envoy PATH"), "{said}");
    }

    #[test]
    fn a_process_that_ignores_the_signal_is_killed_and_one_that_ends_is_told() {
        let log = Arc::new(Log::default());
        let shell = |script: &str| Native::start(Path::new("/bin/sh"), &["-c".into(), script.into()], &log).unwrap();
        let gone = shell("echo last words >&2; exit 7");
        let deadline = Instant::now() + Duration::from_secs(10);
        while gone.ended().is_none() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(gone.ended().as_deref(), Some("exit status: 7"));
        assert_eq!(log.all()[0].text, "last words");
        let stubborn = shell("trap '' TERM; echo up >&2; while :; do sleep 0.1; done");
        while log.mark() < 2 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        stubborn.stop();
        assert_eq!(stubborn.ended().as_deref(), Some("signal: 9 (SIGKILL)"));
    }
}
