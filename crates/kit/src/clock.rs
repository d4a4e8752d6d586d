//! What time it is.

use crate::abi;
use crate::refused::Refused;

/// Nanoseconds in a second.
pub const SECOND: u64 = 1_000_000_000;

/// A clock on the wall: it may be set, and so step back. [`HostClock`] is the proxy's; a test brings its own.
pub trait Clock {
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// The host tells no time.
    fn now(&self) -> Result<u64, Refused>;
}

/// The proxy's clock. It has only this one: how long something took is the difference of two readings, if the clock
/// was not set in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostClock;

impl Clock for HostClock {
    fn now(&self) -> Result<u64, Refused> {
        abi::now()
    }
}
