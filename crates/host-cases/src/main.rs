//! `weir-host`: runs filters in process, against their cases.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use weir_cases::harness::Run;
use weir_host_cases::e2e::E2e;

/// Runs filters in process, without an Envoy.
#[derive(Parser)]
#[command(name = "weir-host")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs cases, each a named trial.
    E2e {
        /// A file of cases and the module that has to hold them.
        #[arg(long = "run", value_name = "CASES.toml=MODULE.wasm", required = true)]
        runs: Vec<Run>,
        /// Give each module hostile input as well, made from its cases.
        #[arg(long)]
        hostile: bool,
        /// Write what was seen over the expectations that do not hold, as WEIR_BLESS=1 does.
        #[arg(long)]
        bless: bool,
        /// Arguments for the test harness: a part of the trials' names, --exact, --list, …
        #[arg(last = true)]
        harness: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => ExitCode::from(code as u8),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<i32> {
    let Command::E2e { runs, hostile, bless, harness } = cli.command;
    E2e { runs, hostile, bless, harness }.run()
}
