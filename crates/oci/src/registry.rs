//! A registry: what is asked of it, tried again where that is worth it, and checked before it is believed.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use futures_util::StreamExt as _;
use oci_client::client::{BlobResponse, Certificate, CertificateEncoding, ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use oci_client::manifest::{ImageIndexEntry, OciDescriptor, OciImageIndex};
use oci_client::{Client, Reference, RegistryOperation};
use weir_common::{say, thousands};

use crate::credentials::{self, Credentials};
use crate::digest::Digest;
use crate::failure::{Failure, Request};
use crate::image::{self, Blob, Image};
use crate::media;
use crate::retry::Policy;

mod delete;

/// How a registry is reached.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Connection {
    /// Speak plain HTTP to a registry that is not on this machine.
    #[arg(long, env = "WEIR_REGISTRY_PLAIN_HTTP")]
    pub plain_http: bool,
    /// Trust the certificates of this authority too, a PEM file.
    #[arg(long, value_name = "FILE", env = "WEIR_REGISTRY_CA", conflicts_with = "plain_http")]
    pub ca: Option<PathBuf>,
}

/// One registry, and who we are to it.
pub struct Registry {
    host: String,
    plain: bool,
    client: Client,
    http: reqwest::Client,
    credentials: Credentials,
    policy: Policy,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("host", &self.host).field("plain", &self.plain).finish_non_exhaustive()
    }
}

