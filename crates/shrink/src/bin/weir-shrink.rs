//! `weir-shrink`: the whole pipeline.

use std::process::ExitCode;

fn main() -> ExitCode {
    weir_shrink::cli::main(weir_shrink::Optimiser::Run)
}
