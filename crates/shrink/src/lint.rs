//! Why Envoy would refuse a module, or misbehave with it, in plain words and before Envoy is asked.
//!
//! A failed load says little in Envoy's log ("Failed to load Wasm code"), and some modules crash it. Each finding
//! here was seen to be refused by, or to crash, Envoy 1.40.

use thiserror::Error;
use wasmparser::{Encoding, Parser, Payload, Validator};

use crate::abi::{self, AbiVersion, Provided};
use crate::features;
use crate::module::{Facts, Import, Item};

/// The most initial memory that Envoy allows: 1 GiB in pages of 64 KiB (proxy-wasm-cpp-host, `limits.h`).
const MOST_PAGES: u64 = 16_384;

/// One thing that is wrong with a module, and its mend.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Finding {
    /// The first bytes are not those of any WebAssembly.
    #[error(
        "this is not a WebAssembly module: it starts with {start}, not with \\0asm; pass the .wasm file itself (a .wat, an archive or an image has to be turned into one first)"
    )]
    NotWasm {
        /// The first bytes as people read them.
        start: String,
    },
    /// The file ends in the middle of something.
    #[error("the module is truncated: it ends at byte {offset} in the middle of a section; copy or build it again")]
    Truncated {
        /// Bytes from the start of the file.
        offset: usize,
    },
    /// Envoy runs core modules.
    #[error(
        "this is a WebAssembly component, and Envoy runs core modules only: build for wasm32-unknown-unknown or wasm32-wasip1, not wasm32-wasip2, and do not wrap it with `wasm-tools component new`"
    )]
    Component,
    /// The module is no valid WebAssembly, whatever the features.
    #[error(
        "the module is not valid WebAssembly (byte {offset}: {message}): build it again with a newer toolchain, and without post-processing"
    )]
    Invalid {
        /// Bytes from the start of the file.
        offset: usize,
        /// What the validator says.
        message: String,
    },
    /// V8 as Envoy starts it, or the ABI, has no such feature.
    #[error("the module uses {feature}, which Envoy does not support: {mend}")]
    UnsupportedFeature {
        /// The name of the proposal.
        feature: &'static str,
        /// What to do.
        mend: &'static str,
    },
    /// The host cannot pass data to the module.
    #[error(
        "the module exports no allocator, so Envoy cannot pass it any data: export `proxy_on_memory_allocate` or `malloc`, (i32) -> i32 (an SDK does it; with Rust check that the crate is a `cdylib` and calls `proxy_wasm::main!`)"
    )]
    MissingAllocator,
    /// No marker at all.
    #[error(
        "the module does not say which ABI it speaks: export a function `proxy_abi_version_0_2_1` (an SDK does it; with Rust check that the crate is a `cdylib` and links proxy-wasm)"
    )]
    MissingAbi,
    /// A marker, but of a version that Envoy does not speak.
    #[error("the module speaks an ABI that Envoy does not ({marker}): use an SDK for 0.1.0, 0.2.0 or 0.2.1")]
    UnsupportedAbi {
        /// The marker export.
        marker: String,
    },
    /// A marker that is there, but is not a function.
    #[error("the ABI marker `{marker}` is {noun}, and Envoy only looks at functions: export a function of that name")]
    MarkerIsNoFunction {
        /// The marker export.
        marker: String,
        /// What it is.
        noun: &'static str,
    },
    /// Envoy takes the first marker and ignores the others, so which ABI is spoken is left to the linker.
    #[error("the module speaks more than one ABI ({}), and Envoy obeys whichever comes first: link one SDK only, or one version of it", markers.join(", "))]
    TwoAbis {
        /// The marker exports, in their order.
        markers: Vec<String>,
    },
    /// An imported function that Envoy does not provide.
    #[error("the module imports the function `{module}.{name}`, which Envoy does not provide: {mend}")]
    UnknownImport {
        /// The import's module.
        module: String,
        /// The import's name.
        name: String,
        /// What to do.
        mend: String,
    },
    /// Provided, but not to a module of this version.
    #[error(
        "the module imports `env.{name}`, which Envoy provides to ABI {} only, and it speaks {version}: use an SDK of one version throughout",
        join(versions)
    )]
    ImportOfOtherAbi {
        /// The import's name.
        name: String,
        /// The versions that have it.
        versions: &'static [AbiVersion],
        /// The module's own.
        version: AbiVersion,
    },
    /// Provided, with another signature.
    #[error(
        "the module imports `{module}.{name}` as {found}, but Envoy provides {expected}: declare it so, or use an SDK that does"
    )]
    ImportSignature {
        /// The import's module.
        module: String,
        /// The import's name.
        name: String,
        /// The signature that Envoy has.
        expected: String,
        /// The signature that the module has.
        found: String,
    },
    /// Envoy provides functions, and makes memories and tables; it has no globals, and an imported tag crashes it.
    #[error(
        "the module imports {noun}, `{module}.{name}`, and Envoy provides none: link it statically (no `-pie`, no `--import-memory`)"
    )]
    ImportKind {
        /// The import's module.
        module: String,
        /// The import's name.
        name: String,
        /// What it is.
        noun: &'static str,
    },
    /// Envoy crashes on the first byte that it has to pass.
    #[error(
        "the module exports no memory called `memory`, and Envoy crashes when it has to pass data to such a module: export it (with wasm-ld no `--import-memory`; in Zig and in WAT export it by that name)"
    )]
    MissingMemory,
    /// More than V8 is allowed to give.
    #[error(
        "the module asks for {pages} pages of memory at the start, and Envoy gives at most 16384 (1 GiB): lower the initial memory"
    )]
    TooMuchMemory {
        /// Pages of 64 KiB.
        pages: u64,
    },
    /// SDKs keep a state for each context, and know of none until they are told.
    #[error(
        "the module does not export `proxy_on_context_create`, so no SDK would know of any stream: link the SDK's exports, or export an empty function of that name, (i32, i32) -> nothing, if it keeps no state by stream"
    )]
    MissingContextCreate,
    /// The manifest promises what the module does not have.
    #[error(
        "the callback `{callback}` is declared, but the module does not export it: export it, or take it out of the declared callbacks"
    )]
    MissingCallback {
        /// The callback's export name.
        callback: String,
    },
    /// The manifest names something that Envoy would never call.
    #[error(
        "`{callback}` is declared as a callback, but Envoy calls nothing of that name in ABI {version}{}",
        did_you_mean(nearest)
    )]
    UnknownCallback {
        /// The declared name.
        callback: String,
        /// The module's version.
        version: AbiVersion,
        /// The known name that is most like it.
        nearest: Option<&'static str>,
    },
    /// Envoy refuses the whole module for one wrong signature.
    #[error(
        "the export `{name}` is {found}, but Envoy calls it as {expected} in ABI {version}: declare it so, or use an SDK of that version"
    )]
    ExportSignature {
        /// The export's name.
        name: String,
        /// The signature that Envoy calls.
        expected: String,
        /// The signature, or the kind, that the module has.
        found: String,
        /// The module's version.
        version: AbiVersion,
    },
}

