//! Several blocks at once, after the fast path found too few, or too little room: one trip for all of them to the
//! processor list and one to the shared list. Each block counts by where it came from or went to, as if it had been
//! asked for or given by itself.

use core::cell::Cell;
use core::mem::MaybeUninit;
use core::slice;

use super::list::{BATCH_LIMIT, Buffer, List, by_engine};
use crate::list::processor::{Count, Engine, Part};
use crate::pool::OnUnwind;
use crate::wdk::RawList;

impl List {
    /// Fills `out` from place `filled` on, and answers how many are filled then: all, unless the pool failed.
    ///
    /// If a callback unwinds, every block of `out` goes back to the list.
    ///
    /// # Safety
    /// The first `filled` are blocks of this list, and the caller's.
    pub unsafe fn allocate_many(&self, object: *mut RawList, out: &mut [*mut u8], filled: usize) -> usize {
        // SAFETY: the caller's promise.
        by_engine!(self, E => unsafe { self.allocate_many_by::<E>(object, out, filled) })
    }

    /// Frees of several blocks, after the fast path found no room for them.
    ///
    /// # Safety
    /// The blocks are of this list, and the caller's.
    pub unsafe fn free_many(&self, object: *mut RawList, blocks: &[*mut u8]) {
        // SAFETY: the caller's promise.
        by_engine!(self, E => unsafe { self.free_many_by::<E>(object, blocks) })
    }

    unsafe fn allocate_many_by<E: Engine>(&self, object: *mut RawList, out: &mut [*mut u8], filled: usize) -> usize {
        let (start, wanted) = (out.as_mut_ptr(), out.len());
        let filled = Cell::new(filled);
        // SAFETY: that many pointers were written, and nobody else has the blocks.
        let unwinding = OnUnwind::new(|| unsafe { self.free_many(object, slice::from_raw_parts(start, filled.get())) });
        self.attend(object);
        while filled.get() < wanted {
            // SAFETY: the pair is open; the rest of `out` has room for what is lacking.
            unsafe {
                if self.current_part().is_some() {
                    let lacking = wanted - filled.get();
                    let hits = E::pop_hits(&self.settings().parts, start.add(filled.get()), lacking);
                    filled.set(filled.get() + hits);
                }
                if filled.get() < wanted {
                    self.allocate_shared::<E>(object, start, &filled, wanted);
                }
            }
            if filled.get() == wanted {
                break;
            }
            // L has no more: one way down like any other, which may bring a batch.
            let block = self.allocate_by::<E>(object);
            if block.is_null() {
                break;
            }
            // SAFETY: there is room.
            unsafe { start.add(filled.get()).write(block) };
            filled.set(filled.get() + 1);
        }
        unwinding.disarm();
        filled.get()
    }

    /// What P lacks, from L: and for the next calls as much as a batch has beyond it.
    unsafe fn allocate_shared<E: Engine>(
        &self,
        object: *mut RawList,
        start: *mut *mut u8,
        filled: &Cell<usize>,
        wanted: usize,
    ) {
        let lacking = wanted - filled.get();
        let part = self.current_part();
        if let Some(part) = part.filter(|part| !part.is_open()) {
            self.open_part(part, &self.manage.lock());
        }
        let batch = part.map_or(0, |part| self.batch(part));
        let mut buffer: Buffer = [MaybeUninit::uninit(); BATCH_LIMIT];
        let by_batch = lacking < batch;
        // SAFETY: there is room for what is lacking, and in the buffer for a batch; the first `count` are written, and
        // ours.
        unsafe {
            let to = start.add(filled.get());
            let out = if by_batch { buffer.as_mut_ptr().cast() } else { to };
            let count = self.shared().allocate_many(out, lacking, lacking.max(batch));
            let taken = count.min(lacking);
            // Those that came in last stay on top.
            let others = count - taken;
            if by_batch {
                to.copy_from_nonoverlapping(out.add(others), taken);
            }
            filled.set(filled.get() + taken);
            if let Some(part) = part.filter(|_| taken != 0) {
                let misses = part.count(Count::AllocatesFromShared, taken as u64);
                self.demand(part, misses, taken as u64, false);
            }
            if others != 0 {
                self.refill::<E>(object, slice::from_raw_parts(out, others));
            }
        }
    }

    pub(super) unsafe fn free_many_by<E: Engine>(&self, object: *mut RawList, blocks: &[*mut u8]) {
        if blocks.is_empty() {
            return;
        }
        let parts = &self.settings().parts;
        let mut rest = blocks;
        let part = self.current_part();
        let mut buffer: Buffer = [MaybeUninit::uninit(); BATCH_LIMIT];
        let out = buffer.as_mut_ptr().cast::<*mut u8>();
        // SAFETY: the pair is open; the blocks are the caller's until a list takes them; the buffer has room for a
        // batch.
        unsafe {
            if let Some(part) = part {
                if !part.is_open() {
                    self.open_part(part, &self.manage.lock());
                }
                rest = &rest[E::push_many(parts, rest.as_ptr(), rest.len()).0..];
                if rest.is_empty() {
                    return;
                }
                // Less than a batch: then a batch goes down from here, and these, the hottest, take its place.
                let batch = self.batch(part).min(self.shared().room());
                if rest.len() < batch {
                    let (taken, from) = E::pop_many(parts, out, batch);
                    if taken > 0 {
                        let (put, into) = E::push_many(parts, rest.as_ptr(), rest.len());
                        rest = &rest[put..];
                        // Of the taken blocks so many stand for the freed ones. (More were put than taken where the
                        // thread came to another processor: they count there.)
                        let given = put.min(taken);
                        self.count_moved(Part::of(parts, from), Count::Spilled, taken as u64);
                        if given > 0 {
                            self.count_moved(Part::of(parts, into), Count::Spilled, (given as u64).wrapping_neg());
                        }
                        let unwinding = OnUnwind::new(|| self.free_many_below(object, Some(part), rest, rest.len()));
                        self.free_many_below(object, Some(part), slice::from_raw_parts(out, taken), given);
                        unwinding.disarm();
                    }
                }
            }
            self.free_many_below(object, part, rest, rest.len());
        }
        // Last, so that a free routine that unwinds meets no block on the way.
        self.attend(object);
    }

    /// `given` frees that P had no room for, with the blocks that their batch brings: to L, and what finds no room
    /// there to the pool.
    unsafe fn free_many_below(&self, object: *mut RawList, part: Option<Part>, blocks: &[*mut u8], given: usize) {
        if blocks.is_empty() {
            return;
        }
        // SAFETY: the caller owns the blocks.
        unsafe {
            let accepted = self.shared().free_many(blocks, given);
            let hits = accepted.min(given) as u64;
            let misses = given as u64 - hits;
            if let Some(part) = part {
                if hits != 0 {
                    self.demand(part, part.count(Count::FreesToShared, hits), hits, false);
                }
                if misses != 0 {
                    self.demand(part, part.count(Count::FreesToPool, misses), misses, true);
                }
            }
            if misses != 0 {
                if let Some(counting) = self.counts_misses_itself(part) {
                    counting.demand_shared_after(counting.shared.only().count_free_misses(misses), misses);
                }
            }
            self.pool_free_all(object, &blocks[accepted..]);
        }
    }
}
