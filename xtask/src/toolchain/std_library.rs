//! std for wasm, built once for each compiler and size profile, and laid out as a sysroot that rustc reads.
//!
//! cargo's own `-Z build-std` would build it again for every filter, and its paths would reach the filters' bytes.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use weir_cases::manifest::SizeProfile;
use weir_common::say;

use super::{TARGET, Toolchain};
use crate::build::hex;
use crate::process::cargo;
use crate::whole;

/// How std itself is compiled, beside the panic strategy. Bitcode is kept, so that a filter's LTO reaches into std.
const STD_FLAGS: [&str; 3] = ["-Zforce-unstable-if-unmarked", "-Cembed-bitcode=yes", "-Aunexpected_cfgs"];
const STD_PROFILE: [(&str, &str); 3] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "z"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
];

/// The features of std that a size profile takes.
fn features(profile: SizeProfile) -> &'static [&'static str] {
    match profile {
        SizeProfile::Standard => &[],
        SizeProfile::Min => &["--features", "optimize_for_size"],
    }
}

/// The sysroot with std for wasm, built now if it is not there.
///
/// # Errors
/// std does not compile: what cargo printed is in the error.
pub(crate) fn sysroot(toolchain: &Toolchain, profile: SizeProfile, state: &Path) -> Result<PathBuf> {
    let sysroot = state.join("std").join(format!("{profile}-{}", key(toolchain, profile)));
    whole::folder(&sysroot, |partial| {
        say!("building std for wasm, profile {profile}, once for this compiler ({})", toolchain.version());
        let built = build(toolchain, profile, &partial.join("build"))?;
        let libraries = partial.join("lib/rustlib").join(TARGET).join("lib");
        fs::create_dir_all(&libraries)?;
        for entry in fs::read_dir(&built).with_context(|| format!("cannot list {}", built.display()))? {
            let path = entry?.path();
            if let (Some(name), Some("rlib")) = (path.file_name(), path.extension().and_then(|e| e.to_str())) {
                fs::rename(&path, libraries.join(name)).with_context(|| format!("cannot move {}", path.display()))?;
            }
        }
        whole::remove(&partial.join("build"))
    })?;
    Ok(sysroot)
}

fn build(toolchain: &Toolchain, profile: SizeProfile, target_dir: &Path) -> Result<PathBuf> {
    let mut command = cargo();
    command.args(["build", "--release", "--locked", "--target", TARGET, "--manifest-path"]);
    command.arg(toolchain.library.join("std/Cargo.toml")).args(features(profile));
    toolchain.apply(&mut command);
    command.env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_DIR", target_dir);
    // rustc tells std's own crates from others of the same name by this.
    command.env("__CARGO_DEFAULT_LIB_METADATA", "weir");
    let mut flags: Vec<OsString> = STD_FLAGS.iter().chain(Toolchain::panic_flags(profile)).map(Into::into).collect();
    flags.extend(remap(&toolchain.library, "library"));
    flags.extend(remap_registry());
    set_rustflags(&mut command, &flags);
    command.envs(STD_PROFILE);
    let output = command.stdin(Stdio::null()).output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("std does not compile for wasm:\n{}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(target_dir.join(TARGET).join("release/deps"))
}

/// Sets the flags of a filter's build, or of std's: they win over everything that the environment says, and what else
/// it says of profiles is left out, because a module is remembered by what stands in files.
fn set_rustflags(command: &mut Command, flags: &[OsString]) {
    let of_profiles = std::env::vars_os().map(|(name, _)| name);
    for name in of_profiles.filter(|name| name.to_string_lossy().starts_with("CARGO_PROFILE_")) {
        command.env_remove(name);
    }
    command.env("CARGO_INCREMENTAL", "0");
    command.env("CARGO_ENCODED_RUSTFLAGS", flags.join(&OsString::from("\u{1f}")));
}

/// Makes `cargo` build a filter on this std.
pub(crate) fn rustflags(command: &mut Command, toolchain: &Toolchain, profile: SizeProfile, sysroot: &Path) {
    let mut flags: Vec<OsString> = vec!["--sysroot".into(), sysroot.into(), "-Clinker-flavor=wasm-ld".into()];
    let mut linker = OsString::from("-Clinker=");
    linker.push(&toolchain.linker);
    flags.push(linker);
    flags.extend(Toolchain::panic_flags(profile).iter().map(Into::into));
    flags.extend(remap_registry());
    toolchain.apply(command);
    if profile == SizeProfile::Min {
        command.env("RUSTC_BOOTSTRAP", "1");
    }
    set_rustflags(command, &flags);
}

/// Panic messages carry source paths: they must not tell whose machine built the module.
fn remap(from: &Path, to: &str) -> Option<OsString> {
    let mut flag = OsString::from("--remap-path-prefix=");
    flag.push(from);
    flag.push("=");
    flag.push(to);
    Some(flag)
}

fn remap_registry() -> Vec<OsString> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let sources = home.map(|home| home.join("registry/src")).and_then(|sources| fs::read_dir(sources).ok());
    let registries = sources.into_iter().flatten().filter_map(|entry| entry.ok().map(|entry| entry.path()));
    registries.filter_map(|registry| remap(&registry, "registry")).collect()
}

fn key(toolchain: &Toolchain, profile: SizeProfile) -> String {
    let mut hasher = Sha256::new();
    hasher.update(&toolchain.identity);
    for text in STD_FLAGS.iter().chain(Toolchain::panic_flags(profile)).chain(features(profile)) {
        hasher.update(text);
        hasher.update([0]);
    }
    for (name, value) in STD_PROFILE {
        hasher.update(format!("{name}={value}\0"));
    }
    hex(&hasher.finalize())[..16].to_owned()
}
