//! What a module says of itself: imports, exports, memories, functions and their names, read in one pass.

use std::collections::BTreeMap;
use std::ops::Range;

use wasmparser::{
    BinaryReader, CompositeInnerType, ExternalKind, FuncType, KnownCustom, Name, Parser, Payload, TypeRef, ValType,
};

use crate::abi;

/// An import, by the two names that Envoy looks it up with.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    pub(crate) module: String,
    pub(crate) name: String,
    pub(crate) item: Item,
}

/// An export.
#[derive(Clone, Debug)]
pub(crate) struct Export {
    pub(crate) name: String,
    pub(crate) item: Item,
}

/// What an import or export is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// A function, with its signature as [`abi::signature`] writes it.
    Function(String),
    Memory,
    Table,
    Global,
    Tag,
}

impl Item {
    pub(crate) fn noun(&self) -> &'static str {
        match self {
            Item::Function(_) => "a function",
            Item::Memory => "a memory",
            Item::Table => "a table",
            Item::Global => "a global",
            Item::Tag => "an exception tag",
        }
    }
}

/// What a module says of itself. Empty where a section is missing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) imports: Vec<Import>,
    pub(crate) exports: Vec<Export>,
    /// The initial size of each memory, imported ones first, in pages of 64 KiB.
    pub(crate) memory_pages: Vec<u64>,
    /// Where the body of each function that is not imported lies, in bytes from the start of the module.
    pub(crate) bodies: Vec<Range<usize>>,
    /// The names of functions, by index.
    pub(crate) names: BTreeMap<u32, String>,
}

impl Facts {
    /// Reads a module that has been validated.
    ///
    /// # Errors
    /// What the parser says of the first thing that it cannot read.
    pub(crate) fn read(wasm: &[u8]) -> Result<Facts, wasmparser::BinaryReaderError> {
        let mut facts = Facts::default();
        let mut types: Vec<Option<String>> = Vec::new();
        let mut functions: Vec<u32> = Vec::new();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::TypeSection(section) => {
                    for group in section {
                        types.extend(group?.into_types().map(|ty| match ty.composite_type.inner {
                            CompositeInnerType::Func(func) => Some(written(&func)),
                            _ => None,
                        }));
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        let item = match import.ty {
                            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                                functions.push(ty);
                                function(&types, ty)
                            }
                            TypeRef::Memory(memory) => {
                                facts.memory_pages.push(memory.initial);
                                Item::Memory
                            }
                            TypeRef::Table(_) => Item::Table,
                            TypeRef::Global(_) => Item::Global,
                            TypeRef::Tag(_) => Item::Tag,
                        };
                        facts.imports.push(Import { module: import.module.into(), name: import.name.into(), item });
                    }
                }
                Payload::FunctionSection(section) => {
                    for ty in section {
                        functions.push(ty?);
                    }
                }
                Payload::MemorySection(section) => {
                    for memory in section {
                        facts.memory_pages.push(memory?.initial);
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        let item = match export.kind {
                            ExternalKind::Func | ExternalKind::FuncExact => {
                                function(&types, functions.get(export.index as usize).copied().unwrap_or(u32::MAX))
                            }
                            ExternalKind::Memory => Item::Memory,
                            ExternalKind::Table => Item::Table,
                            ExternalKind::Global => Item::Global,
                            ExternalKind::Tag => Item::Tag,
                        };
                        facts.exports.push(Export { name: export.name.into(), item });
                    }
                }
                Payload::CodeSectionEntry(body) => facts.bodies.push(body.range()),
                Payload::CustomSection(section) => {
                    if let KnownCustom::Name(names) = section.as_known() {
                        facts.names = function_names(names);
                    }
                }
                _ => {}
            }
        }
        Ok(facts)
    }

    /// How many functions are imported: the index of the first one that is not.
    pub(crate) fn imported_functions(&self) -> impl Iterator<Item = &Import> {
        self.imports.iter().filter(|import| matches!(import.item, Item::Function(_)))
    }

    /// What is exported under `name`.
    pub(crate) fn export(&self, name: &str) -> Option<&Item> {
        self.exports.iter().find(|export| export.name == name).map(|export| &export.item)
    }
}

fn function(types: &[Option<String>], index: u32) -> Item {
    Item::Function(types.get(index as usize).cloned().flatten().unwrap_or_default())
}

fn written(func: &FuncType) -> String {
    let letters = |values: &[ValType]| values.iter().map(letter).collect::<String>();
    abi::signature(&letters(func.params()), &letters(func.results()))
}

fn letter(value: &ValType) -> char {
    match value {
        ValType::I32 => 'i',
        ValType::I64 => 'I',
        ValType::F32 => 'f',
        ValType::F64 => 'F',
        ValType::V128 => 'v',
        ValType::Ref(_) => 'r',
    }
}

/// A name section that cannot be read to its end gives the names up to there: names never decide anything.
fn function_names(section: wasmparser::NameSectionReader<'_>) -> BTreeMap<u32, String> {
    let mut names = BTreeMap::new();
    for subsection in section.into_iter().map_while(Result::ok) {
        if let Name::Function(map) = subsection {
            names.extend(map.into_iter().map_while(Result::ok).map(|naming| (naming.index, naming.name.to_owned())));
        }
    }
    names
}

/// One section of a module as it stands in the file, header and all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section<'a> {
    /// The name of a custom section; `None` for one that carries meaning.
    pub(crate) custom: Option<&'a str>,
    pub(crate) bytes: &'a [u8],
}

/// The length of the magic number and the version, which come before the first section.
pub(crate) const HEADER: usize = 8;

/// Cuts a module into its sections without reading what is in them.
///
/// # Errors
/// A length that reaches beyond the file, or a custom section without a readable name.
pub(crate) fn sections(wasm: &[u8]) -> Result<Vec<Section<'_>>, wasmparser::BinaryReaderError> {
    let mut reader = BinaryReader::new(wasm, 0);
    reader.read_bytes(HEADER)?;
    let mut sections = Vec::new();
    while !reader.eof() {
        let start = reader.original_position();
        let id = reader.read_u8()?;
        let length = reader.read_var_u32()? as usize;
        let mut body = BinaryReader::new(reader.read_bytes(length)?, 0);
        let custom = if id == 0 { Some(body.read_string()?) } else { None };
        sections.push(Section { custom, bytes: &wasm[start..reader.original_position()] });
    }
    Ok(sections)
}
