//! Deleting an image in a registry, which the client's library does not do.

use http_auth::parser::ChallengeParser;
use oci_client::Reference;
use oci_client::secrets::RegistryAuth;
use reqwest::header::{AUTHORIZATION, WWW_AUTHENTICATE};

use super::Registry;
use crate::digest::Digest;
use crate::failure::Failure;

impl Registry {
    /// Deletes an image by its digest, with every tag that names it.
    ///
    /// # Errors
    /// See [`Failure`]: many registries are not set up for it.
    pub async fn delete(&self, reference: &Reference, digest: &Digest) -> Result<(), Failure> {
        let scheme = if self.plain { "http" } else { "https" };
        let url = format!("{scheme}://{}/v2/{}/manifests/{digest}", self.host, reference.repository());
        self.policy.run(|| self.delete_once(reference, &url)).await
    }

    async fn delete_once(&self, reference: &Reference, url: &str) -> Result<(), Failure> {
        let request = || self.request(format!("delete {reference}"));
        let failed = |error: reqwest::Error| Failure::of_transport(request(), &error);
        let mut call = self.http.delete(url);
        if let RegistryAuth::Basic(user, password) = &self.credentials.auth {
            call = call.basic_auth(user, Some(password));
        }
        let mut answer = call.send().await.map_err(failed)?;
        let challenge = answer.headers().get(WWW_AUTHENTICATE).and_then(|header| header.to_str().ok()).map(bearer);
        if let (401, Some(Some(asked))) = (answer.status().as_u16(), challenge) {
            let token = self.token(reference, asked).await?;
            answer =
                self.http.delete(url).header(AUTHORIZATION, format!("Bearer {token}")).send().await.map_err(failed)?;
        }
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => {
                let body = answer.text().await.unwrap_or_default();
                Err(Failure::of_status(request(), status.as_u16(), &body))
            }
        }
    }

    /// A token that allows to delete, from where the registry says that there are tokens.
    async fn token(&self, reference: &Reference, asked: Challenge) -> Result<String, Failure> {
        #[derive(serde::Deserialize)]
        struct Answer {
            #[serde(alias = "access_token")]
            token: String,
        }
        let request = || self.request(format!("delete {reference}"));
        let failed = |error: reqwest::Error| Failure::of_transport(request(), &error);
        let mut url = reqwest::Url::parse(&asked.realm)
            .map_err(|error| Failure::Other { request: request(), said: format!("its realm is no URL: {error}") })?;
        let scope = format!("repository:{}:pull,push,delete", reference.repository());
        url.query_pairs_mut().append_pair("scope", &scope).append_pair("service", &asked.service);
        let mut call = self.http.get(url);
        if let RegistryAuth::Basic(user, password) = &self.credentials.auth {
            call = call.basic_auth(user, Some(password));
        }
        let answer = call.send().await.map_err(failed)?;
        let status = answer.status();
        let body = answer.text().await.map_err(failed)?;
        if !status.is_success() {
            return Err(Failure::of_status(request(), status.as_u16(), &body));
        }
        let answer: Answer = serde_json::from_str(&body)
            .map_err(|error| Failure::Other { request: request(), said: format!("it gave no token: {error}") })?;
        Ok(answer.token)
    }
}

/// Where a registry says that there are tokens for it.
#[derive(Debug, PartialEq)]
struct Challenge {
    realm: String,
    service: String,
}

fn bearer(header: &str) -> Option<Challenge> {
    let challenge =
        ChallengeParser::new(header).map_while(Result::ok).find(|it| it.scheme.eq_ignore_ascii_case("bearer"))?;
    let value = |name: &str| {
        let found = challenge.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_unescaped())
    };
    Some(Challenge { realm: value("realm")?, service: value("service").unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_says_where_tokens_are() {
        let header = r#"Bearer realm="https://auth.example.org/token",service="registry",scope="repository:a:delete""#;
        let expected = Challenge { realm: "https://auth.example.org/token".into(), service: "registry".into() };
        assert_eq!(bearer(header), Some(expected));
        assert_eq!(bearer(r#"Basic realm="r""#), None);
        assert_eq!(bearer("Bearer service=\"x\""), None);
    }
}
