//! The configuration: the policies, and what is common to them.

use weir_kit::address::Trust;
use weir_kit::clock::SECOND;
use weir_kit::json::{Error, Kind, Reader};

use crate::answer::{Answer, Body};
use crate::bucket::{Algorithm, Limit};
use crate::cost::Cost;
use crate::dialect::{Dialect, Upstream};
use crate::exempt::Exempt;
use crate::key::{Client, Part};
use crate::policy::Policy;

mod policies;
mod requests;
mod words;

use words::{MOST_TEXT, header_name, is_text, name, networks};

/// The most policies: each costs every request it is for two calls to the host.
const MOST_POLICIES: usize = 16;
/// The most slots of a policy.
const MOST_SLOTS: u64 = 1 << 20;
const MOST_RETRIES: u64 = 1000;
const MOST_HOPS: u64 = 32;

const FIELDS: [&str; 6] = ["policies", "trust", "exempt", "headers", "limited", "state"];
const TRUST_FIELDS: [&str; 2] = ["hops", "networks"];
const HEADERS_FIELDS: [&str; 3] = ["dialects", "upstream", "shadow"];
const DIALECTS: [&str; 4] = ["draft-11", "draft-03", "x-ratelimit", "x-ratelimit-epoch"];
const UPSTREAM: [&str; 3] = ["merge", "replace", "keep"];
const LIMITED_FIELDS: [&str; 2] = ["status", "body"];
const BODY_FIELDS: [&str; 2] = ["content_type", "text"];
const BODIES: [&str; 2] = ["problem", "none"];
const STATE_FIELDS: [&str; 4] = ["name", "slots", "retries", "undecided"];
const UNDECIDED: [&str; 2] = ["reject", "admit"];

/// Everything that was configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub policies: Vec<Policy>,
    pub trust: Trust,
    /// Requests that no policy is for.
    pub exempt: Exempt,
    pub dialects: Vec<Dialect>,
    pub upstream: Upstream,
    /// The request header that tells the upstream which policies in shadow were exceeded.
    pub shadow_header: String,
    pub answer: Answer,
    pub state: State,
}

/// How budgets are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// Plugins with the same one share the budgets of policies with the same name.
    pub name: String,
    /// How many keys each policy has room for.
    pub slots: u32,
    /// How often a write may conflict before a request is undecided.
    pub retries: u32,
    /// Whether a request is let through of which it is not known whether it exceeds anything.
    pub admit_undecided: bool,
}

impl Default for Config {
    /// What goes without saying, and no policy.
    fn default() -> Config {
        Config {
            policies: Vec::new(),
            trust: Trust::Proxy,
            exempt: Exempt::default(),
            dialects: vec![Dialect::Draft11],
            upstream: Upstream::Merge,
            shadow_header: "x-ratelimit-shadowed".to_owned(),
            answer: Answer { status: 429, body: Body::Problem },
            state: State { name: "default".to_owned(), slots: 4096, retries: 32, admit_undecided: false },
        }
    }
}

impl Config {
    /// Reads the configuration's JSON; no bytes at all mean ten requests in ten seconds for each client's address.
    ///
    /// # Errors
    /// Names the field, what was expected there and what stood there instead: see `config.schema.json`.
    pub(crate) fn read(text: &[u8]) -> Result<Config, Error> {
        let mut config = Config::default();
        if text.is_empty() {
            config.policies.push(unsaid());
            return Ok(config);
        }
        let mut reader = Reader::new(text);
        let mut policies = None;
        reader.object(&FIELDS, &mut |reader, field| {
            match field {
                0 => policies = Some(policies::read(reader, MOST_POLICIES)?),
                1 => config.trust = trust(reader)?,
                2 => config.exempt = requests::exempt(reader)?,
                3 => headers(reader, &mut config)?,
                4 => config.answer = answer(reader)?,
                _ => config.state = state(reader)?,
            }
            Ok(())
        })?;
        config.policies = policies.ok_or_else(|| reader.refuse("policies", "an array", "nothing"))?;
        reader.end()?;
        Ok(config)
    }
}