impl Registry {
    /// Prepares to talk to the registry of a reference; nothing is sent yet.
    ///
    /// # Errors
    /// The credentials or the authority's certificates cannot be read.
    pub fn new(reference: &Reference, connection: &Connection) -> Result<Registry> {
        // Another part of the process may have chosen one already, which serves as well.
        drop(rustls::crypto::ring::default_provider().install_default());
        let host = reference.resolve_registry().to_owned();
        let plain = connection.plain_http || (connection.ca.is_none() && is_loopback(&host));
        let protocol = if plain { ClientProtocol::Http } else { ClientProtocol::Https };
        let mut http = reqwest::Client::builder().connect_timeout(CONNECT).read_timeout(READ);
        let mut extra = Vec::new();
        if let Some(path) = &connection.ca {
            let pem = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem);
            let certificates =
                certificates.with_context(|| format!("{} holds no certificate in PEM", path.display()))?;
            if certificates.is_empty() {
                bail!("{} holds no certificate in PEM", path.display());
            }
            extra.push(Certificate { encoding: CertificateEncoding::Pem, data: pem });
            http = http.tls_certs_merge(certificates);
        }
        let config = ClientConfig {
            protocol,
            // One request instead of three, and what every registry takes; a module is small.
            use_monolithic_push: true,
            extra_root_certificates: extra,
            platform_resolver: None,
            connect_timeout: Some(CONNECT),
            read_timeout: Some(READ),
            user_agent: concat!("weir/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        let client = Client::try_from(config).context("cannot prepare a client")?;
        let credentials = credentials::find(&host)?;
        let http = http.build().context("cannot prepare a client")?;
        Ok(Registry { host, plain, client, http, credentials, policy: Policy::default() })
    }

    fn request(&self, what: impl Into<String>) -> Request {
        Request { registry: self.host.clone(), what: what.into(), credentials: self.credentials.source }
    }

    /// Asks, and asks again where that is worth it.
    async fn ask<T, F>(&self, what: &str, ask: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, OciDistributionError>>,
    {
        let ask = || async { ask().await.map_err(|error| Failure::of(self.request(what), error)) };
        self.policy.run(ask).await
    }

    /// The manifest of a reference, checked against the reference's digest if it has one.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn manifest(&self, reference: &Reference) -> Result<Blob, Failure> {
        let what = format!("pull {reference}");
        let auth = &self.credentials.auth;
        let (bytes, _) = self.ask(&what, || self.client.pull_manifest_raw(reference, auth, &ACCEPTED)).await?;
        let manifest = Blob::new(bytes.to_vec());
        match reference.digest().map(str::parse::<Digest>) {
            Some(Ok(expected)) if expected != manifest.digest => {
                Err(Failure::altered(self.request(what), &expected, &manifest.digest))
            }
            _ => Ok(manifest),
        }
    }

    /// An image as a whole, every blob of it checked.
    ///
    /// # Errors
    /// See [`Failure`]; or the manifest is none of an image, or names what is too large.
    pub async fn pull(&self, reference: &Reference) -> Result<Image> {
        let manifest = self.manifest(reference).await?;
        let parsed = image::read_manifest(&manifest.bytes).with_context(|| format!("cannot pull {reference}"))?;
        let mut blobs: Vec<Blob> = Vec::new();
        for described in std::iter::once(&parsed.config).chain(&parsed.layers) {
            if !blobs.iter().any(|blob| blob.digest.to_string() == described.digest) {
                blobs.push(self.blob(reference, described).await?);
            }
        }
        Ok(Image { manifest, parsed, blobs })
    }

    /// A blob, checked. One whose connection breaks goes on where it broke.
    pub(crate) async fn blob(&self, reference: &Reference, described: &OciDescriptor) -> Result<Blob, Failure> {
        let size = u64::try_from(described.size).unwrap_or_default();
        let request = self.request(format!("pull {} of {reference}", described.digest));
        let Ok(expected) = described.digest.parse::<Digest>() else {
            return Err(Failure::Other { request, said: format!("{:?} is no digest", described.digest) });
        };
        self.client.store_auth_if_needed(&self.host, &self.credentials.auth).await;
        let mut bytes = Vec::with_capacity(size as usize);
        let mut number = 1;
        loop {
            match self.read_on(reference, described, size, &mut bytes, &request).await {
                Ok(()) => break,
                Err(failure) => self.policy.again(number, failure).await?,
            }
            number += 1;
        }
        let blob = Blob::new(bytes);
        if blob.digest != expected {
            return Err(Failure::altered(request, &expected, &blob.digest));
        }
        Ok(blob)
    }

    /// Reads what is still missing of a blob. More than its manifest says is not read.
    async fn read_on(
        &self,
        reference: &Reference,
        described: &OciDescriptor,
        size: u64,
        bytes: &mut Vec<u8>,
        request: &Request,
    ) -> Result<(), Failure> {
        let failed = |error| Failure::of(request.clone(), error);
        let have = bytes.len() as u64;
        let answer = if have == 0 {
            self.client.pull_blob_stream(reference, described).await.map(BlobResponse::Full)
        } else {
            self.client.pull_blob_stream_partial(reference, described, have, None).await
        };
        let mut stream = match answer.map_err(failed)? {
            BlobResponse::Partial(stream) => {
                say!("{}: going on at byte {}", request.what, thousands(have));
                stream
            }
            BlobResponse::Full(stream) => {
                bytes.clear();
                stream
            }
        };
        let mut shown = 0;
        while let Some(chunk) = stream.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                // The client compares digests at the end of the stream; that is done below, with better words.
                Err(_) if bytes.len() as u64 == size => break,
                Err(error) => return Err(Failure::Broken { request: request.clone(), said: deepest(&error) }),
            };
            let found = bytes.len() as u64 + chunk.len() as u64;
            if found > size {
                return Err(Failure::WrongSize { request: request.clone(), expected: size, found });
            }
            bytes.extend_from_slice(&chunk);
            if found - shown >= PROGRESS {
                shown = found;
                say!("{}: {} of {} bytes", request.what, thousands(found), thousands(size));
            }
        }
        match bytes.len() as u64 {
            found if found == size => Ok(()),
            found => Err(Failure::Broken {
                request: request.clone(),
                said: format!("it ended after {} of {} bytes", thousands(found), thousands(size)),
            }),
        }
    }

    /// Sends an image. What the registry has already is not sent again.
    ///
    /// # Errors
    /// See [`Failure`]; or the registry says that it keeps something else than what was sent.
    pub async fn push(&self, reference: &Reference, image: &Image) -> Result<(), Failure> {
        let what = format!("push {reference}");
        self.client.store_auth_if_needed(&self.host, &self.credentials.auth).await;
        self.ask(&what, || self.client.auth(reference, &self.credentials.auth, RegistryOperation::Push)).await?;
        for blob in &image.blobs {
            let digest = blob.digest.to_string();
            if self.ask(&what, || self.client.blob_exists(reference, &digest)).await? {
                continue;
            }
            say!("{what}: {} ({} bytes)", blob.digest, thousands(blob.bytes.len() as u64));
            self.ask(&what, || self.client.push_blob(reference, blob.bytes.clone(), &digest)).await?;
        }
        self.push_manifest(reference, image.media_type(), &image.manifest.bytes).await?;
        let by_tag = self.ask(&what, || self.client.fetch_manifest_digest(reference, &self.credentials.auth)).await?;
        if by_tag != image.digest().to_string() {
            let request = self.request(what);
            return Err(Failure::Altered { request, expected: image.digest().to_string(), found: by_tag });
        }
        Ok(())
    }

    async fn push_manifest(&self, reference: &Reference, media_type: &str, bytes: &[u8]) -> Result<(), Failure> {
        let what = format!("push {reference}");
        let Ok(media_type) = media_type.parse::<reqwest::header::HeaderValue>() else {
            return Err(Failure::Other { request: self.request(what), said: "the media type is no header".into() });
        };
        let push = || self.client.push_manifest_raw(reference, bytes.to_vec(), media_type.clone());
        self.ask(&what, push).await?;
        Ok(())
    }

    /// Attaches an artifact to the image that its manifest names as its subject, in the same repository.
    ///
    /// # Errors
    /// See [`Registry::push`].
    pub async fn attach(&self, reference: &Reference, artifact: &Image) -> Result<(), Failure> {
        let Some(subject) = &artifact.parsed.subject else {
            let said = "an artifact without a subject is attached to nothing".into();
            return Err(Failure::Other { request: self.request(format!("push {reference}")), said });
        };
        self.push(&at_digest(reference, artifact.digest()), artifact).await?;
        let Ok(subject) = subject.digest.parse::<Digest>() else { return Ok(()) };
        let listed = self.attached(reference, &subject).await?;
        let digest = artifact.digest().to_string();
        if listed.iter().any(|entry| entry.digest == digest) {
            return Ok(());
        }
        // A registry that keeps no lists of referrers itself has them in an index under a tag of this form.
        let tag = at_tag(reference, &format!("sha256-{}", subject.hex()));
        let mut manifests = listed;
        manifests.push(ImageIndexEntry {
            media_type: artifact.media_type().to_owned(),
            digest,
            size: artifact.manifest.bytes.len() as i64,
            platform: None,
            annotations: None,
            artifact_type: artifact.parsed.artifact_type.clone(),
        });
        let media_type = Some(media::INDEX.to_owned());
        let index = OciImageIndex { schema_version: 2, media_type, manifests, artifact_type: None, annotations: None };
        let bytes = serde_json::to_vec(&index)
            .map_err(|error| Failure::Other { request: self.request("write an index"), said: error.to_string() })?;
        self.push_manifest(&tag, media::INDEX, &bytes).await
    }

    /// What is attached to an image.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn attached(&self, reference: &Reference, subject: &Digest) -> Result<Vec<ImageIndexEntry>, Failure> {
        let subject = at_digest(reference, subject);
        self.client.store_auth_if_needed(&self.host, &self.credentials.auth).await;
        let what = format!("list what is attached to {subject}");
        Ok(self.ask(&what, || self.client.pull_referrers(&subject, None)).await?.manifests)
    }

    /// The tags of a repository.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn tags(&self, reference: &Reference) -> Result<Vec<String>, Failure> {
        let what = format!("list the tags of {}/{}", self.host, reference.repository());
        let (mut tags, mut last) = (Vec::<String>::new(), None::<String>);
        loop {
            let auth = &self.credentials.auth;
            let ask = || self.client.list_tags(reference, auth, Some(PAGE), last.as_deref());
            let page = self.ask(&what, ask).await?.tags;
            // A registry that ignores the page's size or its start sends everything again.
            let new: Vec<String> = page.iter().filter(|tag| !tags.contains(tag)).cloned().collect();
            let ended = new.is_empty() || page.len() < PAGE;
            tags.extend(new);
            if ended {
                return Ok(tags);
            }
            last = tags.last().cloned();
        }
    }
}

