//! Rewrites a module so that a trap can be told by the functions it happened in.
//!
//! The interpreter keeps no backtrace. So each function writes its index on a stack of its own when it is entered, in a
//! memory that the guest cannot address, and takes it off when it returns: what stands there after a trap is the
//! backtrace. Indices stay as they are, because nothing is put before anything else. What the added instructions
//! cost is the same for every call, so counting calls is enough to take it off the guest's account.

use std::ops::Range;

use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, ExportKind, ExportSection, Function, GlobalSection, GlobalType, Instruction,
    MemArg, MemorySection, MemoryType, Module, RawSection, SectionId, TypeSection, ValType,
};
use wasmparser::{
    BinaryReader, CodeSectionReader, ExportSectionReader, FuncType, FunctionBody, GlobalSectionReader,
    ImportSectionReader, MemorySectionReader, Operator, Parser, Payload, TypeRef, TypeSectionReader,
};

/// The export under which the stack's memory is found.
pub(crate) const STACK: &str = "\0weir stack";
/// The export under which the stack's height is found, in bytes.
pub(crate) const HEIGHT: &str = "\0weir height";
/// The export under which the number of calls is found.
pub(crate) const CALLS: &str = "\0weir calls";
/// What the added instructions cost for each call: see `entry` and `exit`.
pub(crate) const COST: u64 = 15;
/// How deep calls may nest: what one page of the stack holds, and room to spare.
pub(crate) const DEPTH: usize = 12_000;

/// Why a module could not be rewritten.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What has to be known of a module before its code is rewritten.
#[derive(Default)]
struct Shape {
    /// Where the contents of each known section stand in the module, by the section's id.
    sections: Vec<(u8, Range<usize>)>,
    /// The types, `None` for one that is no function's.
    types: Vec<Option<FuncType>>,
    /// The type of each function that has a body.
    functions: Vec<u32>,
    /// How many functions stand before those: the imported ones.
    imported: u32,
    memories: u32,
    globals: u32,
}

impl Shape {
    fn read(wasm: &[u8]) -> Result<Shape, Failure> {
        let mut shape = Shape::default();
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            match &payload {
                Payload::TypeSection(types) => {
                    let types = types.clone().into_iter_err_on_gc_types();
                    shape.types = types.map(|it| it.map(Some)).collect::<Result<_, _>>()?;
                }
                Payload::ImportSection(imports) => shape.imports(imports.clone())?,
                Payload::FunctionSection(functions) => {
                    shape.functions = functions.clone().into_iter().collect::<Result<_, _>>()?;
                }
                Payload::MemorySection(memories) => shape.memories += memories.count(),
                Payload::GlobalSection(globals) => shape.globals += globals.count(),
                _ => {}
            }
            if let Some((id, range)) = payload.as_section().filter(|(id, _)| *id != 0) {
                shape.sections.push((id, range));
            }
        }
        Ok(shape)
    }

    fn imports(&mut self, imports: ImportSectionReader<'_>) -> Result<(), Failure> {
        for import in imports.into_imports() {
            match import?.ty {
                TypeRef::Memory(_) => self.memories += 1,
                TypeRef::Global(_) => self.globals += 1,
                TypeRef::Func(_) => self.imported += 1,
                _ => {}
            }
        }
        Ok(())
    }

    fn contents<'a>(&self, wasm: &'a [u8], id: SectionId) -> Option<(BinaryReader<'a>, &'a [u8])> {
        let (_, range) = self.sections.iter().find(|(it, _)| *it == id as u8)?;
        let bytes = wasm.get(range.clone())?;
        Some((BinaryReader::new(bytes, range.start), bytes))
    }
}

