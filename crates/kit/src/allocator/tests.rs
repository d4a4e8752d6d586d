use std::alloc::System;

use super::*;
use weir_testing::Dice;

/// The system's allocator, counting what it gave and what it got back, and remembering what it was last asked for.
#[derive(Default)]
struct Counted {
    given: Cell<usize>,
    back: Cell<usize>,
    asked: Cell<Option<Layout>>,
}

#[expect(unsafe_code, reason = "an allocator for the allocator under test")]
// SAFETY: everything is passed on.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.given.set(self.given.get() + 1);
        self.asked.set(Some(layout));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.back.set(self.back.get() + 1);
        unsafe { System.dealloc(block, layout) }
    }
}

/// A block in use, filled with a byte of its own.
struct Block(*mut u8, Layout, u8);

#[expect(unsafe_code, reason = "what is tested is unsafe")]
impl Block {
    fn take(shelves: &Shelves<Counted>, size: usize, align: usize, mark: u8) -> Block {
        let layout = Layout::from_size_align(size, align).unwrap();
        let block = unsafe { shelves.alloc(layout) };
        assert!(!block.is_null() && block.addr().is_multiple_of(align));
        unsafe { block.write_bytes(mark, size) };
        Block(block, layout, mark)
    }

    fn resize(&mut self, shelves: &Shelves<Counted>, size: usize) {
        self.check();
        let kept = size.min(self.1.size());
        self.0 = unsafe { shelves.realloc(self.0, self.1, size) };
        assert!(unsafe { std::slice::from_raw_parts(self.0, kept) }.iter().all(|byte| *byte == self.2));
        unsafe { self.0.write_bytes(self.2, size) };
        self.1 = Layout::from_size_align(size, self.1.align()).unwrap();
    }

    /// Nobody else wrote where this block is.
    fn check(&self) {
        let bytes = unsafe { std::slice::from_raw_parts(self.0, self.1.size()) };
        assert!(bytes.iter().all(|byte| *byte == self.2));
    }

    fn free(self, shelves: &Shelves<Counted>) {
        self.check();
        unsafe { shelves.dealloc(self.0, self.1) };
    }
}

#[test]
fn blocks_in_use_never_overlap() {
    let shelves = Shelves::before(Counted::default());
    let mut dice = Dice(1);
    let mut blocks: Vec<Block> = Vec::new();
    for round in 0..300_000 {
        match dice.below(5) {
            0 | 1 if blocks.len() < 500 => {
                let most = if dice.below(4) == 0 { 3000 } else { 80 };
                let size = 1 + dice.below(most);
                blocks.push(Block::take(&shelves, size, 1 << dice.below(6), round as u8));
            }
            2 if !blocks.is_empty() => {
                let which = dice.below(blocks.len());
                blocks[which].resize(&shelves, 1 + dice.below(150));
            }
            _ if !blocks.is_empty() => {
                let which = dice.below(blocks.len());
                blocks.swap_remove(which).free(&shelves);
            }
            _ => {}
        }
    }
    blocks.into_iter().for_each(|block| block.free(&shelves));
}

#[test]
fn a_block_a_request_is_one_block_for_ever() {
    let shelves = Shelves::before(Counted::default());
    for round in 0..100_000_u32 {
        Block::take(&shelves, 4, 4, round as u8).free(&shelves);
    }
    assert_eq!((shelves.rest.given.get(), shelves.rest.back.get()), (1, 0));
}

#[test]
fn large_and_strictly_aligned_blocks_go_back() {
    let shelves = Shelves::before(Counted::default());
    for (size, align) in [(STEP * SHELVES + 1, 1), (8, STEP * 2)] {
        Block::take(&shelves, size, align, 7).free(&shelves);
    }
    assert_eq!((shelves.rest.given.get(), shelves.rest.back.get()), (2, 2));
}

#[test]
fn a_block_is_large_enough_for_every_size_of_its_shelf() {
    let shelves = Shelves::before(Counted::default());
    for size in 1..=STEP * SHELVES {
        let block = Block::take(&shelves, size, 1, 7);
        let asked = shelves.rest.asked.take();
        // The first of every eight sizes asks for a new block; the others find it on the shelf.
        let whole = Layout::from_size_align(size.next_multiple_of(STEP), STEP).unwrap();
        assert_eq!(asked, (size % STEP == 1).then_some(whole));
        block.free(&shelves);
    }
}
