//! What `cargo xtask new` writes: files below `xtask/templates`, in which `@name@` stands for the filter's name.

use std::fmt;

use clap::ValueEnum;

/// What a new filter acts on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Sets a header on every response.
    #[default]
    Headers,
    /// Adds a line to the body of every response.
    Body,
    /// Lets requests with a key pass, and no others.
    Auth,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Headers => "headers",
            Kind::Body => "body",
            Kind::Auth => "auth",
        })
    }
}

/// A file of a template: its path from the folder that it is written to, and its text.
pub(crate) type File = (&'static str, &'static str);

/// The files of one folder of templates.
macro_rules! files {
    ($folder:literal: $($path:literal),+ $(,)?) => {
        &[$(($path, include_str!(concat!("../../templates/", $folder, "/", $path)))),+]
    };
}
pub(super) use files;

/// A language's part of a new filter.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    /// The files of the port's folder.
    pub(crate) files: Vec<(String, String)>,
    /// What a callback looks like that does nothing, for those that a manifest declares and the template does not have;
    /// where there is nothing, the language's SDK exports every callback by itself.
    pub(crate) stub: fn(callback: &str) -> Option<String>,
}

impl Template {
    pub(super) fn of(files: &[File]) -> Template {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Template { files, stub: |_| None }
    }
}

/// A filter's part that every port obeys: manifest, schema, cases, README.
pub(crate) fn contract(kind: Kind) -> &'static [File] {
    match kind {
        Kind::Headers => {
            files!("contract/headers": "filter.toml", "config.schema.json", "cases.toml", "README.md")
        }
        Kind::Body => files!("contract/body": "filter.toml", "config.schema.json", "cases.toml", "README.md"),
        Kind::Auth => files!("contract/auth": "filter.toml", "config.schema.json", "cases.toml", "README.md"),
    }
}

/// The line of a template that stubs take the place of.
const STUBS: &str = "@stubs@";

/// The text with the filter's name in it, and with the stubs where the template has a place for them.
pub(crate) fn fill(text: &str, name: &str, stubs: &[String]) -> String {
    let mut filled = String::new();
    for line in text.lines() {
        if line.contains(STUBS) {
            stubs.iter().for_each(|stub| filled.push_str(&format!("\n{stub}")));
        } else {
            filled.push_str(&line.replace("@name@", name));
            filled.push('\n');
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_and_the_stubs_take_their_places() {
        let text = "a @name@\n    // @stubs@\n};\n";
        assert_eq!(fill(text, "x", &[]), "a x\n};\n");
        assert_eq!(fill(text, "x", &["    one\n".into(), "    two\n".into()]), "a x\n\n    one\n\n    two\n};\n");
    }
}