/// The policy of a filter that is not configured.
fn unsaid() -> Policy {
    Policy {
        name: "default".to_owned(),
        key: vec![Part::Client(Client { v4: 32, v6: 64, groups: Vec::new() })],
        skip_missing: false,
        limit: Limit { algorithm: Algorithm::Gcra, quota: 10, capacity: 10, window: 10 * SECOND },
        cost: Cost::Constant(1),
        shadow: false,
        exempt: Exempt::default(),
    }
}

fn trust(reader: &mut Reader<'_>) -> Result<Trust, Error> {
    let mut trust = None;
    reader.object(&TRUST_FIELDS, &mut |reader, field| {
        if trust.is_some() {
            return Err(reader.refuse_value("either \"hops\" or \"networks\"", "both"));
        }
        trust = Some(match field {
            0 => Trust::Hops(reader.integer(1, MOST_HOPS)? as usize),
            _ => Trust::Networks(networks(reader)?),
        });
        Ok(())
    })?;
    trust.ok_or_else(|| reader.refuse_value("either \"hops\" or \"networks\"", "neither"))
}

fn headers(reader: &mut Reader<'_>, config: &mut Config) -> Result<(), Error> {
    reader.object(&HEADERS_FIELDS, &mut |reader, field| {
        match field {
            0 => config.dialects = dialects(reader)?,
            1 => {
                config.upstream = match reader.word(&UPSTREAM)? {
                    0 => Upstream::Merge,
                    1 => Upstream::Replace,
                    _ => Upstream::Keep,
                }
            }
            _ => config.shadow_header = header_name(reader)?,
        }
        Ok(())
    })
}

fn dialects(reader: &mut Reader<'_>) -> Result<Vec<Dialect>, Error> {
    let mut dialects = Vec::new();
    reader.array(DIALECTS.len(), &mut |reader| {
        let dialect = match reader.word(&DIALECTS)? {
            0 => Dialect::Draft11,
            1 => Dialect::Draft03,
            2 => Dialect::XRateLimit,
            _ => Dialect::XRateLimitEpoch,
        };
        // Two that write the same headers are as good as one that stands twice.
        if dialects.iter().any(|known| crate::dialect::clash(*known, dialect)) {
            return Err(reader.refuse_value("dialects with headers of their own", "one whose headers another writes"));
        }
        dialects.push(dialect);
        Ok(())
    })?;
    Ok(dialects)
}

fn answer(reader: &mut Reader<'_>) -> Result<Answer, Error> {
    let mut answer = Config::default().answer;
    reader.object(&LIMITED_FIELDS, &mut |reader, field| {
        match field {
            0 => answer.status = reader.integer(400, 599)? as u16,
            _ => answer.body = body(reader)?,
        }
        Ok(())
    })?;
    Ok(answer)
}

fn body(reader: &mut Reader<'_>) -> Result<Body, Error> {
    match reader.kind() {
        Kind::String => Ok(if reader.word(&BODIES)? == 0 { Body::Problem } else { Body::None }),
        Kind::Object => {
            let (mut content_type, mut text) = ("text/plain; charset=utf-8".to_owned(), None);
            reader.object(&BODY_FIELDS, &mut |reader, field| {
                match field {
                    0 => {
                        content_type = reader.string_where("1 to 256 visible characters and spaces", words::is_value)?
                    }
                    _ => text = Some(reader.string_where(MOST_TEXT, is_text)?),
                }
                Ok(())
            })?;
            let text = text.ok_or_else(|| reader.refuse("text", "a string", "nothing"))?;
            Ok(Body::Text { content_type, text })
        }
        _ => Err(reader.refuse_value("\"problem\", \"none\" or an object", "something else")),
    }
}

fn state(reader: &mut Reader<'_>) -> Result<State, Error> {
    let mut state = Config::default().state;
    reader.object(&STATE_FIELDS, &mut |reader, field| {
        match field {
            0 => state.name = name(reader)?,
            1 => state.slots = reader.integer(1, MOST_SLOTS)? as u32,
            2 => state.retries = reader.integer(0, MOST_RETRIES)? as u32,
            _ => state.admit_undecided = reader.word(&UNDECIDED)? == 1,
        }
        Ok(())
    })?;
    Ok(state)
}

#[cfg(test)]
mod tests;
