//! What the workloads of several threads have in common.

use crate::ground::contender::{Blocks, Contender};
use crate::ground::machine;
use crate::ground::measure::touch;

/// How many threads share the work.
pub fn threads() -> usize {
    machine::processors().max(2)
}

/// Blocks that belong to the holder of the parcel, on whatever thread.
#[derive(Default)]
pub struct Parcel(pub Vec<*mut u8>);

// SAFETY: a block is memory that the holder alone reaches, and every shared contender takes it back on any thread.
unsafe impl Send for Parcel {}

impl Parcel {
    pub fn with_room(blocks: usize) -> Self {
        Self(Vec::with_capacity(blocks))
    }

    #[inline(always)]
    pub fn fill<C: Contender>(&mut self, source: &Blocks<C>, blocks: usize) {
        for _ in 0..blocks {
            self.0.push(touch(source.allocate()));
        }
    }

    /// Gives all back, the oldest first.
    ///
    /// # Safety
    /// The blocks are this contender's.
    #[inline(always)]
    pub unsafe fn empty<C: Contender>(&mut self, source: &Blocks<C>) {
        for block in self.0.drain(..) {
            // SAFETY: the parcel owned the block, which the caller knows to be the contender's, and has now let it go.
            unsafe { source.free(block) };
        }
    }
}
