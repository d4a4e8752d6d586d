//! WASI, as much of it as Envoy has, in both of its versions: there are no files, no arguments and no sockets.

use wasmi::Linker;
use wasmi::errors::LinkerError;

use crate::abi::{LogLevel, Status};
use crate::guest::Guest;
use crate::state::VmState;

const BADF: u32 = 8;
const NOTDIR: u32 = 20;
const FAULT: u32 = 21;
const INVAL: u32 = 28;
const NOENT: u32 = 44;
const NOSYS: u32 = 52;
const NOTSUP: u32 = 58;

/// What a function of WASI returns; `Err` is an error's number.
type Errno = Result<(), u32>;

/// A pointer that leads out of memory.
fn fault(_: Status) -> u32 {
    FAULT
}

/// Gives the guest a function of WASI in both versions: one that is written here, or one that returns always the same.
macro_rules! wasi {
    ($linker:expr, $name:literal, $function:expr $(, $argument:ident $(: $ty:ty)?)*) => {
        for module in ["wasi_unstable", "wasi_snapshot_preview1"] {
            $linker.func_wrap(
                module,
                $name,
                move |caller: wasmi::Caller<'_, VmState>
                      $(, $argument: crate::calls::parameter!($($ty)?))*|
                      -> Result<u32, wasmi::Error> {
                    let mut guest = Guest::enter(caller, module, $name)?;
                    let outcome: Errno = $function(&mut guest $(, $argument)*);
                    Ok(outcome.map_or_else(|errno| errno, |()| 0))
                },
            )?;
        }
    };
    ($linker:expr, $name:literal = $errno:expr $(, $ty:ty)*) => {
        for module in ["wasi_unstable", "wasi_snapshot_preview1"] {
            $linker.func_wrap(
                module,
                $name,
                move |caller: wasmi::Caller<'_, VmState> $(, _: $ty)*| -> Result<u32, wasmi::Error> {
                    Guest::enter(caller, module, $name).map(|_| $errno)
                },
            )?;
        }
    };
}

pub(super) fn define(linker: &mut Linker<VmState>) -> Result<(), LinkerError> {
    wasi!(linker, "fd_write", fd_write, fd, iovs, count, written_at);
    wasi!(linker, "fd_fdstat_get", fd_fdstat_get, fd, stat_at);
    wasi!(linker, "environ_get", environ_get, pointers, buffer);
    wasi!(linker, "environ_sizes_get", environ_sizes_get, count_at, size_at);
    wasi!(linker, "args_sizes_get", args_sizes_get, count_at, size_at);
    wasi!(linker, "args_get" = 0, u32, u32);
    wasi!(linker, "clock_time_get", clock_time_get, clock, precision: u64, time_at);
    wasi!(linker, "clock_res_get", clock_res_get, clock, resolution_at);
    wasi!(linker, "random_get", random_get, buffer, size);
    wasi!(linker, "poll_oneoff", poll_oneoff, subscriptions, events, count, events_at);
    wasi!(linker, "sched_yield" = 0);
    for module in ["wasi_unstable", "wasi_snapshot_preview1"] {
        // Envoy lets the guest go on.
        linker.func_wrap(module, "proc_exit", move |caller: wasmi::Caller<'_, VmState>, _: u32| {
            Guest::enter(caller, module, "proc_exit").map(|_| ())
        })?;
    }
    descriptors(linker)?;
    paths_and_sockets(linker)
}

