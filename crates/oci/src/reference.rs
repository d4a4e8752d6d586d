//! Names of images: local ones, and those in a registry.
//!
//! A local name is `NAME[:TAG]`, such as `hello-header:0.1.0`. A reference is `REGISTRY/REPOSITORY[:TAG][@DIGEST]`, where
//! the registry has a dot or a port or is `localhost`: no registry is ever assumed.

use std::fmt;
use std::str::FromStr;

use oci_client::Reference;

use crate::digest::Digest;

/// The name of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// In the local store only.
    Local {
        /// The name, as a repository's.
        repository: String,
        /// The tag; `None` asks for the newest.
        tag: Option<String>,
    },
    /// In a registry, and in the local store once it was pulled.
    Remote(Reference),
}

impl Name {
    /// The repository with its registry, without tag and digest.
    pub fn repository(&self) -> String {
        match self {
            Name::Local { repository, .. } => repository.clone(),
            Name::Remote(reference) => format!("{}/{}", reference.registry(), reference.repository()),
        }
    }

    /// The tag, if the name has one.
    pub fn tag(&self) -> Option<&str> {
        match self {
            Name::Local { tag, .. } => tag.as_deref(),
            Name::Remote(reference) => reference.tag(),
        }
    }

    /// The digest, if the name has one.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Name::Local { .. } => None,
            Name::Remote(reference) => reference.digest().and_then(|digest| digest.parse().ok()),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Local { repository, tag: Some(tag) } => write!(f, "{repository}:{tag}"),
            Name::Local { repository, tag: None } => f.write_str(repository),
            Name::Remote(reference) => f.write_str(&reference.whole()),
        }
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Name, String> {
        let first = text.split_once('/').map_or("", |(first, _)| first);
        if !first.is_empty() {
            if !is_registry(first) {
                return Err(format!(
                    "{text:?}: {first:?} is no registry; expected HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]"
                ));
            }
            let reference: Reference =
                text.parse().map_err(|error| format!("{text:?} is no image reference: {error}"))?;
            if let Some(digest) = reference.digest() {
                digest.parse::<Digest>().map_err(|error| format!("{text:?}: {error}"))?;
            }
            return Ok(Name::Remote(reference));
        }
        let (repository, tag) = text.split_once(':').map_or((text, None), |(name, tag)| (name, Some(tag)));
        if !is_repository(repository) {
            return Err(format!(
                "{repository:?} is no image's name; expected lower-case letters, digits, `-`, `_`, `.`"
            ));
        }
        if let Some(wrong) = tag.filter(|tag| !is_tag(tag)) {
            return Err(format!("{wrong:?} is no tag; expected letters, digits, `-`, `_`, `.`, at most 128"));
        }
        Ok(Name::Local { repository: repository.to_owned(), tag: tag.map(str::to_owned) })
    }
}

/// Reads a reference that must name a registry.
///
/// # Errors
/// The text is none, or is a local name.
pub fn remote(text: &str) -> Result<Reference, String> {
    match text.parse()? {
        Name::Remote(reference) => Ok(reference),
        Name::Local { .. } => {
            Err(format!("{text:?} names no registry; expected HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]"))
        }
    }
}

/// Whether a text is written as a reference to a registry, and so is not the name of a filter.
pub fn looks_remote(text: &str) -> bool {
    text.split_once('/').is_some_and(|(first, _)| is_registry(first))
}

fn is_registry(host: &str) -> bool {
    let named = host.contains('.') || host.contains(':') || host == "localhost";
    named
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
        && host != "."
        && host != ".."
}

/// Whether a text can be an image's name, and so a file's too.
pub(crate) fn is_repository(name: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = |byte: Option<&u8>| byte.is_some_and(|byte| inside(*byte));
    let bytes = name.as_bytes();
    ends(bytes.first()) && ends(bytes.last()) && bytes.iter().all(|byte| inside(*byte) || b"-_.".contains(byte))
}

fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bytes = tag.as_bytes();
    (1..=128).contains(&bytes.len()) && word(bytes[0]) && bytes.iter().all(|byte| word(*byte) || b"-.".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn a_name_without_a_registry_is_local() {
        let local = |tag: Option<&str>| Name::Local { repository: "hello-header.go".into(), tag: tag.map(Into::into) };
        assert_eq!(read("hello-header.go"), local(None));
        assert_eq!(read("hello-header.go:0.1.0"), local(Some("0.1.0")));
    }

    #[test]
    fn a_name_with_a_registry_is_remote_and_reads_as_it_is_written() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for text in [
            "ghcr.io/weir/hello-header:0.1.0".to_owned(),
            "localhost/hello-header:1".to_owned(),
            format!("127.0.0.1:5000/a/b@{digest}"),
            format!("ghcr.io/weir/hello-header:1@{digest}"),
        ] {
            assert_eq!(read(&text).to_string(), text);
            assert!(looks_remote(&text));
        }
        assert_eq!(read("ghcr.io/a/b:1").repository(), "ghcr.io/a/b");
        assert_eq!(read(&format!("ghcr.io/a/b@{digest}")).digest().unwrap().to_string(), digest);
    }

    #[test]
    fn no_registry_is_assumed() {
        let error = "weir/hello-header".parse::<Name>().unwrap_err();
        assert!(error.contains("\"weir\" is no registry"), "{error}");
        assert!(!looks_remote("weir/hello-header") && !looks_remote("hello-header"));
        assert!(remote("hello-header").unwrap_err().contains("names no registry"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for wrong in [
            "",
            ":1",
            "Hello",
            "a:",
            "a:b:c",
            "-a",
            "a-",
            "..",
            "../a",
            "./a",
            "ghcr.io/",
            "ghcr.io/A",
            "ghcr.io/a/../b",
            "a b",
        ] {
            assert!(wrong.parse::<Name>().is_err(), "{wrong:?}");
        }
        assert!(format!("ghcr.io/a@sha512:{}", "a".repeat(128)).parse::<Name>().is_err());
    }
}