/// The module with the stack, for an engine; custom sections are left out.
///
/// # Errors
/// The module cannot be read, or uses types that are no functions'.
pub(crate) fn instrument(wasm: &[u8]) -> Result<Vec<u8>, Failure> {
    let shape = Shape::read(wasm)?;
    let mut added =
        Added { memory: shape.memories, height: shape.globals, calls: shape.globals + 1, types: Vec::new() };
    let first_type = shape.types.len() as u32;
    let code = match shape.contents(wasm, SectionId::Code) {
        Some((reader, _)) => Some(rewrite(CodeSectionReader::new(reader)?, &shape, &mut added, first_type)?),
        None => None,
    };
    let mut module = Module::new();
    for id in ORDER {
        let contents = shape.contents(wasm, id);
        match id {
            SectionId::Type => {
                let mut section = TypeSection::new();
                if let Some((reader, _)) = contents {
                    RoundtripReencoder.parse_type_section(&mut section, TypeSectionReader::new(reader)?)?;
                }
                for results in &added.types {
                    section.ty().function([], results.iter().copied());
                }
                module.section(&section);
            }
            SectionId::Memory => {
                let mut section = MemorySection::new();
                if let Some((reader, _)) = contents {
                    RoundtripReencoder.parse_memory_section(&mut section, MemorySectionReader::new(reader)?)?;
                }
                section.memory(MemoryType {
                    minimum: 1,
                    maximum: Some(1),
                    memory64: false,
                    shared: false,
                    page_size_log2: None,
                });
                module.section(&section);
            }
            SectionId::Global => {
                let mut section = GlobalSection::new();
                if let Some((reader, _)) = contents {
                    RoundtripReencoder.parse_global_section(&mut section, GlobalSectionReader::new(reader)?)?;
                }
                section.global(mutable(ValType::I32), &ConstExpr::i32_const(0));
                section.global(mutable(ValType::I64), &ConstExpr::i64_const(0));
                module.section(&section);
            }
            SectionId::Export => {
                let mut section = ExportSection::new();
                if let Some((reader, _)) = contents {
                    RoundtripReencoder.parse_export_section(&mut section, ExportSectionReader::new(reader)?)?;
                }
                section.export(STACK, ExportKind::Memory, added.memory);
                section.export(HEIGHT, ExportKind::Global, added.height);
                section.export(CALLS, ExportKind::Global, added.calls);
                module.section(&section);
            }
            SectionId::Code => {
                if let Some(code) = &code {
                    module.section(code);
                }
            }
            _ => {
                if let Some((_, data)) = contents {
                    module.section(&RawSection { id: id as u8, data });
                }
            }
        }
    }
    Ok(module.finish())
}

/// The order that the format prescribes.
const ORDER: [SectionId; 13] = [
    SectionId::Type,
    SectionId::Import,
    SectionId::Function,
    SectionId::Table,
    SectionId::Memory,
    SectionId::Tag,
    SectionId::Global,
    SectionId::Export,
    SectionId::Start,
    SectionId::Element,
    SectionId::DataCount,
    SectionId::Code,
    SectionId::Data,
];

fn mutable(val_type: ValType) -> GlobalType {
    GlobalType { val_type, mutable: true, shared: false }
}

/// The indices of what is added, and the types that blocks with several results need.
struct Added {
    memory: u32,
    height: u32,
    calls: u32,
    types: Vec<Vec<ValType>>,
}

impl Added {
    /// Notes the function, and counts the call.
    fn entry(&self, index: u32) -> [Instruction<'static>; 11] {
        [
            Instruction::GlobalGet(self.height),
            Instruction::I32Const(index as i32),
            Instruction::I32Store(MemArg { offset: 0, align: 2, memory_index: self.memory }),
            Instruction::GlobalGet(self.height),
            Instruction::I32Const(4),
            Instruction::I32Add,
            Instruction::GlobalSet(self.height),
            Instruction::GlobalGet(self.calls),
            Instruction::I64Const(1),
            Instruction::I64Add,
            Instruction::GlobalSet(self.calls),
        ]
    }