fn descriptors(linker: &mut Linker<VmState>) -> Result<(), LinkerError> {
    wasi!(linker, "fd_read" = NOSYS, u32, u32, u32, u32);
    wasi!(linker, "fd_seek" = 0, u32, i64, u32, u32);
    wasi!(linker, "fd_close" = 0, u32);
    wasi!(linker, "fd_fdstat_set_flags" = NOSYS, u32, u32);
    wasi!(linker, "fd_fdstat_set_rights", output_only, fd, _a: u64, _b: u64);
    wasi!(linker, "fd_advise" = 0, u32, u64, u64, u32);
    wasi!(linker, "fd_allocate", output_only, fd, _a: u64, _b: u64);
    wasi!(linker, "fd_datasync", |_: &mut Guest<'_>, fd| output(fd), fd);
    wasi!(linker, "fd_sync", |_: &mut Guest<'_>, fd| output(fd), fd);
    wasi!(linker, "fd_filestat_get" = BADF, u32, u32);
    wasi!(linker, "fd_filestat_set_size", |_: &mut Guest<'_>, fd, _| output(fd), fd, _size: u64);
    wasi!(linker, "fd_filestat_set_times", |_: &mut Guest<'_>, fd, _, _, _| output(fd), fd, _a: u64, _b: u64, _flags);
    wasi!(linker, "fd_pread" = NOSYS, u32, u32, u32, u64, u32);
    wasi!(linker, "fd_pwrite", fd_pwrite, fd, iovs, count, _offset: u64, written_at);
    wasi!(linker, "fd_readdir", fd_readdir, _fd, _buffer, _size, _cookie: u64, read_at);
    wasi!(linker, "fd_renumber", fd_renumber, from, to);
    wasi!(linker, "fd_tell", fd_tell, fd, offset_at);
    wasi!(linker, "fd_prestat_get" = BADF, u32, u32);
    wasi!(linker, "fd_prestat_dir_name" = NOSYS, u32, u32, u32);
    Ok(())
}

fn paths_and_sockets(linker: &mut Linker<VmState>) -> Result<(), LinkerError> {
    wasi!(linker, "path_open" = NOENT, u32, u32, u32, u32, u32, i64, i64, u32, u32);
    wasi!(linker, "path_create_directory" = NOTSUP, u32, u32, u32);
    wasi!(linker, "path_filestat_get" = NOTSUP, u32, u32, u32, u32, u32);
    wasi!(linker, "path_filestat_set_times" = NOTSUP, u32, u32, u32, u32, u64, u64, u32);
    wasi!(linker, "path_link" = NOTSUP, u32, u32, u32, u32, u32, u32);
    wasi!(linker, "path_readlink", path_readlink, _fd, _path, _path_size, _buffer, _size, read_at);
    wasi!(linker, "path_remove_directory" = NOTSUP, u32, u32, u32);
    wasi!(linker, "path_rename" = NOTSUP, u32, u32, u32, u32, u32, u32);
    wasi!(linker, "path_symlink" = NOTSUP, u32, u32, u32, u32);
    wasi!(linker, "path_unlink_file" = NOTSUP, u32, u32, u32);
    wasi!(linker, "sock_accept", sock_accept, _fd, _flags, fd_at);
    wasi!(linker, "sock_recv", sock_recv, _fd, _iovs, _count, _flags, read_at, flags_at);
    wasi!(linker, "sock_send", sock_send, _fd, _iovs, _count, _flags, sent_at);
    wasi!(linker, "sock_shutdown" = NOTSUP, u32, u32);
    Ok(())
}

/// Only the two outputs are open.
fn output(fd: u32) -> Errno {
    if matches!(fd, 1 | 2) { Ok(()) } else { Err(BADF) }
}

fn output_only(_: &mut Guest<'_>, fd: u32, _: u64, _: u64) -> Errno {
    output(fd)
}

/// Writes to the log: the standard output as information, the standard error as an error.
fn fd_write(guest: &mut Guest<'_>, fd: u32, iovs: u32, count: u32, written_at: u32) -> Errno {
    output(fd)?;
    let mut text = Vec::new();
    for at in 0..count {
        let entry = at.checked_mul(8).and_then(|it| it.checked_add(iovs)).ok_or(FAULT)?;
        let entry = guest.read(entry, 8).map_err(fault)?;
        let number = |from: usize| {
            let bytes = entry.get(from..from + 4).and_then(|it| it.try_into().ok());
            bytes.map_or(0, u32::from_le_bytes)
        };
        let (pointer, size) = (number(0), number(4));
        if size > 0 {
            text.extend(guest.read(pointer, size).map_err(fault)?);
        }
    }
    let written = text.len() as u32;
    if written > 0 {
        let line = text.strip_suffix(b"\n").unwrap_or(&text);
        guest.state().log(if fd == 1 { LogLevel::Info } else { LogLevel::Error }, line);
    }
    guest.put(written_at, written).map_err(fault)
}

fn fd_pwrite(guest: &mut Guest<'_>, fd: u32, iovs: u32, count: u32, _: u64, written_at: u32) -> Errno {
    fd_write(guest, fd, iovs, count, written_at)
}

/// Says of the outputs that they can be written to, and no more.
fn fd_fdstat_get(guest: &mut Guest<'_>, fd: u32, stat_at: u32) -> Errno {
    output(fd)?;
    let mut stat = [0; 24];
    stat[8] = 64;
    // Envoy does not look whether that went well.
    let _ = guest.write(stat_at, &stat);
    Ok(())
}

fn fd_readdir(guest: &mut Guest<'_>, _: u32, _: u32, _: u32, _: u64, read_at: u32) -> Errno {
    guest.put(read_at, 0).map_err(fault)?;
    Err(NOTDIR)
}

fn fd_renumber(_: &mut Guest<'_>, from: u32, to: u32) -> Errno {
    output(from).and(output(to))?;
    Err(NOTSUP)
}

fn fd_tell(guest: &mut Guest<'_>, fd: u32, offset_at: u32) -> Errno {
    output(fd)?;
    guest.write(offset_at, &[0; 8]).map_err(fault)
}

fn environ_get(guest: &mut Guest<'_>, mut pointers: u32, mut buffer: u32) -> Errno {
    for (name, value) in guest.state().plugin.environment.clone() {
        guest.put(pointers, buffer).map_err(fault)?;
        let entry = format!("{name}={value}\0");
        guest.write(buffer, entry.as_bytes()).map_err(fault)?;
        buffer = buffer.wrapping_add(entry.len() as u32);
        pointers = pointers.wrapping_add(4);
    }
    Ok(())
}

fn environ_sizes_get(guest: &mut Guest<'_>, count_at: u32, size_at: u32) -> Errno {
    let environment = &guest.state().plugin.environment;
    let size: usize = environment.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    let count = environment.len() as u32;
    guest.put(count_at, count).map_err(fault)?;
    guest.put(size_at, size as u32).map_err(fault)
}

fn args_sizes_get(guest: &mut Guest<'_>, count_at: u32, size_at: u32) -> Errno {
    guest.put(count_at, 0).map_err(fault)?;
    guest.put(size_at, 0).map_err(fault)
}

/// Both clocks are the host's.
fn clock_time_get(guest: &mut Guest<'_>, clock: u32, _: u64, time_at: u32) -> Errno {
    if clock > 1 {
        return Err(NOTSUP);
    }
    let now = guest.state().host.now().as_nanos() as u64;
    guest.write(time_at, &now.to_le_bytes()).map_err(fault)
}

fn clock_res_get(guest: &mut Guest<'_>, clock: u32, resolution_at: u32) -> Errno {
    if clock > 1 {
        return Err(NOTSUP);
    }
    guest.write(resolution_at, &1u64.to_le_bytes()).map_err(fault)
}

/// The same bytes in every run, others in every VM: what a test sees once it sees again.
fn random_get(guest: &mut Guest<'_>, buffer: u32, size: u32) -> Errno {
    if size > 64 * 1024 {
        return Err(INVAL);
    }
    let state = guest.state();
    let bytes: Vec<u8> = (0..size).map(|_| next_byte(&mut state.random)).collect();
    guest.write(buffer, &bytes).map_err(fault)
}

/// Steps the generator SplitMix64.
fn next_byte(state: &mut u64) -> u8 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ *state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ mixed >> 31) as u8
}

/// Nothing ever happens to what is waited for; Go's runtime needs it to go well.
fn poll_oneoff(guest: &mut Guest<'_>, _: u32, _: u32, _: u32, events_at: u32) -> Errno {
    guest.put(events_at, 0).map_err(fault)
}

fn path_readlink(guest: &mut Guest<'_>, _: u32, _: u32, _: u32, _: u32, _: u32, read_at: u32) -> Errno {
    guest.put(read_at, 0).map_err(fault)?;
    Err(NOTSUP)
}

fn sock_accept(guest: &mut Guest<'_>, _: u32, _: u32, fd_at: u32) -> Errno {
    guest.write(fd_at, &[0; 8]).map_err(fault)?;
    Err(NOTSUP)
}

fn sock_recv(guest: &mut Guest<'_>, _: u32, _: u32, _: u32, _: u32, read_at: u32, flags_at: u32) -> Errno {
    guest.put(read_at, 0).map_err(fault)?;
    guest.write(flags_at, &[0; 2]).map_err(fault)?;
    Err(NOTSUP)
}

fn sock_send(guest: &mut Guest<'_>, _: u32, _: u32, _: u32, _: u32, sent_at: u32) -> Errno {
    guest.put(sent_at, 0).map_err(fault)?;
    Err(NOTSUP)
}
