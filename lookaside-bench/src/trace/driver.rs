//! The driver: one loop, compiled for each heap, that replays a script as the program would have: it writes to every
//! block that it gets and reads it before it gives it back.

use core::hint::black_box;
use std::time::{Duration, Instant};

use super::heaps::{Glibc, Heap};
use super::script::{Operation, Script};

/// One thread's table of live blocks, and what it writes into them.
pub struct Player {
    blocks: Vec<*mut u8>,
    stamp: u64,
}

// SAFETY: the blocks in its table are used by whoever has the player; no heap here ties a block to a thread.
unsafe impl Send for Player {}

impl Player {
    /// A player for thread `number`.
    pub fn new(script: &Script, number: usize) -> Player {
        Player { blocks: vec![core::ptr::null_mut(); script.slots()], stamp: (number as u64) << 32 }
    }

    /// Replays the script once over a heap, and returns how long that took. What the program never gave back is given back
    /// after the clock stops.
    ///
    /// When the heap runs out of memory, or a block did not keep what was written to it, the process ends with a message:
    /// other threads are in the middle of that heap.
    ///
    /// # Safety
    ///
    /// The heap was made for the classes of this script, and the player for this script.
    pub unsafe fn play<H: Heap>(&mut self, heap: &H, script: &Script) -> Duration {
        let start = Instant::now();
        // SAFETY: all operations from the first on, over the heap that the caller vouches for.
        let found = unsafe { self.play_part(heap, script.operations()) };
        let elapsed = start.elapsed();
        // SAFETY: they were all played.
        unsafe { self.finish(heap, script, found) };
        elapsed
    }

    /// Replays some operations, and returns the sum of what was in the blocks that they gave back.
    ///
    /// # Safety
    ///
    /// As for `play`; the operations follow those that were played last.
    #[inline(always)]
    pub unsafe fn play_part<H: Heap>(&mut self, heap: &H, operations: &[Operation]) -> u64 {
        let mut found = 0u64;
        for &operation in operations {
            // SAFETY: in a script every free follows the allocation that filled its slot, and the caller vouches for the heap.
            found = found.wrapping_add(unsafe { self.step(heap, operation) });
        }
        found
    }

    /// Gives back what the program never gave back, and checks the sum of what all parts found.
    ///
    /// # Safety
    ///
    /// As for `play`; all of the script was played once.
    pub unsafe fn finish<H: Heap>(&mut self, heap: &H, script: &Script, found: u64) {
        for &operation in script.leftover() {
            // SAFETY: these slots are filled still, and each stands here once.
            unsafe { self.free(heap, operation) };
        }
        let kept = black_box(found) == script.check(self.stamp);
        if !kept && !H::FORGETS {
            fail("a block did not keep what was written to it");
        }
    }

    #[inline(always)]
    unsafe fn step<H: Heap>(&mut self, heap: &H, operation: Operation) -> u64 {
        if operation.is_free() {
            // SAFETY: as the caller says.
            return unsafe { self.free(heap, operation) };
        }
        let size = operation.size();
        // SAFETY: the caller vouches for the heap, and no size in a script is below 8.
        let block = unsafe { if size <= H::LARGEST { heap.allocate(size) } else { Glibc.allocate(size) } };
        if block.is_null() {
            fail("no memory for a block");
        }
        // SAFETY: the block is ours and has eight bytes or more.
        unsafe { block.cast::<u64>().write_unaligned(self.stamp | operation.slot() as u64) };
        self.blocks[operation.slot()] = block;
        0
    }

    /// Gives the block of a slot back and returns what it held.
    #[inline(always)]
    unsafe fn free<H: Heap>(&mut self, heap: &H, operation: Operation) -> u64 {
        let block = self.blocks[operation.slot()];
        // SAFETY: the slot was filled by an allocation of this size, which wrote eight bytes.
        let held = unsafe { block.cast::<u64>().read_unaligned() };
        let size = operation.size();
        // SAFETY: the block came from the heap that serves its size, and the slot is not used again before it is filled.
        unsafe { if size <= H::LARGEST { heap.free(block, size) } else { Glibc.free(block, size) } };
        held
    }
}

#[cold]
fn fail(message: &str) -> ! {
    eprintln!("lookaside: replay: {message}");
    std::process::abort()
}
