//! What the upstream and later filters are told of who it is, and what they are not shown.

use weir_kit::headers::{Headers, Refused};
use weir_kit::property;

use crate::auth::{Allowed, Auth, Granted};
#[cfg(feature = "jwt")]
use crate::auth::{Kind, Owner};
use crate::request::Request;
use crate::rules::Need;

/// Sets a property of the stream: its name, and its value.
pub(crate) type SetProperty<'a> = dyn FnMut(&str, &[u8]) -> Result<(), Refused> + 'a;

/// Rewrites a request that passes: takes out what the client says of its identity itself, says what was found out, and
/// takes out the credentials that the upstream is not to see.
///
/// # Errors
/// The host refused something: the request must not pass, for it may say what nobody has found out.
pub(crate) fn rewrite(
    auth: &Auth,
    request: &Request<'_>,
    allowed: &Allowed<'_>,
    headers: &mut impl Headers,
    set_property: &mut SetProperty<'_>,
) -> Result<(), Refused> {
    let said = statements(auth, allowed);
    for (name, _) in request.pairs() {
        let owned = auth.identity.owned.iter().any(|owned| alike(owned.as_bytes(), name));
        // One that is set anyway is replaced, whoever wrote it.
        if owned && !said.iter().any(|(set, _)| set.as_bytes() == name) {
            headers.remove(std::str::from_utf8(name).map_err(|_| Refused)?)?;
        }
    }
    for (name, value) in &said {
        headers.set(name, value.as_bytes())?;
    }
    properties(auth, allowed, set_property)?;
    remove_credentials(auth, request, allowed, headers)
}

/// Whether two names are one to servers that make variables of them, in which a hyphen is an underscore (RFC 3875,
/// section 4.1.18).
fn alike(one: &[u8], other: &[u8]) -> bool {
    let fold = |byte: &u8| if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    one.len() == other.len() && one.iter().map(fold).eq(other.iter().map(fold))
}

/// The headers to set; of two with one name the first.
fn statements<'a>(auth: &'a Auth, allowed: &'a Allowed<'a>) -> Vec<(&'a str, String)> {
    let mut said: Vec<(&str, String)> = Vec::new();
    let mut say = |name: &'a str, value: String| {
        if !said.iter().any(|(known, _)| *known == name) {
            said.push((name, value));
        }
    };
    if let (Some(header), Some(consumer)) = (&auth.identity.consumer, consumer(auth, allowed)) {
        say(header, consumer);
    }
    if let (Some(header), false) = (&auth.identity.credential, allowed.granted.is_empty()) {
        let names: Vec<&str> = allowed
            .granted
            .iter()
            .filter_map(|granted| auth.credentials.get(granted.index))
            .map(|credential| credential.name.as_str())
            .collect();
        say(header, names.join(","));
    }
    #[cfg(feature = "jwt")]
    for (output, claim) in claims(auth, &allowed.granted) {
        if let Some(header) = &output.header {
            say(header, claim.to_owned());
        }
    }
    said
}

/// Who it is: what the first credential that knows it says.
fn consumer(auth: &Auth, allowed: &Allowed<'_>) -> Option<String> {
    allowed.granted.iter().find_map(|granted| {
        let credential = auth.credentials.get(granted.index)?;
        granted.owner.name().map(|name| [credential.prefix.as_str(), name].concat())
    })
}

/// The claims that tokens have, with where they go.
#[cfg(feature = "jwt")]
fn claims<'a>(auth: &'a Auth, granted: &'a [Granted<'a>]) -> impl Iterator<Item = (&'a crate::auth::Output, &'a str)> {
    granted.iter().flat_map(|granted| {
        let kind = auth.credentials.get(granted.index).map(|credential| &credential.kind);
        let (outputs, claims) = match (kind, &granted.owner) {
            (Some(Kind::Jwt(jwt)), Owner::Token(verified)) => (jwt.outputs.as_slice(), verified.claims.as_slice()),
            _ => (&[][..], &[][..]),
        };
        outputs.iter().zip(claims).filter_map(|(output, claim)| Some((output, claim.as_deref()?)))
    })
}

fn properties(auth: &Auth, allowed: &Allowed<'_>, set: &mut SetProperty<'_>) -> Result<(), Refused> {
    if let (true, Some(consumer)) = (auth.identity.property, consumer(auth, allowed)) {
        set(property::CONSUMER, consumer.as_bytes())?;
    }
    #[cfg(feature = "jwt")]
    {
        let mut said: Vec<&str> = Vec::new();
        for (output, claim) in claims(auth, &allowed.granted) {
            if let Some(property) = &output.property
                && !said.contains(&property.as_str())
            {
                said.push(property);
                set(property, claim.as_bytes())?;
            }
        }
    }
    Ok(())
}

/// Takes out every credential of the rule that is not to be forwarded, also one that was not needed.
fn remove_credentials(
    auth: &Auth,
    request: &Request<'_>,
    allowed: &Allowed<'_>,
    headers: &mut impl Headers,
) -> Result<(), Refused> {
    let (Need::Any(list) | Need::All(list)) = allowed.need else { return Ok(()) };
    let mut path = None;
    for credential in list.iter().filter_map(|index| auth.credentials.get(*index)) {
        if !credential.forward {
            for place in &credential.places {
                place.remove(request, headers, &mut path)?;
            }
        }
    }
    match path {
        Some(path) => headers.set(":path", &path),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
