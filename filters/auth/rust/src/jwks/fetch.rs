//! Keys that come from the network: when to ask for them, who asks, and what is kept. A state machine without a clock or
//! a network of its own: it is told what time it is, and says what to do.
//!
//! The workers of a proxy share two values for each source. The **note** says when keys came, when the next attempt is
//! due, and until when somebody is at it; who writes himself in with compare-and-swap fetches for all. The **body** is
//! the set as it came. Keys are replaced by newer ones only: a fetch that fails, or that brings no set of keys, changes
//! the time of the next attempt and nothing else.

use weir_kit::push_decimal;
use weir_kit::shared::{NotWritten, SharedData, Version};

use super::{KeySet, SetError};
use crate::keys::Algorithm;

/// The most bytes of a set.
pub(crate) const MOST_BODY: usize = 256 * 1024;
/// How long after one attempt the next may come while there are no keys at all, in milliseconds.
const FIRST_COOLDOWN: u64 = 1000;
/// How often a note is tried that another worker writes to at the same time.
const TRIES: usize = 16;

/// Where keys come from, and how often. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// The cluster that is asked.
    pub cluster: String,
    /// `:authority` of the request.
    pub authority: String,
    /// `:path` of the request.
    pub path: String,
    /// The algorithms that keys may be for; none for all.
    pub allowed: Vec<Algorithm>,
    /// How long keys are good before they are asked for again.
    pub ttl: u64,
    /// How long after one attempt the next may come at the earliest, whatever it is for: after one that failed, and after
    /// one for a token whose key was not among them.
    pub cooldown: u64,
    /// How long an attempt may take.
    pub timeout: u64,
}

/// What to do about a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing.
    Wait,
    /// Ask its cluster, and tell [`Fetcher::arrived`] or [`Fetcher::failed`].
    Fetch,
}

/// What a worker knows of a source.
#[derive(Clone, Debug)]
pub(crate) struct Fetcher {
    source: Source,
    note_key: String,
    body_key: String,
    /// The keys in force in this worker.
    keys: Option<KeySet>,
    /// Which body they are of.
    generation: u64,
    /// Whether a token asked for a key that is not among them, and at what time.
    wanted: Option<u64>,
    /// Whether this worker is asking.
    asking: bool,
}

/// What the workers tell each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Note {
    /// Counts the bodies; zero while there is none.
    generation: u64,
    /// When the body came.
    fetched: u64,
    /// When the last attempt began.
    attempted: u64,
    /// Until when somebody is at it; zero where nobody is.
    busy_until: u64,
}

impl Note {
    const FORMAT: u8 = 1;

    fn read(bytes: &[u8]) -> Note {
        let number = |at: usize| {
            let bytes = bytes.get(1 + at * 8..)?.first_chunk::<8>()?;
            Some(u64::from_le_bytes(*bytes))
        };
        let read = || {
            let note =
                Note { generation: number(0)?, fetched: number(1)?, attempted: number(2)?, busy_until: number(3)? };
            Some(note).filter(|_| bytes.first() == Some(&Note::FORMAT) && bytes.len() == 33)
        };
        // What another version of this filter wrote is as good as nothing.
        read().unwrap_or_default()
    }

    fn write(&self) -> Vec<u8> {
        let mut bytes = vec![Note::FORMAT];
        for number in [self.generation, self.fetched, self.attempted, self.busy_until] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// Whether somebody should ask now. A clock that was set back makes everything due: times that lie ahead say nothing.
    fn due(&self, source: &Source, wanted: bool, now: u64) -> bool {
        let since = |then: u64| now.checked_sub(then);
        if self.busy_until > now && self.busy_until - now <= source.timeout {
            return false;
        }
        // Without any keys every request waits for them: then it is not the token's turn to wait.
        let cooldown = if self.generation == 0 { source.cooldown.min(FIRST_COOLDOWN) } else { source.cooldown };
        if self.attempted > 0 && since(self.attempted).is_some_and(|ago| ago < cooldown) {
            return false;
        }
        wanted || self.generation == 0 || since(self.fetched).is_none_or(|age| age >= source.ttl)
    }
}

impl Fetcher {
    /// A worker that knows nothing yet.
    pub(crate) fn new(source: Source) -> Fetcher {
        let mut name = [source.cluster.as_str(), "/", &source.authority, &source.path].concat();
        // A set that is good for one list of algorithms may be good for nothing to another.
        for algorithm in &source.allowed {
            name.push(' ');
            push_decimal(&mut name, *algorithm as u64);
        }
        let (note_key, body_key) = (["auth.note.", &name].concat(), ["auth.keys.", &name].concat());
        Fetcher { source, note_key, body_key, keys: None, generation: 0, wanted: None, asking: false }
    }

