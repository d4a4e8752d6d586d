//! When to stop.

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};

/// Listens for Ctrl-C, SIGTERM and SIGHUP from this call on, and gives a future of the number of the first that comes.
///
/// Called inside a tokio runtime, and before anything that a signal must not leave behind is started.
///
/// # Errors
/// The signals cannot be listened for.
pub fn stop_requested() -> Result<impl Future<Output = i32>> {
    let listen = |kind| signal(kind).context("cannot listen for signals");
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
            _ = hangup.recv() => SignalKind::hangup().as_raw_value(),
        }
    })
}

/// Asks the kernel to send this process SIGTERM when the process that started it is gone.
///
/// A command that started this one cannot always stop it: it may be killed itself.
pub fn end_with_parent() {
    #[cfg(target_os = "linux")]
    {
        // Where the kernel refuses, nothing is lost but this comfort.
        let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM));
    }
}
