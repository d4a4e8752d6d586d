//! Telling the client how it stands: the header fields of each dialect, and what to do with those of the upstream.

use weir_kit::headers::{Headers, Refused};
use weir_kit::push_decimal;

use crate::structured::{self, Member};

/// A way to say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `RateLimit-Policy` and `RateLimit`, of draft-ietf-httpapi-ratelimit-headers-11.
    Draft11,
    /// `RateLimit-Limit`, `-Remaining` and `-Reset`, of draft-polli-ratelimit-headers-03.
    Draft03,
    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset`, the last in seconds from now.
    XRateLimit,
    /// The same, the last in seconds since 1970.
    XRateLimitEpoch,
}

/// What becomes of such headers that the upstream sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upstream {
    /// They stay, and ours are left out.
    Keep,
    /// Ours stand in their place.
    Replace,
    /// Whichever is stricter: the one that leaves less, or as much for longer.
    Merge,
}

/// A policy as the client is to see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shown<'a> {
    /// Letters, digits, `_`, `-` and `.`: a String of Structured Fields needs no escapes for them.
    pub name: &'a str,
    pub quota: u32,
    /// Seconds.
    pub window: u64,
    pub remaining: u32,
    /// Seconds from now.
    pub reset: u64,
}

/// The names of a dialect's fields, in the order of [`fields`].
fn names(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::Draft11 => &["ratelimit-policy", "ratelimit"],
        Dialect::Draft03 => &["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
        Dialect::XRateLimit | Dialect::XRateLimitEpoch => {
            &["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]
        }
    }
}

/// Whether two dialects write the same fields.
pub(crate) fn clash(one: Dialect, other: Dialect) -> bool {
    names(one) == names(other)
}

/// The fields that say how these policies stand; none where there is no policy. `now` is in seconds since 1970.
pub(crate) fn fields(dialect: Dialect, shown: &[Shown<'_>], now: u64) -> Vec<(&'static str, Vec<u8>)> {
    let Some(tightest) = shown.iter().min_by_key(|policy| (policy.remaining, u64::MAX - policy.reset)) else {
        return Vec::new();
    };
    let values = match dialect {
        Dialect::Draft11 => vec![list(shown, push_policy), list(shown, push_limit)],
        Dialect::Draft03 => {
            let mut limit = decimal(tightest.quota.into());
            limit.push_str(", ");
            limit.push_str(&list(shown, push_quota));
            vec![limit, decimal(tightest.remaining.into()), decimal(tightest.reset)]
        }
        Dialect::XRateLimit | Dialect::XRateLimitEpoch => {
            let since = if dialect == Dialect::XRateLimitEpoch { now } else { 0 };
            let reset = decimal(tightest.reset.saturating_add(since));
            vec![decimal(tightest.quota.into()), decimal(tightest.remaining.into()), reset]
        }
    };
    names(dialect).iter().copied().zip(values.into_iter().map(String::into_bytes)).collect()
}

/// Writes the fields to a response, and does to those of the upstream what is to be done.
///
/// # Errors
/// The host refuses a call on the headers.
pub(crate) fn write(
    headers: &mut dyn Headers,
    dialect: Dialect,
    upstream: Upstream,
    shown: &[Shown<'_>],
    now: u64,
) -> Result<(), Refused> {
    let fields = fields(dialect, shown, now);
    let fields = match upstream {
        Upstream::Replace => fields,
        Upstream::Keep if any(headers, names(dialect))? => return Ok(()),
        Upstream::Keep => fields,
        Upstream::Merge if dialect == Dialect::Draft11 => merge_lists(headers, fields)?,
        Upstream::Merge => match headers.get(names(dialect).get(1).copied().unwrap_or_default())? {
            Some(theirs) if first_integer(&theirs).is_some_and(|theirs| theirs < tightest(shown)) => return Ok(()),
            _ => fields,
        },
    };
    fields.iter().try_for_each(|(name, value)| headers.set(name, value))
}

fn any(headers: &dyn Headers, names: &[&str]) -> Result<bool, Refused> {
    for name in names {
        if headers.contains(name)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn tightest(shown: &[Shown<'_>]) -> u64 {
    shown.iter().map(|policy| policy.remaining.into()).min().unwrap_or(u64::MAX)
}

/// The lists of both, in which no policy stands twice: of a name that both have, the stricter one stays. Where what the
/// upstream sent is not to be understood, ours stand in its place.
fn merge_lists(
    headers: &dyn Headers,
    fields: Vec<(&'static str, Vec<u8>)>,
) -> Result<Vec<(&'static str, Vec<u8>)>, Refused> {
    let [policy_name, limit_name] = ["ratelimit-policy", "ratelimit"];
    // All values of a name are found only in a copy of all headers, and most upstreams send none. One that says no more
    // than what its policies are has nothing to be stricter with.
    if !headers.contains(limit_name)? {
        return Ok(fields);
    }
    let theirs = [headers.all(policy_name)?.join(&b", "[..]), headers.all(limit_name)?.join(&b", "[..])];
    let ours: Vec<Vec<u8>> = fields.iter().map(|(_, value)| value.clone()).collect();
    let (Some(their_policies), Some(their_limits)) = (structured::members(&theirs[0]), structured::members(&theirs[1]))
    else {
        return Ok(fields);
    };
    let [Some(policies), Some(limits)] = [0, 1].map(|index| structured::members(ours.get(index)?)) else {
        return Ok(fields);
    };
    // Whether the upstream's policy of this name stays, and ours does not.
    let is_theirs = |name: &[u8]| {
        let (ours, theirs) = (named(&limits, name), named(&their_limits, name));
        match (ours, theirs) {
            (Some(ours), Some(theirs)) => is_stricter(theirs, ours),
            (None, _) => true,
            (Some(_), None) => false,
        }
    };
    let merged = |ours: &[Member<'_>], theirs: &[Member<'_>]| {
        let ours = ours.iter().filter(|member| !is_theirs(&member.name));
        let theirs = theirs.iter().filter(|member| is_theirs(&member.name));
        ours.chain(theirs).map(|member| member.text).collect::<Vec<_>>().join(&b", "[..])
    };
    Ok(vec![(policy_name, merged(&policies, &their_policies)), (limit_name, merged(&limits, &their_limits))])
}

fn named<'m, 'a>(members: &'m [Member<'a>], name: &[u8]) -> Option<&'m Member<'a>> {
    members.iter().find(|member| member.name == name)
}

/// Whether a member leaves less than another, or as much for longer.
fn is_stricter(member: &Member<'_>, than: &Member<'_>) -> bool {
    match (member.integer("r"), than.integer("r")) {
        (Some(left), Some(other)) if left == other => member.integer("t") > than.integer("t"),
        (Some(left), Some(other)) => left < other,
        (left, _) => left.is_some(),
    }
}

/// The integer that a field begins with: a list of draft-03 has its own value first.
fn first_integer(value: &[u8]) -> Option<u64> {
    let first = value.split(|byte| matches!(byte, b',' | b';')).next()?.trim_ascii();
    if first.iter().all(u8::is_ascii_digit) { std::str::from_utf8(first).ok()?.parse().ok() } else { None }
}

fn list(shown: &[Shown<'_>], push_member: fn(&mut String, &Shown<'_>)) -> String {
    let mut list = String::with_capacity(shown.len() * 48);
    for policy in shown {
        if !list.is_empty() {
            list.push_str(", ");
        }
        push_member(&mut list, policy);
    }
    list
}

fn push_policy(list: &mut String, policy: &Shown<'_>) {
    push_name(list, policy.name);
    push_parameter(list, ";q=", policy.quota.into());
    push_parameter(list, ";w=", policy.window);
}

fn push_limit(list: &mut String, policy: &Shown<'_>) {
    push_name(list, policy.name);
    push_parameter(list, ";r=", policy.remaining.into());
    push_parameter(list, ";t=", policy.reset);
}

fn push_quota(list: &mut String, policy: &Shown<'_>) {
    push_decimal(list, policy.quota.into());
    push_parameter(list, ";w=", policy.window);
}

fn push_name(list: &mut String, name: &str) {
    list.push('"');
    list.push_str(name);
    list.push('"');
}

fn push_parameter(list: &mut String, key: &str, value: u64) {
    list.push_str(key);
    push_decimal(list, value);
}

pub(crate) fn decimal(number: u64) -> String {
    let mut text = String::new();
    push_decimal(&mut text, number);
    text
}

#[cfg(test)]
mod tests;
