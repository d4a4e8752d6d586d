//! The allocator of every filter that links this crate: talc, with a shelf for small blocks in front of it.
//!
//! The SDK keeps every stream in a box, so a filter allocates and frees at least one small block in every request. std's
//! dlmalloc takes some 200 instructions for that and 8 KB of the module; talc about as many instructions and 4 KB less;
//! a block from the shelf, 50.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ptr;

/// The sizes that share a shelf lie this many bytes apart, which is also the alignment of a block on it.
const STEP: usize = 8;
/// How many shelves there are: blocks of up to `STEP * SHELVES` bytes are kept.
const SHELVES: usize = 8;

/// Keeps small blocks that are freed for the next one who asks for that size, and leaves the others to `rest`.
///
/// A small block is never given back, so what a shelf holds is bounded by the most blocks of its size that were ever in
/// use at once: a VM that runs for months holds what its busiest moment needed.
#[derive(Debug)]
pub(crate) struct Shelves<A> {
    /// The first free block of each size, whose first bytes point at the next.
    free: [Cell<*mut u8>; SHELVES],
    rest: A,
}

impl<A> Shelves<A> {
    pub(crate) const fn before(rest: A) -> Shelves<A> {
        Shelves { free: [const { Cell::new(ptr::null_mut()) }; SHELVES], rest }
    }

    /// The shelf for blocks of this layout; none where they are too large or too strictly aligned.
    #[inline]
    fn shelf(&self, layout: Layout) -> Option<&Cell<*mut u8>> {
        if layout.align() > STEP { None } else { self.free.get(layout.size().wrapping_sub(1) / STEP) }
    }
}

#[expect(unsafe_code, reason = "an allocator is about memory that has no type yet")]
// SAFETY: a block from a shelf came from `rest` with at least the size and alignment of every layout that the shelf
// serves, was freed since, and is on no shelf while it is in use. Every other block is `rest`'s own affair. A layout
// finds the same shelf when it is freed as when it was asked for. `realloc` is the trait's own, which allocates, copies
// and frees.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Shelves<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(shelf) = self.shelf(layout) else {
            // SAFETY: the caller's promises are passed on.
            return unsafe { self.rest.alloc(layout) };
        };
        let block = shelf.get();
        if block.is_null() {
            let whole = layout.align_to(STEP).map_or(layout, |layout| layout.pad_to_align());
            // SAFETY: `whole` is not smaller than `layout`, whose size is not zero.
            return unsafe { self.rest.alloc(whole) };
        }
        // SAFETY: the block is free, at least a pointer long and aligned for one, and `dealloc` wrote one there.
        shelf.set(unsafe { block.cast::<*mut u8>().read() });
        block
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match self.shelf(layout) {
            // SAFETY: the caller's promises are passed on.
            None => unsafe { self.rest.dealloc(block, layout) },
            Some(shelf) => {
                // SAFETY: the block is the caller's no longer, is at least a pointer long and aligned for one.
                unsafe { block.cast::<*mut u8>().write(shelf.get()) };
                shelf.set(block);
            }
        }
    }
}

#[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
mod global {
    use talc::wasm::{WasmDynamicTalc, new_wasm_dynamic_allocator};

    use super::Shelves;

    #[expect(unsafe_code, reason = "a static must be Sync, and cells are not")]
    // SAFETY: a module without atomics has one thread.
    unsafe impl Sync for Shelves<WasmDynamicTalc> {}

    #[global_allocator]
    static ALLOCATOR: Shelves<WasmDynamicTalc> = Shelves::before(new_wasm_dynamic_allocator());
}

#[cfg(test)]
mod tests;
