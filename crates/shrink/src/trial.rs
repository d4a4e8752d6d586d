//! Plays a module for a moment, and writes down all that it says to the host: what a stage leaves must say the same.
//!
//! The host here is the least that there can be. It has a header for every name, no configuration, and a clock that
//! goes on with every call; what it does not know it answers with 0. So the same module says the same in every play, and two modules that
//! differ in more than their encoding do not.

use wasmi::{Caller, Config, Engine, Extern, ExternType, Linker, Memory, Module, Store, TrapCode, Val};

/// What a module may take for one call of the host's: far more than any filter does, and the end of an endless loop.
const FUEL: u64 = 200_000_000;
/// The value of every header.
const VALUE: &[u8] = b"value";
/// What a host says that has nothing of the kind.
const NOT_FOUND: i32 = 1;
/// What WASI says of a file descriptor that there is not (`errno::badf`).
const NO_SUCH_FILE: i32 = 8;

/// Something that a module did, as a line.
pub(crate) type Deed = String;

/// Plays the start of a VM, a plugin without a configuration, and a stream in which each of `callbacks` is called.
///
/// # Errors
/// The module cannot be played: the engine does not know what it uses, or it does not come to an end.
pub(crate) fn play<C: AsRef<str>>(wasm: &[u8], callbacks: &[C]) -> Result<Vec<Deed>, String> {
    let mut config = Config::default();
    config.consume_fuel(true).ignore_custom_sections(true);
    config.compilation_mode(wasmi::CompilationMode::LazyTranslation);
    let engine = Engine::new(&config);
    let module = Module::new(&engine, wasm).map_err(|error| error.to_string())?;
    let mut store = Store::new(&engine, Vec::new());
    let linker = host(&engine, &module).map_err(|error| error.to_string())?;
    store.set_fuel(FUEL).map_err(|error| error.to_string())?;
    let instance = linker.instantiate_and_start(&mut store, &module).map_err(|error| error.to_string())?;
    for (name, arguments) in script(callbacks) {
        let Some(function) = instance.get_func(&store, name) else { continue };
        let ty = function.ty(&store);
        let arguments: Vec<Val> = arguments.iter().take(ty.params().len()).map(|number| Val::I32(*number)).collect();
        let mut results: Vec<Val> = ty.results().iter().map(|ty| Val::default_for_ty(*ty)).collect();
        if arguments.len() < ty.params().len() {
            continue;
        }
        store.set_fuel(FUEL).map_err(|error| error.to_string())?;
        match function.call(&mut store, &arguments, &mut results) {
            Ok(()) => store.data_mut().push(format!("{name} returned {:?}", numbers(&results))),
            Err(error) if error.as_trap_code() == Some(TrapCode::OutOfFuel) => return Err("it does not end".into()),
            Err(error) => {
                // What it says beside the kind of the trap tells where in the code it was, which a stage may move.
                let kind = error.as_trap_code().map_or("by the host", |code| code.trap_message());
                store.data_mut().push(format!("{name} trapped: {kind}"));
                break;
            }
        }
    }
    Ok(store.into_data())
}

/// What the host calls, in its order, with as many arguments as any version of the ABI has.
fn script<C: AsRef<str>>(callbacks: &[C]) -> Vec<(&str, [i32; 5])> {
    let start = [
        ("_initialize", [0; 5]),
        ("_start", [0; 5]),
        ("proxy_on_context_create", [1, 0, 0, 0, 0]),
        ("proxy_on_vm_start", [1, 0, 0, 0, 0]),
        ("proxy_on_configure", [1, 0, 0, 0, 0]),
        ("proxy_on_context_create", [2, 1, 0, 0, 0]),
    ];
    let of_plugin =
        ["proxy_on_tick", "proxy_on_queue_ready", "proxy_on_http_call_response", "proxy_on_foreign_function"];
    let called = callbacks.iter().map(AsRef::as_ref).filter(|callback| !of_plugin.contains(callback));
    let called = called.map(|callback| (callback, [2, 3, 1, 0, 0]));
    start.into_iter().chain(called).chain([("proxy_on_delete", [2, 0, 0, 0, 0])]).collect()
}

