//! What a run is asked for on a command line.

use std::path::PathBuf;
use std::str::FromStr;

/// One module and the cases that it has to hold: `filters/x/cases.toml=dist/x.wasm`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The file of cases.
    pub cases: PathBuf,
    /// The module.
    pub wasm: PathBuf,
}

impl FromStr for Run {
    type Err = String;

    fn from_str(text: &str) -> Result<Run, String> {
        // A folder's name may have an equals sign as well.
        let at = text.find(".toml=").map_or_else(|| text.find('='), |at| Some(at + ".toml".len()));
        match at.map(|at| (&text[..at], &text[at + 1..])) {
            Some((cases, wasm)) if !cases.is_empty() && !wasm.is_empty() => {
                Ok(Run { cases: cases.into(), wasm: wasm.into() })
            }
            _ => Err(format!("expected CASES.toml=MODULE.wasm, found {text:?}")),
        }
    }
}
