//! What can go wrong with a registry, in words that name the mend.

use std::error::Error as _;

use oci_client::errors::{OciDistributionError as Theirs, OciErrorCode as Code};
use thiserror::Error;

use crate::credentials::{PASSWORD, USER};
use crate::digest::Digest;
use crate::words::harmless;

/// What was asked of a registry, for the words of a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The registry's host and port.
    pub registry: String,
    /// What was asked, such as `pull ghcr.io/weir/hello-header:1`.
    pub what: String,
    /// Where the credentials came from; nothing where none were sent.
    pub credentials: Option<&'static str>,
}

/// A request that failed.
#[derive(Debug, Error)]
pub enum Failure {
    /// 401 without credentials.
    #[error(
        "cannot {}: {} asks who you are (401); `docker login {}` tells it, or set {USER} and {PASSWORD}",
        .0.what, .0.registry, .0.registry
    )]
    Unknown(Request),
    /// 401 with credentials.
    #[error(
        "cannot {}: {} does not accept the credentials from {} (401); log in anew with `docker login {}`, or correct {USER} and {PASSWORD}",
        .0.what, .0.registry, .0.credentials.unwrap_or("nowhere"), .0.registry
    )]
    Unauthorized(Request),
    /// 403.
    #[error("cannot {}: {} does not allow it (403): {said}; use an account that may, or correct the repository's name", .request.what, .request.registry)]
    Forbidden {
        /// What was asked.
        request: Request,
        /// The registry's own words.
        said: String,
    },
    /// 404.
    #[error("cannot {}: it is not there (404); `cargo xtask list --remote REPOSITORY` shows what is", .0.what)]
    NotFound(Request),
    /// 405 and the like: the registry was not set up for it.
    #[error("cannot {}: {} is not set up for that ({code}): {said}", .request.what, .request.registry)]
    Unsupported {
        /// What was asked.
        request: Request,
        /// The HTTP status.
        code: u16,
        /// The registry's own words.
        said: String,
    },
    /// 429.
    #[error("cannot {}: {} has had too many requests (429); wait, or log in: accounts have higher limits", .0.what, .0.registry)]
    TooMany(Request),
    /// 5xx.
    #[error("cannot {}: {} itself failed ({code}): {said}; try again later, or tell who runs it", .request.what, .request.registry)]
    Server {
        /// What was asked.
        request: Request,
        /// The HTTP status.
        code: u16,
        /// The registry's own words.
        said: String,
    },
    /// The bytes are not those that were asked for.
    #[error(
        "cannot {}: what {} sent has the digest {found}, and {expected} was asked for: it was altered there or on the way; do not use it, and tell who runs the registry",
        .request.what, .request.registry
    )]
    Altered {
        /// What was asked.
        request: Request,
        /// The digest that was asked for.
        expected: String,
        /// The digest of what came.
        found: String,
    },
    /// More or fewer bytes than the manifest says.
    #[error("cannot {}: {} sent {found} bytes where the manifest says {expected}: it was altered there or on the way", .request.what, .request.registry)]
    WrongSize {
        /// What was asked.
        request: Request,
        /// In bytes.
        expected: u64,
        /// In bytes; of more than expected, no more is read.
        found: u64,
    },
    /// Nobody answers.
    #[error("cannot {}: {} cannot be reached: {said}; check its name and port, and the network", .request.what, .request.registry)]
    Unreachable {
        /// What was asked.
        request: Request,
        /// What the system says.
        said: String,
    },
    /// TLS failed.
    #[error("cannot {}: {} is not trusted: {said}; {mend}", .request.what, .request.registry)]
    Untrusted {
        /// What was asked.
        request: Request,
        /// What the TLS library says.
        said: String,
        /// What to do.
        mend: &'static str,
    },
    /// The connection ended too early.
    #[error("cannot {}: the connection to {} broke: {said}; try again", .request.what, .request.registry)]
    Broken {
        /// What was asked.
        request: Request,
        /// What the system says.
        said: String,
    },
    /// Something else.
    #[error("cannot {}: {said}", .request.what)]
    Other {
        /// What was asked.
        request: Request,
        /// What the client says.
        said: String,
    },
}

impl Failure {
    /// Whether the same request may succeed a little later.
    pub fn may_pass(&self) -> bool {
        match self {
            Failure::TooMany(_) | Failure::Broken { .. } => true,
            // 501 and 505 say what the registry cannot do; waiting changes nothing.
            Failure::Server { code, .. } => !matches!(code, 501 | 505),
            _ => false,
        }
    }

    /// What the client says, in our words.
    pub fn of(request: Request, error: Theirs) -> Failure {
        match error {
            Theirs::UnauthorizedError { .. } | Theirs::AuthenticationFailure(_) => Failure::unauthorized(request),
            Theirs::ServerError { code, message, .. } => Failure::of_status(request, code, &message),
            Theirs::RegistryError { envelope, .. } => {
                let said: Vec<&str> = envelope.errors.iter().map(|error| error.message.as_str()).collect();
                let said = harmless(&said.join("; "));
                match envelope.errors.first().map(|error| &error.code) {
                    Some(Code::Unauthorized) => Failure::unauthorized(request),
                    Some(Code::Denied) => Failure::Forbidden { request, said },
                    Some(Code::Toomanyrequests) => Failure::TooMany(request),
                    Some(Code::Unsupported) => Failure::Unsupported { request, code: 405, said },
                    Some(Code::ManifestUnknown | Code::BlobUnknown | Code::NameUnknown | Code::NotFound) => {
                        Failure::NotFound(request)
                    }
                    _ => Failure::Other { request, said },
                }
            }
            Theirs::DigestError(oci_client::errors::DigestError::VerificationError { expected, actual }) => {
                Failure::Altered { request, expected, found: actual }
            }
            Theirs::ImageManifestNotFoundError(_) => Failure::NotFound(request),
            Theirs::RequestError(error) => Failure::of_transport(request, &error),
            Theirs::IoError(error) => Failure::Broken { request, said: error.to_string() },
            other => Failure::Other { request, said: other.to_string() },
        }
    }

