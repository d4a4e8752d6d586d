//! Images on this machine: one OCI layout for each repository, below one folder.
//!
//! ```text
//! dist/oci/hello-header/                 the layout of the local name hello-header
//! dist/oci/ghcr.io+weir+hello-header/    the layout of what was pulled from, or is to be pushed to, a registry
//!     oci-layout  index.json  blobs/sha256/…
//! ```
//!
//! Any tool that reads OCI layouts reads these. A file appears whole or not at all, and the index last, so that what
//! it names is there.

mod layout;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use oci_client::manifest::ImageIndexEntry;

use crate::digest::Digest;
use crate::image::{Image, Layout};
use crate::reference::Name;
use layout::{Folder, INDEX, Locked, entry, tag_of};

/// The annotation of an index that holds a tag.
const TAG: &str = "org.opencontainers.image.ref.name";

/// The store below one folder.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// An image that is here.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The repository, with its registry if it has one.
    pub repository: String,
    /// The tag; an image that was pulled by its digest has none.
    pub tag: Option<String>,
    /// The image.
    pub image: Image,
}

impl Store {
    /// A store below `root`, which need not be there yet.
    pub fn new(root: PathBuf) -> Store {
        Store { root }
    }

    /// Where the layout of a repository lies.
    pub fn folder(&self, repository: &str) -> PathBuf {
        // Neither `+` nor `=` can be in a repository's name or a host's, so no two repositories share a folder.
        self.root.join(repository.replace('/', "+").replace(':', "="))
    }

