//! A guest in the middle of a host call: its memory, and the VM's state.

use wasmi::{AsContextMut, Caller, Memory};

use crate::abi::Status;
use crate::state::{Restriction, VmState};
use crate::vm;

/// What a host call returns; `Err` is what the guest gets other than 0.
pub(crate) type Outcome = Result<(), Status>;

/// The guest that made a host call.
pub(crate) struct Guest<'a> {
    caller: Caller<'a, VmState>,
}

impl<'a> Guest<'a> {
    /// Takes a host call: lets the hook look at it, counts it, and refuses it where it is not allowed.
    ///
    /// # Errors
    /// A trap, where the call is not allowed now.
    pub(crate) fn enter(caller: Caller<'a, VmState>, module: &str, name: &str) -> Result<Guest<'a>, wasmi::Error> {
        let mut guest = Guest { caller };
        let state = guest.state();
        if let Some(mut hook) = state.hook.take() {
            hook(name);
            state.hook.get_or_insert(hook);
        }
        let state = guest.state();
        match state.counts.host_calls.get_mut(name) {
            Some(count) => *count += 1,
            None => {
                state.counts.host_calls.insert(name.to_owned(), 1);
            }
        }
        match allowed(state.restriction, module, name) {
            true => Ok(guest),
            false => Err(wasmi::Error::new(format!("restricted_callback: {module}.{name} may not be called now"))),
        }
    }

    pub(crate) fn state(&mut self) -> &mut VmState {
        self.caller.data_mut()
    }

    fn memory(&mut self) -> Result<Memory, Status> {
        let known = self.state().reach.as_ref().map(|it| it.memory);
        let exported = || self.caller.get_export("memory").and_then(wasmi::Extern::into_memory);
        known.or_else(exported).ok_or(Status::InvalidMemoryAccess)
    }

    /// The bytes at a place.
    ///
    /// # Errors
    /// They are not all in memory.
    pub(crate) fn read(&mut self, pointer: u32, length: u32) -> Result<Vec<u8>, Status> {
        let data = self.memory()?.data(&self.caller);
        let end = (pointer as usize).checked_add(length as usize).ok_or(Status::InvalidMemoryAccess)?;
        data.get(pointer as usize..end).map(<[u8]>::to_vec).ok_or(Status::InvalidMemoryAccess)
    }

    /// The text at a place, what is not UTF-8 replaced.
    ///
    /// # Errors
    /// It is not all in memory.
    pub(crate) fn text(&mut self, pointer: u32, length: u32) -> Result<String, Status> {
        Ok(String::from_utf8_lossy(&self.read(pointer, length)?).into_owned())
    }

    /// Writes bytes to a place.
    ///
    /// # Errors
    /// The place is not all in memory.
    pub(crate) fn write(&mut self, pointer: u32, bytes: &[u8]) -> Outcome {
        let memory = self.memory()?;
        memory.write(&mut self.caller, pointer as usize, bytes).map_err(|_| Status::InvalidMemoryAccess)
    }

    /// Writes a number.
    ///
    /// # Errors
    /// As [`Guest::write`].
    pub(crate) fn put(&mut self, pointer: u32, number: u32) -> Outcome {
        self.write(pointer, &number.to_le_bytes())
    }

    /// Gives bytes to the guest: asks it for memory, and writes where they are and how many.
    ///
    /// # Errors
    /// The guest gives no memory, or one of the places is not in it.
    pub(crate) fn give(&mut self, bytes: &[u8], pointer_at: u32, length_at: u32) -> Outcome {
        let pointer = if bytes.is_empty() { 0 } else { self.allocate(bytes.len() as u32)? };
        self.write(pointer, bytes)?;
        self.put(pointer_at, pointer)?;
        self.put(length_at, bytes.len() as u32)
    }

    /// Asks the guest for memory.
    ///
    /// # Errors
    /// It has no allocator, gives none, or traps: the host call then goes on, and the VM is dead when it returns.
    pub(crate) fn allocate(&mut self, size: u32) -> Result<u32, Status> {
        let reach = self.state().reach.clone().ok_or(Status::InvalidMemoryAccess)?;
        let (name, function) = reach.allocate.as_ref().ok_or(Status::InvalidMemoryAccess)?;
        let state = self.state();
        let saved = (state.current, state.effective, state.restriction);
        (state.current, state.effective, state.restriction) = (0, 0, Restriction::Allocator);
        let pointer = vm::call(&mut self.caller.as_context_mut(), &reach, name, |store| function.call(store, size));
        let state = self.state();
        (state.current, state.effective, state.restriction) = saved;
        pointer.filter(|it| *it != 0).ok_or(Status::InvalidMemoryAccess)
    }
}

fn allowed(restriction: Restriction, module: &str, name: &str) -> bool {
    match restriction {
        Restriction::None => true,
        Restriction::Start => {
            name == "proxy_log"
                || name == "emscripten_notify_memory_growth"
                || (module.starts_with("wasi")
                    && !["proc_exit", "sched_yield", "fd_read", "fd_seek", "fd_close", "path_open"].contains(&name))
        }
        Restriction::Allocator => ["proxy_log", "fd_write", "clock_time_get", "poll_oneoff"].contains(&name),
    }
}
