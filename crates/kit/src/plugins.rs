//! Which configuration belongs to which plugin.
//!
//! Several plugins may live in one VM, and a plugin that is configured anew is a new one beside the old, which lives on
//! until its last stream has ended. Each is known by the id of its root context.

use std::cell::RefCell;
use std::rc::Rc;

/// What the plugins of this VM were configured with. There are few of them, so this is a list.
#[derive(Debug)]
pub struct Plugins<T>(RefCell<Vec<(u32, Rc<T>)>>);

impl<T> Plugins<T> {
    /// No plugin yet.
    pub const fn new() -> Plugins<T> {
        Plugins(RefCell::new(Vec::new()))
    }

    /// From here on, `root` is configured with `configuration`; streams that began before keep what they have.
    pub fn configure(&self, root: u32, configuration: T) {
        self.remove(root);
        if let Ok(mut plugins) = self.0.try_borrow_mut() {
            plugins.push((root, Rc::new(configuration)));
        }
    }

    /// What `root` is configured with, if it is.
    pub fn get(&self, root: u32) -> Option<Rc<T>> {
        let plugins = self.0.try_borrow().ok()?;
        plugins.iter().find(|(id, _)| *id == root).map(|(_, configuration)| Rc::clone(configuration))
    }

    /// Forgets `root`; streams that began before keep what they have.
    pub fn remove(&self, root: u32) {
        if let Ok(mut plugins) = self.0.try_borrow_mut() {
            plugins.retain(|(id, _)| *id != root);
        }
    }
}

impl<T> Default for Plugins<T> {
    fn default() -> Plugins<T> {
        Plugins::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plugin_has_its_own() {
        let plugins = Plugins::new();
        plugins.configure(1, "one");
        plugins.configure(2, "two");
        assert_eq!(
            (plugins.get(1), plugins.get(2), plugins.get(3)),
            (Some(Rc::new("one")), Some(Rc::new("two")), None)
        );
    }

    #[test]
    fn a_stream_keeps_what_it_began_with() {
        let plugins = Plugins::new();
        plugins.configure(1, "old");
        let stream = plugins.get(1);
        plugins.configure(1, "new");
        assert_eq!((stream.as_deref(), plugins.get(1).as_deref()), (Some(&"old"), Some(&"new")));
        plugins.remove(1);
        assert_eq!((stream.as_deref(), plugins.get(1)), (Some(&"old"), None));
    }

    #[test]
    fn what_nobody_uses_is_dropped() {
        let plugins = Plugins::new();
        let witness = Rc::new(());
        plugins.configure(1, Rc::clone(&witness));
        plugins.configure(1, Rc::clone(&witness));
        assert_eq!(Rc::strong_count(&witness), 2);
        plugins.remove(1);
        assert_eq!(Rc::strong_count(&witness), 1);
    }
}
