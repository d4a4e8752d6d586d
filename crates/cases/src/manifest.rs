//! `filter.toml`: what a filter is, in the terms that the farm needs to build, check and size it.

pub mod bench;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};
use toml::Spanned;

/// How std is built for a Rust filter, and so how large the filter is and what a panic says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SizeProfile {
    /// Panic messages are kept: a trap in production says where and why.
    Standard,
    /// A panic is a bare trap, and std is built with `optimize_for_size`.
    Min,
}

impl fmt::Display for SizeProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SizeProfile::Standard => "standard",
            SizeProfile::Min => "min",
        })
    }
}

/// The whole of a `filter.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// One sentence for lists and tables.
    pub summary: String,
    /// The ABI callbacks that the filter needs beside those that every module keeps, by their export names
    /// (`proxy_on_request_headers`, …). All other callbacks are pruned from what ships.
    pub callbacks: Vec<String>,
    /// Which std the shipped module is built with.
    pub size_profile: SizeProfile,
    /// The compiler that a port asks for in place of its language's own, by language: only `go = "tinygo"`.
    pub compiler: BTreeMap<String, String>,
    /// The most bytes that a shipped module may have, by language and size profile.
    pub budget: BTreeMap<String, BTreeMap<SizeProfile, u64>>,
    /// What it is measured with, and beside what.
    pub bench: bench::Bench,
}

fn standard() -> SizeProfile {
    SizeProfile::Standard
}

/// A manifest as it is written: what has to be checked, with where it stands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    summary: Spanned<String>,
    callbacks: Vec<Spanned<String>>,
    #[serde(default = "standard")]
    size_profile: SizeProfile,
    #[serde(default)]
    compiler: BTreeMap<Spanned<String>, String>,
    #[serde(default)]
    budget: BTreeMap<Spanned<String>, BTreeMap<SizeProfile, u64>>,
    #[serde(default)]
    bench: bench::Bench,
}

impl Manifest {
    /// Reads and checks a manifest. `languages` are those that a port can be in.
    ///
    /// # Errors
    /// Names the file, the line and the field: the file cannot be read, is not TOML, has an unknown or missing field,
    /// names a callback that is none, or sets a budget for a language that is none.
    pub fn read(path: &Path, languages: &[&str]) -> Result<Manifest> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let invalid = || format!("{} is not a valid filter manifest", path.display());
        let written = checked(&text).with_context(invalid)?;
        if let Some(language) = written.budget.keys().find(|it| !languages.contains(&it.get_ref().as_str())) {
            let known = languages.join(", ");
            let wrong = format!("budget.{}: is no language; expected one of {known}", language.get_ref());
            return Err(at(&text, language, &wrong)).with_context(invalid);
        }
        Ok(written.into())
    }

    /// Reads and checks a manifest's text.
    ///
    /// # Errors
    /// As [`Manifest::read`], without the file and without a look at the languages.
    pub fn parse(text: &str) -> Result<Manifest> {
        Ok(checked(text)?.into())
    }

    /// The most bytes that the port in `language` may ship with, where the manifest sets a bound.
    pub fn budget(&self, language: &str, profile: SizeProfile) -> Option<u64> {
        self.budget.get(language)?.get(&profile).copied()
    }
}

fn checked(text: &str) -> Result<Written> {
    let written: Written = toml::from_str(text)?;
    if written.summary.get_ref().trim().is_empty() {
        return Err(at(text, &written.summary, "summary: expected one sentence, found nothing"));
    }
    for (language, compiler) in &written.compiler {
        if (language.get_ref().as_str(), compiler.as_str()) != ("go", "tinygo") {
            let name = language.get_ref();
            let wrong = format!("compiler.{name}: {compiler:?} is none to ask for; expected go = \"tinygo\"");
            return Err(at(text, language, &wrong));
        }
    }
    if let Some(callback) = written.callbacks.iter().find(|it| !it.get_ref().starts_with("proxy_on_")) {
        let expected = "expected an export such as \"proxy_on_request_headers\"";
        return Err(at(text, callback, &format!("callbacks: {:?} is not a callback; {expected}", callback.get_ref())));
    }
    written.bench.check()?;
    Ok(written)
}

/// What is wrong with what was written, with its line.
fn at<T>(text: &str, written: &Spanned<T>, wrong: &str) -> anyhow::Error {
    let before = text.get(..written.span().start).unwrap_or_default();
    anyhow!("line {}: {wrong}", before.matches('\n').count() + 1)
}

