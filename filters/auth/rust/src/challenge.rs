//! What a client that is refused is told: a status, challenges (RFC 9110, section 11.6.1; RFC 6750, section 3), and a
//! problem that says no more than the status does.

use weir_kit::reply::{Problem, Reply};

use crate::auth::{Auth, Kind, Refusal};
use crate::rules::Need;

/// The response to a request that is refused.
pub(crate) fn reply(auth: &Auth, refusal: &Refusal) -> Reply {
    let status = refusal.reason.status();
    let title = match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        _ => "Service Unavailable",
    };
    let mut reply = Problem::new(status, "about:blank", title).reply();
    match status {
        // A challenge is an answer to who did not say who he is, or said it wrong.
        400 | 401 => {
            for challenge in challenges(auth, refusal) {
                reply = reply.header("www-authenticate", challenge);
            }
        }
        503 => reply = reply.header("retry-after", "1"),
        _ => {}
    }
    // What one client is told is nothing for another.
    reply.header("cache-control", "no-store")
}

/// A challenge for each credential that the rule takes. One that was brought and is not good is told so, and not why.
fn challenges(auth: &Auth, refusal: &Refusal) -> Vec<String> {
    let candidates: &[usize] = match refusal.need {
        Some(Need::Any(list) | Need::All(list)) => list,
        // A body that is refused is refused for one credential, whatever the rule was.
        _ => refusal.credential.as_slice(),
    };
    let mut challenges = Vec::new();
    for &index in candidates {
        let Some(credential) = auth.credentials.get(index) else { continue };
        let scheme = match &credential.kind {
            #[cfg(feature = "jwt")]
            Kind::Jwt(_) => "Bearer",
            #[cfg(feature = "basic")]
            Kind::Basic(_) => "Basic",
            #[cfg(feature = "api-key")]
            Kind::ApiKey(_) => "ApiKey",
            #[cfg(feature = "signature")]
            Kind::Signature(..) => "Signature",
        };
        let mut challenge = [scheme, " realm=\"", &auth.realm, "\""].concat();
        match scheme {
            // RFC 7617, section 2.1.
            "Basic" => challenge.push_str(", charset=\"UTF-8\""),
            "Bearer" if refusal.credential == Some(index) => challenge.push_str(match refusal.reason.status() {
                400 => ", error=\"invalid_request\"",
                _ => ", error=\"invalid_token\"",
            }),
            _ => {}
        }
        if !challenges.contains(&challenge) {
            challenges.push(challenge);
        }
    }
    challenges
}

/// The line for the operator: the reason and the credential, and nothing of what the client sent.
pub(crate) fn log_line(auth: &Auth, refusal: &Refusal) -> String {
    let mut line = ["refused: ", refusal.reason.word()].concat();
    if let Some(credential) = refusal.credential.and_then(|index| auth.credentials.get(index)) {
        line.push_str(" (");
        line.push_str(&credential.name);
        line.push(')');
    }
    line
}
