//! `weir-lint`: lint, prune and strip, for builds that shall not wait for the optimiser.

use std::process::ExitCode;

fn main() -> ExitCode {
    weir_shrink::cli::main(weir_shrink::Optimiser::Skip)
}
