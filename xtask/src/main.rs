//! Weir's command line: `cargo xtask …`. It finds the filters, builds them, and calls the crates that do the rest.
//!
//! It must compile in seconds: what is heavy (Binaryen, testcontainers, an HTTP stack) lives in another crate, which a
//! command builds and runs when it needs it.

mod build;
mod build_all;
mod doctor;
mod e2e;
mod envoy;
mod import;
mod machine;
mod new;
mod out;
mod process;
mod project;
mod readme;
mod serve;
mod test;
mod toolchain;
mod unit;
mod whole;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, shrinks, checks, serves and tests HTTP filters for Envoy.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build every filter, shrink it, check its budget and print the size report.
    BuildAll(build_all::BuildAll),
    /// Run the whole suite that needs no Docker: formatting, lints, units, and every case through a native Envoy.
    Test(test::Test),
    /// Check the sources of ports and run their unit tests, with the tools of their languages.
    Unit(unit::Unit),
    /// Run the cases of the filters through a real Envoy.
    E2e(e2e::E2e),
    /// Serve a filter, or a chain of them, on a local Envoy.
    Serve(serve::Serve),
    /// Write a new filter, or a new port of one, that builds and holds its cases before a line is edited.
    New(new::New),
    /// Take in a module that somebody else built, as a filter like any other.
    Import(import::Import),
    /// Say what this machine has, what it lacks, and the one command that mends each.
    Doctor(doctor::Doctor),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::BuildAll(task) => task.run(),
        Command::Test(task) => task.run(),
        Command::Unit(task) => task.run(),
        Command::E2e(task) => task.run(),
        Command::Serve(task) => task.run(),
        Command::New(task) => task.run(),
        Command::Import(task) => task.run(),
        Command::Doctor(task) => task.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            out::line(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
