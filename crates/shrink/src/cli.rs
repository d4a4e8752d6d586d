//! The command line that both programs share.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use clap::{CommandFactory, FromArgMatches, Parser};
use tempfile::NamedTempFile;

use crate::{Optimiser, Report, shrink, symbols};

/// Checks that Envoy will take a filter, drops what it does not need, and writes what ships.
#[derive(Debug, Parser)]
#[command(after_long_help = "\
Prints one JSON object on standard output:
  stages   [{\"stage\", \"bytes\"}]: linked, pruned, collected, stripped, optimised; bytes after each, without
           names;
           linked is the input as it stands; the last one is what was written
  callbacks  the callbacks that the input exports, declared or not
  played   how many things the input did in a trial, all of which each stage's output did as well; 0: no trial
  abi      the version of the ABI that the module speaks: 0.1.0, 0.2.0 or 0.2.1
  dropped  [{\"stage\", \"reason\"}]: the stages that failed or saved nothing, and so were left out

Exits with 1, and writes nothing, when Envoy would refuse the module or misbehave with it: one finding a line on
standard error, each with its mend.")]
struct Args {
    /// The module as the toolchain linked it.
    #[arg(value_name = "IN.wasm")]
    input: PathBuf,
    /// Where the module that ships goes.
    #[arg(long, value_name = "OUT.wasm")]
    out: PathBuf,
    /// Where the names of its functions go.
    #[arg(long, value_name = "OUT.symbols")]
    symbols: PathBuf,
    /// An export that the filter needs beside those that every module keeps, such as proxy_on_request_headers. May
    /// be given several times.
    #[arg(long = "callback", value_name = "EXPORT")]
    callbacks: Vec<String>,
}

/// The whole program: reads the arguments, shrinks, writes, prints the report or what is wrong.
pub fn main(optimiser: Optimiser) -> ExitCode {
    let (name, about) = match optimiser {
        Optimiser::Run => ("weir-shrink", "Lints, prunes, strips and optimises an Envoy filter."),
        Optimiser::Skip => ("weir-lint", "Lints, prunes and strips an Envoy filter; the optimiser is left out."),
    };
    let matches = Args::command().name(name).about(about).version(env!("CARGO_PKG_VERSION")).get_matches();
    let outcome = Args::from_arg_matches(&matches).map_err(Into::into).and_then(|args| run(&args, optimiser));
    match outcome.and_then(|report| print(&report)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args, optimiser: Optimiser) -> Result<Report> {
    let wasm = std::fs::read(&args.input).with_context(|| format!("cannot read {}", args.input.display()))?;
    let shrunk = shrink(&wasm, &args.callbacks, optimiser).map_err(|error| {
        // A finding stands on a line of its own, so that a caller can take them apart.
        let lines: Vec<_> = error.to_string().lines().map(|line| format!("{}: {line}", args.input.display())).collect();
        anyhow!(lines.join("\n"))
    })?;
    // Both are on disk before either takes its place: a full disk then leaves the old pair as it was.
    let wasm = staged(&args.out, &shrunk.wasm)?;
    let symbols = staged(&args.symbols, symbols::write(&shrunk.symbols).as_bytes())?;
    put(symbols, &args.symbols)?;
    put(wasm, &args.out)?;
    Ok(shrunk.report)
}

fn print(report: &Report) -> Result<()> {
    let json = serde_json::to_string(report).context("cannot write the report")?;
    writeln!(std::io::stdout(), "{json}").context("cannot print the report")
}

/// Writes `bytes` beside `target`, on the same file system, so that taking its place is one step.
fn staged(target: &Path, bytes: &[u8]) -> Result<NamedTempFile> {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let stage = || -> std::io::Result<NamedTempFile> {
        // The one thing that a file cannot take the place of is found out before the other file is in its own.
        if target.is_dir() {
            return Err(std::io::ErrorKind::IsADirectory.into());
        }
        let mut file = builder().tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        Ok(file)
    };
    stage().with_context(|| format!("cannot write {}", target.display()))
}

fn put(file: NamedTempFile, target: &Path) -> Result<()> {
    file.persist(target).map_err(|error| error.error).with_context(|| format!("cannot write {}", target.display()))?;
    Ok(())
}

#[cfg(unix)]
fn builder() -> tempfile::Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut builder = tempfile::Builder::new();
    // Temporary files are private by default; what ships is as readable as any other file that is created.
    builder.prefix(".weir-").permissions(std::fs::Permissions::from_mode(0o666));
    builder
}

#[cfg(not(unix))]
fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".weir-");
    builder
}
