//! The words that a filter knows, as far as its cases show them: what it looks at is more telling than noise.

use std::collections::BTreeSet;

use crate::case::Case;
use crate::expect::Expected;
use crate::value::Header;

/// Names that a filter looks for, found in its cases.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// Names of headers, of requests and responses alike.
    pub headers: Vec<String>,
    /// What may name a parameter of a query, a cookie, a claim: the strings of the configurations.
    pub others: Vec<String>,
}

/// Longer strings of a configuration are keys and bodies, not names.
const LONGEST: usize = 40;

/// Headers that belong to a connection, or that say what follows: a client that sends them wrongly is stopped before any
/// filter, or waits for something that never comes.
const FRAMING: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl Words {
    pub(super) fn of(cases: &[Case]) -> Words {
        let (mut headers, mut others) = (BTreeSet::new(), BTreeSet::new());
        for case in cases {
            let configuration = case.configuration.as_ref().map(|it| String::from_utf8_lossy(&it.0));
            for word in configuration.iter().flat_map(|text| text.split('"').skip(1).step_by(2)) {
                others.extend((1..=LONGEST).contains(&word.len()).then(|| word.to_owned()));
            }
            for step in &case.steps {
                let request = step.request.iter().flat_map(|it| it.headers.iter().chain(&it.trailers));
                headers.extend(request.chain(&step.upstream.headers).map(|it| it.name.clone()));
                if let Some(Expected::Present(it)) = &step.expect.upstream {
                    headers.extend(it.headers.keys().cloned());
                }
                if let Some(Expected::Present(it)) = &step.expect.response {
                    headers.extend(it.headers.keys().cloned());
                }
            }
        }
        headers.extend(others.iter().map(|word| word.to_ascii_lowercase()).filter(|word| is_name(word)));
        headers.retain(|name| !is_framing(name));
        Words { headers: headers.into_iter().collect(), others: others.into_iter().collect() }
    }

    /// The name of a header: mostly one that the filter knows.
    pub(super) fn header(&self, dice: &mut fastrand::Rng) -> String {
        let known = ["authorization", "cookie", "content-type", "x-forwarded-for", "accept", "via", "x", "set-cookie"];
        match dice.choice(&self.headers) {
            Some(name) if dice.u8(..4) > 0 => name.clone(),
            _ => known[dice.usize(..known.len())].to_owned(),
        }
    }

    /// Some other name: of a parameter, a cookie, a field.
    pub(super) fn other(&self, dice: &mut fastrand::Rng) -> String {
        match dice.choice(&self.others) {
            Some(word) if dice.u8(..4) > 0 => word.clone(),
            _ => ["a", "", "id", "access_token", "__proto__"][dice.usize(..5)].to_owned(),
        }
    }
}

/// Whether a header is one that a hostile client must not be given.
pub(super) fn is_framing(name: &str) -> bool {
    FRAMING.contains(&name)
}

/// Leaves out the headers that are not the generator's to change.
pub(super) fn without_framing(headers: Vec<Header>) -> Vec<Header> {
    headers.into_iter().filter(|it| it.name == "host" || !is_framing(&it.name)).collect()
}

fn is_name(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}