    /// Keeps an image, with what is attached to it, under a name; a tag that named another image names this one.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn keep(&self, name: &Name, image: &Image, attached: &[Image]) -> Result<()> {
        let layout = Locked::open(self.folder(&name.repository()))?;
        for part in std::iter::once(image).chain(attached) {
            part.blobs.iter().chain([&part.manifest]).try_for_each(|blob| layout.write_blob(blob))?;
        }
        let mut index = layout.index()?;
        if let Some(tag) = name.tag() {
            index.manifests.retain(|entry| tag_of(entry) != Some(tag));
        }
        let mut listed = |image: &Image, tag: Option<&str>| {
            let digest = image.digest().to_string();
            // An image that lost its tag stays only as long as nothing else names it.
            index.manifests.retain(|entry| entry.digest != digest || tag_of(entry).is_some_and(|it| Some(it) != tag));
            if tag.is_some() || !index.manifests.iter().any(|entry| entry.digest == digest) {
                index.manifests.push(entry(image, tag));
            }
        };
        attached.iter().for_each(|image| listed(image, None));
        listed(image, name.tag());
        layout.write_index(&index)?;
        layout.collect()
    }

    /// The image of that name, read anew and checked against its digests; a local name without a tag means the newest
    /// image in the compat layout.
    ///
    /// # Errors
    /// There is none, or it was altered.
    pub fn find(&self, name: &Name) -> Result<Entry> {
        match self.look_up(name)? {
            Some(entry) => Ok(entry),
            None => bail!("there is no local image {name}; {}", self.known(name)?),
        }
    }

    /// The same, where it is no error that there is none.
    ///
    /// # Errors
    /// What is there was altered or cannot be read.
    pub fn look_up(&self, name: &Name) -> Result<Option<Entry>> {
        let Some(layout) = self.existing(&name.repository()) else { return Ok(None) };
        let manifests = layout.index()?.manifests;
        let mut newest = manifests.iter().rev();
        let found = match (name.digest(), name.tag()) {
            (Some(digest), _) => newest.find(|entry| entry.digest == digest.to_string()),
            (None, Some(tag)) => newest.find(|entry| tag_of(entry) == Some(tag)),
            (None, None) => {
                let is_compat = |entry: &&ImageIndexEntry| {
                    tag_of(entry).is_some()
                        && layout.manifest(entry).is_ok_and(|manifest| Layout::of(&manifest) == Some(Layout::Compat))
                };
                newest.find(is_compat)
            }
        };
        found.map(|entry| layout.entry(&name.repository(), entry)).transpose()
    }

    /// What is attached to an image, of one type.
    ///
    /// # Errors
    /// What is there was altered or cannot be read.
    pub fn attached(&self, repository: &str, subject: &Digest, artifact: Option<&str>) -> Result<Vec<Image>> {
        let Some(layout) = self.existing(repository) else { return Ok(Vec::new()) };
        let mut attached = Vec::new();
        for entry in &layout.index()?.manifests {
            let manifest = layout.manifest(entry)?;
            let is_of = manifest.subject.as_ref().is_some_and(|it| it.digest == subject.to_string());
            if is_of && artifact.is_none_or(|wanted| manifest.artifact_type.as_deref() == Some(wanted)) {
                attached.push(layout.entry(repository, entry)?.image);
            }
        }
        Ok(attached)
    }

    /// Every image with a module, by repository and then as they came.
    ///
    /// # Errors
    /// What is there was altered or cannot be read.
    pub fn list(&self) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for (repository, layout) in self.layouts()? {
            for entry in &layout.index()?.manifests {
                if Layout::of(&layout.manifest(entry)?).is_some() {
                    entries.push(layout.entry(&repository, entry)?);
                }
            }
        }
        Ok(entries)
    }

    /// Takes a name away, and everything that then nothing names.
    ///
    /// # Errors
    /// There is no such image, or its folder cannot be written.
    pub fn remove(&self, name: &Name) -> Result<Digest> {
        let entry = self.find(name)?;
        let layout = Locked::open(self.folder(&entry.repository))?;
        let digest = entry.image.digest().clone();
        let mut index = layout.index()?;
        index.manifests.retain(|it| {
            let same = it.digest == digest.to_string();
            let named = match &entry.tag {
                Some(tag) if name.digest().is_none() => tag_of(it) == Some(tag),
                _ => true,
            };
            !(same && named)
        });
        layout.write_index(&index)?;
        layout.collect()?;
        Ok(digest)
    }

    fn known(&self, name: &Name) -> Result<String> {
        let all = self.list()?.into_iter().map(|entry| match entry.tag {
            Some(tag) => format!("{}:{tag}", entry.repository),
            None => format!("{}@{}", entry.repository, entry.image.digest()),
        });
        let all: Vec<String> = all.collect();
        let make = match name {
            Name::Local { repository, .. } => format!("`cargo xtask package {repository}` makes it"),
            Name::Remote(_) => format!("`cargo xtask pull {name}` brings it"),
        };
        Ok(if all.is_empty() { make } else { format!("{make}; there are: {}", all.join(", ")) })
    }

    fn layouts(&self) -> Result<Vec<(String, Folder)>> {
        let Ok(entries) = fs::read_dir(&self.root) else { return Ok(Vec::new()) };
        let mut layouts = Vec::new();
        for entry in entries {
            let path = entry.with_context(|| format!("cannot list {}", self.root.display()))?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().replace('+', "/").replace('=', ":"));
            if let (Some(name), true) = (name, path.join(INDEX).is_file()) {
                layouts.push((name, Folder { path }));
            }
        }
        layouts.sort_by(|one, two| one.0.cmp(&two.0));
        Ok(layouts)
    }

    fn existing(&self, repository: &str) -> Option<Folder> {
        let path = self.folder(repository);
        path.join(INDEX).is_file().then_some(Folder { path })
    }
}

#[cfg(test)]
mod tests {
    use super::layout::BLOBS;
    use super::*;
    use crate::facts::Facts;
    use crate::media;

    fn image(layout: Layout, module: &[u8]) -> Image {
        Image::of_module(layout, module, &Facts { filter: "demo".into(), ..Facts::default() }).unwrap()
    }

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn store() -> (tempfile::TempDir, Store) {
        let root = tempfile::tempdir().unwrap();
        let store = Store::new(root.path().join("oci"));
        (root, store)
    }

    fn blobs(store: &Store, repository: &str) -> usize {
        fs::read_dir(store.folder(repository).join(BLOBS)).map_or(0, Iterator::count)
    }

