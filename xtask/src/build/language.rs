//! What the farm asks of a language that ports are written in. Each is one value, in one file beside this one; nothing
//! else knows a language by its name.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Result, bail};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Sha256;
use weir_cases::manifest::SizeProfile;

use super::template::{Kind, Template};
use super::{assemblyscript, c, go, prebuilt, rust, zig};
use crate::process::Missing;
use crate::project::{Port, Project};
use crate::sbom::Parts;

/// All languages, in the order in which reports and tables list them.
static ALL: [&dyn Builder; 6] =
    [&rust::Rust, &go::Go, &assemblyscript::AssemblyScript, &zig::Zig, &c::C, &prebuilt::Prebuilt];

/// A language, as a value that can be copied, compared and named on a command line.
#[derive(Clone, Copy)]
pub(crate) struct Language(&'static dyn Builder);

/// How one language is recognised, and where its compiler comes from.
pub(crate) trait Builder: Sync {
    /// The name of the port's folder, and of the language in reports and on command lines.
    fn name(&self) -> &'static str;

    /// The file in a port's folder that makes it one, such as `go.mod`.
    fn mark(&self, filter: &str) -> String;

    /// What a port must be beside having that file.
    ///
    /// # Errors
    /// It is not: the error names the file, the field and what was expected.
    fn check(&self, _project: &Project, _port: &Port) -> Result<()> {
        Ok(())
    }

    /// The folders that a port is made from, beside its own.
    ///
    /// # Errors
    /// What they are cannot be found out.
    fn shared(&self, project: &Project, port: &Port) -> Result<Vec<PathBuf>>;

    /// What the module of a port is built from, for its bill of materials; `toolchain` is what [`Compiler::version`] said.
    ///
    /// # Errors
    /// A lock file cannot be read.
    fn materials(&self, project: &Project, port: &Port, toolchain: &str) -> Result<Parts>;

    /// The compiler, where it is here.
    ///
    /// # Errors
    /// It is not: what is missing, and the one command that mends it.
    fn find(&self, project: &Project) -> Result<Box<dyn Compiler>, Missing>;

    /// What `cargo xtask new` writes for a port, if this is a language that one writes in.
    ///
    /// # Errors
    /// A pin that belongs into the port cannot be read.
    fn template(&self, _project: &Project, _kind: Kind) -> Result<Option<Template>> {
        Ok(None)
    }

    /// Whether this machine has what [`Builder::fetch`] needs.
    fn can_fetch(&self) -> bool {
        false
    }

    /// Fetches the compiler, where there is a way to.
    fn fetch(&self, _project: &Project) -> Option<Result<Box<dyn Compiler>>> {
        None
    }
}

/// A compiler that was found.
pub(crate) trait Compiler: Send + Sync {
    /// What it is and where it came from, for `doctor`.
    fn describe(&self) -> String;

    /// What reports and baselines name as the maker of a port's module: two machines that say the same here make the
    /// same bytes.
    ///
    /// # Errors
    /// A pin of the port's cannot be read.
    fn version(&self, project: &Project, port: &Port) -> Result<String>;

    /// The size profile that a module is built with where `asked` is wanted: a language that knows but one builds it.
    fn size_profile(&self, _asked: SizeProfile) -> SizeProfile {
        SizeProfile::Standard
    }

    /// Adds to the digest of a port's inputs what neither its folder, nor the shared ones, nor the version show.
    ///
    /// # Errors
    /// A source cannot be read.
    fn inputs(&self, _project: &Project, _port: &Port, _digest: &mut Sha256) -> Result<()> {
        Ok(())
    }

    /// Compiles and links a port, and returns where the module is.
    ///
    /// # Errors
    /// It does not compile: the compiler's words are in the error.
    fn compile(&self, site: &Site<'_>) -> Result<PathBuf>;

    /// Checks a port's sources and runs its unit tests, in the way that is usual in the language.
    ///
    /// # Errors
    /// Something does not hold: the words of the language's own tools are in the error.
    fn test(&self, site: &Site<'_>) -> Result<()>;
}

/// Where and how one port is built.
pub(crate) struct Site<'a> {
    pub(crate) project: &'a Project,
    pub(crate) port: &'a Port,
    pub(crate) profile: SizeProfile,
    /// How many compilers may run at a time.
    pub(crate) jobs: usize,
    /// A folder below `target/` that is this port's alone while the build runs; what is in it may be from an earlier one.
    pub(crate) folder: &'a Path,
}

impl Language {
    /// Every language, in the order of tables.
    pub(crate) fn all() -> impl Iterator<Item = Language> {
        ALL.into_iter().map(Language)
    }

    /// The language whose ports are a filter's reference, and go by the filter's name alone.
    pub(crate) fn rust() -> Language {
        Language(&rust::Rust)
    }

    fn rank(self) -> usize {
        Language::all().position(|language| language == self).unwrap_or(ALL.len())
    }
}

impl Deref for Language {
    type Target = dyn Builder;

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl FromStr for Language {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Language> {
        match Language::all().find(|language| language.name() == name) {
            Some(language) => Ok(language),
            None => bail!(
                "possible values: {}",
                Language::all().map(|language| language.name()).collect::<Vec<_>>().join(", ")
            ),
        }
    }
}

impl PartialEq for Language {
    fn eq(&self, other: &Language) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Language {}

impl PartialOrd for Language {
    fn partial_cmp(&self, other: &Language) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Language {
    fn cmp(&self, other: &Language) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Language {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Language {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Language, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_known_by_its_name() {
        for language in Language::all() {
            assert_eq!(language.name().parse::<Language>().unwrap(), language);
        }
        let error = "cobol".parse::<Language>().unwrap_err().to_string();
        assert!(error.starts_with("possible values: rust, go, "), "{error}");
    }

    #[test]
    fn rust_comes_first() {
        assert!(Language::all().all(|language| Language::rust() <= language));
    }

    #[test]
    fn a_report_names_a_language_by_its_name() {
        assert_eq!(serde_json::to_string(&Language::rust()).unwrap(), "\"rust\"");
        assert_eq!(serde_json::from_str::<Language>("\"rust\"").unwrap(), Language::rust());
        assert!(serde_json::from_str::<Language>("\"cobol\"").is_err());
    }
}
