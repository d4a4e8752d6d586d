//! `cargo xtask new`: a filter that builds, holds its cases and serves before a line of it is edited.

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use weir_cases::manifest::Manifest;
use weir_common::say;

use crate::build::Language;
use crate::build::template::{self, Kind, Template};
use crate::project::{Port, Project};
use crate::readme;

/// The most characters of a filter's name: it is part of file names, labels and headers.
const MOST_NAME: usize = 40;

/// What a Cargo package cannot be called: Rust's keywords and its own crates.
const TAKEN: &str = "abstract alloc as async await become box break const continue core crate do dyn else enum extern \
                     false final fn for gen if impl in let loop macro match mod move mut override priv proc-macro pub \
                     ref return self static std struct super test trait true try type typeof unsafe unsized use \
                     virtual where while yield";

#[derive(Args)]
pub(crate) struct New {
    /// The filter's name: small letters, digits and dashes. Where there is such a filter, it gets a port.
    name: Option<String>,
    /// The language to write it in.
    #[arg(long)]
    lang: Option<Language>,
    /// What it acts on.
    #[arg(long)]
    kind: Option<Kind>,
}

impl New {
    pub(crate) fn run(self) -> Result<()> {
        let project = Project::find()?;
        let choices = self.settle(std::io::stdin().is_terminal() && std::io::stderr().is_terminal())?;
        let folder = project.root.join("filters").join(&choices.name);
        if folder.exists() {
            add_port(&project, &folder, &choices)?;
        } else {
            add_filter(&project, &folder, &choices)?;
        }
        readme::write(&Project::find()?)?;
        choices.say_what_is_next();
        Ok(())
    }

    /// What was asked for, with what is missing asked on a terminal, and nowhere else.
    fn settle(self, terminal: bool) -> Result<Choices> {
        let name = match self.name {
            Some(name) => name,
            None if terminal => ask("name", "", str::to_owned)?,
            None => bail!("the name is missing: cargo xtask new NAME --lang LANG"),
        };
        check_name(&name)?;
        let language = match self.lang {
            Some(language) => language,
            None if terminal => ask(&format!("language, one of {}", languages()), "rust", str::to_owned)?.parse()?,
            None => bail!("the language is missing: cargo xtask new {name} --lang LANG, one of {}", languages()),
        };
        let kind = match self.kind {
            Some(kind) => kind,
            None if terminal => ask("kind, one of headers, body, auth", "headers", |text| Kind::from_str(text, false))?
                .map_err(anyhow::Error::msg)?,
            None => Kind::default(),
        };
        Ok(Choices { name, language, kind })
    }
}

/// What is to be written.
#[derive(Debug, PartialEq)]
struct Choices {
    name: String,
    language: Language,
    kind: Kind,
}

impl Choices {
    fn say_what_is_next(&self) {
        let Choices { name, language, .. } = self;
        let port = format!("{name}.{language}");
        say!("filters/{name}/{language} is written; what is next:");
        say!("  cargo xtask build-all {port}      builds it; --bless writes its size down");
        say!("  cargo xtask bench {port} --check  counts what it costs; --bless writes that down");
        say!("  cargo xtask e2e {port}            holds it to filters/{name}/cases.toml");
        say!("  cargo xtask serve {port} --watch  serves it on http://127.0.0.1:8080, and anew as you edit");
    }
}

fn ask<T>(question: &str, otherwise: &str, read: impl FnOnce(&str) -> T) -> Result<T> {
    eprint!("{question}{}: ", if otherwise.is_empty() { String::new() } else { format!(" ({otherwise})") });
    std::io::stderr().flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).context("cannot read the answer")?;
    Ok(read(Some(line.trim()).filter(|line| !line.is_empty()).unwrap_or(otherwise)))
}

fn languages() -> String {
    let names = Language::all().map(|language| language.to_string());
    names.filter(|name| name != "prebuilt").collect::<Vec<_>>().join(", ")
}

pub(crate) fn check_name(name: &str) -> Result<()> {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let starts_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    if !starts_well || !name.split('-').all(is_word) || name.len() > MOST_NAME {
        bail!(
            "{name:?} is no name for a filter: expected small letters, digits and single dashes between them, a letter \
             first, at most {MOST_NAME} characters"
        );
    }
    if TAKEN.split_whitespace().any(|taken| taken == name) {
        bail!("{name:?} is no name for a filter: it is a word of Rust, which no package may be called");
    }
    Ok(())
}

