//! Where a filter's instructions go, by function.
//!
//! Counted in process and not by callgrind: what V8 compiles has no names there, and a sample would be another in every
//! run. Each function of the module gets a counter, to which each stretch of code adds its instructions before it goes on
//! elsewhere, and the names come from the `.symbols` beside it. The sum is what is executed, exactly, and what
//! [`crate::counts`] tells. The interpreter's own fuel would be more: it charges a block when that is entered, with what an
//! exit leaves out, and so six times what a module of Go's compiler executes, whose functions are one block each.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use wasm_encoder::reencode::{Error, Reencode, RoundtripReencoder, utils};
use wasm_encoder::{
    CodeSection, ConstExpr, ExportKind, ExportSection, Function, GlobalSection, GlobalType, Instruction, Module,
    SectionId, ValType,
};
use wasmparser::{ExportSectionReader, FunctionBody, GlobalSectionReader, Operator, Parser, Payload, TypeRef};

use crate::counts::Play;

/// What one function takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The function's name.
    pub name: String,
    /// Its own instructions for each request, without those of what it calls.
    pub instructions: f64,
    /// How often it is entered for each request.
    pub calls: f64,
}

/// How many requests are counted.
const COUNTED: u32 = 100;

/// The functions that a request goes through, the dearest first.
///
/// # Errors
/// The module cannot be read or run, or does not answer as it should.
pub fn profile(wasm: &Path, play: &Play<'_>) -> Result<Vec<Row>> {
    let bytes = std::fs::read(wasm).with_context(|| format!("cannot read {}", wasm.display()))?;
    let shape = Counting::of(&bytes, Each::Function)?;
    let functions = shape.first_function..shape.first_function + shape.functions;
    let named = weir_host::Module::read(wasm).with_context(|| wasm.display().to_string())?;
    let module = weir_host::Module::new(&instrument(&bytes, Each::Function)?)
        .map_err(|error| anyhow!("the counting module: {error}"))?;
    let mut worker = play.worker(&module)?;
    for _ in 0..play.warm {
        play.exchange(&mut worker, &play.request)?;
    }
    let read = |worker: &mut weir_host::Worker, name: String| worker.global(0, &name).unwrap_or(0);
    let all = |worker: &mut weir_host::Worker| -> Vec<(u64, u64)> {
        let both = |index| (read(worker, instructions(index)), read(worker, calls(index)));
        functions.clone().map(both).collect()
    };
    let before = all(&mut worker);
    for _ in 0..COUNTED {
        play.exchange(&mut worker, &play.request)?;
    }
    let after = all(&mut worker);
    let each = |after: u64, before: u64| (after - before) as f64 / f64::from(COUNTED);
    let rows = functions.clone().zip(before.iter().zip(&after)).map(|(index, (before, after))| Row {
        name: named.function_name(index),
        instructions: each(after.0, before.0),
        calls: each(after.1, before.1),
    });
    let mut rows: Vec<Row> = rows.filter(|row| row.calls > 0.0).collect();
    rows.sort_by(|a, b| b.instructions.total_cmp(&a.instructions));
    Ok(rows)
}

/// What has a pair of counters.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Each {
    /// Each function.
    #[default]
    Function,
    /// The module: those of the function 0 count for all.
    Module,
}

/// A module that counts what it executes, in all; [`executed`] tells.
///
/// # Errors
/// The file cannot be read, or is no module.
pub fn counting(wasm: &Path) -> Result<weir_host::Module> {
    let bytes = std::fs::read(wasm).with_context(|| format!("cannot read {}", wasm.display()))?;
    let counting = instrument(&bytes, Each::Module).with_context(|| wasm.display().to_string())?;
    weir_host::Module::new(&counting).map_err(|error| anyhow!("{}: {error}", wasm.display()))
}

/// Instructions that the VMs of a chain of [`counting`] modules have executed so far.
pub fn executed(worker: &weir_host::Worker, chain: u32) -> u64 {
    (0..chain).filter_map(|at| worker.global(at as usize, TOTAL)).sum()
}

/// The export of the counter of all instructions.
const TOTAL: &str = "\0weir instructions";

/// The export of a function's counter of instructions.
fn instructions(index: u32) -> String {
    format!("\0weir instructions {index}")
}

/// The export of a function's counter of calls.
fn calls(index: u32) -> String {
    format!("\0weir entered {index}")
}

/// The module with counters, exported by the names above.
fn instrument(wasm: &[u8], each: Each) -> Result<Vec<u8>> {
    let mut module = Module::new();
    let rewritten = Counting::of(wasm, each)?.parse_core_module(&mut module, Parser::new(0), wasm);
    rewritten.map_err(|error| anyhow!("the module cannot be rewritten: {error}"))?;
    Ok(module.finish())
}

/// Writes a module anew, with two counters for each function: of its instructions, and of its calls.
#[derive(Default)]
struct Counting {
    each: Each,
    first_function: u32,
    functions: u32,
    first_global: u32,
    /// The function that is written next, from 0.
    next: u32,
    globals_written: bool,
}

