//! What a module's functions are called: by its name section, or by the `.symbols` file beside it.

use std::collections::BTreeMap;

use rustc_demangle::demangle;
use sha2::{Digest, Sha256};
use wasmparser::{KnownCustom, Name, Parser, Payload, TypeRef};

/// The first line of a `.symbols` file, up to the digest of the module that it is about.
const FORMAT: &str = "weir-symbols 1 sha256:";

/// Why a `.symbols` file is of no use to a module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SymbolsError {
    /// The first line is another.
    #[error("symbols, line 1: expected \"{FORMAT}\" and a digest")]
    Format,
    /// Another line is another.
    #[error("symbols, line {line}: expected an index, `import` or a range such as 0x16da..0x1702, and a name")]
    Line {
        /// Counted from 1.
        line: usize,
    },
    /// They are another module's.
    #[error("the symbols are of another module: theirs has the SHA-256 {theirs}, this one {ours}")]
    Another {
        /// The digest in the file.
        theirs: String,
        /// The digest of the module.
        ours: String,
    },
}

/// Functions' names by index.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(BTreeMap<u32, String>);

impl Names {
    /// The names that the module itself carries: its imports, and its name section. What cannot be read has no name.
    pub(crate) fn of(wasm: &[u8]) -> Names {
        let (mut names, mut imported) = (BTreeMap::new(), 0);
        for payload in Parser::new(0).parse_all(wasm).map_while(Result::ok) {
            match payload {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports().map_while(Result::ok) {
                        if matches!(import.ty, TypeRef::Func(_)) {
                            names.insert(imported, format!("{}.{}", import.module, import.name));
                            imported += 1;
                        }
                    }
                }
                Payload::CustomSection(section) => {
                    if let KnownCustom::Name(subsections) = section.as_known() {
                        for subsection in subsections.into_iter().map_while(Result::ok) {
                            let Name::Function(functions) = subsection else { continue };
                            for function in functions.into_iter().map_while(Result::ok) {
                                names.entry(function.index).or_insert_with(|| format!("{:#}", demangle(function.name)));
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        Names(names)
    }

    /// Adds what a `.symbols` file says of the module.
    ///
    /// # Errors
    /// The text is no `.symbols` file, or one of another module.
    pub(crate) fn add_symbols(&mut self, text: &str, wasm: &[u8]) -> Result<(), SymbolsError> {
        let mut lines = text.lines();
        let theirs = lines.next().and_then(|line| line.strip_prefix(FORMAT)).ok_or(SymbolsError::Format)?;
        let ours = Sha256::digest(wasm).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        if theirs != ours {
            return Err(SymbolsError::Another { theirs: theirs.to_owned(), ours });
        }
        for (line, number) in lines.zip(2..) {
            let mut parts = line.splitn(3, ' ');
            let index = parts.next().and_then(|it| it.parse().ok());
            let place = parts.next().filter(|it| *it == "import" || it.contains(".."));
            match (index, place, parts.next()) {
                (Some(index), Some(_), Some(name)) => self.0.insert(index, name.to_owned()),
                _ => return Err(SymbolsError::Line { line: number }),
            };
        }
        Ok(())
    }

    /// A function's name, or the place that stands for it.
    pub(crate) fn get(&self, index: u32) -> String {
        self.0.get(&index).cloned().unwrap_or_else(|| format!("function[{index}]"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULE: &str = r#"(module
        (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
        (func $_ZN3toy5first17h0123456789abcdefE) (func))"#;

    #[test]
    fn functions_are_called_as_the_name_section_says() {
        let names = Names::of(&wat::parse_str(MODULE).unwrap());
        assert_eq!([0, 1, 2].map(|at| names.get(at)), ["env.proxy_log", "toy::first", "function[2]"]);
        assert_eq!(Names::of(b"no module").get(3), "function[3]");
    }

    #[test]
    fn symbols_name_what_the_module_does_not_and_only_its_own() {
        let wasm = wat::parse_str("(module (func))").unwrap();
        let digest = Sha256::digest(&wasm).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let mut names = Names::of(&wasm);
        let head = format!("{FORMAT}{digest}\n");
        names.add_symbols(&format!("{head}0 0x16..0x18 <toy::Root as Context>::on_tick\n"), &wasm).unwrap();
        assert_eq!(names.get(0), "<toy::Root as Context>::on_tick");
        let add = |text: &str| Names::default().add_symbols(text, &wasm).unwrap_err();
        assert_eq!(add("0 import f"), SymbolsError::Format);
        assert_eq!(add(&format!("{head}0 somewhere f")), SymbolsError::Line { line: 2 });
        let theirs = "0".repeat(64);
        assert_eq!(add(&format!("{FORMAT}{theirs}\n")), SymbolsError::Another { theirs, ours: digest });
    }
}
