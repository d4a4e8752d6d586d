//! One VM: an instance of a module, and calls into it.

use std::collections::BTreeMap;
use std::fmt;

use wasmi::{AsContextMut, ExternType, Func, Instance, Store, StoreContextMut, TrapCode, TypedFunc, Val, ValType};

use crate::abi::{AbiVersion, LogLevel};
use crate::host::Host;
use crate::instrument;
use crate::plugin::Plugin;
use crate::report::{Counts, LogLine, Trap};
use crate::state::{Reach, Restriction, VmState};

/// Why a filter does not run.
#[derive(Debug, thiserror::Error)]
pub struct StartError {
    /// What went wrong.
    pub cause: StartCause,
    /// What the filter logged up to then.
    pub log: Vec<LogLine>,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cause)?;
        self.log.iter().try_for_each(|line| write!(f, "\n  it logged: {}", line.message))
    }
}

/// What goes wrong when a filter is started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartCause {
    /// An import that this host, like Envoy, does not have for the module's ABI; or one of another type.
    #[error("cannot link the module: {0}")]
    Link(String),
    /// A callback of another type than the ABI gives it.
    #[error("bad function signature for {name}: expected {expected}, found {found}")]
    Signature {
        /// The export.
        name: String,
        /// The type it should have.
        expected: String,
        /// The type it has.
        found: String,
    },
    /// The module has no memory that is exported.
    #[error("the module exports no memory")]
    NoMemory,
    /// The host cannot ask the guest for memory.
    #[error("the module is missing malloc or proxy_on_memory_allocate")]
    NoAllocator,
    /// It trapped.
    #[error(transparent)]
    Trap(Trap),
    /// `proxy_on_vm_start` returned false.
    #[error("proxy_on_vm_start returned false")]
    VmStart,
    /// `proxy_on_configure` returned false: the configuration is refused.
    #[error("proxy_on_configure returned false: the configuration is refused")]
    Refused,
}

/// One VM.
pub(crate) struct Vm {
    store: Store<VmState>,
    exports: BTreeMap<String, Func>,
    reach: Reach,
    instance: Instance,
    /// The root context of its plugin.
    pub(crate) root: u32,
}

impl fmt::Debug for Vm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vm").field("number", &self.state().number).finish_non_exhaustive()
    }
}

impl Vm {
    /// Instantiates a plugin's module, starts it and configures it, in the order of a worker of Envoy.
    ///
    /// # Errors
    /// See [`StartCause`].
    pub(crate) fn start(host: &Host, plugin: &Plugin) -> Result<Vm, StartError> {
        let mut store = Store::new(&plugin.module.engine, VmState::new(host, plugin));
        store.limiter(|state| &mut state.limits);
        let begun = Vm::begin(&mut store, plugin);
        let (exports, reach, instance) = match begun {
            Ok(begun) => begun,
            Err(cause) => return Err(StartError { cause, log: std::mem::take(&mut store.data_mut().log) }),
        };
        let mut vm = Vm { store, exports, reach, instance, root: 0 };
        match vm.configure() {
            Ok(()) => Ok(vm),
            Err(cause) => Err(StartError { cause, log: std::mem::take(&mut vm.state_mut().log) }),
        }
    }

    fn begin(
        store: &mut Store<VmState>,
        plugin: &Plugin,
    ) -> Result<(BTreeMap<String, Func>, Reach, Instance), StartCause> {
        refuel(&mut store.as_context_mut());
        store.data_mut().restriction = Restriction::Start;
        let instance = plugin.module.linker.instantiate_and_start(&mut *store, &plugin.module.compiled);
        store.data_mut().restriction = Restriction::None;
        let instance = instance.map_err(|error| match error.as_trap_code() {
            Some(_) => StartCause::Trap(trap_of(&mut store.as_context_mut(), None, 0, "the start function", &error)),
            None => StartCause::Link(error.to_string()),
        })?;
        let exports = functions(store, &instance, plugin.module.abi())?;
        let reach = reach(store, &instance)?;
        store.data_mut().reach = Some(reach.clone());
        Ok((exports, reach, instance))
    }

