//! The stages in their order, each kept only if it is sound and saves something.

use serde::Serialize;
use thiserror::Error;
use wasmparser::Validator;

use crate::lint::{Finding, abi_version, lint};
use crate::module::Facts;
use crate::{abi, features, optimise, prune, strip, symbols, trial};

/// Whether the last stage runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Optimiser {
    /// Run Binaryen: seconds for each module.
    Run,
    /// Leave it out, for a build that somebody waits for.
    Skip,
}

/// A stage of the pipeline, as the report names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StageName {
    /// As the toolchain linked it.
    Linked,
    /// Without the exports that nothing calls.
    Pruned,
    /// Without the code that only they kept alive.
    Collected,
    /// Without custom sections.
    Stripped,
    /// After Binaryen.
    Optimised,
}

/// What a module weighs after a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// Which one.
    pub stage: StageName,
    /// Bytes of the module without its names. For `linked` it is the input as it stands, names and all; for
    /// `stripped` and `optimised` it is what would ship, and so counts the 13 bytes that make Envoy log backtraces.
    pub bytes: usize,
}

/// A stage whose output was thrown away, so that the one before it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// Which one.
    pub stage: StageName,
    /// Why, in a sentence.
    pub reason: String,
}

/// What was done, for the size report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The stages that were kept, in their order; the last one is what ships.
    pub stages: Vec<Stage>,
    /// The version of the ABI that the module speaks: `0.2.1`.
    pub abi: String,
    /// The callbacks that the input exports, declared or not.
    pub callbacks: Vec<&'static str>,
    /// How many things the input did when it was played, each of which every stage's output did as well; 0 where it
    /// could not be played, and the stages were only validated.
    pub played: usize,
    /// The stages that were not kept.
    pub dropped: Vec<Dropped>,
}

/// A module as it ships.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The module.
    pub wasm: Vec<u8>,
    /// Its functions, for the `.symbols` file.
    pub symbols: symbols::Symbols,
    /// What was done.
    pub report: Report,
}

/// Why nothing ships.
#[derive(Debug, Error)]
pub enum ShrinkError {
    /// Envoy would refuse the module, or misbehave with it.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Findings(Vec<Finding>),
    /// A module that passed the lint and cannot be cut up: a defect of this crate.
    #[error("the module passed every check, but cannot be taken apart: {0}")]
    Internal(String),
}

/// Lints, prunes, strips and optimises `wasm`, a filter that needs `callbacks` (export names) beside those that every
/// module keeps. The same input gives the same bytes.
///
/// # Errors
/// [`ShrinkError::Findings`] when Envoy would refuse the input, or misbehave with it.
pub fn shrink<C: AsRef<str>>(wasm: &[u8], callbacks: &[C], optimiser: Optimiser) -> Result<Shrunk, ShrinkError> {
    let findings = lint(wasm, callbacks);
    if !findings.is_empty() {
        return Err(ShrinkError::Findings(findings));
    }
    let (exported, played) = (exported(wasm), trial::play(wasm, callbacks));
    let mut line = Line { callbacks, exported, played, current: wasm.to_vec(), stages: vec![], dropped: vec![] };
    line.record(StageName::Linked, wasm.len());
    line.run(StageName::Pruned, |wasm| prune::prune(wasm, callbacks).map_err(|error| error.to_string()));
    line.run(StageName::Collected, |wasm| prune::collect(wasm).map_err(|error| error.to_string()));
    line.run(StageName::Stripped, |wasm| strip::only_names(wasm).map_err(|error| error.to_string()));
    if optimiser == Optimiser::Run {
        line.run(StageName::Optimised, |wasm| optimise::optimise(wasm).map_err(|error| error.to_string()));
    }
    line.finish()
}

/// The module on its way, with the names that it has so far.
struct Line<'a, C> {
    callbacks: &'a [C],
    exported: Vec<&'static str>,
    /// What the input does; where it cannot be played, the stages are not.
    played: Result<Vec<trial::Deed>, String>,
    current: Vec<u8>,
    stages: Vec<Stage>,
    dropped: Vec<Dropped>,
}

impl<C: AsRef<str>> Line<'_, C> {
    fn run(&mut self, stage: StageName, work: impl FnOnce(&[u8]) -> Result<Vec<u8>, String>) {
        let outcome = work(&self.current).and_then(|next| {
            judge(&self.current, &next, self.callbacks)?;
            if let Ok(played) = &self.played {
                compare(played, &trial::play(&next, self.callbacks)?)?;
            }
            Ok((weight(stage, &next)?, next))
        });
        match outcome {
            Ok((bytes, next)) => {
                self.current = next;
                self.record(stage, bytes);
            }
            Err(reason) => self.dropped.push(Dropped { stage, reason }),
        }
    }

    fn record(&mut self, stage: StageName, bytes: usize) {
        self.stages.push(Stage { stage, bytes });
    }

    fn finish(self) -> Result<Shrunk, ShrinkError> {
        let wasm = strip::shipped(&self.current).map_err(|error| ShrinkError::Internal(error.to_string()))?;
        let symbols =
            symbols::describe(&wasm, &self.current).map_err(|error| ShrinkError::Internal(error.to_string()))?;
        let abi = abi_version(&wasm).ok_or_else(|| ShrinkError::Internal("its ABI marker is gone".to_owned()))?;
        let (stages, callbacks, dropped) = (self.stages, self.exported, self.dropped);
        let played = self.played.map_or(0, |deeds| deeds.len());
        let report = Report { stages, abi: abi.to_string(), callbacks, played, dropped };
        Ok(Shrunk { wasm, symbols, report })
    }
}