    /// Where the keys come from.
    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// The keys in force; none until the first came.
    pub(crate) fn keys(&self) -> Option<&KeySet> {
        self.keys.as_ref()
    }

    /// A token asked for a key that is not among them.
    pub(crate) fn want(&mut self, now: u64) {
        self.wanted = Some(now);
    }

    /// Whether something is missing, so that it is worth to be asked again soon.
    pub(crate) fn hurries(&self) -> bool {
        self.keys.is_none() || self.wanted.is_some() || self.asking
    }

    /// Takes over what other workers have, or had before this configuration came.
    pub(crate) fn recall(&mut self, data: &impl SharedData) {
        if let Ok(Some((bytes, _))) = data.get(&self.note_key) {
            let note = Note::read(&bytes);
            if note.generation > 0 {
                self.adopt(data, note.generation);
            }
        }
    }

    /// What to do now. Says also whether the keys in force are others than before.
    pub(crate) fn tick(&mut self, data: &impl SharedData, now: u64) -> (Step, bool) {
        let Ok(read) = data.get(&self.note_key) else { return (Step::Wait, false) };
        let version = read.as_ref().map(|(_, version)| *version);
        let note = read.map_or(Note::default(), |(bytes, _)| Note::read(&bytes));
        let renewed = note.generation != self.generation && self.adopt(data, note.generation);
        if self.wanted.is_some_and(|when| when < note.fetched) {
            // Newer keys came since the token asked: if it asks again, that is another matter.
            self.wanted = None;
        }
        if self.asking || !note.due(&self.source, self.wanted.is_some(), now) {
            return (Step::Wait, renewed);
        }
        let mine = Note { attempted: now, busy_until: now.saturating_add(self.source.timeout), ..note };
        if put(data, &self.note_key, &mine.write(), version).is_err() {
            // Another worker was quicker: it asks for all.
            return (Step::Wait, renewed);
        }
        self.asking = true;
        self.wanted = None;
        (Step::Fetch, renewed)
    }

    /// The answer came, with status 200. Says whether the keys in force are others than before.
    ///
    /// # Errors
    /// It holds no set of keys: those in force stay.
    pub(crate) fn arrived(&mut self, data: &impl SharedData, body: &[u8], now: u64) -> Result<bool, SetError> {
        let keys = match KeySet::read(body, &self.source.allowed) {
            Ok((keys, _)) => keys,
            Err(error) => {
                self.failed(data);
                return Err(error);
            }
        };
        self.asking = false;
        self.keys = Some(keys);
        // The body first: who sees the note finds the body that it speaks of, or a newer one.
        if data.overwrite(&self.body_key, body).is_ok() {
            let note = self.amend(data, |note| {
                note.generation = note.generation.wrapping_add(1).max(1);
                note.fetched = now;
                note.busy_until = 0;
            });
            self.generation = note.map_or(self.generation, |note| note.generation);
        }
        Ok(true)
    }

    /// The attempt failed: the keys in force stay, and after the cooldown somebody asks again.
    pub(crate) fn failed(&mut self, data: &impl SharedData) {
        self.asking = false;
        self.amend(data, |note| note.busy_until = 0);
    }

    /// Takes over the body that another worker brought.
    fn adopt(&mut self, data: &impl SharedData, generation: u64) -> bool {
        let Ok(Some((body, _))) = data.get(&self.body_key) else { return false };
        // Once is enough for a body that is no good to this configuration, which may allow other algorithms.
        self.generation = generation;
        match KeySet::read(&body, &self.source.allowed) {
            Ok((keys, _)) => {
                self.keys = Some(keys);
                true
            }
            Err(_) => false,
        }
    }

    /// Changes the note, and again where another worker changed it meanwhile. Where it cannot be changed, the next
    /// attempt comes later, when nobody is thought to be at it any more.
    fn amend(&self, data: &impl SharedData, change: impl Fn(&mut Note)) -> Option<Note> {
        for _ in 0..TRIES {
            let read = data.get(&self.note_key).ok()?;
            let version = read.as_ref().map(|(_, version)| *version);
            let mut note = read.map_or(Note::default(), |(bytes, _)| Note::read(&bytes));
            change(&mut note);
            match put(data, &self.note_key, &note.write(), version) {
                Ok(()) => return Some(note),
                Err(NotWritten::Conflict) => {}
                Err(NotWritten::Refused) => return None,
            }
        }
        None
    }
}

fn put(data: &impl SharedData, key: &str, value: &[u8], version: Option<Version>) -> Result<(), NotWritten> {
    match version {
        Some(version) => data.replace(key, value, version),
        None => data.create(key, value),
    }
}

#[cfg(test)]
mod tests;