    fn configure(&mut self) -> Result<(), StartCause> {
        self.state_mut().restriction = Restriction::Start;
        let entry = ["_initialize", "_start"].into_iter().find(|it| self.exports.contains_key(*it));
        if let Some(entry) = entry {
            self.call(entry, 0, &[]);
        }
        if entry == Some("_initialize") {
            match self.exports.contains_key("main") {
                true => self.call("main", 0, &[0, 0]),
                false => self.call("__main_void", 0, &[]),
            };
        }
        self.state_mut().restriction = Restriction::None;
        self.alive()?;
        let plugin = self.state().plugin.clone();
        let root = self.state_mut().add_context(0, None);
        self.root = root;
        self.state_mut().configuring = true;
        self.call("proxy_on_context_create", root, &[root, 0]);
        self.state_mut().configuring = false;
        if let Some(context) = self.state_mut().contexts.get_mut(&root) {
            context.created = true;
        }
        let started = self.call("proxy_on_vm_start", root, &[root, plugin.vm_configuration.len() as u32]);
        self.alive()?;
        if started == Some(0) {
            return Err(StartCause::VmStart);
        }
        self.state_mut().configuring = true;
        let configured = self.call("proxy_on_configure", root, &[root, plugin.configuration.len() as u32]);
        self.state_mut().configuring = false;
        self.alive()?;
        if configured == Some(0) { Err(StartCause::Refused) } else { Ok(()) }
    }

    fn alive(&self) -> Result<(), StartCause> {
        self.state().trap.clone().map_or(Ok(()), |trap| Err(StartCause::Trap(trap)))
    }

    pub(crate) fn state(&self) -> &VmState {
        self.store.data()
    }

    pub(crate) fn state_mut(&mut self) -> &mut VmState {
        self.store.data_mut()
    }

    /// Whether the module has a callback.
    pub(crate) fn has(&self, export: &str) -> bool {
        self.exports.contains_key(export)
    }

    /// Calls an export for a context and gives what it returned: `Some(0)` where it returns nothing, `None` where the
    /// module has no such export, or where it trapped, which [`VmState::trap`] then says.
    pub(crate) fn call(&mut self, export: &str, context: u32, arguments: &[u32]) -> Option<u32> {
        let function = *self.exports.get(export)?;
        if self.state().trap.is_some() {
            return None;
        }
        let reach = self.reach.clone();
        let state = self.state_mut();
        (state.current, state.effective, state.stop) = (context, 0, false);
        let logged = state.log.len();
        let mut store = self.store.as_context_mut();
        let before = (refuel(&mut store), calls(&mut store, &reach));
        let arguments: Vec<_> = arguments.iter().map(|it| Val::I32(*it as i32)).collect();
        let returned = call(&mut store, &reach, export, |store| {
            let mut results = vec![Val::I32(0); function.ty(&*store).results().len()];
            function.call(&mut *store, &arguments, &mut results)?;
            Ok(results.first().and_then(Val::i32).unwrap_or(0) as u32)
        });
        let spent = before.0.saturating_sub(store.get_fuel().unwrap_or(0));
        let calls = calls(&mut store, &reach).saturating_sub(before.1);
        let memory = reach.memory.data_size(&store);
        let state = self.state_mut();
        state.counts.instructions += spent.saturating_sub(calls * instrument::COST);
        state.counts.memory = memory;
        (state.current, state.effective) = (0, 0);
        if let Some(trap) = state.trap.as_mut().filter(|_| returned.is_none()) {
            let grave = state.log.iter().skip(logged).filter(|line| line.level >= LogLevel::Error);
            trap.log = grave.cloned().collect();
        }
        returned
    }

    /// The value of an exported global that holds an integer.
    pub(crate) fn global(&self, name: &str) -> Option<u64> {
        match self.instance.get_global(&self.store, name)?.get(&self.store) {
            Val::I32(value) => Some(u64::from(value.cast_unsigned())),
            Val::I64(value) => Some(value.cast_unsigned()),
            _ => None,
        }
    }

    /// What the guest cost so far.
    pub(crate) fn counts(&self) -> &Counts {
        &self.state().counts
    }
}

