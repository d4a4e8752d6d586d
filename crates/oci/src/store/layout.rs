//! One OCI layout on disk.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use oci_client::manifest::{ImageIndexEntry, OciImageIndex, OciImageManifest};

use super::{Entry, TAG};
use crate::digest::Digest;
use crate::image::{self, Blob, Image};
use crate::{media, whole};

pub(super) const INDEX: &str = "index.json";
pub(super) const BLOBS: &str = "blobs/sha256";

/// The tag of an entry, if it has one.
pub(super) fn tag_of(entry: &ImageIndexEntry) -> Option<&str> {
    entry.annotations.as_ref()?.get(TAG).map(String::as_str)
}

/// The entry of an image.
pub(super) fn entry(image: &Image, tag: Option<&str>) -> ImageIndexEntry {
    ImageIndexEntry {
        media_type: image.media_type().to_owned(),
        digest: image.digest().to_string(),
        size: image.manifest.bytes.len() as i64,
        platform: None,
        annotations: tag.map(|tag| [(TAG.to_owned(), tag.to_owned())].into()),
        artifact_type: image.parsed.artifact_type.clone(),
    }
}

/// One layout on disk.
pub(super) struct Folder {
    pub(super) path: PathBuf,
}

/// One layout that only this process writes to.
pub(super) struct Locked {
    folder: Folder,
    _lock: File,
}

impl Locked {
    /// The layout in a folder, made if it is not there, and held until it is dropped.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn open(path: PathBuf) -> Result<Locked> {
        let context = || format!("cannot write to {}", path.display());
        fs::create_dir_all(path.join(BLOBS)).with_context(context)?;
        let lock =
            File::create(path.join(".lock")).and_then(|lock| lock.lock().map(|()| lock)).with_context(context)?;
        let folder = Folder { path };
        folder.write(Path::new("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        Ok(Locked { folder, _lock: lock })
    }
}

impl std::ops::Deref for Locked {
    type Target = Folder;

    fn deref(&self) -> &Folder {
        &self.folder
    }
}

impl Folder {
    /// What the layout holds; nothing where there is none yet.
    pub(super) fn index(&self) -> Result<OciImageIndex> {
        let path = self.path.join(INDEX);
        if !path.exists() {
            let media_type = Some(media::INDEX.to_owned());
            return Ok(OciImageIndex {
                schema_version: 2,
                media_type,
                manifests: Vec::new(),
                artifact_type: None,
                annotations: None,
            });
        }
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&bytes).with_context(|| format!("{} is no index; remove its folder", path.display()))
    }

    /// Says what the layout holds.
    pub(super) fn write_index(&self, index: &OciImageIndex) -> Result<()> {
        self.write(Path::new(INDEX), &serde_json::to_vec_pretty(index)?)
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.path.join(BLOBS).join(digest.hex())
    }

    /// Writes a blob, unless it is there.
    pub(super) fn write_blob(&self, blob: &Blob) -> Result<()> {
        if fs::read(self.blob_path(&blob.digest)).is_ok_and(|present| present == blob.bytes) {
            return Ok(());
        }
        self.write(&Path::new(BLOBS).join(blob.digest.hex()), &blob.bytes)
    }

    fn write(&self, relative: &Path, bytes: &[u8]) -> Result<()> {
        whole::write(&self.path.join(relative), bytes)
    }

    /// A blob, checked: what lies on a disk may have been altered.
    fn read_blob(&self, digest: &str) -> Result<Blob> {
        let expected: Digest = digest.parse()?;
        let path = self.blob_path(&expected);
        let blob = Blob::new(fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?);
        if blob.digest != expected {
            bail!("{} was altered: it has the digest {}; package or pull the image again", path.display(), blob.digest);
        }
        Ok(blob)
    }

    /// The manifest of an entry, checked.
    pub(super) fn manifest(&self, entry: &ImageIndexEntry) -> Result<OciImageManifest> {
        let bytes = self.read_blob(&entry.digest)?.bytes;
        image::read_manifest(&bytes).with_context(|| format!("in {}", self.path.display()))
    }

    /// The image of an entry, every blob of it checked.
    pub(super) fn entry(&self, repository: &str, entry: &ImageIndexEntry) -> Result<Entry> {
        let manifest = self.read_blob(&entry.digest)?;
        let parsed = image::read_manifest(&manifest.bytes).with_context(|| format!("in {}", self.path.display()))?;
        let named = named(&parsed);
        let blobs = named.iter().map(|digest| self.read_blob(digest)).collect::<Result<_>>()?;
        let tag = tag_of(entry).map(str::to_owned);
        Ok(Entry { repository: repository.to_owned(), tag, image: Image { manifest, parsed, blobs } })
    }

    /// Removes what nothing names: attachments of images that are gone, then blobs, then the layout itself.
    pub(super) fn collect(&self) -> Result<()> {
        let mut index = self.index()?;
        let present: BTreeSet<String> = index.manifests.iter().map(|entry| entry.digest.clone()).collect();
        let mut wanted = BTreeSet::new();
        let mut kept = Vec::new();
        for entry in index.manifests {
            let manifest = self.manifest(&entry)?;
            if manifest.subject.as_ref().is_some_and(|subject| !present.contains(&subject.digest)) {
                continue;
            }
            wanted.insert(entry.digest.clone());
            wanted.extend(named(&manifest));
            kept.push(entry);
        }
        index.manifests = kept;
        if index.manifests.is_empty() {
            return fs::remove_dir_all(&self.path).with_context(|| format!("cannot remove {}", self.path.display()));
        }
        self.write_index(&index)?;
        let blobs = self.path.join(BLOBS);
        for blob in fs::read_dir(&blobs).with_context(|| format!("cannot list {}", blobs.display()))? {
            let path = blob?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !wanted.contains(&format!("sha256:{name}")) {
                fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
        Ok(())
    }
}

/// The digests that a manifest names, each once.
fn named(manifest: &OciImageManifest) -> BTreeSet<String> {
    std::iter::once(&manifest.config).chain(&manifest.layers).map(|it| it.digest.clone()).collect()
}
