//! The image that Envoy runs from: the official one, or where there is none to be had, one made of the native binary.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::{ENVOY, engine};
use crate::{VERSION, native};

/// A pull that takes longer is given up for an image that is built in seconds.
const PULL: Duration = Duration::from_secs(120);

/// An image that the engine has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    repository: String,
    tag: String,
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repository, self.tag)
    }
}

impl Image {
    /// Repository and tag.
    pub(crate) fn name(&self) -> (&str, &str) {
        (&self.repository, &self.tag)
    }

    fn official() -> Image {
        Image { repository: "envoyproxy/envoy".into(), tag: format!("v{VERSION}") }
    }

    /// Finds the image: the official one where the engine has it, then one that was built from this `envoy` before, then
    /// the official one from its registry, then a new build from `envoy`.
    ///
    /// # Errors
    /// No engine answers; or the official image cannot be pulled, and there is no binary to build one from.
    pub(crate) fn find(envoy: Option<&Path>) -> Result<Image> {
        engine::answers()?;
        let official = Image::official();
        if engine::has(&official.to_string()) {
            return Ok(official);
        }
        let parts = envoy.map(Parts::of).transpose()?;
        let built = parts.as_ref().map(Parts::image);
        if let Some(built) = built.filter(|it| engine::has(&it.to_string())) {
            return Ok(built);
        }
        eprintln!("image: pulling {official}");
        let Err(error) = engine::pull(&official.to_string(), PULL) else { return Ok(official) };
        match parts {
            Some(parts) => {
                eprintln!("image: {official} cannot be pulled ({error}); building one from the native Envoy");
                parts.build()
            }
            None => {
                bail!("{official} cannot be pulled ({error:#}); name a binary to build an image from with --envoy PATH")
            }
        }
    }
}

/// The files that an Envoy binary needs to run, and nothing else.
struct Parts {
    envoy: PathBuf,
    libraries: Vec<PathBuf>,
    digest: String,
}

impl Parts {
    fn of(envoy: &Path) -> Result<Parts> {
        native::check_version(envoy)?;
        let output =
            Command::new("ldd").arg(envoy).output().context("cannot run ldd, which names Envoy's libraries")?;
        if !output.status.success() {
            bail!("ldd cannot read {}: {}", envoy.display(), String::from_utf8_lossy(&output.stderr).trim());
        }
        let libraries = libraries(&String::from_utf8_lossy(&output.stdout));
        let mut hash = Sha256::new();
        for file in std::iter::once(envoy).chain(libraries.iter().map(PathBuf::as_path)) {
            let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            hash.update(&bytes);
        }
        let digest = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Ok(Parts { envoy: envoy.into(), libraries, digest })
    }

    fn image(&self) -> Image {
        Image { repository: "weir-envoy".into(), tag: format!("{VERSION}-{}", self.digest) }
    }

    fn build(&self) -> Result<Image> {
        let context = tempfile::tempdir().context("cannot make a directory to build an image in")?;
        let root = context.path().join("root");
        copy(&self.envoy, &root.join(ENVOY.trim_start_matches('/')))?;
        for library in &self.libraries {
            copy(library, &root.join(library.strip_prefix("/").unwrap_or(library)))?;
        }
        let dockerfile = format!("FROM scratch\nCOPY root/ /\nENTRYPOINT [\"{ENVOY}\"]\n");
        std::fs::write(context.path().join("Dockerfile"), dockerfile)?;
        let image = self.image();
        engine::build(context.path(), &image.to_string())?;
        Ok(image)
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let context = || format!("cannot copy {} to {}", from.display(), to.display());
    std::fs::create_dir_all(to.parent().unwrap_or(to)).with_context(context)?;
    std::fs::copy(from, to).with_context(context)?;
    Ok(())
}

/// The libraries that `ldd` names: `name => /path (address)`, or for the loader `/path (address)`.
fn libraries(ldd: &str) -> Vec<PathBuf> {
    let path = |line: &str| {
        let found = line.split_once("=> ").map_or(line, |(_, path)| path).trim();
        let path = found.split(" (").next()?;
        path.starts_with('/').then(|| PathBuf::from(path))
    };
    ldd.lines().filter_map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_libraries_that_ldd_names_are_found() {
        let ldd = "\tlinux-vdso.so.1 (0x00007f18)\n\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f18)\n\t/lib64/ld-linux-x86-64.so.2 (0x00007f18)\n";
        let found = libraries(ldd);
        assert_eq!(found, [Path::new("/lib/x86_64-linux-gnu/libm.so.6"), Path::new("/lib64/ld-linux-x86-64.so.2")]);
        assert_eq!(libraries("\tstatically linked\n"), [""; 0].map(PathBuf::from));
    }
}