fn add_filter(project: &Project, folder: &Path, choices: &Choices) -> Result<()> {
    let Choices { name, kind, .. } = choices;
    if project.metadata.packages.iter().any(|package| package.name.as_str() == name) {
        bail!("{name:?} is no name for a filter: this workspace has a package of that name");
    }
    let contract = template::contract(*kind);
    let manifest = contract.iter().find(|(path, _)| *path == "filter.toml").map(|(_, text)| *text).unwrap_or_default();
    let manifest = Manifest::parse(&template::fill(manifest, name, &[]))?;
    let template = template_of(project, choices)?;
    appear(folder, |partial| {
        for (path, text) in contract {
            write(partial, path, &template::fill(text, name, &[]))?;
        }
        write_port(&partial.join(choices.language.name()), &template, choices, &manifest, &[])
    })
}

fn add_port(project: &Project, folder: &Path, choices: &Choices) -> Result<()> {
    let Choices { name, language, kind } = choices;
    let port = Port { filter: name.clone(), language: *language, dir: folder.to_owned() };
    if port.folder().exists() {
        bail!("filters/{name}/{language} is there already");
    }
    let manifest = port.manifest()?;
    let own = template::contract(*kind).iter().find(|(path, _)| *path == "filter.toml");
    let own = Manifest::parse(own.map(|(_, text)| *text).unwrap_or_default())?.callbacks;
    let others: Vec<String> = manifest.callbacks.iter().filter(|callback| !own.contains(callback)).cloned().collect();
    let template = template_of(project, choices)?;
    appear(&port.folder(), |partial| write_port(partial, &template, choices, &manifest, &others))?;
    say!("the cases of {name} are what it still has to do");
    Ok(())
}

fn template_of(project: &Project, choices: &Choices) -> Result<Template> {
    match choices.language.template(project, choices.kind)? {
        Some(template) => Ok(template),
        None => {
            bail!("there is nothing to write in {}; for a module that is there: cargo xtask import", choices.language)
        }
    }
}

/// Writes the files of a port, with a stub for each of the callbacks that the manifest declares beyond the template's.
fn write_port(
    folder: &Path,
    template: &Template,
    choices: &Choices,
    manifest: &Manifest,
    others: &[String],
) -> Result<()> {
    let stubs: Vec<String> = others.iter().filter_map(|callback| (template.stub)(callback)).collect();
    for (path, text) in &template.files {
        let text = text.replace("@summary@", &manifest.summary);
        write(folder, path, &template::fill(&text, &choices.name, &stubs))?;
    }
    Ok(())
}

/// Makes a folder that is there whole or not at all.
pub(crate) fn appear(folder: &Path, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let parent = folder.parent().context("a folder needs a place to stand in")?;
    let partial = tempfile::Builder::new().prefix(".new-").tempdir_in(parent).context("cannot create a folder")?;
    let made: PathBuf = partial.path().join("made");
    fs::create_dir(&made)?;
    make(&made)?;
    fs::rename(&made, folder).with_context(|| format!("cannot create {}", folder.display()))
}

pub(crate) fn write(folder: &Path, path: &str, text: &str) -> Result<()> {
    let path = folder.join(path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    }
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_file_a_label_and_a_package() {
        for good in ["a", "hello-header", "a1-2b", &"a".repeat(MOST_NAME)] {
            check_name(good).unwrap();
        }
        for bad in ["", "-a", "a-", "a--b", "1a", "A", "a_b", "a.b", "é", "a/b", "..", &"a".repeat(MOST_NAME + 1)] {
            let error = check_name(bad).unwrap_err().to_string();
            assert!(error.contains("is no name for a filter: expected small letters"), "{bad}: {error}");
        }
        assert!(check_name("match").unwrap_err().to_string().contains("a word of Rust"));
    }

    #[test]
    fn without_a_terminal_nothing_is_asked() {
        let new = |name: Option<&str>, lang: Option<&str>| New {
            name: name.map(str::to_owned),
            lang: lang.map(|name| name.parse().unwrap()),
            kind: None,
        };
        let choices = new(Some("a"), Some("go")).settle(false).unwrap();
        assert_eq!((choices.name.as_str(), choices.language.name(), choices.kind), ("a", "go", Kind::Headers));
        let error = new(Some("a"), None).settle(false).unwrap_err().to_string();
        assert_eq!(
            error,
            "the language is missing: cargo xtask new a --lang LANG, one of rust, go, assemblyscript, zig, c"
        );
        assert!(new(None, None).settle(false).unwrap_err().to_string().contains("the name is missing"));
    }
}
