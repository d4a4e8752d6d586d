//! That an Envoy never outlives who started it.

use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::Bench;
use super::running::{Running, wait_until};
use crate::envoy::{Envoy, Plan};
use crate::runtime::Id;

/// Waits until an Envoy is gone; there was one, or the check would check nothing.
fn gone(id: &Id) -> Result<()> {
    wait_until(&format!("{id} is gone"), || !id.is_there())
}

pub(super) fn stopped_by_panic(bench: &Bench) -> Result<()> {
    let (tell, told) = std::sync::mpsc::channel();
    let (runtime, state) = (bench.runtime.clone(), bench.state.clone());
    let owner = std::thread::spawn(move || {
        let tokio = tokio::runtime::Runtime::new().expect("tokio starts");
        let plan = Plan::default();
        let start = Envoy::start(&runtime, &plan, &state, Arc::default());
        let envoy = tokio.block_on(start).expect("Envoy starts");
        drop(tell.send((envoy.id(), envoy.id().is_there())));
        // Without the message that a panic prints: it would stand among the results.
        std::panic::resume_unwind(Box::new("on purpose"));
    });
    ensure!(owner.join().is_err(), "the owner did not panic");
    let (id, there) = told.recv()?;
    ensure!(there, "{id} never was there");
    gone(&id)
}

pub(super) fn stopped_by(bench: &Bench, signal: Signal, code: Option<i32>) -> Result<()> {
    let mut owner = Running::start(bench.hold()?)?;
    let id: Id = owner.after("held: ")?.parse()?;
    ensure!(id.is_there(), "{id} never was there");
    owner.signal(signal)?;
    let status = owner.end()?;
    ensure!(status.code() == code, "the owner ended with {status}");
    gone(&id)
}

pub(super) fn stopped_with_grandparent(bench: &Bench) -> Result<()> {
    let hold = bench.hold()?;
    let mut parent = Command::new("sh");
    // The input stays open when the shell dies, so it is not its end that stops the owner.
    parent.args(["-c", "\"$@\" <&0 & wait", "sh"]).arg(hold.get_program()).args(hold.get_args());
    let mut parent = Running::start(parent)?;
    let id: Id = parent.after("held: ")?.parse()?;
    ensure!(id.is_there(), "{id} never was there");
    parent.signal(Signal::KILL)?;
    gone(&id)
}

/// A script that does not become Envoy but runs it: neither the kernel's signal nor the shell's end reaches that.
pub(super) fn stopped_behind_script(bench: &Bench, signal: Signal) -> Result<()> {
    let script = bench.files.path().join(format!("envoy-{}", signal.as_raw()));
    let told = script.with_extension("pid");
    let inner =
        format!("echo $$ > '{}'; exec '{}' \"$@\"", told.display(), std::path::absolute(&bench.envoy)?.display());
    std::fs::write(&script, format!("#!/bin/sh\nsh -c '{}' sh \"$@\"\nexit $?\n", inner.replace('\'', "'\\''")))?;
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let mut hold = Command::new(std::env::current_exe()?);
    hold.args(["hold", "--runtime", "native", "--envoy"]).arg(&script).arg("--state").arg(&bench.state);
    let mut owner = Running::start(hold)?;
    let leader: Id = owner.after("held: ")?.parse()?;
    let id = Id::Pid(std::fs::read_to_string(&told)?.trim().parse()?);
    ensure!(id.is_there() && id.to_string() != leader.to_string(), "{id} is not behind a script");
    owner.signal(signal)?;
    owner.end()?;
    gone(&id)?;
    gone(&leader)
}

pub(super) fn serve_ends(bench: &Bench, signal: Option<Signal>) -> Result<()> {
    let mut serve = Running::start(bench.serve(&["--port", "0"])?)?;
    let id: Id = serve.after("process   ")?.parse()?;
    ensure!(id.is_there(), "{id} never was there");
    match signal {
        Some(signal) => serve.signal(signal)?,
        None => drop(serve.input.take()),
    }
    serve.after("stopped")?;
    let status = serve.end()?;
    ensure!(status.success(), "serve ended with {status}");
    gone(&id)
}

pub(super) fn serve_ends_with_envoy(bench: &Bench) -> Result<()> {
    let mut serve = Running::start(bench.serve(&["--port", "0"])?)?;
    let id: Id = serve.after("process   ")?.parse()?;
    let Id::Pid(pid) = id else { bail!("serving is native, and this is {id}") };
    kill_process(Pid::from_raw(pid).context("no process")?, Signal::KILL)?;
    let status = serve.end()?;
    ensure!(status.code() == Some(1), "serve ended with {status}");
    gone(&id)
}