/// Says why Envoy would refuse `wasm`, or misbehave with it, as a filter that needs `callbacks` (export names,
/// `proxy_on_request_headers` …). Nothing found means that Envoy loads it. The order is fixed: what hides other
/// findings comes first, and alone where nothing more can be read.
pub fn lint<C: AsRef<str>>(wasm: &[u8], callbacks: &[C]) -> Vec<Finding> {
    if let Some(finding) = unreadable(wasm) {
        return vec![finding];
    }
    let Ok(facts) = Facts::read(wasm) else {
        return vec![Finding::Invalid { offset: 0, message: "it validates, but cannot be read".into() }];
    };
    let markers = markers(&facts);
    let version = markers.as_ref().ok().copied();
    let mut findings = unsupported_features(wasm);
    findings.extend(markers.err());
    findings.extend(facts.imports.iter().filter_map(|import| judge_import(import, version)));
    findings.extend(memory(&facts));
    findings.extend(allocator(&facts));
    if facts.export("proxy_on_context_create").is_none() {
        findings.push(Finding::MissingContextCreate);
    }
    if let Some(version) = version {
        let declared = callbacks.iter().map(AsRef::as_ref);
        findings.extend(declared.clone().filter_map(|callback| judge_callback(&facts, callback, version)));
        let kept = abi::KEPT.iter().copied().filter(|kept| !declared.clone().any(|callback| callback == *kept));
        findings.extend(kept.chain(declared.clone()).filter_map(|name| judge_export(&facts, name, version)));
    }
    findings
}

