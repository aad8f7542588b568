//! Trips to the pool: a miss that has to go there anyhow moves several blocks, so that those that follow hit (theory
//! §6.3).

use core::mem::MaybeUninit;
use core::sync::atomic::Ordering::Relaxed;

use super::list::{BATCH_LIMIT, Buffer, List};
use crate::list::processor::{Count, Engine, Part};
use crate::wdk::RawList;

impl List {
    /// Puts new blocks into the processor list: the pool is asked for them on the trip that a miss makes anyhow.
    pub(super) fn refill_from_pool<E: Engine>(&self, object: *mut RawList, wanted: usize) {
        let mut buffer: Buffer = [MaybeUninit::uninit(); BATCH_LIMIT];
        let mut count = 0;
        while count < wanted {
            let block = self.pool_allocate(object);
            if block.is_null() {
                // No call of the list's failed, and the pool counts for itself.
                self.pool_failures.fetch_sub(1, Relaxed);
                break;
            }
            buffer[count].write(block);
            count += 1;
        }
        // SAFETY: the first `count` pointers were written, and the blocks are ours.
        unsafe {
            let blocks = core::slice::from_raw_parts(buffer.as_ptr().cast::<*mut u8>(), count);
            let parts = &self.settings().parts;
            let (put, processor) = E::push_many(parts, blocks.as_ptr(), count);
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

    /// A free that neither P nor L had room for: takes some blocks of P to the pool, and puts this one in their place.
    /// Answers whether it did.
    ///
    /// # Safety
    /// As for `free`; `out` has room for a batch.
    pub(super) unsafe fn spill_to_pool<E: Engine>(
        &self,
        object: *mut RawList,
        part: Part,
        block: *mut u8,
        out: *mut *mut u8,
        wanted: usize,
    ) -> bool {
        let parts = &self.settings().parts;
        // SAFETY: the pair is open; the caller's promises.
        unsafe {
            let (mut count, from) = E::pop_many(parts, out, wanted);
            if count == 0 {
                return false;
            }
            let from = Part::of(parts, from);
            let taken = count as u64;
            let (put, into) = E::push_many(parts, &block, 1);
            if put == 0 {
                count = self.append(out, count, block);
                from.count_to_pool(taken);
            } else {
                // One of the taken blocks stands for the freed one.
                let into = Part::of(parts, into);
                if from == into {
                    self.demand(from, from.count_to_pool(taken - 1), taken - 1, true);
                } else {
                    from.count_to_pool(taken);
                    into.count_to_pool(1u64.wrapping_neg());
                }
            }
            self.demand(part, part.count(Count::FreesToPool, 1), 1, true);
            self.pool_free_all(object, core::slice::from_raw_parts(out, count));
        }
        true
    }

    /// Blocks to move on this trip between P and the pool, at least 1. They double with each trip the same way, up to an
    /// eighth of the depth, so that a list whose traffic just exceeds what it keeps moves little more than it must.
    #[inline]
    pub(super) fn trip(&self, part: Part, bring: bool) -> usize {
        let eighth = part.tuner().target() as usize / 8;
        if eighth < 2 {
            return 1;
        }
        part.next_trip(bring, eighth.min(self.batch(part)).min(self.settings().trip_limit))
    }
}
