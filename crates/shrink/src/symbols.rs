//! The `.symbols` file: which function lies where in a module that ships without names.
//!
//! ```text
//! weir-symbols 1 sha256:9f86d081…
//! 0 import env.proxy_log
//! 1 0x16da..0x1702 hello_header::on_response
//! ```
//!
//! The first line names the format, its version, and the SHA-256 of the module that the rest is about. Then comes one line
//! for each function: its index, where its body lies in the module (bytes from the start of the file, in
//! hexadecimal, the end not included) or `import`, and its demangled name, which is the rest of the line. A function
//! that had no name is called `function[INDEX]`.

use std::fmt::Write as _;
use std::ops::Range;

use rustc_demangle::demangle;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::module::Facts;

const FORMAT: &str = "weir-symbols 1 sha256:";

/// What a `.symbols` file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbols {
    /// The SHA-256 of the module, in lower-case hexadecimal.
    pub sha256: String,
    /// Every function, by index.
    pub functions: Vec<Function>,
}

/// One function of the shipped module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its index, imports counted.
    pub index: u32,
    /// Where its body lies, in bytes from the start of the module; `None` for an import.
    pub body: Option<Range<u32>>,
    /// Its demangled name; `module.name` for an import.
    pub name: String,
}

/// A place that an engine reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A function's index.
    Index(u32),
    /// Bytes from the start of the module.
    Offset(u32),
}

/// Why a text is not a symbols file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SymbolsError {
    /// The module whose functions are to be listed cannot be read.
    #[error("the module cannot be read: {0}")]
    Module(String),
    /// The first line is another.
    #[error("line 1: expected \"{FORMAT}\" and 64 hexadecimal digits")]
    Format,
    /// Another line is another.
    #[error("line {line}: expected an index, `import` or a range such as 0x16da..0x1702, and a name")]
    Line {
        /// Counted from 1.
        line: usize,
    },
}

/// Describes the functions of `shipped`, with the names that `named` has: the same module before names were
/// stripped, so that both have the same indices.
///
/// # Errors
/// [`SymbolsError::Module`], when either cannot be read.
pub fn describe(shipped: &[u8], named: &[u8]) -> Result<Symbols, SymbolsError> {
    let read = |wasm| Facts::read(wasm).map_err(|error| SymbolsError::Module(error.message().to_owned()));
    let (shipped_facts, names) = (read(shipped)?, read(named)?.names);
    let imports = shipped_facts.imported_functions().map(|import| (None, format!("{}.{}", import.module, import.name)));
    let bodies = shipped_facts.bodies.iter().map(|body| (Some(body.start as u32..body.end as u32), String::new()));
    let numbered = (0u32..).zip(imports.chain(bodies));
    let functions = numbered.map(|(index, (body, import))| Function {
        index,
        name: match (&body, names.get(&index)) {
            (None, _) => one_line(&import),
            (Some(_), Some(name)) => one_line(&readable(name)),
            (Some(_), None) => format!("function[{index}]"),
        },
        body,
    });
    Ok(Symbols { sha256: sha256(shipped), functions: functions.collect() })
}

/// The digest that the first line carries.
pub fn sha256(wasm: &[u8]) -> String {
    Sha256::digest(wasm).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Demangles a name. Where Binaryen merged several functions that were alike, it kept the name of one of them behind
/// a prefix, and so the name only says what the code looks like.
fn readable(name: &str) -> String {
    match name.rsplit_once("byn$mgfn-shared$") {
        Some((_, one)) => format!("{:#} (and others like it)", demangle(one)),
        None => format!("{:#}", demangle(name)),
    }
}

/// A name may hold anything; a line may not.
fn one_line(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Writes the text of a `.symbols` file.
pub fn write(symbols: &Symbols) -> String {
    let mut text = format!("{FORMAT}{}\n", symbols.sha256);
    for Function { index, body, name } in &symbols.functions {
        let _ = match body {
            Some(body) => writeln!(text, "{index} {:#x}..{:#x} {name}", body.start, body.end),
            None => writeln!(text, "{index} import {name}"),
        };
    }
    text
}

/// Reads the text of a `.symbols` file.
///
/// # Errors
/// Names the first line that is not as it should be.
pub fn parse(text: &str) -> Result<Symbols, SymbolsError> {
    let mut lines = text.lines();
    let sha256 = lines.next().and_then(|line| line.strip_prefix(FORMAT)).ok_or(SymbolsError::Format)?;
    if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(SymbolsError::Format);
    }
    let functions = lines.zip(2..).map(|(line, number)| function(line).ok_or(SymbolsError::Line { line: number }));
    Ok(Symbols { sha256: sha256.to_owned(), functions: functions.collect::<Result<_, _>>()? })
}

fn function(line: &str) -> Option<Function> {
    let mut parts = line.splitn(3, ' ');
    let (index, body, name) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?);
    let body = match body {
        "import" => None,
        range => {
            let (start, end) = range.split_once("..")?;
            Some(hexadecimal(start)?..hexadecimal(end)?)
        }
    };
    Some(Function { index, body, name: name.to_owned() })
}

