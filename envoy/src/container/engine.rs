//! The container engine, asked through its client.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Whether an engine answers: a client may be there where no engine runs, so the engine itself is asked.
pub(crate) fn answers() -> Result<()> {
    let mend = "start one (`sudo systemctl start docker`, or `dockerd` as root), or take --runtime native";
    match docker(["info", "--format", "{{.ServerVersion}}"]).output() {
        Err(error) => bail!("no container engine: docker cannot be run ({error}); install and {mend}"),
        Ok(output) if !output.status.success() => bail!("no container engine answers ({}); {mend}", last_line(&output)),
        Ok(_) => Ok(()),
    }
}

/// Whether the engine has an image.
pub(crate) fn has(image: &str) -> bool {
    docker(["image", "inspect", image]).output().is_ok_and(|output| output.status.success())
}

/// Pulls an image within a time.
///
/// # Errors
/// The registry cannot be reached, does not have it, or is too slow; in the client's words.
pub(crate) fn pull(image: &str, within: Duration) -> Result<()> {
    let mut child = docker(["pull", "--quiet", image]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let deadline = Instant::now() + within;
    while child.try_wait()?.is_none() {
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            bail!("it took more than {} seconds", within.as_secs());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("{}", last_line(&output));
    }
    Ok(())
}

/// Builds an image from a directory with a Dockerfile.
///
/// # Errors
/// The build fails; in the client's words.
pub(crate) fn build(context: &Path, image: &str) -> Result<()> {
    // The engine's own builder: where the buildx component is missing the client's default fails.
    let output = docker(["build", "--quiet", "--tag", image]).arg(context).env("DOCKER_BUILDKIT", "0").output();
    let output = output.context("docker cannot be run")?;
    if !output.status.success() {
        bail!("the image {image} cannot be built: {}", last_line(&output));
    }
    Ok(())
}

fn docker<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new("docker");
    command.args(arguments).stdin(Stdio::null());
    command
}

fn last_line(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("no reason given").to_owned()
}
