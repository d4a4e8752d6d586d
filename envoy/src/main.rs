//! `weir-envoy`: runs filters in a real Envoy.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use weir_cases::harness::Run;
use weir_envoy::e2e::E2e;
use weir_envoy::hold::Hold;
use weir_envoy::selftest::Selftest;
use weir_envoy::serve::{Named, Serve};
use weir_envoy::{Kind, UpstreamUrl};

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
    /// Serves a chain of filters on 127.0.0.1; a line `reload` on the standard input takes the modules in anew.
    Serve {
        /// The Envoy binary of the pinned version.
        #[arg(long, env = "WEIR_ENVOY")]
        envoy: PathBuf,
        /// Where state files go; each run has a directory of its own there.
        #[arg(long, default_value = "target/envoy")]
        state: PathBuf,
        /// The port on 127.0.0.1; 0 lets the kernel choose.
        #[arg(long, default_value_t = 8080)]
        port: u16,
        /// Where requests go, http://HOST[:PORT] or https://HOST[:PORT]; by default an echo.
        #[arg(long, value_name = "URL")]
        upstream: Option<UpstreamUrl>,
        /// A filter of the chain; the first one sees a request first.
        #[arg(long = "filter", value_name = "NAME=MODULE.wasm", required = true)]
        filters: Vec<Named>,
        /// A filter's configuration, as text or as @FILE, which a reload reads anew.
        #[arg(long = "config", value_name = "NAME=TEXT")]
        configs: Vec<Named>,
    },
    /// Checks with real processes that an Envoy never outlives who started it, and that failures are told.
    Selftest {
        /// Where Envoy runs; serving is native in any case.
        #[arg(long, value_enum, default_value = "native")]
        runtime: Kind,
        /// The Envoy binary of the pinned version.
        #[arg(long, env = "WEIR_ENVOY")]
        envoy: PathBuf,
        /// Where state files go; each run has a directory of its own there.
        #[arg(long, default_value = "target/envoy")]
        state: PathBuf,
        /// Arguments for the test harness: a part of the trials' names, --exact, --list, …
        #[arg(last = true)]
        harness: Vec<String>,
    },
    /// Holds an Envoy without filters until told to stop; what the selftest kills.
    #[command(hide = true)]
    Hold {
        #[arg(long, value_enum, default_value = "auto")]
        runtime: Kind,
        #[arg(long, env = "WEIR_ENVOY")]
        envoy: Option<PathBuf>,
        #[arg(long, default_value = "target/envoy")]
        state: PathBuf,
    },
}

fn main() -> ExitCode {
    weir_envoy::end_with_parent();
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
        Command::E2e { runtime, envoy, state, runs, hostile, bless, harness } => {
            E2e { runtime, envoy, state, runs, hostile, bless, harness }.run()
        }
        Command::Serve { envoy, state, port, upstream, filters, configs } => {
            Serve { envoy, state, port, upstream, filters, configs }.run()
        }
        Command::Selftest { runtime, envoy, state, harness } => Selftest { runtime, envoy, state, harness }.run(),
        Command::Hold { runtime, envoy, state } => Hold { runtime, envoy, state }.run(),
    }
}
