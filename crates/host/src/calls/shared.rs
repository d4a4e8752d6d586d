//! Shared data and shared queues.

use wasmi::Linker;
use wasmi::errors::LinkerError;

use crate::calls::call;
use crate::guest::{Guest, Outcome};
use crate::state::VmState;

pub(super) fn define(linker: &mut Linker<VmState>) -> Result<(), LinkerError> {
    call!(linker, "proxy_get_shared_data", get, key, key_size, value_at, size_at, cas_at);
    call!(linker, "proxy_set_shared_data", set, key, key_size, value, value_size, cas);
    call!(linker, "proxy_register_shared_queue", register, name, name_size, token_at);
    call!(linker, "proxy_resolve_shared_queue", resolve, vm_id, vm_id_size, name, name_size, token_at);
    call!(linker, "proxy_enqueue_shared_queue", enqueue, token, item, size);
    call!(linker, "proxy_dequeue_shared_queue", dequeue, token, item_at, size_at);
    Ok(())
}

fn get(guest: &mut Guest<'_>, key: u32, key_size: u32, value_at: u32, size_at: u32, cas_at: u32) -> Outcome {
    let key = guest.read(key, key_size)?;
    let state = guest.state();
    let (value, cas) = state.host.read_shared(&state.plugin.vm_id, &key)?;
    guest.give(&value, value_at, size_at)?;
    guest.put(cas_at, cas)
}

fn set(guest: &mut Guest<'_>, key: u32, key_size: u32, value: u32, value_size: u32, cas: u32) -> Outcome {
    let (key, value) = (guest.read(key, key_size)?, guest.read(value, value_size)?);
    let state = guest.state();
    state.host.write_shared(&state.plugin.vm_id, &key, value, cas)
}

fn register(guest: &mut Guest<'_>, name: u32, name_size: u32, token_at: u32) -> Outcome {
    let name = guest.read(name, name_size)?;
    let state = guest.state();
    let owner = (state.number, state.root());
    let token = state.host.register_queue(&state.plugin.vm_id, &name, owner);
    guest.put(token_at, token)
}

fn resolve(guest: &mut Guest<'_>, vm_id: u32, vm_id_size: u32, name: u32, name_size: u32, token_at: u32) -> Outcome {
    let (vm_id, name) = (guest.text(vm_id, vm_id_size)?, guest.read(name, name_size)?);
    let state = guest.state();
    let vm_id = if vm_id.is_empty() { state.plugin.vm_id.clone() } else { vm_id };
    let token = state.host.resolve_queue(&vm_id, &name)?;
    guest.put(token_at, token)
}

fn enqueue(guest: &mut Guest<'_>, token: u32, item: u32, size: u32) -> Outcome {
    let item = guest.read(item, size)?;
    guest.state().host.enqueue(token, item)
}

fn dequeue(guest: &mut Guest<'_>, token: u32, item_at: u32, size_at: u32) -> Outcome {
    let item = guest.state().host.dequeue(token)?;
    guest.give(&item, item_at, size_at)
}
