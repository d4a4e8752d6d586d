//! Who we are to a registry: from the environment, from Docker's configuration and its helpers, or from Podman's.

use std::env;

use anyhow::{Result, bail};
use docker_credential::{CredentialRetrievalError as Trouble, DockerCredential};
use oci_client::secrets::RegistryAuth;

/// The environment's user.
pub const USER: &str = "WEIR_REGISTRY_USER";
/// The environment's password or token.
pub const PASSWORD: &str = "WEIR_REGISTRY_PASSWORD";

/// What to say to a registry, and where that was found.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// What to say.
    pub auth: RegistryAuth,
    /// Where it was found, for a message; nothing where there is none.
    pub source: Option<&'static str>,
}

/// Finds the credentials for a registry: [`USER`] and [`PASSWORD`], then Docker's configuration (`DOCKER_CONFIG`, else
/// `~/.docker`), then Podman's (`REGISTRY_AUTH_FILE`, else its usual places). Where there are none, we are anonymous.
///
/// # Errors
/// A configuration that names credentials for the registry cannot give them: the message says what was asked.
pub fn find(registry: &str) -> Result<Credentials> {
    if let (Some(user), Some(password)) = (set(USER), set(PASSWORD)) {
        return Ok(Credentials { auth: RegistryAuth::Basic(user, password), source: Some("the environment") });
    }
    // Docker's own registry has another name in the configuration than in references.
    let server = if registry == "docker.io" { "https://index.docker.io/v1/" } else { registry };
    let docker = read(docker_credential::get_credential(server), registry, "Docker's configuration")?;
    match docker {
        Some(credentials) => Ok(credentials),
        None => {
            let podman = docker_credential::get_podman_credential(server);
            let podman = read(podman, registry, "Podman's configuration")?;
            Ok(podman.unwrap_or(Credentials { auth: RegistryAuth::Anonymous, source: None }))
        }
    }
}

fn set(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn read(found: Result<DockerCredential, Trouble>, registry: &str, source: &'static str) -> Result<Option<Credentials>> {
    match found {
        Ok(DockerCredential::UsernamePassword(user, password)) => {
            Ok(Some(Credentials { auth: RegistryAuth::Basic(user, password), source: Some(source) }))
        }
        Ok(DockerCredential::IdentityToken(_)) => bail!(
            "{source} holds an identity token for {registry}, which only Docker can exchange; set {USER} and {PASSWORD}"
        ),
        Err(Trouble::ConfigNotFound | Trouble::ConfigReadError | Trouble::NoCredentialConfigured) => Ok(None),
        // A helper that knows nothing of this registry says so by failing.
        Err(Trouble::HelperFailure { stdout, stderr, .. })
            if [&stdout, &stderr].iter().any(|it| it.contains("not found")) =>
        {
            Ok(None)
        }
        // What a helper printed on its standard output may be a secret.
        Err(Trouble::HelperFailure { helper, stderr, .. }) => bail!(
            "{helper}, which {source} names for {registry}, failed: {}; set {USER} and {PASSWORD} to do without it",
            stderr.trim()
        ),
        Err(trouble) => bail!("{source} gives no credentials for {registry}: {trouble}; set {USER} and {PASSWORD}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(found: Result<DockerCredential, Trouble>) -> Result<Option<Credentials>> {
        read(found, "ghcr.io", "Docker's configuration")
    }

    fn failing(stdout: &str, stderr: &str) -> Trouble {
        let (stdout, stderr) = (stdout.to_owned(), stderr.to_owned());
        Trouble::HelperFailure { helper: "docker-credential-pass".into(), stdout, stderr }
    }

    #[test]
    fn a_password_is_used_and_its_absence_is_no_error() {
        let found = reading(Ok(DockerCredential::UsernamePassword("a".into(), "b".into()))).unwrap().unwrap();
        assert_eq!(found.auth, RegistryAuth::Basic("a".into(), "b".into()));
        assert!(reading(Err(Trouble::NoCredentialConfigured)).unwrap().is_none());
        assert!(reading(Err(failing("credentials not found in native keychain", ""))).unwrap().is_none());
    }

    #[test]
    fn a_helper_that_fails_is_told_without_what_it_printed() {
        let error = reading(Err(failing("s3cret", "the store is locked"))).unwrap_err().to_string();
        assert!(error.contains("docker-credential-pass") && error.contains("the store is locked"), "{error}");
        assert!(error.contains(USER) && !error.contains("s3cret"), "{error}");
        let token = reading(Ok(DockerCredential::IdentityToken("s3cret".into()))).unwrap_err().to_string();
        assert!(token.contains("identity token") && !token.contains("s3cret"), "{token}");
    }
}