/// A host with all that the module imports.
fn host(engine: &Engine, module: &Module) -> Result<Linker<Vec<Deed>>, wasmi::Error> {
    let mut linker = Linker::new(engine);
    // Go imports some functions twice.
    linker.allow_shadowing(true);
    for import in module.imports() {
        let ExternType::Func(ty) = import.ty() else { continue };
        let name = import.name().to_owned();
        linker.func_new(import.module(), import.name(), ty.clone(), move |mut caller, arguments, results| {
            let arguments = numbers(arguments);
            if name == "proc_exit" {
                return Err(wasmi::Error::new("proc_exit"));
            }
            let said = said(&mut caller, &name, &arguments);
            let status = answer(&mut caller, &name, &arguments)?;
            caller.data_mut().push(format!("called {name} {said}"));
            for result in results.iter_mut() {
                *result = Val::I32(status);
            }
            Ok(())
        })?;
    }
    Ok(linker)
}

/// The arguments of a host call that tell what it is about: numbers, and the bytes that others point to. Where those are
/// is the module's own business.
fn said(caller: &mut Caller<'_, Vec<Deed>>, name: &str, arguments: &[i64]) -> String {
    // How many numbers come first, and how many pairs of an address and a size follow.
    let (numbers, texts) = match name {
        "proxy_log" => (1, 1),
        "proxy_get_header_map_value" | "proxy_remove_header_map_value" => (1, 1),
        "proxy_add_header_map_value" | "proxy_replace_header_map_value" => (1, 2),
        "proxy_send_local_response" => (1, 3),
        "proxy_get_property" | "proxy_get_shared_data" => (0, 1),
        "proxy_set_property" | "proxy_set_shared_data" => (0, 2),
        "proxy_define_metric" => (1, 1),
        "proxy_get_buffer_bytes" => (3, 0),
        "proxy_set_buffer_bytes" => (3, 1),
        "proxy_increment_metric" | "proxy_record_metric" => (2, 0),
        _ => (0, 0),
    };
    let memory = memory(caller);
    let mut said = format!("{:?}", arguments.get(..numbers).unwrap_or_default());
    for pair in arguments.get(numbers..numbers + 2 * texts).unwrap_or_default().chunks(2) {
        let (from, size) = (pair[0] as u32 as usize, pair[1] as u32 as usize);
        let bytes = memory.and_then(|memory| memory.data(&*caller).get(from..from.checked_add(size)?));
        said.push_str(&bytes.map_or(" nothing".into(), |bytes| format!(" \"{}\"", bytes.escape_ascii())));
    }
    said
}

/// What the host answers, and what it writes into the module's memory.
fn answer(caller: &mut Caller<'_, Vec<Deed>>, name: &str, arguments: &[i64]) -> Result<i32, wasmi::Error> {
    let at = |index: usize| arguments.get(index).copied().unwrap_or_default() as u32;
    match name {
        "proxy_get_header_map_value" => give(caller, VALUE, at(3), at(4))?,
        "proxy_get_property" | "proxy_get_shared_data" | "proxy_get_buffer_bytes" | "proxy_get_header_map_pairs" => {
            return Ok(NOT_FOUND);
        }
        // Programs ask for one after the other until there is none.
        "fd_prestat_get" => return Ok(NO_SUCH_FILE),
        "proxy_get_current_time_nanoseconds" => put(caller, at(0), &now(caller)),
        "proxy_define_metric" => put(caller, at(3), &1_u32.to_le_bytes()),
        "clock_time_get" => put(caller, at(2), &now(caller)),
        "random_get" => put(caller, at(0), &vec![7; at(1) as usize]),
        "fd_write" => put(caller, at(3), &1_u32.to_le_bytes()),
        "args_sizes_get" | "environ_sizes_get" => {
            put(caller, at(0), &0_u32.to_le_bytes());
            put(caller, at(1), &0_u32.to_le_bytes());
        }
        _ => {}
    }
    Ok(0)
}

