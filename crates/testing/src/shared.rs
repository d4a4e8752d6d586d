//! Shared data without a proxy, which behaves as Envoy's does and can be made to conflict.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use weir_kit::headers::Refused;
use weir_kit::shared::{NotWritten, SharedData, Version};

/// A store that several workers of a test share by reference.
#[derive(Debug, Default)]
pub struct TestSharedData {
    values: RefCell<HashMap<String, (Vec<u8>, u32)>>,
    versions: Cell<u32>,
    conflicts: Cell<usize>,
    broken: Cell<bool>,
}

impl TestSharedData {
    /// Makes the next `count` writes with a version conflict, as if another worker had rewritten the same value.
    pub fn conflict(&self, count: usize) {
        self.conflicts.set(count);
    }

    /// Makes every call be refused, or none again.
    pub fn break_down(&self, broken: bool) {
        self.broken.set(broken);
    }

    /// How many keys there are.
    pub fn keys(&self) -> usize {
        self.values.borrow().len()
    }

    fn check(&self) -> Result<(), Refused> {
        if self.broken.get() { Err(Refused) } else { Ok(()) }
    }

    fn write(&self, key: &str, value: &[u8]) {
        self.versions.set(self.versions.get() + 1);
        self.values.borrow_mut().insert(key.to_owned(), (value.to_vec(), self.versions.get()));
    }
}

impl SharedData for TestSharedData {
    fn get(&self, key: &str) -> Result<Option<(Vec<u8>, Version)>, Refused> {
        self.check()?;
        let values = self.values.borrow();
        Ok(values.get(key).and_then(|(value, version)| Some((value.clone(), Version::new(*version)?))))
    }

    fn replace(&self, key: &str, value: &[u8], version: Version) -> Result<(), NotWritten> {
        self.check().map_err(|_| NotWritten::Refused)?;
        if let Some(left) = self.conflicts.get().checked_sub(1) {
            self.conflicts.set(left);
            return Err(NotWritten::Conflict);
        }
        let is = self.values.borrow().get(key).map(|(_, version)| *version);
        if is.is_some_and(|is| is != version.get()) {
            return Err(NotWritten::Conflict);
        }
        self.write(key, value);
        Ok(())
    }

    fn create(&self, key: &str, value: &[u8]) -> Result<(), NotWritten> {
        self.check().map_err(|_| NotWritten::Refused)?;
        if self.values.borrow().contains_key(key) {
            return Err(NotWritten::Conflict);
        }
        self.write(key, value);
        Ok(())
    }

    fn overwrite(&self, key: &str, value: &[u8]) -> Result<(), Refused> {
        self.check()?;
        self.write(key, value);
        Ok(())
    }
}
