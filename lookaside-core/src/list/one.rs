//! Allocate and free of one block, after the fast path found no block or no room.

use super::batch::Batch;
use super::list::{List, Settings, by_engine};
use super::processor::{Count, Engine, EngineKind, Part, Rseq};
use crate::pool::OnUnwind;
use crate::wdk::RawList;

impl List {
    /// Allocate, after the fast path found nothing: the processor list, the shared list, the pool.
    #[inline]
    pub fn allocate(&self, object: *mut RawList) -> *mut u8 {
        if self.settings().parts.processors == 0 { self.allocate_general(object) } else { self.allocate_pair(object) }
    }

    #[inline(never)]
    pub(super) fn allocate_pair(&self, object: *mut RawList) -> *mut u8 {
        by_engine!(self, E => self.allocate_by::<E>(object))
    }

    /// Free, after the fast path found no room.
    ///
    /// # Safety
    /// The block is of this list, and the caller's.
    #[inline]
    pub unsafe fn free(&self, object: *mut RawList, block: *mut u8) {
        // SAFETY: the block is of this list, and the caller's.
        unsafe {
            if self.settings().parts.processors == 0 {
                self.free_general(object, block);
            } else {
                self.free_pair(object, block);
            }
        }
    }

    #[inline(never)]
    pub(super) unsafe fn free_pair(&self, object: *mut RawList, block: *mut u8) {
        // SAFETY: the block is of this list, and the caller's.
        by_engine!(self, E => unsafe { self.free_many_by::<E>(object, &[block]) })
    }

    /// Allocate that never leaves the lists and never waits: null when no block is at hand. With `without_locks` it
    /// looks at none: then only a processor list without one may serve.
    pub fn try_allocate(&self, without_locks: bool) -> *mut u8 {
        let Settings { parts, engine, .. } = self.settings();
        let block = match engine {
            // SAFETY: the list is open.
            EngineKind::Rseq => unsafe { Rseq::pop(parts) },
            _ => self.pop_without_rseq(without_locks),
        };
        if !block.is_null() || without_locks {
            return block;
        }
        let part = by_engine!(self, E => self.current_part_in_handler::<E>());
        if let Some(part) = part.filter(|part| !part.is_open()) {
            let Some(guard) = self.manage.try_lock() else { return core::ptr::null_mut() };
            self.open_part(part, &guard);
        }
        let Some(block) = self.shared().with_blocks().try_allocate() else { return core::ptr::null_mut() };
        if let Some(part) = part {
            part.count(Count::AllocatesFromShared, 1);
        }
        block
    }

    fn pop_without_rseq(&self, without_locks: bool) -> *mut u8 {
        let Settings { parts, engine, .. } = self.settings();
        if parts.processors == 0 || without_locks && *engine == EngineKind::TryLock {
            return core::ptr::null_mut();
        }
        // SAFETY: the list is open, and has parts.
        by_engine!(self, E => unsafe { E::pop(parts) })
    }

    pub(super) fn allocate_by<E: Engine>(&self, object: *mut RawList) -> *mut u8 {
        let part = self.current_part::<E>();
        let mut batch_size = 1;
        if let Some(part) = part {
            // The section may have been aborted, or the thread may have got its slot just now.
            // SAFETY: the list is open.
            let block = unsafe { E::pop(&self.settings().parts) };
            if !block.is_null() {
                return block;
            }
            self.see_open(part);
            batch_size = if E::has_part() { self.batch(part).max(1) } else { 1 };
        }
        self.attend(object);

        let shared = self.shared().with_blocks();
        let mut batch = Batch::new();
        if shared.length() != 0 {
            // SAFETY: `allocate` writes as many blocks as it returns, which are ours.
            unsafe { batch.fill(batch_size, |place, wanted| shared.allocate(place, 1, wanted)) };
        }
        let Some((&block, others)) = batch.split_last() else { return self.allocate_from_pool::<E>(object, part) };
        if let Some(part) = part {
            self.demand(part, part.count(Count::AllocatesFromShared, 1), 1, false);
        }
        if !others.is_empty() {
            // SAFETY: the block is ours; no one gets it if a free routine unwinds.
            let unwinding = OnUnwind::new(|| unsafe { self.free(object, block) });
            // SAFETY: these are ours too.
            unsafe { self.refill::<E>(object, others) };
            unwinding.disarm();
        }
        block
    }

