//! The proxy's calls, with every status handed back as a value.
//!
//! `proxy_wasm::hostcalls` makes the same calls and panics on each status that its author did not expect: reading the
//! headers of a callout that failed, or of a map that a callback does not have, would trap. It also copies what it is
//! asked to send more often than it needs to: a property's path is built anew in every call, a map is turned into a
//! list of strings (and panics on a name that is not UTF-8). What stands here does neither.
//!
//! HTTP callouts are the exception: only the SDK can tell its own dispatcher whose answer an answer is.

#![expect(unsafe_code, reason = "these are the imports of the module, which take pointers")]

use std::ptr::null_mut;

use crate::Refused;

const OK: u32 = 0;
const NOT_FOUND: u32 = 1;
/// Somebody else has written since the value was read.
pub(crate) const CAS_MISMATCH: u32 = 8;

/// The numbers of the header maps (proxy-wasm ABI 0.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Map {
    Request = 0,
    Response = 2,
    CalloutHeaders = 6,
}

/// The numbers of the buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Buffer {
    RequestBody = 0,
    CalloutBody = 4,
    PluginConfiguration = 7,
}

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, message: *const u8, size: usize) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_get_buffer_bytes(buffer: u32, start: usize, most: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_replace_header_map_value(map: u32, name: *const u8, name_size: usize, data: *const u8, size: usize)
    -> u32;
    fn proxy_add_header_map_value(map: u32, name: *const u8, name_size: usize, data: *const u8, size: usize) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize) -> u32;
    fn proxy_get_property(path: *const u8, path_size: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_property(path: *const u8, path_size: usize, data: *const u8, size: usize) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
        version: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(key: *const u8, key_size: usize, data: *const u8, size: usize, version: u32) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, by: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
}

/// What a call says that has nothing else to say.
fn done(status: u32) -> Result<(), Refused> {
    if status == OK { Ok(()) } else { Err(Refused) }
}

/// What a call says that hands bytes over: it is given two places to write to. None where there is no such thing.
fn bytes(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Option<Vec<u8>>, Refused> {
    let mut data = null_mut();
    let mut size = 0;
    match call(&mut data, &mut size) {
        OK if data.is_null() => Ok(Some(Vec::new())),
        // SAFETY: the host asked this module's own allocator, through the SDK's `malloc`, for `size` bytes, filled all of
        // them, and leaves them to the module.
        OK => Ok(Some(unsafe { Vec::from_raw_parts(data, size, size) })),
        NOT_FOUND => Ok(None),
        _ => Err(Refused),
    }
}

// SAFETY of every call below: the host reads the bytes of the slices, which live until it returns, keeps none of the
// pointers, and writes to the places that it is given, which are as large as it expects.

pub(crate) fn log(level: u32, message: &str) -> Result<(), Refused> {
    done(unsafe { proxy_log(level, message.as_ptr(), message.len()) })
}

pub(crate) fn now() -> Result<u64, Refused> {
    let mut time = 0;
    done(unsafe { proxy_get_current_time_nanoseconds(&mut time) }).map(|()| time)
}

pub(crate) fn tick_every(milliseconds: u32) -> Result<(), Refused> {
    done(unsafe { proxy_set_tick_period_milliseconds(milliseconds) })
}

pub(crate) fn buffer(buffer: Buffer, most: usize) -> Result<Option<Vec<u8>>, Refused> {
    buffer_from(buffer, 0, most)
}

pub(crate) fn buffer_from(buffer: Buffer, start: usize, most: usize) -> Result<Option<Vec<u8>>, Refused> {
    bytes(|data, size| unsafe { proxy_get_buffer_bytes(buffer as u32, start, most, data, size) })
}

pub(crate) fn pairs(map: Map) -> Result<Vec<u8>, Refused> {
    let pairs = bytes(|data, size| unsafe { proxy_get_header_map_pairs(map as u32, data, size) })?;
    pairs.ok_or(Refused)
}

pub(crate) fn header(map: Map, name: &str) -> Result<Option<Vec<u8>>, Refused> {
    bytes(|data, size| unsafe { proxy_get_header_map_value(map as u32, name.as_ptr(), name.len(), data, size) })
}

pub(crate) fn set_header(map: Map, name: &str, value: &[u8]) -> Result<(), Refused> {
    let (name, name_size, value, size) = (name.as_ptr(), name.len(), value.as_ptr(), value.len());
    done(unsafe { proxy_replace_header_map_value(map as u32, name, name_size, value, size) })
}

pub(crate) fn add_header(map: Map, name: &str, value: &[u8]) -> Result<(), Refused> {
    let (name, name_size, value, size) = (name.as_ptr(), name.len(), value.as_ptr(), value.len());
    done(unsafe { proxy_add_header_map_value(map as u32, name, name_size, value, size) })
}

pub(crate) fn remove_header(map: Map, name: &str) -> Result<(), Refused> {
    done(unsafe { proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) })
}

pub(crate) fn property(path: &str) -> Result<Option<Vec<u8>>, Refused> {
    bytes(|data, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) })
}

pub(crate) fn set_property(path: &str, value: &[u8]) -> Result<(), Refused> {
    done(unsafe { proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) })
}

pub(crate) fn shared(key: &str) -> Result<Option<(Vec<u8>, u32)>, Refused> {
    let mut version = 0;
    let place = &raw mut version;
    let value = bytes(|data, size| unsafe { proxy_get_shared_data(key.as_ptr(), key.len(), data, size, place) })?;
    Ok(value.map(|value| (value, version)))
}

/// Returns the status, of which [`CAS_MISMATCH`] is one that a caller lives with.
pub(crate) fn set_shared(key: &str, value: &[u8], version: u32) -> Result<(), u32> {
    match unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), version) } {
        OK => Ok(()),
        status => Err(status),
    }
}

pub(crate) fn define_metric(kind: u32, name: &str) -> Result<u32, Refused> {
    let mut id = 0;
    done(unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &mut id) }).map(|()| id)
}

pub(crate) fn increment_metric(id: u32, by: i64) -> Result<(), Refused> {
    done(unsafe { proxy_increment_metric(id, by) })
}

pub(crate) fn record_metric(id: u32, value: u64) -> Result<(), Refused> {
    done(unsafe { proxy_record_metric(id, value) })
}

/// `headers` are written as [`crate::pairs::encode`] writes them.
pub(crate) fn send_local_response(
    status: u32,
    details: &str,
    headers: &[u8],
    body: &[u8],
    grpc_status: Option<i32>,
) -> Result<(), Refused> {
    const NO_GRPC: i32 = -1;
    done(unsafe {
        proxy_send_local_response(
            status,
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            grpc_status.unwrap_or(NO_GRPC),
        )
    })
}
