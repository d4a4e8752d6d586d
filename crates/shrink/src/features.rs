//! Which proposals of WebAssembly a module uses, and which of them Envoy's V8 accepts without a flag.

use wasmparser::{Validator, WasmFeatures};

/// A proposal, by the name that people know it by.
#[derive(Clone, Copy, Debug)]
pub struct Feature {
    /// What wasmparser calls it.
    pub flag: WasmFeatures,
    /// What people call it.
    pub name: &'static str,
    /// What to do about a module that uses it, where Envoy refuses it; `None` where Envoy accepts it.
    pub mend: Option<&'static str>,
}

const fn accepted(flag: WasmFeatures, name: &'static str) -> Feature {
    Feature { flag, name, mend: None }
}

const fn refused(flag: WasmFeatures, name: &'static str, mend: &'static str) -> Feature {
    Feature { flag, name, mend: Some(mend) }
}

/// Every proposal that is told apart. Which ones Envoy 1.40 accepts was found by loading a module that uses each.
pub const FEATURES: &[Feature] = &[
    accepted(WasmFeatures::MUTABLE_GLOBAL, "mutable globals"),
    accepted(WasmFeatures::SATURATING_FLOAT_TO_INT, "saturating float-to-int conversion"),
    accepted(WasmFeatures::SIGN_EXTENSION, "sign extension"),
    accepted(WasmFeatures::REFERENCE_TYPES, "reference types"),
    accepted(WasmFeatures::MULTI_VALUE, "multi-value"),
    accepted(WasmFeatures::BULK_MEMORY, "bulk memory"),
    accepted(WasmFeatures::SIMD, "SIMD"),
    accepted(WasmFeatures::RELAXED_SIMD, "relaxed SIMD"),
    accepted(WasmFeatures::TAIL_CALL, "tail calls"),
    accepted(WasmFeatures::EXTENDED_CONST, "extended constant expressions"),
    accepted(WasmFeatures::THREADS, "threads"),
    accepted(WasmFeatures::MULTI_MEMORY, "multiple memories"),
    accepted(WasmFeatures::EXCEPTIONS, "exception handling"),
    accepted(WasmFeatures::LEGACY_EXCEPTIONS, "legacy exception handling"),
    // The proposal for garbage collection contains this one, so that only both together can be taken away.
    accepted(WasmFeatures::FUNCTION_REFERENCES.union(WasmFeatures::GC), "typed function references"),
    accepted(WasmFeatures::GC, "garbage collection"),
    // V8 compiles 64-bit memories, but the ABI passes pointers as 32 bits and the host reads no further than that.
    refused(WasmFeatures::MEMORY64, "64-bit memories", "build for wasm32, not wasm64"),
    refused(WasmFeatures::WIDE_ARITHMETIC, "wide arithmetic", "build without the target feature `wide-arithmetic`"),
    refused(WasmFeatures::CUSTOM_PAGE_SIZES, "custom page sizes", "give every memory the usual pages of 64 KiB"),
    refused(WasmFeatures::STACK_SWITCHING, "stack switching", "build without coroutines in WebAssembly itself"),
    refused(WasmFeatures::MEMORY_CONTROL, "memory control", "build without `memory.discard`"),
    refused(
        WasmFeatures::SHARED_EVERYTHING_THREADS,
        "shared-everything threads",
        "build without the target feature `shared-everything-threads`",
    ),
    refused(WasmFeatures::CUSTOM_DESCRIPTORS, "custom descriptors", "build without descriptors of types"),
    refused(WasmFeatures::COMPACT_IMPORTS, "compact import sections", "write each import with its module's name"),
];

/// What a module may use at all and still be told what is wrong with it: every proposal but components.
pub fn known() -> WasmFeatures {
    WasmFeatures::all().difference(WasmFeatures::COMPONENT_MODEL)
}

/// What Envoy's V8 accepts.
pub fn envoy() -> WasmFeatures {
    FEATURES.iter().filter(|feature| feature.mend.is_some()).fold(known(), |set, feature| set.difference(feature.flag))
}

/// The proposals that a valid module cannot do without. A proposal is used when the module is no longer valid once
/// it is taken away, so nothing has to know which instruction belongs to which.
pub fn used(wasm: &[u8]) -> Vec<&'static Feature> {
    let mut found = Vec::new();
    search(wasm, FEATURES, &mut found);
    found
}

/// Finds those that are used among some. Where a module does without all of them, it does without each; most modules do
/// without most, and checking a large one takes seconds.
fn search(wasm: &[u8], among: &'static [Feature], found: &mut Vec<&'static Feature>) {
    if validates(wasm, among.iter().fold(known(), |set, feature| set.difference(feature.flag))) {
        return;
    }
    if let [one] = among {
        return found.push(one);
    }
    let (first, second) = among.split_at(among.len() / 2);
    search(wasm, first, found);
    search(wasm, second, found);
}

fn validates(wasm: &[u8], features: WasmFeatures) -> bool {
    Validator::new_with_features(features).validate_all(wasm).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<&'static str> {
        used(&wat::parse_str(text).unwrap()).iter().map(|feature| feature.name).collect()
    }

    #[test]
    fn only_what_is_used_is_named() {
        assert_eq!(names("(module (func (drop (i32.const 1))))"), [""; 0]);
        assert_eq!(names("(module (func (drop (i32.extend8_s (i32.const 1)))))"), ["sign extension"]);
        assert_eq!(
            names("(module (memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 1))))"),
            ["bulk memory"]
        );
        let typed = "(module (type $f (func)) (func (param (ref null $f))))";
        assert_eq!(names(typed), ["reference types", "typed function references"]);
    }

    #[test]
    fn envoy_accepts_all_but_the_refused() {
        let wide = "(module (func (param i64 i64) (result i64 i64) (i64.mul_wide_u (local.get 0) (local.get 1))))";
        let wasm = wat::parse_str(wide).unwrap();
        assert!(validates(&wasm, known()) && !validates(&wasm, envoy()));
        let legacy = wat::parse_str("(module (tag $e) (func try (throw $e) catch_all end))").unwrap();
        assert!(validates(&legacy, envoy()));
    }
}