/// How long a registry may take to accept a connection, and to send the next byte.
const CONNECT: std::time::Duration = std::time::Duration::from_secs(15);
const READ: std::time::Duration = std::time::Duration::from_secs(60);

/// After how many bytes a pull says how far it is.
const PROGRESS: u64 = 4 << 20;

/// How many tags are asked for at once.
const PAGE: usize = 200;

/// An index is accepted so that it can be told from an image.
const ACCEPTED: [&str; 4] = [
    media::MANIFEST,
    media::DOCKER_MANIFEST,
    media::INDEX,
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

/// The image of that digest in the repository of a reference.
pub fn at_digest(reference: &Reference, digest: &Digest) -> Reference {
    let (registry, repository) = (reference.registry().to_owned(), reference.repository().to_owned());
    Reference::with_digest(registry, repository, digest.to_string())
}

/// The image of that tag in the repository of a reference.
pub fn at_tag(reference: &Reference, tag: &str) -> Reference {
    Reference::with_tag(reference.registry().to_owned(), reference.repository().to_owned(), tag.to_owned())
}

/// Whether a registry is on this machine, where plain HTTP is heard by nobody.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The innermost words of an error, which say most.
fn deepest(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine() {
        for here in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.1.2.3", "[::1]:5000"] {
            assert!(is_loopback(here), "{here}");
        }
        for there in ["ghcr.io", "localhost.example.org", "10.0.0.1:5000", "127.0.0.1.example.org", "[fe80::1]:5000"] {
            assert!(!is_loopback(there), "{there}");
        }
    }

    #[test]
    fn a_reference_is_turned_to_a_digest_or_tag() {
        let reference: Reference = "ghcr.io/a/b:1".parse().unwrap();
        let digest = Digest::of(b"");
        assert_eq!(at_digest(&reference, &digest).to_string(), format!("ghcr.io/a/b@{digest}"));
        assert_eq!(at_tag(&reference, "2").to_string(), "ghcr.io/a/b:2");
    }
}
