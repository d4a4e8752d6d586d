//! The proxy around the filter: its log, the configuration it hands over, and its ticks.

use std::panic::PanicHookInfo;

use proxy_wasm::types::LogLevel;

use crate::abi::{self, Buffer};
use crate::refused::Refused;
use crate::text::push_decimal;

/// Makes a panic say where and why in the proxy's log before it traps; call it once, when the module starts.
///
/// Without it the message goes to a standard error that a module in a proxy does not have. The SDK's own hook, which
/// `proxy_wasm::set_log_level` installs, brings the formatting machinery and the crate log along: 8 KB of a filter.
pub fn report_panics() {
    std::panic::set_hook(Box::new(report));
}

fn report(panic: &PanicHookInfo<'_>) {
    let mut message = String::from("panicked");
    if let Some(place) = panic.location() {
        message.push_str(" at ");
        message.push_str(place.file());
        message.push(':');
        push_decimal(&mut message, place.line().into());
    }
    if let Some(why) = panic.payload_as_str() {
        message.push_str(": ");
        message.push_str(why);
    }
    log(LogLevel::Critical, &message);
}

/// Writes one line to the proxy's log. A host that takes no line is not worth a trap.
pub fn log(level: LogLevel, message: &str) {
    let _ = abi::log(level as u32, message);
}

/// The configuration of the plugin whose `on_configure` is running, `size` bytes long as that callback says; no bytes
/// where there is none or where the host refuses.
pub fn plugin_configuration(size: usize) -> Vec<u8> {
    if size == 0 {
        return Vec::new();
    }
    abi::buffer(Buffer::PluginConfiguration, size).ok().flatten().unwrap_or_default()
}

/// Has `on_tick` called every so many milliseconds, in every worker's VM; zero stops it.
///
/// # Errors
/// The host has no ticks.
pub fn tick_every(milliseconds: u32) -> Result<(), Refused> {
    abi::tick_every(milliseconds)
}
