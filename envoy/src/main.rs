//! `weir-envoy`: runs filters in a real Envoy.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use weir_envoy::Kind;
use weir_envoy::e2e::{E2e, Run};

/// Runs filters in a real Envoy: against their cases, or for a developer to talk to.
#[derive(Parser)]
#[command(name = "weir-envoy")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs cases, each a named trial, through one Envoy.
    E2e {
        /// Where Envoy runs.
        #[arg(long, value_enum, default_value = "auto")]
        runtime: Kind,
        /// The Envoy binary of the pinned version.
        #[arg(long, env = "WEIR_ENVOY")]
        envoy: Option<PathBuf>,
        /// Where state files go; each run has a directory of its own there.
        #[arg(long, default_value = "target/envoy")]
        state: PathBuf,
        /// A file of cases and the module that has to hold them.
        #[arg(long = "run", value_name = "CASES.toml=MODULE.wasm", required = true)]
        runs: Vec<Run>,
        /// Arguments for the test harness: a part of the trials' names, --exact, --list, …
        #[arg(last = true)]
        harness: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<i32> {
    match command {
        Command::E2e { runtime, envoy, state, runs, harness } => E2e { runtime, envoy, state, runs, harness }.run(),
    }
}
