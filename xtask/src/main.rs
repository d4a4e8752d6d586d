//! Weir's command line: `cargo xtask …`. It finds the filters, builds them, and calls the crates that do the rest.
//!
//! It must compile in seconds: what is heavy (Binaryen, testcontainers, an HTTP stack) lives in another crate, which a
//! command builds and runs when it needs it.

mod bench;
mod build;
mod build_all;
mod cache;
mod doctor;
mod e2e;
mod envoy;
mod git;
mod go_tools;
mod images;
mod import;
mod machine;
mod matrix;
mod new;
mod oha;
mod package;
mod process;
mod project;
mod readme;
mod release;
mod sbom;
mod serve;
mod test;
mod test_images;
mod test_workflows;
mod toolchain;
mod unit;
mod whole;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, shrinks, checks, serves and tests HTTP filters for Envoy.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, arg_required_else_help = true)]
struct Cli {
    /// Look for what other machines built in this repository, REGISTRY/REPOSITORY, before anything is compiled, and
    /// keep there what is built.
    #[arg(long, global = true, value_name = "REPOSITORY", env = "WEIR_CACHE")]
    cache: Option<String>,
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
    /// Move images through a real registry, read them with skopeo and oras, serve what is exported with a real Envoy.
    TestImages(test_images::TestImages),
    /// Check the workflows with actionlint, and that every action is pinned by its commit.
    TestWorkflows(test_workflows::TestWorkflows),
    /// Run the cases of the filters through a real Envoy.
    E2e(e2e::E2e),
    /// Say what filters cost, beside no filter, a no-op, Lua and Envoy's own filter.
    Bench(bench::Bench),
    /// Serve a filter, or a chain of them, on a local Envoy.
    Serve(serve::Serve),
    /// Write a new filter, or a new port of one, that builds and holds its cases before a line is edited.
    New(new::New),
    /// Take in a module that somebody else built, as a filter like any other.
    Import(import::Import),
    /// Make OCI images of every filter, below dist/oci/.
    Package(package::Package),
    /// Send a local image to a registry.
    Push(images::Images),
    /// Bring an image from its registry, checked.
    Pull(images::Images),
    /// Give a local image another name.
    Tag(images::Images),
    /// List the local images, or those of a repository in a registry.
    List(images::Images),
    /// Say what a module, an image or a reference holds.
    Inspect(images::Images),
    /// Remove local images, or one in a registry.
    Rm(images::Images),
    /// Sign an image in its registry, as cosign does.
    Sign(images::Images),
    /// Make sure that an image in its registry is signed with a key, and unaltered.
    Verify(images::Images),
    /// Write what deploys a chain of filters: for Envoy, Istio, Envoy Gateway or Kubernetes.
    Export(images::Images),
    /// Print the ports, or shares of them, for a workflow's matrix.
    Matrix(matrix::Matrix),
    /// Build, check, package, push and sign a release, and gather its files.
    Release(release::Release),
    /// Set the version and the changelog for a release.
    PrepareRelease(release::PrepareRelease),
    /// Say what this machine has, what it lacks, and the one command that mends each.
    Doctor(doctor::Doctor),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    cache::configure(cli.cache);
    let result = match cli.command {
        Command::BuildAll(task) => task.run(),
        Command::Test(task) => task.run(),
        Command::Unit(task) => task.run(),
        Command::E2e(task) => task.run(),
        Command::Bench(task) => task.run(),
        Command::Serve(task) => task.run(),
        Command::New(task) => task.run(),
        Command::Import(task) => task.run(),
        Command::TestImages(task) => task.run(),
        Command::TestWorkflows(task) => task.run(),
        Command::Package(task) => task.run(),
        Command::Push(task) => task.run("push"),
        Command::Pull(task) => task.run("pull"),
        Command::Tag(task) => task.run("tag"),
        Command::List(task) => task.run("list"),
        Command::Inspect(task) => task.run("inspect"),
        Command::Rm(task) => task.run("rm"),
        Command::Sign(task) => task.run("sign"),
        Command::Verify(task) => task.run("verify"),
        Command::Export(task) => task.run("export"),
        Command::Matrix(task) => task.run(),
        Command::Release(task) => task.run(),
        Command::PrepareRelease(task) => task.run(),
        Command::Doctor(task) => task.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            weir_common::out::line(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
