//! The text that is signed (RFC 9421, section 2.5).

use super::field::Item;
use crate::refusal::Reason;
use crate::request::Request;

/// The most bytes of it.
const MOST_BASE: usize = 32 * 1024;

/// The parts of a request that are not headers.
const DERIVED: [&str; 7] = ["@method", "@authority", "@scheme", "@target-uri", "@request-target", "@path", "@query"];

/// Whether this names a part of a request that can be signed here: one of RFC 9421's, or a header in lower case.
pub(crate) fn is_component(name: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte);
    DERIVED.contains(&name) || (!name.is_empty() && name.bytes().all(token))
}

/// Builds the text for these components and parameters.
///
/// # Errors
/// A component stands twice, is not one of a request, is a header that the request has not, or all of it is too long.
pub(super) fn build(
    request: &Request<'_>,
    components: &[String],
    parameters: &[(&str, Item)],
) -> Result<Vec<u8>, Reason> {
    let mut base = Vec::with_capacity(512);
    for (index, component) in components.iter().enumerate() {
        if !is_component(component) || components.iter().take(index).any(|other| other == component) {
            return Err(Reason::Malformed);
        }
        quoted(component, &mut base);
        base.extend_from_slice(b": ");
        value(request, component, &mut base)?;
        base.push(b'\n');
        if base.len() > MOST_BASE {
            return Err(Reason::TooLong);
        }
    }
    base.extend_from_slice(b"\"@signature-params\": (");
    for (index, component) in components.iter().enumerate() {
        if index > 0 {
            base.push(b' ');
        }
        quoted(component, &mut base);
    }
    base.push(b')');
    for (name, value) in parameters {
        base.push(b';');
        base.extend_from_slice(name.as_bytes());
        // RFC 9651, section 4.1.1.2: a truth is told by the name alone.
        if *value != Item::Boolean(true) {
            base.push(b'=');
            value.write(&mut base);
        }
    }
    Ok(base)
}

/// A component's name, which holds nothing that would need an escape.
fn quoted(component: &str, base: &mut Vec<u8>) {
    base.push(b'"');
    base.extend_from_slice(component.as_bytes());
    base.push(b'"');
}

fn value(request: &Request<'_>, component: &str, base: &mut Vec<u8>) -> Result<(), Reason> {
    match component {
        "@method" => base.extend_from_slice(request.method),
        "@authority" => base.extend_from_slice(&authority(request)),
        "@scheme" => base.extend(request.scheme.to_ascii_lowercase()),
        "@target-uri" => {
            base.extend(request.scheme.to_ascii_lowercase());
            base.extend_from_slice(b"://");
            base.extend_from_slice(&authority(request));
            base.extend_from_slice(request.path);
        }
        "@request-target" => base.extend_from_slice(request.path),
        "@path" => {
            let path = request.bare_path();
            base.extend_from_slice(if path.is_empty() { b"/" } else { path });
        }
        "@query" => {
            base.push(b'?');
            base.extend_from_slice(request.query().unwrap_or_default());
        }
        header => {
            let mut values = request.all(header).peekable();
            values.peek().ok_or(Reason::Coverage)?;
            for (index, value) in values.enumerate() {
                if index > 0 {
                    base.extend_from_slice(b", ");
                }
                base.extend_from_slice(value.trim_ascii());
            }
        }
    }
    Ok(())
}

/// In lower case, and without the port that the scheme has anyway (RFC 9421, section 2.2.3).
fn authority(request: &Request<'_>) -> Vec<u8> {
    let authority = request.authority.to_ascii_lowercase();
    let port: &[u8] = if request.scheme == b"https" { b":443" } else { b":80" };
    authority.strip_suffix(port).map(<[u8]>::to_vec).unwrap_or(authority)
}