/// Whether a stage's output does what the first input did.
fn compare(before: &[trial::Deed], after: &[trial::Deed]) -> Result<(), String> {
    if before == after {
        return Ok(());
    }
    let same = before.iter().zip(after).take_while(|(before, after)| before == after).count();
    let deed = |deeds: &[trial::Deed]| deeds.get(same).map_or("nothing more".to_owned(), String::clone);
    Err(format!("its output does not do the same: not \"{}\", but \"{}\"", deed(before), deed(after)))
}

/// The callbacks that a module exports, beside those that every module keeps.
fn exported(wasm: &[u8]) -> Vec<&'static str> {
    let facts = Facts::read(wasm).unwrap_or_default();
    let known = abi_version(wasm).into_iter().flat_map(abi::callbacks);
    known.filter(|name| !abi::KEPT.contains(name) && facts.export(name).is_some()).collect()
}

/// What a stage's output weighs, as [`Stage::bytes`] says.
fn weight(stage: StageName, wasm: &[u8]) -> Result<usize, String> {
    let counted = match stage {
        StageName::Linked => return Ok(wasm.len()),
        StageName::Pruned | StageName::Collected => strip::without_names(wasm),
        StageName::Stripped | StageName::Optimised => strip::shipped(wasm),
    };
    counted.map(|wasm| wasm.len()).map_err(|error| error.to_string())
}

/// Whether a stage's output may take the place of its input: it is valid for Envoy, the lint still finds nothing,
/// and what carries meaning has not grown.
fn judge<C: AsRef<str>>(before: &[u8], after: &[u8], callbacks: &[C]) -> Result<(), String> {
    if let Err(error) = Validator::new_with_features(features::envoy()).validate_all(after) {
        return Err(format!("its output is not valid WebAssembly: {error}"));
    }
    if let Some(finding) = lint(after, callbacks).first() {
        return Err(format!("Envoy would refuse its output: {finding}"));
    }
    let size = |wasm| strip::bare(wasm).map(|wasm| wasm.len()).map_err(|error| error.to_string());
    let (before, after) = (size(before)?, size(after)?);
    if after > before {
        return Err(format!("its output is larger: {before} bytes became {after}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(more: &str) -> Vec<u8> {
        let text = r#"(module (memory (export "memory") 1)
            (func (export "proxy_abi_version_0_2_1"))
            (func (export "malloc") (param i32) (result i32) (i32.const 0))
            (func (export "proxy_on_context_create") (param i32 i32)) MORE)"#;
        wat::parse_str(text.replace("MORE", more)).unwrap()
    }

    #[test]
    fn a_stage_is_judged_by_what_it_leaves() {
        let callback = r#"(func (export "proxy_on_log") (param i32))"#;
        let (before, callbacks) = (module(callback), ["proxy_on_log"]);
        let judged = |after: &[u8]| judge(&before, after, &callbacks).unwrap_err();
        assert_eq!(judge(&before, &before, &callbacks), Ok(()));
        assert!(judged(&before[..before.len() - 1]).starts_with("its output is not valid WebAssembly: "));
        let gone = judged(&module(""));
        assert!(gone.starts_with("Envoy would refuse its output: the callback `proxy_on_log` is declared"), "{gone}");
        let grown = judged(&module(&format!("{callback} (func (nop))")));
        let bytes = (before.len(), module(&format!("{callback} (func (nop))")).len());
        assert_eq!(grown, format!("its output is larger: {} bytes became {}", bytes.0, bytes.1));
    }

    #[test]
    fn a_stage_whose_output_does_something_else_leaves_the_one_before_it() {
        let log = r#"(func (export "proxy_on_log") (param i32) BODY)"#;
        let wasm = module(&log.replace("BODY", "(nop) (nop) (nop)"));
        let callbacks = ["proxy_on_log"];
        let played = trial::play(&wasm, &callbacks);
        let mut line = Line {
            callbacks: &callbacks,
            exported: vec![],
            played,
            current: wasm.clone(),
            stages: vec![],
            dropped: vec![],
        };
        line.run(StageName::Optimised, |_| Ok(module(&log.replace("BODY", "unreachable"))));
        assert_eq!((line.stages.len(), &line.current), (0, &wasm));
        assert_eq!(
            line.dropped[0].reason,
            "its output does not do the same: not \"proxy_on_log returned []\", but \"proxy_on_log trapped: wasm \
             `unreachable` instruction executed\""
        );
        line.run(StageName::Optimised, |_| Ok(module(&log.replace("BODY", "(nop)"))));
        assert_eq!((line.stages.len(), line.dropped.len()), (1, 1));
    }

    #[test]
    fn a_stage_that_breaks_the_module_leaves_the_one_before_it() {
        let wasm = module("");
        let mut line: Line<'_, &str> = Line {
            callbacks: &[],
            exported: vec![],
            played: trial::play::<&str>(&wasm, &[]),
            current: wasm.clone(),
            stages: vec![],
            dropped: vec![],
        };
        line.run(StageName::Pruned, |_| Ok(b"\0asm\x01\0\0\0".to_vec()));
        assert_eq!((line.stages.len(), line.dropped.len(), &line.current), (0, 1, &wasm));
        line.run(StageName::Stripped, |wasm| Ok(wasm.to_vec()));
        assert_eq!((line.stages.len(), line.dropped.len()), (1, 1));
        assert!(line.dropped[0].reason.contains("Envoy would refuse its output"), "{}", line.dropped[0].reason);
    }
}
