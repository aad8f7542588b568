//! Trips to the pool: a miss that has to go there anyhow moves several blocks, so that those that follow hit (theory
//! §6.3).

use core::sync::atomic::Ordering::Relaxed;

use super::batch::Batch;
use super::list::List;
use crate::list::processor::{Count, Engine, Part};
use crate::wdk::RawList;

/// The least depth of a list that moves more blocks than missed.
const LEAST_DEPTH: u32 = 16;

impl List {
    /// Puts new blocks into the processor list, which the trip that a miss made anyhow brought with its own.
    ///
    /// # Safety
    /// The blocks are new, and the caller's.
    pub(super) unsafe fn refill_from_pool<E: Engine>(&self, object: *mut RawList, blocks: &[*mut u8]) {
        // SAFETY: the list is open, and the blocks are the caller's.
        unsafe {
            let parts = &self.settings().parts;
            let (put, processor) = E::push_many(parts, blocks.as_ptr(), blocks.len());
            if put > 0 {
                let part = Part::of(parts, processor);
                self.demand(part, part.count_from_pool(put as u64), put as u64, true);
            }
            let rest = &blocks[put..];
            if !rest.is_empty() {
                // The thread was moved to a processor that has less room.
                self.direct_allocates.fetch_add(rest.len() as u64, Relaxed);
                self.direct_frees.fetch_add(rest.len() as u64, Relaxed);
                self.pool_free_all(object, rest);
            }
        }
    }

    /// Frees a block that neither P nor L had room for: takes some blocks of P to the pool, and puts this one in their
    /// place. Returns whether it did.
    ///
    /// # Safety
    /// As for `free`.
    pub(super) unsafe fn spill_to_pool<E: Engine>(
        &self,
        object: *mut RawList,
        part: Part,
        block: *mut u8,
        wanted: usize,
    ) -> bool {
        let parts = &self.settings().parts;
        let mut batch = Batch::new();
        // SAFETY: the list is open; the block is the caller's until a push takes it.
        unsafe {
            let (taken, from) = batch.take::<E>(parts, wanted);
            if taken == 0 {
                return false;
            }
            let from = Part::of(parts, from);
            let taken = taken as u64;
            let (put, into) = E::push_many(parts, &block, 1);
            if put == 0 {
                batch.push(block);
                from.count_to_pool(taken);
            } else {
                // One of the taken blocks counts as the freed one.
                let into = Part::of(parts, into);
                if from == into {
                    self.demand(from, from.count_to_pool(taken - 1), taken - 1, true);
                } else {
                    from.count_to_pool(taken);
                    into.count_to_pool(1u64.wrapping_neg());
                }
            }
            self.demand(part, part.count(Count::FreesToPool, 1), 1, true);
            self.pool_free_all(object, &batch);
        }
        true
    }

    /// Returns how many blocks to move on this trip between P and the pool, at least 1. They double with each trip the
    /// same way, up to half of the depth, so that a list whose traffic just exceeds what it keeps moves little more than
    /// it must. One of little depth moves none beside those that missed.
    #[inline]
    pub(super) fn trip(&self, part: Part, bring: bool) -> usize {
        if part.tuner().target() < LEAST_DEPTH {
            return 1;
        }
        part.next_trip(bring, self.usual_batch(part).min(self.settings().trip_limit))
    }
}