/// The version that the module speaks, if it speaks exactly one that Envoy knows.
pub fn abi_version(wasm: &[u8]) -> Option<AbiVersion> {
    markers(&Facts::read(wasm).ok()?).ok()
}

/// What keeps the rest of the module from being read.
pub(crate) fn unreadable(wasm: &[u8]) -> Option<Finding> {
    const MAGIC: &[u8] = b"\0asm";
    if !wasm.starts_with(MAGIC) {
        if !wasm.is_empty() && MAGIC.starts_with(wasm) {
            return Some(Finding::Truncated { offset: wasm.len() });
        }
        return Some(Finding::NotWasm { start: first_bytes(wasm) });
    }
    if let Some(Ok(Payload::Version { encoding: Encoding::Component, .. })) = Parser::new(0).parse_all(wasm).next() {
        return Some(Finding::Component);
    }
    let error = Validator::new_with_features(features::known()).validate_all(wasm).err()?;
    // Only an end of the file is an end for the caller: one inside a section is a section that lies about itself.
    let ends_early = crate::module::sections(wasm).is_err_and(|error| error.message().contains("unexpected end"));
    Some(match ends_early {
        true => Finding::Truncated { offset: wasm.len() },
        false => Finding::Invalid { offset: error.offset(), message: error.message().to_owned() },
    })
}

fn first_bytes(bytes: &[u8]) -> String {
    match bytes {
        [] => "nothing at all".to_owned(),
        _ => format!("\"{}\"", bytes[..bytes.len().min(8)].escape_ascii()),
    }
}

fn unsupported_features(wasm: &[u8]) -> Vec<Finding> {
    let unsupported = |feature: &features::Feature| {
        feature.mend.map(|mend| Finding::UnsupportedFeature { feature: feature.name, mend })
    };
    features::used(wasm).into_iter().filter_map(unsupported).collect()
}

fn markers(facts: &Facts) -> Result<AbiVersion, Finding> {
    let markers: Vec<_> = facts.exports.iter().filter(|export| export.name.starts_with(abi::MARKER_PREFIX)).collect();
    match markers.as_slice() {
        [] => Err(Finding::MissingAbi),
        [one] if !matches!(one.item, Item::Function(_)) => {
            Err(Finding::MarkerIsNoFunction { marker: one.name.clone(), noun: one.item.noun() })
        }
        [one] => AbiVersion::from_marker(&one.name).ok_or_else(|| Finding::UnsupportedAbi { marker: one.name.clone() }),
        several => Err(Finding::TwoAbis { markers: several.iter().map(|marker| marker.name.clone()).collect() }),
    }
}

fn judge_import(import: &Import, version: Option<AbiVersion>) -> Option<Finding> {
    let (module, name) = (import.module.clone(), import.name.clone());
    let found = match &import.item {
        Item::Function(signature) => signature.clone(),
        // Envoy makes these two itself, as the module asks for them.
        Item::Memory | Item::Table => return None,
        Item::Global | Item::Tag => return Some(Finding::ImportKind { module, name, noun: import.item.noun() }),
    };
    match (abi::provided(&module, &name, version), version) {
        (Provided::As(expected), _) if expected == found => None,
        (Provided::As(expected), _) => Some(Finding::ImportSignature { module, name, expected, found }),
        (Provided::OnlyTo(versions), Some(version)) => Some(Finding::ImportOfOtherAbi { name, versions, version }),
        _ => Some(Finding::UnknownImport { mend: mend_import(&module, &name), module, name }),
    }
}