impl From<Written> for Manifest {
    fn from(written: Written) -> Manifest {
        Manifest {
            summary: written.summary.into_inner(),
            callbacks: written.callbacks.into_iter().map(Spanned::into_inner).collect(),
            size_profile: written.size_profile,
            compiler: written.compiler.into_iter().map(|(name, it)| (name.into_inner(), it)).collect(),
            budget: written.budget.into_iter().map(|(name, it)| (name.into_inner(), it)).collect(),
            bench: written.bench,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
summary = "Adds a header."
callbacks = ["proxy_on_response_headers"]
size_profile = "min"
[budget.rust]
min = 36_000
"#;

    #[test]
    fn reads_every_field() {
        let manifest = Manifest::parse(GOOD).unwrap();
        assert_eq!(manifest.callbacks, ["proxy_on_response_headers"]);
        assert_eq!(manifest.size_profile, SizeProfile::Min);
        assert_eq!(manifest.budget("rust", SizeProfile::Min), Some(36_000));
        assert_eq!(manifest.budget("rust", SizeProfile::Standard), None);
        assert_eq!(manifest.budget("go", SizeProfile::Min), None);
    }

    #[test]
    fn only_a_compiler_that_can_be_asked_for_is_taken() {
        let asking = |text: &str| Manifest::parse(&format!("{GOOD}[compiler]\n{text}\n"));
        assert_eq!(asking("go = \"tinygo\"").unwrap().compiler["go"], "tinygo");
        let error = asking("go = \"gccgo\"").unwrap_err().to_string();
        assert_eq!(error, "line 8: compiler.go: \"gccgo\" is none to ask for; expected go = \"tinygo\"");
        assert!(asking("zig = \"tinygo\"").is_err());
    }

    #[test]
    fn an_unknown_field_is_named_with_its_line() {
        let error = format!("{:#}", Manifest::parse(&GOOD.replace("summary", "sumary")).unwrap_err());
        assert!(error.contains("line 2") && error.contains("sumary"), "{error}");
    }

    #[test]
    fn what_the_bench_is_told_is_checked() {
        let bench = r#"
[bench]
configuration = "{}"
headers = [["x-a", "1"]]
rejected = { status = 401 }
[[bench.equivalent]]
kind = "lua"
name = "Lua"
file = "equivalents/same.lua"
cases = ["a"]
[[bench.scale]]
what = "keys"
values = [1, 10, 100]
configuration = "[${each}]"
each = "${n}"
[[bench.also]]
name = "keys"
[[bench.also]]
name = "passwords"
"#;
        let parse = |from: &str, to: &str| Manifest::parse(&format!("{GOOD}{}", bench.replace(from, to)));
        assert_eq!(parse("", "").unwrap().bench.equivalent[0].kind, bench::Kind::Lua);
        let refused = [
            ("equivalents/same.lua", "../same.lua", "bench.equivalent[0].file"),
            ("[\"a\"]", "[]", "bench.equivalent[0].cases"),
            ("[1, 10, 100]", "[1, 10, 10]", "bench.scale[0].values"),
            ("\"passwords\"", "\"keys\"", "bench.also[1].name: there is another use called"),
            ("\"passwords\"", "\"\"", "bench.also[1].name: expected lower-case letters"),
            ("[bench]", "[bench]\nname = \"a\"", "bench.name"),
            ("kind = \"lua\"", "kind = \"rust\"", "unknown variant `rust`"),
        ];
        for (from, to, said) in refused {
            let error = format!("{:#}", parse(from, to).unwrap_err());
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_callback_that_is_none_is_named() {
        let error = Manifest::parse(&GOOD.replace("proxy_on_response", "on_response")).unwrap_err().to_string();
        assert!(error.starts_with("line 3: callbacks: \"on_response_headers\" is not a callback"), "{error}");
    }

    #[test]
    fn a_budget_for_a_language_that_is_none_is_named_with_file_and_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), GOOD).unwrap();
        assert!(Manifest::read(file.path(), &["rust", "go"]).is_ok());
        std::fs::write(file.path(), format!("{GOOD}[budget.cobol]\nstandard = 1\n")).unwrap();
        let error = format!("{:#}", Manifest::read(file.path(), &["rust", "go"]).unwrap_err());
        assert!(error.starts_with(&file.path().display().to_string()), "{error}");
        assert!(error.ends_with("line 7: budget.cobol: is no language; expected one of rust, go"), "{error}");
    }

    #[test]
    fn a_summary_that_says_nothing_is_named_with_its_line() {
        let error = Manifest::parse(&GOOD.replace("Adds a header.", " ")).unwrap_err().to_string();
        assert_eq!(error, "line 2: summary: expected one sentence, found nothing");
    }
}
