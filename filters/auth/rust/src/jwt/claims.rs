//! What a token says, and whether it may say it here and now (RFC 7519, section 4.1).

use std::borrow::Cow;

use crate::json::{Malformed, Value};
use crate::refusal::Reason;

/// The most bytes of a claim that is passed on. Envoy refuses messages with more than 60 KiB of headers by default.
pub(crate) const MOST_CLAIM: usize = 4 * 1024;

/// What a token has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    /// `iss` is one of these.
    pub issuers: Vec<String>,
    /// What `aud` has to say.
    pub audiences: Audiences,
    /// `typ` of the header is this, where it matters.
    pub kind: Option<String>,
    /// By how many seconds the issuer's clock may differ from ours.
    pub leeway: u32,
    /// Whether a token without `exp` is taken.
    pub forever: bool,
    /// The name of the claim that says who it is.
    pub consumer: Vec<String>,
    /// The claims to pass on: each the names that lead to it through the objects.
    pub pass: Vec<Vec<String>>,
}

/// What a token's `aud` has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Audiences {
    /// One of these. None at all means that only a token without `aud` is taken, as RFC 7519, section 4.1.3 says of who
    /// does not find himself in it.
    OneOf(Vec<String>),
    /// Whatever it likes.
    Any,
}

/// A token that was found good, as far as it matters from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verified {
    /// When it is valid.
    pub window: Window,
    /// Who it is.
    pub consumer: Option<String>,
    /// The claims to pass on, in the order of [`Policy::pass`]; none where the token has no such claim, or one that no
    /// header can hold.
    pub claims: Vec<Option<String>>,
}

/// When a token is valid, in seconds since 1970, the leeway included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// From this second on.
    pub from: i64,
    /// Until before this one.
    pub until: i64,
}

impl Window {
    /// # Errors
    /// It is too early or too late.
    pub(crate) fn check(self, now: i64) -> Result<(), Reason> {
        if now >= self.until {
            Err(Reason::Expired)
        } else if now < self.from {
            Err(Reason::NotYet)
        } else {
            Ok(())
        }
    }
}

/// Judges the claims of a token whose signature is good.
pub(super) fn judge(payload: &[u8], policy: &Policy, now: i64) -> Result<Verified, Reason> {
    let root = Value::read(payload).map_err(wrong)?;
    let members = root.members().map_err(wrong)?;
    let get = |name: &str| members.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
    let time = |name: &str| get(name).map(Value::whole).transpose().map_err(wrong);

    let leeway = i64::from(policy.leeway);
    let until = match time("exp")? {
        Some(expires) => expires.saturating_add(leeway),
        None if policy.forever => i64::MAX,
        None => return Err(Reason::Claims),
    };
    let from = time("nbf")?.max(time("iat")?).map_or(i64::MIN, |start| start.saturating_sub(leeway));
    let window = Window { from, until };
    window.check(now)?;

    let issuer = get("iss").map(Value::string).transpose().map_err(wrong)?;
    if !issuer.is_some_and(|issuer| policy.issuers.iter().any(|known| *known == issuer)) {
        return Err(Reason::Issuer);
    }
    audience(get("aud"), &policy.audiences)?;

    let consumer = find(root, &policy.consumer).and_then(text).filter(|name| !name.is_empty());
    let claims = policy.pass.iter().map(|path| find(root, path).and_then(text)).collect();
    Ok(Verified { window, consumer, claims })
}

fn audience(claim: Option<Value<'_>>, wanted: &Audiences) -> Result<(), Reason> {
    let Audiences::OneOf(wanted) = wanted else {
        return Ok(());
    };
    let said: Vec<Cow<'_, str>> = match claim {
        None => Vec::new(),
        Some(list) if list.is_array() => {
            list.elements().map_err(wrong)?.into_iter().map(Value::string).collect::<Result<_, _>>().map_err(wrong)?
        }
        Some(one) => vec![one.string().map_err(wrong)?],
    };
    let found = if wanted.is_empty() {
        claim.is_none()
    } else {
        said.iter().any(|audience| wanted.iter().any(|known| known == audience))
    };
    if found { Ok(()) } else { Err(Reason::Audience) }
}

/// Follows the names through the objects.
fn find<'a>(root: Value<'a>, path: &[String]) -> Option<Value<'a>> {
    path.iter().try_fold(root, |value, name| {
        value.members().ok()?.into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    })
}

/// A claim as a header has it: a string as it is, a number or a truth as JSON spells it, a list of those with commas
/// between. None where it is anything else, too long, or holds what would end a header.
fn text(claim: Value<'_>) -> Option<String> {
    let text = if claim.is_array() {
        let elements: Option<Vec<Cow<'_, str>>> = claim.elements().ok()?.into_iter().map(scalar).collect();
        let elements = elements?;
        // A comma inside an element would make two of it.
        if elements.iter().any(|element| element.contains(',')) {
            return None;
        }
        elements.join(",")
    } else {
        scalar(claim)?.into_owned()
    };
    let fits = text.len() <= MOST_CLAIM && !text.bytes().any(|byte| byte < b' ' || byte == 0x7f);
    if fits { Some(text) } else { None }
}

fn scalar(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value.raw().as_bytes().first()? {
        b'"' => value.string().ok(),
        b'-' | b'0'..=b'9' | b't' | b'f' => Some(Cow::Borrowed(value.raw())),
        _ => None,
    }
}

fn wrong(_: Malformed) -> Reason {
    Reason::Claims
}

#[cfg(test)]
mod tests;