/// Calls into the guest, from the driver or from within a host call, and notes a trap; `None` is a trap.
pub(crate) fn call<T>(
    store: &mut StoreContextMut<'_, VmState>,
    reach: &Reach,
    name: &str,
    invoke: impl FnOnce(&mut StoreContextMut<'_, VmState>) -> Result<T, wasmi::Error>,
) -> Option<T> {
    let height = height(store, reach);
    *store.data_mut().counts.callbacks.entry(name.to_owned()).or_default() += 1;
    match invoke(store) {
        Ok(value) => Some(value),
        Err(error) => {
            let trap = trap_of(store, Some(reach), height, name, &error);
            store.data_mut().trap.get_or_insert(trap);
            None
        }
    }
}

fn trap_of(
    store: &mut StoreContextMut<'_, VmState>,
    reach: Option<&Reach>,
    from: u32,
    name: &str,
    error: &wasmi::Error,
) -> Trap {
    let fuel = store.data().plugin.fuel;
    let reason = match error.as_trap_code() {
        Some(TrapCode::OutOfFuel) => {
            format!("it took more than {fuel} instructions: an endless loop, or a bound that is too low")
        }
        Some(TrapCode::UnreachableCodeReached) => "unreachable was executed".to_owned(),
        Some(TrapCode::StackOverflow) => "the stack overflowed".to_owned(),
        Some(code) => code.to_string(),
        None => error.to_string(),
    };
    let mut frames = Vec::new();
    if let Some(reach) = reach {
        let to = height(store, reach) as usize;
        let stack = reach.stack.data(&*store).get(from as usize..to).unwrap_or_default();
        let indices = stack.chunks_exact(4).filter_map(|it| it.try_into().ok()).map(u32::from_le_bytes);
        frames = indices.map(|index| store.data().plugin.module.names.get(index)).collect();
        frames.reverse();
    }
    Trap { callback: name.to_owned(), reason, frames, log: Vec::new() }
}

fn refuel(store: &mut StoreContextMut<'_, VmState>) -> u64 {
    let fuel = store.data().plugin.fuel;
    // Fuel is always enabled: see `module::configuration`.
    let _ = store.set_fuel(fuel);
    fuel
}

fn height(store: &mut StoreContextMut<'_, VmState>, reach: &Reach) -> u32 {
    reach.height.get(&*store).i32().unwrap_or(0) as u32
}

fn calls(store: &mut StoreContextMut<'_, VmState>, reach: &Reach) -> u64 {
    reach.calls.get(&*store).i64().unwrap_or(0) as u64
}

/// The exports that the host calls, each checked to have the type that the ABI gives it.
fn functions(
    store: &mut Store<VmState>,
    instance: &Instance,
    abi: AbiVersion,
) -> Result<BTreeMap<String, Func>, StartCause> {
    let exports: Vec<_> = instance.exports(&*store).map(|it| (it.name().to_owned(), it.ty(&*store))).collect();
    let mut functions = BTreeMap::new();
    for (name, ty) in exports {
        let (Some((parameters, results)), ExternType::Func(ty)) = (signature(&name, abi), ty) else { continue };
        let types = ty.params().iter().chain(ty.results());
        let fits = (ty.params().len(), ty.results().len()) == (parameters, results);
        if !fits || types.into_iter().any(|it| *it != ValType::I32) {
            let text = |parameters, results| format!("{parameters} × i32 → {results} × i32");
            let expected = text(parameters, results);
            let found = format!("{:?} → {:?}", ty.params(), ty.results());
            return Err(StartCause::Signature { name, expected, found });
        }
        functions.extend(instance.get_func(&*store, &name).map(|function| (name, function)));
    }
    Ok(functions)
}

fn reach(store: &mut Store<VmState>, instance: &Instance) -> Result<Reach, StartCause> {
    let memory = instance.get_memory(&*store, "memory").ok_or(StartCause::NoMemory)?;
    let allocate = ["malloc", "proxy_on_memory_allocate"].into_iter().find_map(|name| {
        let function: TypedFunc<u32, u32> = instance.get_typed_func(&*store, name).ok()?;
        Some((name.to_owned(), function))
    });
    let missing = || StartCause::Link("the stack for backtraces is not there".to_owned());
    Ok(Reach {
        memory,
        allocate: Some(allocate.ok_or(StartCause::NoAllocator)?),
        stack: instance.get_memory(&*store, instrument::STACK).ok_or_else(missing)?,
        height: instance.get_global(&*store, instrument::HEIGHT).ok_or_else(missing)?,
        calls: instance.get_global(&*store, instrument::CALLS).ok_or_else(missing)?,
    })
}

/// How many parameters and results an export has that the host may call; all of them are `i32`.
fn signature(name: &str, abi: AbiVersion) -> Option<(usize, usize)> {
    let headers = if abi == AbiVersion::V0_1_0 { (2, 1) } else { (3, 1) };
    Some(match name {
        "_initialize" | "_start" => (0, 0),
        "main" => (2, 1),
        "__main_void" => (0, 1),
        "malloc" | "proxy_on_memory_allocate" | "proxy_on_done" => (1, 1),
        "proxy_on_context_create" => (2, 0),
        "proxy_on_vm_start" | "proxy_on_configure" | "proxy_on_request_trailers" | "proxy_on_response_trailers" => {
            (2, 1)
        }
        "proxy_on_request_headers" | "proxy_on_response_headers" => headers,
        "proxy_on_request_body" | "proxy_on_response_body" => (3, 1),
        "proxy_on_tick" | "proxy_on_log" | "proxy_on_delete" => (1, 0),
        "proxy_on_queue_ready" => (2, 0),
        "proxy_on_http_call_response" => (5, 0),
        "proxy_on_grpc_receive_initial_metadata" | "proxy_on_grpc_receive" => (3, 0),
        "proxy_on_grpc_receive_trailing_metadata" | "proxy_on_grpc_close" => (3, 0),
        _ => return None,
    })
}
