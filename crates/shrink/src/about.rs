//! What a module says of itself, for whoever wants to know before it runs.

use serde::Serialize;

use crate::abi::{self, AbiVersion};
use crate::features;
use crate::lint::{self, Finding};
use crate::module::{Facts, Item};

/// What a module says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct About {
    /// The version of the ABI, where it speaks exactly one that Envoy knows: `0.2.1`.
    pub abi: Option<String>,
    /// What it needs of its host, in the module's order.
    pub imports: Vec<Import>,
    /// What it offers, in the module's order.
    pub exports: Vec<Export>,
    /// Those of the exports that Envoy calls while streams, connections and timers run.
    pub callbacks: Vec<String>,
    /// The proposals of WebAssembly that it cannot do without.
    pub features: Vec<&'static str>,
    /// How many functions it holds, imports not counted.
    pub functions: usize,
    /// The initial size of its memories together, in pages of 64 KiB.
    pub memory_pages: u64,
}

/// One import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Import {
    /// The host's module: `env`, or a version of WASI.
    pub module: String,
    /// The name in it.
    pub name: String,
    /// A signature such as `(i32) -> i32`, or `a memory`, …
    pub what: String,
}

/// One export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Export {
    /// Its name.
    pub name: String,
    /// A signature such as `(i32) -> i32`, or `a memory`, …
    pub what: String,
}

/// Reads what a module says of itself.
///
/// # Errors
/// The first finding, where it is no module that can be read.
pub fn about(wasm: &[u8]) -> Result<About, Finding> {
    if let Some(finding) = lint::unreadable(wasm) {
        return Err(finding);
    }
    let facts = Facts::read(wasm)
        .map_err(|error| Finding::Invalid { offset: error.offset(), message: error.message().to_owned() })?;
    let version = lint::abi_version(wasm);
    let known: Vec<&str> = abi::callbacks(version.unwrap_or(AbiVersion::V0_2_1)).collect();
    let is_callback = |name: &str| known.contains(&name) && !abi::KEPT.contains(&name);
    Ok(About {
        abi: version.map(|version| version.to_string()),
        callbacks: facts.exports.iter().map(|it| it.name.clone()).filter(|name| is_callback(name)).collect(),
        features: features::used(wasm).into_iter().map(|feature| feature.name).collect(),
        functions: facts.bodies.len(),
        memory_pages: facts.memory_pages.iter().sum(),
        imports: facts
            .imports
            .into_iter()
            .map(|it| Import { module: it.module, name: it.name, what: written(&it.item) })
            .collect(),
        exports: facts.exports.into_iter().map(|it| Export { name: it.name, what: written(&it.item) }).collect(),
    })
}

fn written(item: &Item) -> String {
    match item {
        Item::Function(signature) => signature.clone(),
        other => other.noun().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_says_what_it_needs_and_offers() {
        let wasm = wat::parse_str(
            r#"(module
                (import "env" "proxy_log" (func (param i32 i32 i32) (result i32)))
                (memory (export "memory") 2)
                (func (export "proxy_abi_version_0_2_1"))
                (func (export "proxy_on_context_create") (param i32 i32))
                (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.extend8_s (i32.const 1))))"#,
        )
        .unwrap();
        let about = about(&wasm).unwrap();
        assert_eq!(about.abi.as_deref(), Some("0.2.1"));
        let log = Import { module: "env".into(), name: "proxy_log".into(), what: "(i32, i32, i32) -> i32".into() };
        assert_eq!(about.imports, [log]);
        assert_eq!(about.exports[0], Export { name: "memory".into(), what: "a memory".into() });
        assert_eq!(about.callbacks, ["proxy_on_request_headers"]);
        assert_eq!(about.features, ["sign extension"]);
        assert_eq!((about.functions, about.memory_pages), (3, 2));
    }

    #[test]
    fn what_is_no_module_says_why() {
        assert!(matches!(about(b"GIF89a"), Err(Finding::NotWasm { .. })));
    }
}
