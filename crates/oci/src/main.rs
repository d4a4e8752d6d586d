//! `weir-oci`: filters as OCI images.

fn main() -> std::process::ExitCode {
    weir_oci::cli::main()
}
