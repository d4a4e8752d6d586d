//! The compilers that one run needs: each is looked for once, fetched where there is a way to, or told as missing.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result, bail};
use weir_common::say;

use super::language::{Compiler, Language};
use crate::project::{Port, Project};

/// The compilers that are here.
pub(crate) struct Toolchains(BTreeMap<Language, Box<dyn Compiler>>);

/// The ports that nothing here can build, by language.
#[derive(Debug, Default)]
pub(crate) struct LeftOut(BTreeMap<Language, Vec<Port>>);

impl Toolchains {
    /// The compilers for these ports, the ports that they can build, and those that are left out.
    ///
    /// # Errors
    /// A language that is `required` (Rust always is) has no compiler here, or none of the ports can be built: the error
    /// says what is missing and what mends it.
    pub(crate) fn gather(
        project: &Project,
        ports: Vec<Port>,
        required: &[Language],
    ) -> Result<(Toolchains, Vec<Port>, LeftOut)> {
        let mut groups: BTreeMap<Language, Vec<Port>> = BTreeMap::new();
        for port in ports {
            groups.entry(port.language).or_default().push(port);
        }
        let mut toolchains = Toolchains(BTreeMap::new());
        let (mut buildable, mut left_out) = (Vec::new(), LeftOut::default());
        for (language, ports) in groups {
            match find_or_fetch(project, language) {
                Ok(compiler) => {
                    toolchains.0.insert(language, compiler);
                    buildable.extend(ports);
                }
                Err(error) if language == Language::rust() || required.contains(&language) => {
                    return Err(error.context(format!("{} cannot be built", names(&ports))));
                }
                Err(error) => {
                    say!("left out: {}: {error:#}", names(&ports));
                    left_out.0.insert(language, ports);
                }
            }
        }
        if buildable.is_empty() && !left_out.is_empty() {
            bail!("nothing can be built: see above");
        }
        Ok((toolchains, buildable, left_out))
    }

    /// The compilers that are here without anything being fetched.
    pub(crate) fn here(project: &Project) -> Toolchains {
        let found = Language::all().filter_map(|language| Some((language, language.find(project).ok()?)));
        Toolchains(found.collect())
    }

    /// The compiler of one language.
    ///
    /// # Errors
    /// It is not here.
    pub(crate) fn of(&self, language: Language) -> Result<&dyn Compiler> {
        self.0.get(&language).map(AsRef::as_ref).with_context(|| format!("there is no compiler for {language}"))
    }
}

fn find_or_fetch(project: &Project, language: Language) -> Result<Box<dyn Compiler>> {
    match language.find(project) {
        Ok(compiler) => Ok(compiler),
        Err(missing) => match language.fetch(project) {
            Some(fetched) => fetched,
            None => Err(missing.into()),
        },
    }
}

fn names(ports: &[Port]) -> String {
    ports.iter().map(Port::artifact).collect::<Vec<_>>().join(", ")
}

impl LeftOut {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Says at the end of a command what was left out, if anything was.
    pub(crate) fn say(&self) -> Result<()> {
        if !self.is_empty() {
            say!("all that was run holds{self}");
        }
        Ok(())
    }

    pub(crate) fn ports(&self) -> impl Iterator<Item = &Port> {
        self.0.values().flatten()
    }
}

/// For the last line of a command: nothing, or `; left out: hello-header.go (no compiler for go: …)`.
impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (language, ports)) in self.0.iter().enumerate() {
            let lead = if at == 0 { "; left out: " } else { ", " };
            write!(f, "{lead}{} (no compiler for {language})", names(ports))?;
        }
        if self.is_empty() { Ok(()) } else { f.write_str("; `cargo xtask doctor` says what mends it") }
    }
}

/// The languages that an option `--require` names: one, or `all`.
///
/// # Errors
/// It names none.
pub(crate) fn required(name: &str) -> Result<Vec<Language>> {
    if name == "all" { Ok(Language::all().collect()) } else { Ok(vec![name.parse()?]) }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn port(filter: &str, language: &str) -> Port {
        Port { filter: filter.into(), language: language.parse().unwrap(), dir: PathBuf::new() }
    }

    #[test]
    fn what_is_left_out_is_told_by_language() {
        assert_eq!(LeftOut::default().to_string(), "");
        let (zig, go) = (port("a", "zig"), port("a", "go"));
        let left = [(zig.language, vec![zig]), (go.language, vec![go, port("b", "go")])];
        assert_eq!(
            LeftOut(left.into()).to_string(),
            "; left out: a.go, b.go (no compiler for go), a.zig (no compiler for zig); `cargo xtask doctor` says what \
             mends it"
        );
    }

    #[test]
    fn one_language_or_all_can_be_required() {
        assert_eq!(required("go").unwrap(), ["go".parse().unwrap()]);
        assert_eq!(required("all").unwrap().len(), Language::all().count());
        assert!(required("cobol").is_err());
    }
}