    /// Forgets the function.
    fn exit(&self) -> [Instruction<'static>; 4] {
        [
            Instruction::GlobalGet(self.height),
            Instruction::I32Const(4),
            Instruction::I32Sub,
            Instruction::GlobalSet(self.height),
        ]
    }

    /// The type of a block that leaves a function's results.
    fn block(&mut self, results: &[ValType], first_type: u32) -> BlockType {
        match results {
            [] => BlockType::Empty,
            [one] => BlockType::Result(*one),
            more => {
                let known = self.types.iter().position(|it| it == more);
                let at = known.unwrap_or_else(|| {
                    self.types.push(more.to_vec());
                    self.types.len() - 1
                });
                BlockType::FunctionType(first_type + at as u32)
            }
        }
    }
}

fn rewrite(
    bodies: CodeSectionReader<'_>,
    shape: &Shape,
    added: &mut Added,
    first_type: u32,
) -> Result<CodeSection, Failure> {
    let mut section = CodeSection::new();
    for (at, body) in bodies.into_iter().enumerate() {
        let ty = shape.functions.get(at).and_then(|ty| shape.types.get(*ty as usize)).and_then(Option::as_ref);
        let ty = ty.ok_or("a function has no type")?;
        let results = ty.results().iter().map(|it| RoundtripReencoder.val_type(*it));
        let results = results.collect::<Result<Vec<_>, _>>()?;
        section.function(&rewrite_body(body?, shape.imported + at as u32, &results, added, first_type)?);
    }
    Ok(section)
}

fn rewrite_body(
    body: FunctionBody<'_>,
    index: u32,
    results: &[ValType],
    added: &mut Added,
    first_type: u32,
) -> Result<Function, Failure> {
    let mut function = RoundtripReencoder.new_function_with_parsed_locals(&body)?;
    added.entry(index).iter().for_each(|it| {
        function.instruction(it);
    });
    function.instruction(&Instruction::Block(added.block(results, first_type)));
    let mut depth = 0u32;
    let operators = body.get_operators_reader()?;
    for operator in operators {
        let operator = operator?;
        match operator {
            Operator::Return => {
                function.instruction(&Instruction::Br(depth));
                continue;
            }
            Operator::ReturnCall { .. } | Operator::ReturnCallIndirect { .. } | Operator::ReturnCallRef { .. } => {
                added.exit().iter().for_each(|it| {
                    function.instruction(it);
                });
            }
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } | Operator::TryTable { .. } => {
                depth += 1
            }
            // The last `end` of a body becomes the block's.
            Operator::End => depth = depth.saturating_sub(1),
            _ => {}
        }
        function.instruction(&RoundtripReencoder.instruction(operator)?);
    }
    added.exit().iter().for_each(|it| {
        function.instruction(it);
    });
    function.instruction(&Instruction::End);
    Ok(function)
}

#[cfg(test)]
mod tests {
    use wasmi::{Instance, Linker, Store, Val};

    use super::*;
    use crate::module::configuration;

