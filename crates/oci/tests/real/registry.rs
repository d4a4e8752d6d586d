//! Debian's registry, on a port of the kernel's choice, with a storage of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::machine::tool;

pub(crate) struct Registry {
    child: Child,
    folder: TempDir,
    /// Host and port.
    pub(crate) address: String,
}

/// The user whom a registry with authentication knows, and the password.
pub(crate) const USER: &str = "weir";
pub(crate) const PASSWORD: &str = "open sesame";

/// The same as `htpasswd -B` writes it.
const HTPASSWD: &str = "weir:$2y$05$smEIz5VWwtPDUcL4F5ytke4yhbrM7Zgs76A5DaSFHROJFbizdJY/m\n";

#[derive(Default)]
pub(crate) struct Setup<'a> {
    /// Asks for [`USER`] and [`PASSWORD`].
    pub(crate) authentication: bool,
    /// Takes tokens of this service, signed with the key of this certificate, a PEM file.
    pub(crate) tokens: Option<(&'a str, &'a Path)>,
    /// Speaks TLS with this certificate and key, PEM files.
    pub(crate) tls: Option<(&'a Path, &'a Path)>,
}

impl Registry {
    /// One that lets everybody do everything.
    pub(crate) fn start() -> Registry {
        Registry::with(&Setup::default())
    }

    pub(crate) fn with(setup: &Setup<'_>) -> Registry {
        let folder = tempfile::tempdir().unwrap();
        let storage = folder.path().join("storage");
        let mut config = format!(
            "version: 0.1\nlog: {{ level: info }}\nstorage:\n  filesystem: {{ rootdirectory: {} }}\n  delete: {{ enabled: true }}\nhttp:\n  addr: 127.0.0.1:0\n",
            storage.display()
        );
        if let Some((certificate, key)) = setup.tls {
            let (certificate, key) = (certificate.display(), key.display());
            config += &format!("  tls: {{ certificate: {certificate}, key: {key} }}\n");
        }
        if setup.authentication {
            let file = folder.path().join("htpasswd");
            fs::write(&file, HTPASSWD).unwrap();
            config += &format!("auth:\n  htpasswd: {{ realm: weir, path: {} }}\n", file.display());
        }
        if let Some((realm, certificate)) = setup.tokens {
            let bundle = certificate.display();
            config += &format!(
                "auth:\n  token: {{ realm: \"{realm}\", service: registry, issuer: weir, rootcertbundle: {bundle} }}\n"
            );
        }
        let path = folder.path().join("config.yml");
        fs::write(&path, config).unwrap();
        let mut command = Command::new(tool("WEIR_TEST_REGISTRY"));
        command.arg("serve").arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let said = lines.by_ref().find_map(|line| address(&line));
        let address = said.expect("the registry says where it listens");
        // Its pipe must not fill up, or it would stop.
        std::thread::spawn(move || lines.for_each(drop));
        Registry { child, folder, address }
    }

    /// A repository in it.
    pub(crate) fn repository(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    /// Where it keeps a blob.
    pub(crate) fn blob(&self, digest: &str) -> PathBuf {
        let hex = digest.strip_prefix("sha256:").unwrap();
        let blobs = self.folder.path().join("storage/docker/registry/v2/blobs/sha256");
        blobs.join(&hex[..2]).join(hex).join("data")
    }
}

fn address(line: &str) -> Option<String> {
    let (_, after) = line.split_once("listening on ")?;
    Some(after.split(['"', ',']).next()?.trim().to_owned())
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