    #[test]
    fn what_is_kept_is_found_with_what_is_attached() {
        let (_root, store) = store();
        let demo = image(Layout::Compat, b"module");
        let sbom = Image::attached(&demo, media::SBOM, "sbom.json", b"{}".to_vec()).unwrap();
        store.keep(&name("demo:1"), &demo, std::slice::from_ref(&sbom)).unwrap();
        let found = store.find(&name("demo:1")).unwrap();
        assert_eq!((found.tag.as_deref(), found.image.digest()), (Some("1"), demo.digest()));
        assert_eq!(found.image.module().unwrap(), b"module");
        let attached = store.attached("demo", demo.digest(), Some(media::SBOM)).unwrap();
        assert_eq!(attached.len(), 1);
        assert_eq!(attached[0].digest(), sbom.digest());
        assert_eq!(store.list().unwrap().len(), 1, "what is attached is no image of its own");
    }

    #[test]
    fn without_a_tag_the_newest_compat_image_is_meant() {
        let (_root, store) = store();
        let [one, two] = [b"1", b"2"].map(|module| image(Layout::Compat, module));
        store.keep(&name("demo:1"), &one, &[]).unwrap();
        store.keep(&name("demo:2"), &two, &[]).unwrap();
        store.keep(&name("demo:2-oci"), &image(Layout::Oci, b"2"), &[]).unwrap();
        assert_eq!(store.find(&name("demo")).unwrap().tag.as_deref(), Some("2"));
        store.keep(&name("demo:1"), &one, &[]).unwrap();
        assert_eq!(store.find(&name("demo")).unwrap().tag.as_deref(), Some("1"));
    }

    #[test]
    fn a_tag_names_one_image_and_what_nothing_names_is_gone() {
        let (_root, store) = store();
        let (old, new) = (image(Layout::Compat, b"old"), image(Layout::Compat, b"new"));
        let sbom = Image::attached(&old, media::SBOM, "sbom.json", b"[]".to_vec()).unwrap();
        store.keep(&name("demo:1"), &old, &[sbom]).unwrap();
        assert_eq!(blobs(&store, "demo"), 6);
        store.keep(&name("demo:1"), &new, &[]).unwrap();
        assert_eq!(store.list().unwrap().len(), 1);
        assert_eq!(blobs(&store, "demo"), 3);
    }

    #[test]
    fn two_tags_of_one_image_go_one_by_one() {
        let (_root, store) = store();
        let demo = image(Layout::Compat, b"module");
        store.keep(&name("demo:1"), &demo, &[]).unwrap();
        store.keep(&name("demo:2"), &demo, &[]).unwrap();
        assert_eq!(store.list().unwrap().len(), 2);
        store.remove(&name("demo:1")).unwrap();
        assert_eq!(store.find(&name("demo")).unwrap().tag.as_deref(), Some("2"));
        store.remove(&name("demo:2")).unwrap();
        assert!(!store.folder("demo").exists());
        let error = store.find(&name("demo:2")).unwrap_err().to_string();
        assert_eq!(error, "there is no local image demo:2; `cargo xtask package demo` makes it");
    }

    #[test]
    fn repositories_of_registries_have_folders_of_their_own() {
        let (_root, store) = store();
        let demo = image(Layout::Compat, b"module");
        let by_digest = name(&format!("127.0.0.1:5000/a/demo@{}", demo.digest()));
        store.keep(&by_digest, &demo, &[]).unwrap();
        let listed = store.list().unwrap();
        assert_eq!((listed[0].repository.as_str(), listed[0].tag.as_deref()), ("127.0.0.1:5000/a/demo", None));
        assert!(store.look_up(&by_digest).unwrap().is_some());
        assert!(store.look_up(&name("127.0.0.1:5000/a/demo:1")).unwrap().is_none());
        store.keep(&name("127.0.0.1:5000/a/demo:1"), &demo, &[]).unwrap();
        assert_eq!(store.list().unwrap().len(), 1, "the tag names what only its digest named");
    }

    #[test]
    fn what_was_altered_on_disk_is_refused() {
        let (_root, store) = store();
        let demo = image(Layout::Compat, b"module");
        store.keep(&name("demo:1"), &demo, &[]).unwrap();
        let layer: Digest = demo.parsed.layers[0].digest.parse().unwrap();
        let path = store.folder("demo").join(BLOBS).join(layer.hex());
        fs::write(&path, "altered").unwrap();
        let error = store.find(&name("demo:1")).unwrap_err().to_string();
        assert!(error.contains("was altered") && error.contains(layer.hex()), "{error}");
        store.keep(&name("demo:1"), &demo, &[]).unwrap();
        store.find(&name("demo:1")).unwrap();
    }
}
