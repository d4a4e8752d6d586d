//! `--upstream URL`: where a served chain sends its requests.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result};
use hyper::Uri;

use crate::bootstrap::{Cluster, Protocol};

/// An upstream as a URL names it: scheme, host and port. A path is refused, because requests keep their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamUrl {
    /// An address or a name.
    pub host: String,
    /// The port, by default the scheme's.
    pub port: u16,
    /// Whether the upstream is spoken to in TLS.
    pub tls: bool,
    /// What the upstream is told as `Host`.
    pub authority: String,
}

impl FromStr for UpstreamUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<UpstreamUrl, String> {
        let expected = || format!("expected http://HOST[:PORT] or https://HOST[:PORT], found {text:?}");
        let url: Uri = text.parse().map_err(|_| expected())?;
        let authority = url.authority().ok_or_else(expected)?;
        let tls = match url.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(expected()),
        };
        if url.path_and_query().is_some_and(|path| path != "/") || authority.as_str().contains('@') {
            return Err(format!("{}; a request keeps its own path", expected()));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Ok(UpstreamUrl { host, port, tls, authority: authority.as_str().into() })
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.tls { "https" } else { "http" }, self.authority)
    }
}

impl UpstreamUrl {
    /// The cluster for this upstream.
    ///
    /// # Errors
    /// The upstream is spoken to in TLS, and this machine's certificate authorities are not found.
    pub(crate) fn cluster(&self, name: &str) -> Result<Cluster> {
        let tls = self.tls.then(authorities).transpose()?;
        Ok(Cluster {
            name: name.into(),
            host: self.host.clone(),
            port: self.port,
            tls,
            protocol: Protocol::Http1,
            tells_thread: false,
        })
    }
}

/// The file of certificate authorities: `SSL_CERT_FILE`, or where the distributions keep it.
fn authorities() -> Result<PathBuf> {
    let known = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    named
        .into_iter()
        .chain(known.map(PathBuf::from))
        .find(|path| Path::is_file(path))
        .context("no certificate authorities found to check the upstream with; name their file with SSL_CERT_FILE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gives_host_port_and_scheme() {
        let parse = |text: &str| text.parse::<UpstreamUrl>().map(|it| (it.host, it.port, it.tls, it.authority));
        assert_eq!(parse("http://127.0.0.1:81/"), Ok(("127.0.0.1".into(), 81, false, "127.0.0.1:81".into())));
        assert_eq!(parse("https://example.org"), Ok(("example.org".into(), 443, true, "example.org".into())));
        assert_eq!(parse("http://[::1]:81"), Ok(("::1".into(), 81, false, "[::1]:81".into())));
        for wrong in ["example.org", "ftp://example.org", "http://example.org/path", "http://a@example.org", ""] {
            assert!(parse(wrong).unwrap_err().starts_with("expected http://HOST"), "{wrong}");
        }
    }
}