/// What to do about an import that Envoy does not have: it tells which toolchain or library asked for it.
fn mend_import(module: &str, name: &str) -> String {
    match (module, name) {
        ("env", "abort") => "build AssemblyScript with `--use abort=abort_proc_exit`".to_owned(),
        ("env", _) if name.starts_with("proxy_") => "use an SDK that speaks ABI 0.2.1".to_owned(),
        ("env", _) => format!("nothing defines `{name}` at link time: link the library that does, or do without it"),
        ("wasi_snapshot_preview1" | "wasi_unstable", _) => {
            "do without what needs it (files, sockets, processes), or build for wasm32-unknown-unknown".to_owned()
        }
        ("gojs" | "go", _) => "build Go with GOOS=wasip1 and -buildmode=c-shared, not GOOS=js".to_owned(),
        _ if module.starts_with("__wbindgen") || module == "wbg" => {
            "a dependency expects a browser (wasm-bindgen): find it with `cargo tree -i wasm-bindgen`, and turn its \
             feature `js` or `wasmbind` off"
                .to_owned()
        }
        _ if module.starts_with("wasi:") => "build for wasm32-wasip1, not wasm32-wasip2".to_owned(),
        _ => format!("Envoy's imports live in {}: do without `{module}`", abi::IMPORT_MODULES.join(", ")),
    }
}

fn memory(facts: &Facts) -> Option<Finding> {
    if facts.export("memory") != Some(&Item::Memory) {
        return Some(Finding::MissingMemory);
    }
    let too_much = facts.memory_pages.iter().find(|pages| **pages > MOST_PAGES);
    too_much.map(|pages| Finding::TooMuchMemory { pages: *pages })
}

fn allocator(facts: &Facts) -> Option<Finding> {
    let exported = |name| matches!(facts.export(name), Some(Item::Function(_)));
    (!exported("malloc") && !exported("proxy_on_memory_allocate")).then_some(Finding::MissingAllocator)
}

fn judge_callback(facts: &Facts, callback: &str, version: AbiVersion) -> Option<Finding> {
    if abi::called(callback, version).is_none() || !callback.starts_with("proxy_") {
        let nearest = nearest(callback, abi::callbacks(version));
        return Some(Finding::UnknownCallback { callback: callback.to_owned(), version, nearest });
    }
    facts.export(callback).is_none().then(|| Finding::MissingCallback { callback: callback.to_owned() })
}

fn judge_export(facts: &Facts, name: &str, version: AbiVersion) -> Option<Finding> {
    let expected = abi::called(name, version)?;
    let found = match facts.export(name)? {
        Item::Function(signature) if *signature == expected => return None,
        Item::Function(signature) => signature.clone(),
        other => other.noun().to_owned(),
    };
    Some(Finding::ExportSignature { name: name.to_owned(), expected, found, version })
}

/// The known name that shares the most words with `name`; nothing when they share none but `proxy` and `on`.
fn nearest(name: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let shared = |candidate: &str| {
        let words = name.split('_').filter(|word| !matches!(*word, "proxy" | "on" | ""));
        words
            .filter(|word| candidate.split('_').any(|other| other.trim_end_matches('s') == word.trim_end_matches('s')))
            .count()
    };
    let scored = known.map(|candidate| (shared(candidate), candidate)).filter(|(score, _)| *score > 0);
    // The first of equals wins, so that the answer does not depend on how the maximum is searched.
    scored.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, name)| name)
}

fn did_you_mean(nearest: &Option<&'static str>) -> String {
    match nearest {
        Some(name) => format!(": did you mean `{name}`?"),
        None => ": declare exports such as `proxy_on_request_headers`".to_owned(),
    }
}

fn join(versions: &[AbiVersion]) -> String {
    versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}