/// The time in nanoseconds: a millisecond more with everything that was done.
fn now(caller: &Caller<'_, Vec<Deed>>) -> [u8; 8] {
    (caller.data().len() as u64 * 1_000_000).to_le_bytes()
}

/// Gives bytes to the module: asks it for memory, and writes where they are and how many.
fn give(caller: &mut Caller<'_, Vec<Deed>>, bytes: &[u8], address: u32, size: u32) -> Result<(), wasmi::Error> {
    let allocators = ["proxy_on_memory_allocate", "malloc"];
    let allocator = allocators.iter().find_map(|name| caller.get_export(name).and_then(Extern::into_func));
    let Some(allocator) = allocator else { return Ok(()) };
    let mut place = [Val::I32(0)];
    allocator.call(&mut *caller, &[Val::I32(bytes.len() as i32)], &mut place)?;
    let place = place[0].i32().unwrap_or_default() as u32;
    put(caller, place, bytes);
    put(caller, address, &place.to_le_bytes());
    put(caller, size, &(bytes.len() as u32).to_le_bytes());
    Ok(())
}

/// Writes bytes where the module says; one that says a place outside of its memory gets nothing.
fn put(caller: &mut Caller<'_, Vec<Deed>>, at: u32, bytes: &[u8]) {
    if let Some(memory) = memory(caller) {
        let _ = memory.write(&mut *caller, at as usize, bytes);
    }
}

fn memory(caller: &Caller<'_, Vec<Deed>>) -> Option<Memory> {
    caller.get_export("memory").and_then(Extern::into_memory)
}

fn numbers(values: &[Val]) -> Vec<i64> {
    let number = |value: &Val| value.i64().or_else(|| value.i32().map(i64::from)).unwrap_or_default();
    values.iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULE: &str = r#"(module
        (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
        (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 16) "name")
        (func (export "proxy_abi_version_0_2_1"))
        (func (export "malloc") (param i32) (result i32) (i32.const 1024))
        (func (export "proxy_on_context_create") (param i32 i32))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (drop (call $get (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 32) (i32.const 36)))
            (drop (call $log (i32.const 2) (i32.load (i32.const 32)) (i32.load (i32.const 36))))
            (i32.const 0))
        (func (export "proxy_on_log") (param i32) MORE))"#;

    fn deeds(more: &str) -> Result<Vec<Deed>, String> {
        let wasm = wat::parse_str(MODULE.replace("MORE", more)).unwrap();
        play(&wasm, &["proxy_on_request_headers", "proxy_on_log"])
    }

    #[test]
    fn what_a_module_says_and_returns_is_written_down() {
        let created = "proxy_on_context_create returned []";
        assert_eq!(
            deeds("").unwrap(),
            [
                created,
                created,
                "called proxy_get_header_map_value [0] \"name\"",
                "called proxy_log [2] \"value\"",
                "proxy_on_request_headers returned [0]",
                "proxy_on_log returned []",
            ]
        );
    }

    #[test]
    fn a_function_may_be_imported_twice() {
        let import = r#"(import "wasi_snapshot_preview1" "fd_close" (func (param i32) (result i32)))"#;
        let wasm = wat::parse_str(format!("(module {import} {import})")).unwrap();
        assert_eq!(play::<&str>(&wasm, &[]), Ok(vec![]));
    }

    #[test]
    fn a_trap_ends_the_play_and_is_part_of_it() {
        let deeds = deeds("unreachable").unwrap();
        assert_eq!(deeds.last().unwrap(), "proxy_on_log trapped: wasm `unreachable` instruction executed");
    }

    #[test]
    fn what_does_not_end_is_not_played() {
        assert_eq!(deeds("(loop (br 0))").unwrap_err(), "it does not end");
    }
}
