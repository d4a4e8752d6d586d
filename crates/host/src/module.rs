//! A module, compiled once and instantiated as often as wanted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wasmi::Linker;
use wasmparser::{ExternalKind, Parser, Payload, Validator};

use crate::abi::AbiVersion;
use crate::calls;
use crate::instrument::{self, instrument};
use crate::names::{Names, SymbolsError};
use crate::state::VmState;

/// Why a module cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// The file, or the symbols beside it, cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The bytes are no valid WebAssembly.
    #[error("not a valid WebAssembly module: {0}")]
    Invalid(String),
    /// No export says which version of the ABI the module speaks.
    #[error("missing or unknown proxy-wasm ABI version: expected an export proxy_abi_version_0_1_0, _0_2_0 or _0_2_1")]
    AbiVersion,
    /// The module is valid, but the engine does not run what it uses.
    #[error("the engine refuses the module: {0}")]
    Engine(String),
    /// The symbols are of no use.
    #[error(transparent)]
    Symbols(#[from] SymbolsError),
}

/// A compiled module. Clones share the compiled code.
#[derive(Clone, Debug)]
pub struct Module {
    pub(crate) engine: wasmi::Engine,
    pub(crate) compiled: wasmi::Module,
    pub(crate) linker: Arc<Linker<VmState>>,
    pub(crate) names: Arc<Names>,
    abi: AbiVersion,
    wasm: Arc<[u8]>,
}

impl Module {
    /// Compiles a module from its bytes.
    ///
    /// # Errors
    /// The bytes are no valid module, name no version of the ABI, or use what the engine does not run (threads,
    /// exceptions, garbage collection).
    pub fn new(wasm: &[u8]) -> Result<Module, ModuleError> {
        Validator::new().validate_all(wasm).map_err(|error| ModuleError::Invalid(error.to_string()))?;
        let abi = abi_version(wasm).ok_or(ModuleError::AbiVersion)?;
        let instrumented = instrument(wasm).map_err(|error| ModuleError::Engine(error.to_string()))?;
        let engine = wasmi::Engine::new(&configuration());
        let compiled =
            wasmi::Module::new(&engine, &instrumented).map_err(|error| ModuleError::Engine(error.to_string()))?;
        let linker = calls::linker(&engine, abi).map_err(|error| ModuleError::Engine(error.to_string()))?;
        let (linker, names) = (Arc::new(linker), Arc::new(Names::of(wasm)));
        Ok(Module { engine, compiled, linker, names, abi, wasm: wasm.into() })
    }

    /// Compiles the module in a file; where a file of the same name that ends in `.symbols` lies beside it, traps are
    /// told with its names.
    ///
    /// # Errors
    /// As [`Module::new`]; also, one of the files cannot be read, or the symbols are another module's.
    pub fn read(path: &Path) -> Result<Module, ModuleError> {
        let read =
            |path: &Path| std::fs::read(path).map_err(|source| ModuleError::File { path: path.to_owned(), source });
        let module = Module::new(&read(path)?)?;
        let beside = path.with_extension("symbols");
        match beside.exists() {
            true => module.with_symbols(&String::from_utf8_lossy(&read(&beside)?)),
            false => Ok(module),
        }
    }

    /// The module, with the names of functions that the text of a `.symbols` file gives.
    ///
    /// # Errors
    /// The text is no such file, or one of another module.
    pub fn with_symbols(mut self, text: &str) -> Result<Module, ModuleError> {
        let mut names = (*self.names).clone();
        names.add_symbols(text, &self.wasm)?;
        self.names = Arc::new(names);
        Ok(self)
    }

    /// What a function is called, by its index; `function[7]` where nobody says it.
    pub fn function_name(&self, index: u32) -> String {
        self.names.get(index)
    }

    /// The version of the ABI that the module speaks.
    pub fn abi(&self) -> AbiVersion {
        self.abi
    }
}

/// Fuel counts instructions, and nothing for their translation: that happens once, and would be the first request's.
/// Copying 64 bytes counts as one instruction. Stack is for a filter that recurses as deeply as V8 lets it.
pub(crate) fn configuration() -> wasmi::Config {
    let mut configuration = wasmi::Config::default();
    let costs =
        wasmi::CustomFuelCosts { bytes_copied_per_fuel: 64, fuel_per_bytes_translated: 0, fuel_per_bytes_validated: 0 };
    configuration
        .consume_fuel(true)
        .fuel_cost(costs)
        .operator_cost(wasmi::OperatorCost { return_: 1, ..wasmi::OperatorCost::default() })
        .compilation_mode(wasmi::CompilationMode::LazyTranslation)
        .set_max_recursion_depth(instrument::DEPTH)
        .set_max_stack_height(8 << 20)
        .wasm_multi_memory(true)
        .ignore_custom_sections(true);
    configuration
}

fn abi_version(wasm: &[u8]) -> Option<AbiVersion> {
    let mut found = None;
    for payload in Parser::new(0).parse_all(wasm).map_while(Result::ok) {
        let Payload::ExportSection(exports) = payload else { continue };
        for export in exports.into_iter().map_while(Result::ok).filter(|it| it.kind == ExternalKind::Func) {
            // The first marker counts, as in Envoy.
            found = found.or_else(|| AbiVersion::of_marker(export.name));
        }
    }
    found
}