fn hexadecimal(text: &str) -> Option<u32> {
    u32::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

/// The function at a place.
pub fn resolve(symbols: &Symbols, place: Place) -> Option<&Function> {
    symbols.functions.iter().find(|function| match place {
        Place::Index(index) => function.index == index,
        Place::Offset(offset) => function.body.as_ref().is_some_and(|body| body.contains(&offset)),
    })
}

/// The place that one frame of a backtrace names: `wasm-function[12]` or `function index:12` (an index wins, because
/// it is exact), or else the first `0x16da`.
pub fn place(frame: &str) -> Option<Place> {
    let index = ["wasm-function[", "function index:"].iter().find_map(|before| digits_after(frame, before));
    index.map(Place::Index).or_else(|| {
        frame.split_whitespace().find_map(|word| {
            let digits = word.split("0x").nth(1)?;
            let end = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
            u32::from_str_radix(&digits[..end], 16).ok().map(Place::Offset)
        })
    })
}

fn digits_after(text: &str, before: &str) -> Option<u32> {
    let (_, after) = text.split_once(before)?;
    let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    after[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strip;

    const MODULE: &str = r#"(module
        (import "env" "proxy_log" (func (param i32 i32 i32) (result i32)))
        (func $_ZN3toy5first17h0123456789abcdefE (nop))
        (func (nop) (nop))
        (func $byn$mgfn-shared$_ZN3toy5third17h0123456789abcdefE (nop)))"#;

    fn described() -> (Vec<u8>, Symbols) {
        let named = wat::parse_str(MODULE).unwrap();
        let shipped = strip::shipped(&named).unwrap();
        let symbols = describe(&shipped, &named).unwrap();
        (shipped, symbols)
    }

    #[test]
    fn every_function_is_described_by_where_it_ships() {
        let (shipped, symbols) = described();
        let names: Vec<_> = symbols.functions.iter().map(|function| function.name.as_str()).collect();
        assert_eq!(names, ["env.proxy_log", "toy::first", "function[2]", "toy::third (and others like it)"]);
        assert_eq!(symbols.functions[0].body, None);
        let body = symbols.functions[2].body.clone().unwrap();
        // No locals, two times `nop`, and `end`.
        assert_eq!(shipped[body.start as usize..body.end as usize], [0, 1, 1, 0x0b]);
        assert_eq!(symbols.sha256, sha256(&shipped));
    }

    #[test]
    fn what_is_written_is_read() {
        let (_, mut symbols) = described();
        symbols.functions[1].name = "<toy::Root as Context>::on_done".to_owned();
        let text = write(&symbols);
        assert!(text.starts_with("weir-symbols 1 sha256:") && text.contains("\n0 import env.proxy_log\n"), "{text}");
        assert_eq!(parse(&text).unwrap(), symbols);
    }

    #[test]
    fn a_name_never_breaks_a_line() {
        assert_eq!(one_line("a\nb\tc"), "a\u{fffd}b\u{fffd}c");
    }

    #[test]
    fn the_digest_is_sha_256() {
        assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn a_broken_file_is_told_by_its_line() {
        assert_eq!(parse(""), Err(SymbolsError::Format));
        assert_eq!(parse("weir-symbols 1 sha256:abc\n"), Err(SymbolsError::Format));
        let head = format!("weir-symbols 1 sha256:{}\n0 import env.f\n", "0".repeat(64));
        for broken in ["x import f", "1 0x10..20 f", "1 0x10 f", "1 import"] {
            assert_eq!(parse(&format!("{head}{broken}\n")), Err(SymbolsError::Line { line: 3 }), "{broken}");
        }
    }

    #[test]
    fn a_place_is_found_by_index_or_offset() {
        let (_, symbols) = described();
        let body = symbols.functions[1].body.clone().unwrap();
        let name = |place| resolve(&symbols, place).map(|function| function.name.as_str());
        assert_eq!(name(Place::Index(1)), Some("toy::first"));
        assert_eq!(name(Place::Offset(body.start)), Some("toy::first"));
        assert_eq!(name(Place::Offset(body.end - 1)), Some("toy::first"));
        // The byte after a body is the length of the next one, which no instruction lies in.
        assert_eq!(name(Place::Offset(body.end)), None);
        assert_eq!(name(Place::Index(9)), None);
    }

    #[test]
    fn a_frame_is_read_as_envoy_and_others_write_it() {
        assert_eq!(place("  0:  0x16da - unknown(function index:12)"), Some(Place::Index(12)));
        assert_eq!(place("  1:  0x16da - ?"), Some(Place::Offset(0x16da)));
        assert_eq!(place("at wasm://wasm/1a2b:wasm-function[12]:0x16da"), Some(Place::Index(12)));
        assert_eq!(place("(0x16da)"), Some(Place::Offset(0x16da)));
        assert_eq!(place("no place at all"), None);
    }
}
