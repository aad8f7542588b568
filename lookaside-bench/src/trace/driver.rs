//! The driver: one loop, compiled for each contender, that replays a script as the program would have: it writes to every
//! block that it gets and reads it before it gives it back.

use core::hint::black_box;
use std::time::{Duration, Instant};

use super::script::{Operation, Script};
use crate::contenders::mallocs::Glibc;
use crate::ground::contender::Contender;

/// One thread's table of live blocks, and what it writes into them. `LARGEST` is the largest size that the contender serves;
/// beyond, the C library's malloc does.
pub struct Replayer<const LARGEST: usize> {
    blocks: Vec<*mut u8>,
    stamp: u64,
}

// SAFETY: the blocks in its table are used by the holder of the replayer; no contender here ties a block to a thread.
unsafe impl<const LARGEST: usize> Send for Replayer<LARGEST> {}

impl<const LARGEST: usize> Replayer<LARGEST> {
    /// A replayer for thread `number`.
    pub fn new(script: &Script, number: usize) -> Self {
        Self { blocks: vec![core::ptr::null_mut(); script.slots()], stamp: (number as u64) << 32 }
    }

    /// Replays the script once, and returns how long that took. What the program never gave back is given back after the
    /// clock stops. Blocks have to keep what is written to them, unless the contender has but one.
    ///
    /// When there is no memory, or a block did not keep what was written to it, the process ends with a message: other
    /// threads are in the middle of that contender.
    ///
    /// # Safety
    ///
    /// The contender was made for the classes of this script, and the replayer for this script.
    pub unsafe fn replay<C: Contender>(&mut self, contender: &C, script: &Script, keeps: bool) -> Duration {
        let start = Instant::now();
        // SAFETY: all operations from the first on, over the contender that the caller vouches for.
        let found = unsafe { self.replay_part(contender, script.operations()) };
        let elapsed = start.elapsed();
        // SAFETY: they were all replayed.
        unsafe { self.finish(contender, script, found, keeps) };
        elapsed
    }

    /// Replays some operations, and returns the sum of what was in the blocks that they gave back.
    ///
    /// # Safety
    ///
    /// As for `replay`; the operations follow those that were replayed last.
    #[inline(always)]
    pub unsafe fn replay_part<C: Contender>(&mut self, contender: &C, operations: &[Operation]) -> u64 {
        let mut found = 0u64;
        for &operation in operations {
            // SAFETY: in a script every free follows the allocation that filled its slot; the caller vouches for the contender.
            found = found.wrapping_add(unsafe { self.step(contender, operation) });
        }
        found
    }

    /// Gives back what the program never gave back, and checks the sum of what all parts found.
    ///
    /// # Safety
    ///
    /// As for `replay`; all of the script was replayed once.
    pub unsafe fn finish<C: Contender>(&mut self, contender: &C, script: &Script, found: u64, keeps: bool) {
        for &operation in script.leftover() {
            // SAFETY: these slots are filled still, and each is there once.
            unsafe { self.free(contender, operation) };
        }
        if keeps && black_box(found) != script.check(self.stamp) {
            fail("a block did not keep what was written to it");
        }
    }

    #[inline(always)]
    unsafe fn step<C: Contender>(&mut self, contender: &C, operation: Operation) -> u64 {
        if operation.is_free() {
            // SAFETY: as the caller says.
            return unsafe { self.free(contender, operation) };
        }
        let size = operation.size();
        // SAFETY: the caller vouches for the contender, and no size in a script is below 8.
        let block = unsafe { if size <= LARGEST { contender.allocate(size) } else { Glibc.allocate(size) } };
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
    unsafe fn free<C: Contender>(&mut self, contender: &C, operation: Operation) -> u64 {
        let block = self.blocks[operation.slot()];
        // SAFETY: the slot was filled by an allocation of this size, which wrote eight bytes.
        let held = unsafe { block.cast::<u64>().read_unaligned() };
        let size = operation.size();
        // SAFETY: the block came from what serves its size, and the slot is not used again before it is filled.
        unsafe { if size <= LARGEST { contender.free(block, size) } else { Glibc.free(block, size) } };
        held
    }
}

#[cold]
fn fail(message: &str) -> ! {
    eprintln!("lookaside: replay: {message}");
    std::process::abort()
}
