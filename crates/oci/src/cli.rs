//! The command line. `cargo xtask` builds this program and hands its images' commands to it as they are.

mod cache;
mod images;
mod inspect;
mod list;
mod package;
mod resolve;
mod sign;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::export;
use crate::registry::Connection;
use crate::store::Store;

/// Filters as OCI images.
#[derive(Debug, Parser)]
#[command(name = "weir-oci", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    /// The folder that holds the local images.
    #[arg(long, global = true, env = "WEIR_OCI_STORE", default_value = "dist/oci", hide = true)]
    store: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make images of a module.
    #[command(hide = true)]
    Package(package::Package),
    /// Send a local image, with what is attached to it, to a registry.
    Push(images::Push),
    /// Bring an image from its registry, checked: digests, size, and whether Envoy would take its module.
    Pull(images::Pull),
    /// Give a local image another name.
    Tag(images::Tag),
    /// List the local images, or those of a repository in a registry.
    List(list::List),
    /// Say what a module, an image or a reference holds: ABI, imports, exports, features, size by function, origin.
    Inspect(inspect::Inspect),
    /// Remove local images, or one in a registry.
    Rm(images::Rm),
    /// Sign an image in its registry, as cosign does.
    Sign(sign::Sign),
    /// Make sure that an image in its registry is signed with a key, and unaltered.
    Verify(sign::Verify),
    /// Write what deploys a chain of filters.
    Export(export::Export),
    /// Bring or keep what was built, by the digest of its inputs.
    #[command(hide = true)]
    Cache(cache::Cache),
    /// Find a module, and say where its file is.
    #[command(hide = true)]
    Resolve(resolve::Resolve),
}

/// Whom a command's findings are for: people or programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// People.
    Text,
    /// Programs.
    Json,
}

/// What commands share.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// How to reach registries.
    #[command(flatten)]
    pub connection: Connection,
}

/// The whole program.
pub fn main() -> ExitCode {
    let Cli { store, command } = Cli::parse();
    let run = || -> Result<()> {
        let store = Store::new(store);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("cannot start the runtime of the HTTP client")?;
        match command {
            Command::Package(command) => command.run(&store),
            Command::Tag(command) => command.run(&store),
            Command::Push(command) => runtime.block_on(command.run(&store)),
            Command::Pull(command) => runtime.block_on(command.run(&store)),
            Command::List(command) => runtime.block_on(command.run(&store)),
            Command::Inspect(command) => runtime.block_on(command.run(&store)),
            Command::Rm(command) => runtime.block_on(command.run(&store)),
            Command::Sign(command) => runtime.block_on(command.run()),
            Command::Verify(command) => runtime.block_on(command.run()),
            Command::Export(command) => runtime.block_on(command.run(&store)),
            Command::Cache(command) => runtime.block_on(command.run()),
            Command::Resolve(command) => runtime.block_on(command.run(&store)),
        }
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
