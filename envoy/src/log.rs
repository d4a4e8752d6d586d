//! Envoy's log: one line is one message, because of the format that [`FORMAT`] asks for.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Envoy's `--log-format`: thread, level, component, and the message with its line breaks escaped.
pub(crate) const FORMAT: &str = "[%t][%l][%n] %_";

/// A long run must not fill the memory with its log; a report needs the last lines.
const KEPT: usize = 50_000;

/// One message of Envoy's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The number of the thread; empty where the line has another form than Envoy's log.
    pub thread: String,
    /// `info`, `warning`, `error`, `critical`; empty as above.
    pub level: String,
    /// Envoy's component, such as `wasm` or `config`; empty as above.
    pub component: String,
    /// The message, line breaks restored.
    pub text: String,
}

impl Line {
    /// Takes a line of the log apart; a line of another form becomes a bare text.
    pub fn parse(line: &str) -> Line {
        match Line::parts(line) {
            Some([thread, level, component, text]) => Line {
                thread: thread.into(),
                level: level.into(),
                component: component.into(),
                text: text.trim_end_matches("\\n").replace("\\n", "\n"),
            },
            None => Line { thread: String::new(), level: String::new(), component: String::new(), text: line.into() },
        }
    }

    fn parts(line: &str) -> Option<[&str; 4]> {
        let (thread, rest) = line.strip_prefix('[')?.split_once("][")?;
        let (level, rest) = rest.split_once("][")?;
        let (component, text) = rest.split_once("] ")?;
        Some([thread, level, component, text])
    }

    /// What a filter logged: the names that stand before it (plugin and `vm_id`, or `vm_id` alone), and the message.
    pub fn from_filter(&self) -> Option<(&str, &str)> {
        self.text.strip_prefix("wasm log")?.trim_start().split_once(": ")
    }

    /// The message, if the filter of this name logged it.
    pub fn of_filter(&self, name: &str) -> Option<&str> {
        let (names, message) = self.from_filter()?;
        names.split(' ').all(|it| it == name).then_some(message)
    }

    /// Whether the message says that a running VM trapped.
    ///
    /// Envoy says "Wasm VM failed" of modules that do not load, too; a trap is told with the function.
    pub fn is_trap(&self) -> bool {
        tells_of_trap(&self.text)
    }

    /// Whether Envoy itself calls it an error.
    pub fn is_error(&self) -> bool {
        matches!(self.level.as_str(), "error" | "critical")
    }
}

/// Whether this is, or repeats, Envoy's word that a VM trapped.
pub(crate) fn tells_of_trap(text: &str) -> bool {
    text.contains("Function: ") && text.contains(" failed: ")
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level.as_str() {
            "" => f.write_str(&self.text),
            level => write!(f, "[{level}][{}] {}", self.component, self.text),
        }
    }
}

type Watcher = Box<dyn Fn(&Line) + Send + Sync>;

/// The log of one Envoy, as far as it was read.
#[derive(Default)]
pub struct Log {
    lines: Mutex<Kept>,
    watcher: Option<Watcher>,
}

#[derive(Default)]
struct Kept {
    lines: VecDeque<Line>,
    dropped: usize,
}

impl Log {
    /// A log that also shows each line, as it comes, to `watcher`.
    pub fn watched(watcher: impl Fn(&Line) + Send + Sync + 'static) -> Log {
        Log { lines: Mutex::default(), watcher: Some(Box::new(watcher)) }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one line as Envoy wrote it, without its end.
    pub fn push(&self, line: &str) {
        let line = Line::parse(line);
        if let Some(watcher) = &self.watcher {
            watcher(&line);
        }
        let mut kept = self.kept();
        if kept.lines.len() == KEPT {
            kept.lines.pop_front();
            kept.dropped += 1;
        }
        kept.lines.push_back(line);
    }

    /// The number of lines so far: a mark for [`Log::since`].
    pub fn mark(&self) -> usize {
        let kept = self.kept();
        kept.dropped + kept.lines.len()
    }

    /// The lines since a mark.
    pub fn since(&self, mark: usize) -> Vec<Line> {
        let kept = self.kept();
        kept.lines.iter().skip(mark.saturating_sub(kept.dropped)).cloned().collect()
    }

    /// All lines that are kept.
    pub fn all(&self) -> Vec<Line> {
        self.since(0)
    }

    /// What the filter of this name logged on whatever thread, in order.
    pub fn of_filter(&self, name: &str) -> Vec<String> {
        self.kept().lines.iter().filter_map(|line| line.of_filter(name)).map(str::to_owned).collect()
    }

    /// The lines that the filter of this name logged since a mark, in order, and the mark after them.
    pub fn of_filter_since(&self, name: &str, mark: usize) -> (Vec<Line>, usize) {
        let kept = self.kept();
        let lines = kept.lines.iter().skip(mark.saturating_sub(kept.dropped));
        let lines = lines.filter(|line| line.of_filter(name).is_some()).cloned().collect();
        (lines, kept.dropped + kept.lines.len())
    }

    /// What explains a failure: what filters logged, and what Envoy calls an error; all there is where that is nothing.
    pub fn explanation(&self) -> String {
        let lines = self.all();
        let telling: Vec<_> = lines.iter().filter(|it| it.is_error() || it.from_filter().is_some()).collect();
        let shown = if telling.is_empty() { lines.iter().collect() } else { telling };
        let last = shown.len().saturating_sub(40);
        shown[last..].iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("lines", &self.mark()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart_and_its_breaks_restored() {
        let line = Line::parse(r"[7][warning][config] rejected: a: no\nb: no\n");
        assert_eq!((&*line.thread, &*line.level, &*line.component), ("7", "warning", "config"));
        assert_eq!(line.text, "rejected: a: no\nb: no");
        assert_eq!(Line::parse("[not a log line").text, "[not a log line");
    }

    #[test]
    fn a_filters_lines_are_told_from_anothers() {
        let lines = ["wasm log c1 c1: up: at once", "wasm log c1: request[0]: no", "wasm log c11 c11: x", "c1: y"];
        let found: Vec<_> = lines.map(|text| Line::parse(&format!("[7][info][wasm] {text}"))).to_vec();
        let of: Vec<_> = found.iter().filter_map(|line| line.of_filter("c1")).collect();
        assert_eq!(of, ["up: at once", "request[0]: no"]);
    }

    #[test]
    fn a_trap_is_told_from_a_module_that_does_not_load() {
        let trap = "Wasm VM failed Function: proxy_on_request_headers failed: Uncaught RuntimeError: unreachable";
        assert!(Line::parse(&format!("[7][error][wasm] {trap}")).is_trap());
        assert!(!Line::parse("[7][error][wasm] Wasm VM failed Failed to load Wasm code").is_trap());
    }

    #[test]
    fn what_explains_a_failure_is_the_filters_log_and_envoys_errors() {
        let log = Log::default();
        for line in [
            "[7][warning][main] noise",
            "[7][info][wasm] wasm log a: no",
            "[7][critical][wasm] Plugin a failed to load",
        ] {
            log.push(line);
        }
        let text = log.explanation();
        assert!(
            !text.contains("noise") && text.contains("wasm log a: no") && text.contains("failed to load"),
            "{text}"
        );
        assert_eq!(log.since(2).len(), 1);
        let since = |mark| {
            let (lines, after) = log.of_filter_since("a", mark);
            (lines.into_iter().map(|line| (line.thread, line.text)).collect::<Vec<_>>(), after)
        };
        assert_eq!(since(1), (vec![("7".to_owned(), "wasm log a: no".to_owned())], 3));
        assert_eq!(since(2), (vec![], 3));
    }
}
