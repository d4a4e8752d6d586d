//! Data that all workers of a proxy share, by key, with compare-and-swap.
//!
//! What Envoy does, which the ABI does not say: data belongs to the plugin's `vm_id` and lives as long as any VM of that
//! id, so it survives a new configuration; one mutex guards all of it; no key can be removed, so keys must be of a fixed
//! number; a write without a version overwrites whatever is there; and a write with a version creates the key where
//! there is none.

use std::num::NonZeroU32;

use crate::abi;
use crate::refused::Refused;

/// Which writing of a value was read; every write makes a new one.
pub type Version = NonZeroU32;

/// Data shared by all workers. [`HostSharedData`] is the proxy's; a test brings its own.
pub trait SharedData {
    /// The value of a key and its version; none where nobody has written one.
    ///
    /// # Errors
    /// The host hands none over.
    fn get(&self, key: &str) -> Result<Option<(Vec<u8>, Version)>, Refused>;

    /// Writes a value over the one of this version.
    ///
    /// # Errors
    /// Somebody has written since, or the host refuses. Nothing was written.
    fn replace(&self, key: &str, value: &[u8], version: Version) -> Result<(), NotWritten>;

    /// Writes a value where there is none.
    ///
    /// # Errors
    /// There is one, or the host refuses. Nothing was written.
    fn create(&self, key: &str, value: &[u8]) -> Result<(), NotWritten>;

    /// Writes a value, whatever was there.
    ///
    /// # Errors
    /// The host refuses. Nothing was written.
    fn overwrite(&self, key: &str, value: &[u8]) -> Result<(), Refused>;
}

/// Why nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotWritten {
    /// Somebody else was first: read again and decide anew.
    Conflict,
    /// The host refused the call.
    Refused,
}

/// The proxy's shared data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostSharedData;

/// A version that is no value's: hosts count versions from 1, so with this one a write succeeds only where there is no
/// value yet. (It comes up once in four billion writes, and matters only for a key that is created at that moment.)
const NEVER: u32 = u32::MAX;

fn write(key: &str, value: &[u8], version: u32) -> Result<(), NotWritten> {
    abi::set_shared(key, value, version).map_err(|status| match status {
        abi::CAS_MISMATCH => NotWritten::Conflict,
        _ => NotWritten::Refused,
    })
}

impl SharedData for HostSharedData {
    fn get(&self, key: &str) -> Result<Option<(Vec<u8>, Version)>, Refused> {
        let Some((value, version)) = abi::shared(key)? else {
            return Ok(None);
        };
        // A host that hands out zero, which means "whatever the version", has no compare-and-swap.
        Ok(Some((value, NonZeroU32::new(version).ok_or(Refused)?)))
    }

    fn replace(&self, key: &str, value: &[u8], version: Version) -> Result<(), NotWritten> {
        write(key, value, version.get())
    }

    fn create(&self, key: &str, value: &[u8]) -> Result<(), NotWritten> {
        write(key, value, NEVER)
    }

    fn overwrite(&self, key: &str, value: &[u8]) -> Result<(), Refused> {
        abi::set_shared(key, value, 0).map_err(|_| Refused)
    }
}
