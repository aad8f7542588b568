//! The driver: one loop, compiled for each contender, that replays a script as the program would have: it writes to every
//! block that it gets and reads it before it gives it back.

use core::hint::black_box;
use core::ptr;

use super::script::{Operation, Script};
use crate::ground::contender::Contender;
use crate::mallocs::Glibc;

/// One thread's replays of a script. `LARGEST` is the largest size that the contender serves; beyond, the C library's malloc
/// does.
pub struct Replayer<'a, C, const LARGEST: usize> {
    contender: &'a C,
    operations: &'a [Operation],
    /// By slot.
    blocks: Vec<*mut u8>,
    /// What is written into blocks, together with their slot.
    stamp: u64,
    /// The operations of this replay that are done, and the sum of what they found in the blocks that they gave back.
    done: usize,
    found: u64,
    /// What a whole replay has to find.
    check: u64,
}

impl<'a, C: Contender, const LARGEST: usize> Replayer<'a, C, LARGEST> {
    /// Makes a replayer for thread `number`.
    ///
    /// # Safety
    ///
    /// The contender serves the classes of this script up to `LARGEST`.
    pub unsafe fn new(contender: &'a C, script: &'a Script, number: usize) -> Self {
        let stamp = (number as u64) << 32;
        Self {
            contender,
            operations: script.operations(),
            blocks: vec![ptr::null_mut(); script.slots()],
            stamp,
            done: 0,
            found: 0,
            check: script.check(stamp),
        }
    }

    /// Replays the whole script.
    pub fn replay(&mut self) {
        (self.done, self.found) = (0, 0);
        self.up_to(self.operations.len());
    }

    /// Goes on to this number of operations, if it is not there yet.
    ///
    /// When there is no memory, or a block did not keep what was written to it, the process ends with a message: other
    /// threads are in the middle of that contender.
    #[inline(always)]
    pub fn up_to(&mut self, end: usize) {
        let end = end.max(self.done);
        // Of its own, so that the loop keeps them in registers.
        let (contender, stamp, mut found) = (self.contender, self.stamp, self.found);
        for &operation in &self.operations[self.done..end] {
            let (slot, size) = (operation.slot(), operation.size());
            if operation.is_free() {
                let block = self.blocks[slot];
                // SAFETY: in a script every free follows the allocation of this size that filled its slot, which wrote eight
                // bytes.
                found = found.wrapping_add(unsafe { block.cast::<u64>().read_unaligned() });
                // SAFETY: the block came from what serves its size, and the slot is not used again before it is filled.
                unsafe { if size <= LARGEST { contender.free(block, size) } else { Glibc.free(block, size) } };
            } else {
                // SAFETY: the contender serves these sizes, as `new` was promised, and no size in a script is below 8.
                let block = unsafe { if size <= LARGEST { contender.allocate(size) } else { Glibc.allocate(size) } };
                if block.is_null() {
                    fail("no memory for a block");
                }
                // SAFETY: the block is ours and has eight bytes or more.
                unsafe { block.cast::<u64>().write_unaligned(stamp | slot as u64) };
                self.blocks[slot] = block;
            }
        }
        (self.done, self.found) = (end, found);
        if end == self.operations.len() && black_box(found) != self.check {
            fail("a block did not keep what was written to it");
        }
    }
}

#[cold]
fn fail(message: &str) -> ! {
    eprintln!("lookaside: replay: {message}");
    std::process::abort()
}