    /// An allocate that neither P nor L had a block for; brings some more for P.
    fn allocate_from_pool<E: Engine>(&self, object: *mut RawList, part: Option<Part>) -> *mut u8 {
        self.count_allocate_from_pool(part);
        let trip = part.filter(|_| E::has_part()).map_or(1, |part| self.trip(part, true));
        let mut batch = Batch::new();
        self.pool_allocate_many(object, &mut batch, trip);
        let Some((&block, others)) = batch.split_last() else { return core::ptr::null_mut() };
        if !others.is_empty() {
            // SAFETY: the blocks are new, and ours.
            unsafe { self.refill_from_pool::<E>(object, others) };
        }
        block
    }

    /// Counts an allocate that neither P nor L had a block for.
    #[inline(always)]
    pub(super) fn count_allocate_from_pool(&self, part: Option<Part>) {
        if let Some(part) = part {
            self.demand(part, part.count(Count::AllocatesFromPool, 1), 1, true);
        }
        if let Some(counting) = self.counts_misses_itself(part) {
            counting.demand_shared(counting.shared.only().count_allocate_miss(), 1);
        }
    }

    /// Puts blocks of a batch into the processor list; what does not fit any more goes back down.
    ///
    /// # Safety
    /// The blocks are of this list, and the caller's.
    pub(super) unsafe fn refill<E: Engine>(&self, object: *mut RawList, blocks: &[*mut u8]) {
        // SAFETY: the list is open, and the blocks are the caller's.
        unsafe {
            let parts = &self.settings().parts;
            let (put, processor) = E::push_many(parts, blocks.as_ptr(), blocks.len());
            if put > 0 {
                self.count_moved(Part::of(parts, processor), Count::Refilled, put as u64);
            }
            let rest = &blocks[put..];
            if !rest.is_empty() {
                let kept = self.shared().with_room().take_back(rest);
                self.pool_free_all(object, &rest[kept..]);
            }
        }
    }

    /// Frees `given` blocks that P had no room for, with the blocks that their batch brings: to L, and what finds no
    /// room there to the pool.
    ///
    /// # Safety
    /// The blocks are of this list, and the caller's; there is at least one.
    pub(super) unsafe fn free_below(&self, object: *mut RawList, part: Option<Part>, blocks: &[*mut u8], given: usize) {
        // SAFETY: the blocks are the caller's.
        unsafe {
            let accepted = self.shared().with_room().free(blocks, given);
            if accepted < given {
                let misses = (given - accepted) as u64;
                if let Some(part) = part {
                    self.demand(part, part.count(Count::FreesToPool, misses), misses, true);
                }
                if let Some(counting) = self.counts_misses_itself(part) {
                    counting.demand_shared(counting.shared.only().count_free_misses(misses), misses);
                }
            }
            let hits = accepted.min(given) as u64;
            if let (Some(part), 1..) = (part, hits) {
                self.demand(part, part.count(Count::FreesToShared, hits), hits, false);
            }
            self.pool_free_all(object, &blocks[accepted..]);
        }
    }

    /// Returns the pair whose L has to count a miss in words of its own: a general list, a pair without parts, or one
    /// that others share. Otherwise the count on the part says it.
    pub(super) fn counts_misses_itself(&self, part: Option<Part>) -> Option<&List> {
        match self.settings().lower {
            Some(lower) if part.is_some() => {
                lower.list.count_at_rest();
                Some(lower.list)
            }
            _ => part.is_none().then_some(self),
        }
    }

    /// Counts blocks that a batch moved.
    pub(super) fn count_moved(&self, part: Part, what: Count, blocks: u64) {
        part.count(what, blocks);
        if let Some(lower) = self.settings().lower {
            match what {
                Count::Refilled => lower.list.shared.only().count_moved(blocks, 0),
                _ => lower.list.shared.only().count_moved(0, blocks),
            }
        }
    }

    /// Returns how many blocks to move at once between P and L. Where blocks pass from one processor to another, fewer: with
    /// up to 127 a block's way took 10 to 15 ns instead of 9 (AMD EPYC, model 17).
    pub(super) fn batch(&self, part: Part) -> usize {
        const MOST_PASSED_ON: usize = 63;
        let usual = self.usual_batch(part);
        if usual <= MOST_PASSED_ON || part.goes_both_ways() { usual.min(Batch::LIMIT - 1) } else { MOST_PASSED_ON }
    }

    /// Returns how many blocks were asked for at once, or half of P's depth.
    pub(super) fn usual_batch(&self, part: Part) -> usize {
        let depth = part.tuner().target() as usize;
        match self.settings().batch {
            0 => depth / 2,
            asked => (asked as usize).min(depth),
        }
    }
}