    /// What an HTTP status means; `body` is what came with it.
    pub fn of_status(request: Request, code: u16, body: &str) -> Failure {
        let said = words(body);
        match code {
            401 => Failure::unauthorized(request),
            403 => Failure::Forbidden { request, said },
            404 => Failure::NotFound(request),
            405 => Failure::Unsupported { request, code, said },
            408 => Failure::Broken { request, said: "it took too long (408)".into() },
            429 => Failure::TooMany(request),
            500.. => Failure::Server { request, code, said },
            _ => Failure::Other { request, said: format!("{said} ({code})") },
        }
    }

    /// What a failed connection means.
    pub fn of_transport(request: Request, error: &reqwest::Error) -> Failure {
        if let Some(status) = error.status() {
            return Failure::of_status(request, status.as_u16(), "");
        }
        let mut said = error.to_string();
        let (mut io, mut tls) = (None, None);
        let mut next = error.source();
        while let Some(inner) = next {
            said = inner.to_string();
            tls = inner.downcast_ref::<rustls::Error>().or(tls);
            // What an I/O error wraps is not its source but itself, and may be wrapped again.
            next = match inner.downcast_ref::<std::io::Error>() {
                Some(error) => {
                    io = Some(error.kind());
                    error.get_ref().map(|wrapped| wrapped as &(dyn std::error::Error + 'static))
                }
                None => inner.source(),
            };
        }
        if let Some(tls) = tls {
            let mend = match tls {
                rustls::Error::InvalidMessage(_) => "it seems to speak plain HTTP: ask for that with --plain-http",
                _ => "name the certificate of its own authority with --ca FILE",
            };
            return Failure::Untrusted { request, said: tls.to_string(), mend };
        }
        let never = matches!(io, Some(std::io::ErrorKind::ConnectionRefused)) || said.contains("lookup");
        match error.is_connect() && never {
            true => Failure::Unreachable { request, said },
            false => Failure::Broken { request, said },
        }
    }

    /// Says that bytes are not those of a digest.
    pub fn altered(request: Request, expected: &Digest, found: &Digest) -> Failure {
        Failure::Altered { request, expected: expected.to_string(), found: found.to_string() }
    }

    fn unauthorized(request: Request) -> Failure {
        match request.credentials {
            Some(_) => Failure::Unauthorized(request),
            None => Failure::Unknown(request),
        }
    }
}

/// The messages in an error's body; of what is no such body, its first line.
fn words(body: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Body {
        errors: Vec<Message>,
    }
    #[derive(serde::Deserialize)]
    struct Message {
        #[serde(default)]
        message: String,
    }
    let said = match serde_json::from_str::<Body>(body) {
        Ok(body) => body.errors.into_iter().map(|error| error.message).collect::<Vec<_>>().join("; "),
        Err(_) => body.lines().next().unwrap_or_default().chars().take(200).collect(),
    };
    if said.is_empty() { "it says no more".into() } else { harmless(&said) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(credentials: Option<&'static str>) -> Request {
        Request { registry: "ghcr.io".into(), what: "pull ghcr.io/a/b:1".into(), credentials }
    }

    fn status(code: u16, body: &str) -> Failure {
        Failure::of_status(request(None), code, body)
    }

    #[test]
    fn every_status_names_its_mend() {
        assert!(status(401, "").to_string().contains("asks who you are (401); `docker login ghcr.io`"));
        let known = Failure::of_status(request(Some("the environment")), 401, "").to_string();
        assert!(known.contains("does not accept the credentials from the environment (401)"), "{known}");
        let denied = status(403, r#"{"errors":[{"code":"DENIED","message":"read only"}]}"#).to_string();
        assert!(denied.contains("(403): read only; use an account that may"), "{denied}");
        assert!(status(404, "").to_string().contains("it is not there (404); `cargo xtask list --remote"));
        assert!(status(503, "busy\nline").to_string().contains("itself failed (503): busy; try again later"));
        assert!(
            !status(503, "\u{1b}[2J").to_string().contains('\u{1b}'),
            "a registry's words do nothing to a terminal"
        );
        assert!(status(429, "").to_string().contains("too many requests (429)"));
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let may_pass = |code| status(code, "").may_pass();
        assert_eq!([408, 429, 500, 502, 503, 504].map(may_pass), [true; 6]);
        assert_eq!([400, 401, 403, 404, 405, 501].map(may_pass), [false; 6]);
        let altered = Failure::altered(request(None), &Digest::of(b"1"), &Digest::of(b"2"));
        assert!(!altered.may_pass());
        assert!(altered.to_string().contains("do not use it"), "{altered}");
    }

    #[test]
    fn what_the_client_says_is_put_into_our_words() {
        let envelope = |code: &str| {
            let text = format!(r#"{{"errors":[{{"code":"{code}","message":"said"}}]}}"#);
            let envelope = serde_json::from_str(&text).unwrap();
            Failure::of(request(None), Theirs::RegistryError { envelope, url: String::new() })
        };
        assert!(matches!(envelope("MANIFEST_UNKNOWN"), Failure::NotFound(_)));
        assert!(matches!(envelope("NAME_UNKNOWN"), Failure::NotFound(_)));
        assert!(matches!(envelope("DENIED"), Failure::Forbidden { .. }));
        assert!(matches!(envelope("UNAUTHORIZED"), Failure::Unknown(_)));
        assert!(matches!(envelope("NAME_INVALID"), Failure::Other { .. }));
    }
}
