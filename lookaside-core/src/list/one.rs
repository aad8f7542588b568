//! Allocate and free of one block, after the fast path found no block or no room.

use core::mem::MaybeUninit;

use super::list::{BATCH_LIMIT, Buffer, List, by_engine};
use super::processor::{Count, Engine, EngineKind, Part};
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
        // SAFETY: the caller's promise.
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
        // SAFETY: the caller's promise.
        by_engine!(self, E => unsafe { self.free_by::<E>(object, block) })
    }

    /// Allocate that never leaves the lists and never waits: null when no block is at hand. With `without_locks` it
    /// looks at none: then only rseq's processor list may serve.
    pub fn try_allocate(&self, without_locks: bool) -> *mut u8 {
        let parts = &self.settings().parts;
        if without_locks && self.settings().engine == EngineKind::Portable {
            return core::ptr::null_mut();
        }
        // SAFETY: the pair is open.
        let block = by_engine!(self, E => unsafe { E::pop(parts) });
        if !block.is_null() || without_locks {
            return block;
        }
        let part = self.current_part();
        if let Some(part) = part.filter(|part| !part.is_open()) {
            let Some(guard) = self.manage.try_lock() else { return core::ptr::null_mut() };
            self.open_part(part, &guard);
        }
        let Some(block) = self.shared().try_allocate() else { return core::ptr::null_mut() };
        if let Some(part) = part {
            part.count(Count::AllocatesFromShared, 1);
        }
        block
    }

    pub(super) fn allocate_by<E: Engine>(&self, object: *mut RawList) -> *mut u8 {
        let part = self.current_part();
        let mut batch = 1;
        if let Some(part) = part {
            // The section may have been aborted, or this may be the portable engine's first look.
            // SAFETY: the pair is open.
            let block = unsafe { E::pop(&self.settings().parts) };
            if !block.is_null() {
                return block;
            }
            if !part.is_open() {
                self.open_part(part, &self.manage.lock());
            }
            batch = self.batch(part).max(1);
        }
        self.attend(object);

        let mut buffer: Buffer = [MaybeUninit::uninit(); BATCH_LIMIT];
        let out = buffer.as_mut_ptr().cast();
        // SAFETY: a batch fits into the buffer.
        let count = unsafe { self.shared().allocate(out, batch) };
        if count == 0 {
            if let Some(part) = part {
                self.demand(part, part.count(Count::AllocatesFromPool, 1), 1, true);
            }
            if let Some(counting) = self.counts_misses_itself(part) {
                counting.demand_shared(counting.shared.only().count_allocate_miss());
            }
            let block = self.pool_allocate(object);
            if let (Some(part), false) = (part, block.is_null()) {
                let trip = self.trip(part, true);
                if trip > 1 {
                    self.refill_from_pool::<E>(object, trip - 1);
                }
            }
            return block;
        }
        // SAFETY: `allocate` wrote the first `count` pointers, which are ours.
        let blocks = unsafe { core::slice::from_raw_parts(out, count) };
        let (block, others) = blocks.split_last().expect("count is not 0");
        if let Some(part) = part {
            self.demand(part, part.count(Count::AllocatesFromShared, 1), 1, false);
        }
        if !others.is_empty() {
            // SAFETY: as above; nobody gets the block if a free routine unwinds.
            let unwinding = OnUnwind::new(|| unsafe { self.free(object, *block) });
            // SAFETY: as above.
            unsafe { self.refill::<E>(object, others) };
            unwinding.disarm();
        }
        *block
    }

    /// Puts blocks of a batch into the processor list; what does not fit any more goes back down.
    pub(super) unsafe fn refill<E: Engine>(&self, object: *mut RawList, blocks: &[*mut u8]) {
        // SAFETY: the caller owns the blocks.
        unsafe {
            let parts = &self.settings().parts;
            let (put, processor) = E::push_many(parts, blocks.as_ptr(), blocks.len());
            if put > 0 {
                self.count_moved(Part::of(parts, processor), Count::Refilled, put as u64);
            }
            let rest = &blocks[put..];
            if !rest.is_empty() {
                let kept = self.shared().take_back(rest);
                self.pool_free_all(object, &rest[kept..]);
            }
        }
    }

    pub(super) unsafe fn free_by<E: Engine>(&self, object: *mut RawList, block: *mut u8) {
        let part = self.current_part();
        let mut buffer: Buffer = [MaybeUninit::uninit(); BATCH_LIMIT];
        let out = buffer.as_mut_ptr().cast::<*mut u8>();
        let mut count = 0;
        // SAFETY: the pair is open; the block is the caller's until a push takes it; the buffer has room for a batch.
        unsafe {
            if let Some(part) = part {
                if !part.is_open() {
                    self.open_part(part, &self.manage.lock());
                }
                let parts = &self.settings().parts;
                if E::push_many(parts, &block, 1).0 == 1 {
                    return;
                }
                // Half goes down, if it finds room there; then there is room for the block, the hottest of all, here.
                let room = self.shared().room();
                if room == 0 {
                    let trip = self.trip(part, false);
                    if trip > 1 && self.spill_to_pool::<E>(object, part, block, out, trip) {
                        return;
                    }
                }
                let wanted = self.batch(part).min(room);
                if wanted > 1 {
                    let (taken, from) = E::pop_many(parts, out, wanted);
                    count = taken;
                    if taken > 0 {
                        self.count_moved(Part::of(parts, from), Count::Spilled, taken as u64);
                        let (put, into) = E::push_many(parts, &block, 1);
                        if put == 1 {
                            // One of the taken blocks stands for the freed one.
                            self.count_moved(Part::of(parts, into), Count::Spilled, 1u64.wrapping_neg());
                        } else {
                            count = self.append(out, taken, block);
                        }
                    }
                }
            }
            if count == 0 {
                count = self.append(out, 0, block);
            }
            self.free_below(object, part, core::slice::from_raw_parts(out, count));
        }
    }

    /// A free that P had no room for, with the blocks that its batch brings: to L, and what finds no room there to the
    /// pool.
    pub(super) unsafe fn free_below(&self, object: *mut RawList, part: Option<Part>, blocks: &[*mut u8]) {
        // SAFETY: the caller owns the blocks.
        unsafe {
            let accepted = self.shared().free(blocks);
            if let Some(part) = part {
                let what = if accepted == 0 { Count::FreesToPool } else { Count::FreesToShared };
                self.demand(part, part.count(what, 1), 1, accepted == 0);
            }
            if accepted == 0 {
                if let Some(counting) = self.counts_misses_itself(part) {
                    counting.demand_shared(counting.shared.only().count_free_miss());
                }
            }
            self.pool_free_all(object, &blocks[accepted..]);
        }
        // Last, so that a free routine that unwinds meets no block on the way.
        self.attend(object);
    }

    /// The pair whose L has to count a miss in words of its own: a general list, a pair without parts, or one that others
    /// share. Otherwise the count on the part says it.
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

    pub(super) unsafe fn append(&self, out: *mut *mut u8, count: usize, block: *mut u8) -> usize {
        // SAFETY: a batch leaves one place of the buffer free (see `batch`).
        unsafe { out.add(count).write(block) };
        count + 1
    }

    /// Blocks to move at once between P and L: always less than the buffer holds.
    pub(super) fn batch(&self, part: Part) -> usize {
        let depth = part.tuner().target() as usize;
        let batch = match self.settings().batch {
            0 => depth / 2,
            asked => (asked as usize).min(depth),
        };
        batch.min(BATCH_LIMIT - 1)
    }
}