    /// Recursion, early returns out of loops and blocks, several results, calls through a table, a diverging function.
    const MODULE: &str = r#"(module
        (import "env" "f" (func $imported))
        (type $unary (func (param i32) (result i32)))
        (table 1 funcref) (elem (i32.const 0) $fibonacci)
        (global $g (mut i32) (i32.const 7))
        (func $fibonacci (param i32) (result i32)
            (if (i32.lt_s (local.get 0) (i32.const 2)) (then (return (local.get 0))))
            (i32.add
                (call $fibonacci (i32.sub (local.get 0) (i32.const 1)))
                (call_indirect (type $unary) (i32.sub (local.get 0) (i32.const 2)) (i32.const 0))))
        (func $first (param i32) (result i32)
            (loop $next (block $odd
                (br_if $odd (i32.and (local.get 0) (i32.const 1)))
                (return (local.get 0)))
                (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                (br $next))
            (unreachable))
        (func $two (param i32) (result i32 i64) (block (br_if 1 (local.get 0) (i64.const 2) (local.get 0)) (drop) (drop)) (i32.const 1) (i64.const 1))
        (func $tail (param i32) (result i32) (return_call $fibonacci (local.get 0)))
        (func (export "run") (param i32) (result i32) (local i64)
            (call $imported)
            (call $two (i32.const 1)) (local.set 1) (drop)
            (i32.add (call $first (i32.const 3)) (i32.add (call $fibonacci (local.get 0)) (global.get $g)))
            (i32.add (i32.wrap_i64 (local.get 1))))
        (func $deep (export "trap") (param i32) (result i32) (call $deeper (local.get 0)))
        (func $deeper (param i32) (result i32) (drop (call $fibonacci (i32.const 3))) (unreachable))
        (func (export "tail") (param i32) (result i32) (call $tail (local.get 0))))"#;

    fn start(wasm: &[u8]) -> (Store<()>, Instance) {
        let engine = wasmi::Engine::new(&configuration());
        let (mut store, mut linker) = (Store::new(&engine, ()), Linker::new(&engine));
        linker.func_wrap("env", "f", || ()).unwrap();
        let module = wasmi::Module::new(&engine, wasm).unwrap();
        store.set_fuel(1_000_000).unwrap();
        let instance = linker.instantiate_and_start(&mut store, &module).unwrap();
        (store, instance)
    }

    /// What a function returns, and what it takes.
    fn run(store: &mut Store<()>, instance: &Instance, name: &str, argument: i32) -> (Result<i32, wasmi::Error>, u64) {
        store.set_fuel(1_000_000).unwrap();
        let function = instance.get_typed_func::<i32, i32>(&*store, name).unwrap();
        let result = function.call(&mut *store, argument);
        (result, 1_000_000 - store.get_fuel().unwrap())
    }

    fn global(store: &Store<()>, instance: &Instance, name: &str) -> i64 {
        match instance.get_global(store, name).unwrap().get(store) {
            Val::I32(value) => value.into(),
            Val::I64(value) => value,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_module_does_and_costs_the_same_as_before() {
        let plain = wat::parse_str(MODULE).unwrap();
        let (mut before, plain_instance) = start(&plain);
        let (mut after, instance) = start(&instrument(&plain).unwrap());
        for argument in [0, 1, 5, 12] {
            let calls = global(&after, &instance, CALLS);
            let (expected, cost) = run(&mut before, &plain_instance, "run", argument);
            let (result, raw) = run(&mut after, &instance, "run", argument);
            assert_eq!(result.unwrap(), expected.unwrap());
            let calls = (global(&after, &instance, CALLS) - calls) as u64;
            assert_eq!(raw - calls * COST, cost, "{argument}: {calls} calls");
            assert_eq!(global(&after, &instance, HEIGHT), 0);
        }
        assert_eq!(run(&mut after, &instance, "tail", 10).0.unwrap(), 55);
        assert_eq!(global(&after, &instance, HEIGHT), 0);
    }

    #[test]
    fn after_a_trap_the_functions_stand_on_the_stack() {
        let (mut store, instance) = start(&instrument(&wat::parse_str(MODULE).unwrap()).unwrap());
        run(&mut store, &instance, "trap", 0).0.unwrap_err();
        assert_eq!(global(&store, &instance, HEIGHT), 8);
        let stack = instance.get_memory(&store, STACK).unwrap().data(&store);
        // The import is function 0, `$deep` 6 and `$deeper` 7.
        assert_eq!(stack[..8], [6, 0, 0, 0, 7, 0, 0, 0]);
    }

    #[test]
    fn a_module_without_functions_is_left_as_it_is() {
        assert!(instrument(&wat::parse_str("(module)").unwrap()).is_ok());
        assert!(instrument(b"\0asm").is_err());
    }
}
