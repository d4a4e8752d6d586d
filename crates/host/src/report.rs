//! What a filter said, did and cost.

use std::collections::BTreeMap;
use std::fmt;

use crate::abi::LogLevel;

/// A line that a filter logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How grave it is.
    pub level: LogLevel,
    /// The text, what is not UTF-8 replaced.
    pub message: String,
}

/// What guests cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Instructions that guests executed, those of the allocator among them, and one for each function that was entered.
    /// Instructions that only structure code (`block`, `end`, `nop`) count nothing, and 64 bytes copied at once count one.
    pub instructions: u64,
    /// Host calls by name, without the module's: `proxy_get_property`.
    pub host_calls: BTreeMap<String, u64>,
    /// Calls into guests by the export's name: `proxy_on_request_headers`. The allocator is one of them.
    pub callbacks: BTreeMap<String, u64>,
    /// How many bytes the largest memory had. Memory never shrinks, so this is a high water mark since the VM's start.
    pub memory: usize,
}

impl Counts {
    /// What was counted since `before`, a copy made earlier.
    pub fn since(&self, before: &Counts) -> Counts {
        let difference = |now: &BTreeMap<String, u64>, before: &BTreeMap<String, u64>| {
            let each = now.iter().map(|(name, count)| (name.clone(), count - before.get(name).unwrap_or(&0)));
            each.filter(|(_, count)| *count > 0).collect()
        };
        Counts {
            instructions: self.instructions - before.instructions,
            host_calls: difference(&self.host_calls, &before.host_calls),
            callbacks: difference(&self.callbacks, &before.callbacks),
            memory: self.memory,
        }
    }

    pub(crate) fn add(&mut self, other: &Counts) {
        self.instructions += other.instructions;
        self.memory = self.memory.max(other.memory);
        for (ours, theirs) in [(&mut self.host_calls, &other.host_calls), (&mut self.callbacks, &other.callbacks)] {
            theirs.iter().for_each(|(name, count)| *ours.entry(name.clone()).or_default() += count);
        }
    }
}

/// A trap: the guest did what no instruction may do, ran out of fuel, or called what it may not call now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap {
    /// The export that was called.
    pub callback: String,
    /// What happened.
    pub reason: String,
    /// The functions in which it happened, the innermost first: names from the module or from its `.symbols` file.
    pub frames: Vec<String>,
    /// What the guest logged as an error in that call: a panic says there what it is about.
    pub log: Vec<LogLine>,
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} trapped: {}", self.callback, self.reason)?;
        self.log.iter().try_for_each(|line| write!(f, "\n  it had logged: {}", line.message))?;
        self.frames.iter().try_for_each(|frame| write!(f, "\n  in {frame}"))
    }
}

impl std::error::Error for Trap {}