impl Counting {
    fn of(wasm: &[u8], each: Each) -> Result<Counting> {
        let mut shape = Counting { each, ..Counting::default() };
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        match import?.ty {
                            TypeRef::Func(_) => shape.first_function += 1,
                            TypeRef::Global(_) => shape.first_global += 1,
                            _ => {}
                        }
                    }
                }
                Payload::GlobalSection(globals) => shape.first_global += globals.count(),
                Payload::CodeSectionStart { count, .. } => shape.functions = count,
                _ => {}
            }
        }
        Ok(shape)
    }

    fn add_globals(&mut self, section: &mut GlobalSection) {
        let pairs = if self.each == Each::Module { 1 } else { self.functions };
        for _ in 0..pairs * 2 {
            let ty = GlobalType { val_type: ValType::I64, mutable: true, shared: false };
            section.global(ty, &ConstExpr::i64_const(0));
        }
        self.globals_written = true;
    }

    /// The globals of a function's counters: its instructions, and its calls.
    fn counters(&self, at: u32) -> (u32, u32) {
        let at = if self.each == Each::Module { 0 } else { at };
        (self.first_global + 2 * at, self.first_global + 2 * at + 1)
    }
}

type Written = Result<(), Error<std::convert::Infallible>>;

impl Reencode for Counting {
    type Error = std::convert::Infallible;

    fn parse_global_section(&mut self, section: &mut GlobalSection, globals: GlobalSectionReader<'_>) -> Written {
        utils::parse_global_section(self, section, globals)?;
        self.add_globals(section);
        Ok(())
    }

    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        _: Option<SectionId>,
        next: Option<SectionId>,
    ) -> Written {
        // The sections that the format puts before the globals.
        let before = [
            SectionId::Type,
            SectionId::Import,
            SectionId::Function,
            SectionId::Table,
            SectionId::Memory,
            SectionId::Tag,
            SectionId::Global,
            SectionId::Custom,
        ];
        if !self.globals_written && next.is_some_and(|next| !before.contains(&next)) {
            let mut section = GlobalSection::new();
            self.add_globals(&mut section);
            module.section(&section);
        }
        Ok(())
    }

    fn parse_export_section(&mut self, section: &mut ExportSection, exports: ExportSectionReader<'_>) -> Written {
        utils::parse_export_section(self, section, exports)?;
        if self.each == Each::Module {
            section.export(TOTAL, ExportKind::Global, self.counters(0).0);
            return Ok(());
        }
        for at in 0..self.functions {
            let (index, (own, entered)) = (self.first_function + at, self.counters(at));
            section.export(&instructions(index), ExportKind::Global, own);
            section.export(&calls(index), ExportKind::Global, entered);
        }
        Ok(())
    }

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Written {
        let (own, entered) = self.counters(self.next);
        self.next += 1;
        let mut function = self.new_function_with_parsed_locals(&body)?;
        if self.each == Each::Function {
            add(&mut function, entered, 1);
        }
        // A call counts one, as the host counts it.
        let mut count = 1;
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let operator = operators.read()?;
            count += i64::from(!structural(&operator));
            if leaves(&operator) {
                add(&mut function, own, count);
                count = 0;
            }
            function.instruction(&RoundtripReencoder.instruction(operator)?);
        }
        code.function(&function);
        Ok(())
    }
}

fn add(function: &mut Function, global: u32, count: i64) {
    if count > 0 {
        function.instruction(&Instruction::GlobalGet(global));
        function.instruction(&Instruction::I64Const(count));
        function.instruction(&Instruction::I64Add);
        function.instruction(&Instruction::GlobalSet(global));
    }
}

/// What takes nothing: it only structures code, or says what does not happen. The same as in the interpreter's fuel.
fn structural(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::Else
            | Operator::End
            | Operator::Nop
            | Operator::Drop
            | Operator::Unreachable
    )
}

/// What the code may go on from elsewhere: what came before it is counted before it.
fn leaves(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::End
            | Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrTable { .. }
            | Operator::Return
            | Operator::Unreachable
            | Operator::Call { .. }
            | Operator::CallIndirect { .. }
            | Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_host::Message;

    /// Loops, branches and calls, so that a block that is counted twice or not at all shows.
    const GUEST: &str = r#"(module
        (memory (export "memory") 1)
        (func (export "proxy_abi_version_0_2_1"))
        (func (export "malloc") (param i32) (result i32) (i32.const 1024))
        (func $double (param i32) (result i32) (i32.add (local.get 0) (local.get 0)))
        (func $loop (param i32) (result i32) (local i32)
            (loop $again
                (local.set 1 (call $double (local.get 1)))
                (if (i32.eqz (local.get 0)) (then (return (local.get 1))) (else (nop)))
                (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
                (br $again))
            unreachable)
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (drop (call $loop (i32.const 9))) (i32.const 0)))"#;

    #[test]
    fn each_function_is_charged_with_what_it_executes() {
        let folder = tempfile::tempdir().unwrap();
        let wasm = folder.path().join("guest.wasm");
        std::fs::write(&wasm, wat::parse_str(GUEST).unwrap()).unwrap();
        let (request, answer) = (Message::request("GET", "/"), Message::response(200));
        let play = Play { chain: 1, configuration: None, http: 1, request, answer, status: 200, before: 0, warm: 2 };
        let rows = profile(&wasm, &play).unwrap();
        let row = |name: &str, instructions, calls| Row { name: name.into(), instructions, calls };
        // The loop: one for the call, ten times six until it is decided, nine times five to go on, and two to leave.
        let expected = [row("loop", 108.0, 1.0), row("double", 40.0, 10.0), row("function[4]", 4.0, 1.0)];
        assert_eq!(rows, expected);
        // The sum is what is counted, and fuel charges no less.
        let module = counting(&wasm).unwrap();
        assert_eq!(play.counts(&module).unwrap().instructions, 152);
        assert_eq!(Play { chain: 3, ..play.clone() }.counts(&module).unwrap().instructions, 3 * 152);
        let mut worker = play.worker(&weir_host::Module::read(&wasm).unwrap()).unwrap();
        assert!(play.exchange(&mut worker, &play.request).unwrap().instructions >= 152);
    }
}
