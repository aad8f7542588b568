//! Workloads that are not ours: benchmarks of allocators and pools that others published, each in a file of its own,
//! written from its description, which the file names. Where the original draws sizes at random, here every block has the
//! size that lists have.
//!
//! All run on as many threads as there are processors, and on two at the least, except where they say how many. As
//! everywhere, a figure is the time that one thread takes for one allocate plus one free, with what the workload does
//! around them.

pub mod false_sharing;
pub mod larson;
pub mod mstress;
pub mod shbench;
pub mod xmalloc;

use crate::ground::contender::{Blocks, Contender};
use crate::ground::machine;
use crate::ground::measure::touch;

/// How many threads share the work.
pub fn threads() -> usize {
    machine::processors().max(2)
}

/// Blocks that belong to the holder of the parcel, on whatever thread, and go back where they are from when it is dropped.
pub struct Parcel<'a, C: Contender> {
    source: &'a Blocks<C>,
    pub blocks: Vec<*mut u8>,
}

// SAFETY: a block is memory that the holder alone reaches, and every shared contender takes it back on any thread.
unsafe impl<C: Contender + Sync> Send for Parcel<'_, C> {}

impl<'a, C: Contender> Parcel<'a, C> {
    pub fn with_room(source: &'a Blocks<C>, blocks: usize) -> Self {
        Self { source, blocks: Vec::with_capacity(blocks) }
    }

    #[inline(always)]
    pub fn fill(&mut self, blocks: usize) {
        for _ in 0..blocks {
            self.blocks.push(touch(self.source.allocate()));
        }
    }

    /// Gives all back, the oldest first.
    #[inline(always)]
    pub fn empty(&mut self) {
        for block in self.blocks.drain(..) {
            // SAFETY: what is put into a parcel is of its source and no one else's, and has now left it.
            unsafe { self.source.free(block) };
        }
    }
}

impl<C: Contender> Drop for Parcel<'_, C> {
    fn drop(&mut self) {
        self.empty();
    }
}
