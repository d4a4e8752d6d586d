//! The farm with a real registry. `cargo xtask test-images` finds one and runs these tests.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic where it stands")]

mod checkout;
#[path = "../common/copy.rs"]
mod copy;
mod images;
#[path = "../../../crates/oci/tests/real/registry.rs"]
#[expect(dead_code, reason = "not all of it is needed here")]
mod registry;
mod shared_builds;

/// What the registry's module asks of the test that it is in.
mod machine {
    pub(crate) fn tool(variable: &str) -> std::path::PathBuf {
        let path = std::env::var_os(variable).filter(|value| !value.is_empty());
        path.unwrap_or_else(|| panic!("{variable} is not set; `cargo xtask test-images` runs this test")).into()
    }
}
