//! Blocks on their way between a processor list, the shared list and the pool.

use core::mem::MaybeUninit;
use core::ops::Deref;

use super::processor::Engine;
use crate::wdk::Parts;

/// Up to [`Batch::LIMIT`] blocks, on the stack. They belong to the thread that has the batch, which has to put each of
/// them somewhere.
pub struct Batch {
    blocks: MaybeUninit<[*mut u8; Batch::LIMIT]>,
    // The first `count` are written.
    count: usize,
}

impl Batch {
    /// The most blocks that move at once.
    pub const LIMIT: usize = 128;

    /// Makes an empty batch.
    #[inline(always)]
    pub fn new() -> Batch {
        // Field by field: a constant with parts that are not written would be copied with zeroes for them.
        let mut batch = MaybeUninit::<Batch>::uninit();
        // SAFETY: the count is written, and the blocks may be anything.
        unsafe {
            (&raw mut (*batch.as_mut_ptr()).count).write(0);
            batch.assume_init()
        }
    }

    /// Adds what `fill` writes: it gets the place for the next blocks and how many it may write, at most `wanted`, and
    /// returns how many it wrote. Returns that too.
    ///
    /// # Safety
    /// `fill` writes as many pointers as it returns, from the place on, and no more than it may. The blocks belong to
    /// the caller.
    #[inline(always)]
    pub unsafe fn fill(&mut self, wanted: usize, fill: impl FnOnce(*mut *mut u8, usize) -> usize) -> usize {
        let place = self.blocks.as_mut_ptr().cast::<*mut u8>().wrapping_add(self.count);
        let written = fill(place, wanted.min(Batch::LIMIT - self.count));
        self.count += written;
        written
    }

    /// Adds up to `wanted` blocks of the current processor's part; returns how many, and the number of the processor.
    ///
    /// # Safety
    /// As for [`Engine::pop_many`].
    #[inline(always)]
    pub unsafe fn take<E: Engine>(&mut self, parts: &Parts, wanted: usize) -> (usize, u32) {
        let mut processor = 0;
        let pop = |place, wanted| {
            // SAFETY: the parts are a list's, as the caller promises, and there is room for `wanted`.
            let (taken, from) = unsafe { E::pop_many(parts, place, wanted) };
            processor = from;
            taken
        };
        // SAFETY: `pop_many` writes as many blocks as it returns, and they are no one else's.
        (unsafe { self.fill(wanted, pop) }, processor)
    }

    /// Adds one block. There must be room for it.
    #[inline(always)]
    pub fn push(&mut self, block: *mut u8) {
        assert!(self.count < Batch::LIMIT, "there is room");
        // SAFETY: the place is one of the batch's.
        unsafe { self.blocks.as_mut_ptr().cast::<*mut u8>().add(self.count).write(block) };
        self.count += 1;
    }
}

impl Deref for Batch {
    type Target = [*mut u8];

    #[inline(always)]
    fn deref(&self) -> &[*mut u8] {
        // SAFETY: the first `count` are written.
        unsafe { core::slice::from_raw_parts(self.blocks.as_ptr().cast(), self.count) }
    }
}
