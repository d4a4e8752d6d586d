//! Envoy in a container, through testcontainers.
//!
//! On the host's network, so the bootstrap, the loopback addresses and the ports are the same as of a native Envoy.
//! Files are mounted under their own paths, and Envoy runs as the user that owns them.

mod engine;
mod image;

use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;

use anyhow::{Context, Result};
use testcontainers::core::logs::LogFrame;
use testcontainers::core::{AccessMode, Mount};
use testcontainers::runners::SyncRunner;
use testcontainers::{ContainerRequest, GenericImage, ImageExt};

pub(crate) use engine::answers as engine_answers;
pub use image::Image;

use crate::log::Log;
use crate::runtime::{Id, Process};

/// Where Envoy stands in the official image, and in the one that is built.
const ENVOY: &str = "/usr/local/bin/envoy";

/// Removes the container `$1` when the process that holds the other end of its standard input is gone without a word.
/// More than once: the engine may still be at work on creating it.
const UNDERTAKER: &str = r#"read _ || for _ in 1 2 3; do docker rm --force --volumes "$1"; sleep 1; done"#;

/// Envoy in a container, watched over by a thread that testcontainers' blocking interface needs anyway.
pub(crate) struct Container {
    name: String,
    ended: Arc<Mutex<Option<String>>>,
    keeper: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

impl Container {
    pub(crate) fn start(
        image: &Image,
        dir: &Path,
        modules: &[PathBuf],
        arguments: &[String],
        log: &Arc<Log>,
    ) -> Result<Container> {
        // The run's directory has a name that no other run has.
        let name =
            format!("weir-envoy-{}-{}", std::process::id(), dir.file_name().unwrap_or_default().to_string_lossy());
        let request = request(image, &name, dir, modules, arguments, log);
        let undertaker = Undertaker::start(&name)?;
        let (stop, stopped) = mpsc::channel();
        let (started, start) = mpsc::channel();
        let ended = Arc::new(Mutex::new(None));
        let status = Arc::clone(&ended);
        let keeper = thread::Builder::new().name("envoy-keeper".into()).spawn(move || match request.start() {
            Ok(container) => {
                drop(started.send(Ok(())));
                let end = keep(&container, &stopped);
                // Removed even where the environment asks testcontainers to keep its containers.
                match container.rm() {
                    Ok(()) => undertaker.dismiss(),
                    // Dropped without a word, the undertaker tries on.
                    Err(error) => eprintln!("warning: the container could not be removed: {error}"),
                }
                *status.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
            }
            Err(error) => drop(started.send(Err(error))),
        });
        let keeper = keeper.context("cannot start a thread")?;
        start.recv().context("the thread that starts the container died")?.context("cannot start the container")?;
        Ok(Container { name, ended, keeper: Mutex::new(Some((stop, keeper))) })
    }
}

fn request(
    image: &Image,
    name: &str,
    dir: &Path,
    modules: &[PathBuf],
    arguments: &[String],
    log: &Arc<Log>,
) -> ContainerRequest<GenericImage> {
    let (repository, tag) = image.name();
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let user = format!("{}:{}", rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    let lines = Lines { log: Arc::clone(log), rest: Mutex::default() };
    let request = GenericImage::new(repository, tag)
        .with_entrypoint(ENVOY)
        .with_cmd(arguments.iter().cloned())
        .with_container_name(name)
        .with_network("host")
        .with_user(user)
        .with_mount(Mount::bind_mount(text(dir), text(dir)))
        .with_log_consumer(move |frame: &LogFrame| lines.take(frame));
    modules.iter().fold(request, |request, module| {
        request.with_mount(Mount::bind_mount(text(module), text(module)).with_access_mode(AccessMode::ReadOnly))
    })
}

/// Waits until Envoy has ended of itself or is told to stop, and says which.
fn keep(container: &testcontainers::Container<GenericImage>, stopped: &Receiver<()>) -> String {
    loop {
        if !matches!(container.is_running(), Ok(true)) {
            // The last lines are still on their way, and they often say why.
            thread::sleep(Duration::from_millis(200));
            let code = container.exit_code().ok().flatten();
            return code.map_or_else(|| "the container is gone".into(), |code| format!("exit status: {code}"));
        }
        match stopped.recv_timeout(Duration::from_millis(100)) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return "stopped".into(),
        }
    }
}

impl Process for Container {
    fn id(&self) -> Id {
        Id::Container(self.name.clone())
    }

    fn ended(&self) -> Option<String> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn stop(&self) {
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, thread)) = keeper {
            drop(stop);
            // A keeper that panicked has left the container to the undertaker.
            drop(thread.join());
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Puts the log's frames together to lines.
struct Lines {
    log: Arc<Log>,
    rest: Mutex<Vec<u8>>,
}

impl Lines {
    fn take(&self, frame: &LogFrame) {
        let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        let (LogFrame::StdOut(bytes) | LogFrame::StdErr(bytes)) = frame;
        rest.extend_from_slice(bytes);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            self.log.push(String::from_utf8_lossy(&line[..end]).trim_end_matches('\r'));
        }
    }
}

/// A process that outlives this one for as long as it takes to remove the container.
///
/// A container is the engine's child and not ours: the kernel does not end it with us.
struct Undertaker {
    child: Child,
    word: ChildStdin,
}

impl Undertaker {
    fn start(container: &str) -> Result<Undertaker> {
        let mut command = Command::new("sh");
        command.args(["-c", UNDERTAKER, "weir-envoy-undertaker", container]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // Ctrl-C goes to a terminal's whole foreground group, and must not reach it.
        let mut child = command.process_group(0).spawn().context("cannot start sh")?;
        let word = child.stdin.take().context("sh has no standard input")?;
        Ok(Undertaker { child, word })
    }

    fn dismiss(mut self) {
        if self.word.write_all(b"done\n").is_ok() {
            drop(self.child.wait());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_that_are_no_lines_become_lines() {
        let log = Arc::new(Log::default());
        let lines = Lines { log: Arc::clone(&log), rest: Mutex::default() };
        for part in ["[7][info][wa", "sm] a\n[7][info][wasm] b\nhal", "f\n"] {
            lines.take(&LogFrame::StdErr(part.as_bytes().to_vec().into()));
        }
        let texts: Vec<_> = log.all().into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["a", "b", "half"]);
    }
}
