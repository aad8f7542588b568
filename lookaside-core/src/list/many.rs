//! Several blocks at once, after the fast path found too few, or too little room: one trip for all of them to the
//! processor list and one to the shared list. Each block counts by where it came from or went to, as if it had been
//! asked for or given by itself.

use core::cell::Cell;
use core::slice;

use super::batch::Batch;
use super::list::{List, by_engine};
use crate::list::processor::{Count, Engine, Part};
use crate::pool::OnUnwind;
use crate::wdk::RawList;

impl List {
    /// Fills `out` from place `filled` on, and returns how many are filled then: all, unless the pool failed.
    ///
    /// If a callback unwinds, every block of `out` goes back to the list.
    ///
    /// # Safety
    /// The first `filled` are blocks of this list, and the caller's.
    pub unsafe fn allocate_many(&self, object: *mut RawList, out: &mut [*mut u8], filled: usize) -> usize {
        // SAFETY: the first `filled` are blocks of this list, and the caller's.
        by_engine!(self, E => unsafe { self.allocate_many_by::<E>(object, out, filled) })
    }

    /// Frees of several blocks, after the fast path found no room for them.
    ///
    /// # Safety
    /// The blocks are of this list, and the caller's.
    pub unsafe fn free_many(&self, object: *mut RawList, blocks: &[*mut u8]) {
        // SAFETY: the blocks are of this list, and the caller's.
        by_engine!(self, E => unsafe { self.free_many_by::<E>(object, blocks) })
    }

    unsafe fn allocate_many_by<E: Engine>(&self, object: *mut RawList, out: &mut [*mut u8], filled: usize) -> usize {
        let (start, wanted) = (out.as_mut_ptr(), out.len());
        let filled = Cell::new(filled);
        // SAFETY: that many pointers were written, and no one else has the blocks.
        let unwinding = OnUnwind::new(|| unsafe { self.free_many(object, slice::from_raw_parts(start, filled.get())) });
        self.attend(object);
        while filled.get() < wanted {
            // SAFETY: the list is open; the rest of `out` has room for what is lacking.
            unsafe {
                if self.current_part::<E>().is_some() {
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

    /// Takes the blocks that P lacks from L, and for the next calls the rest of a batch.
    ///
    /// # Safety
    /// There is room at `start` for `wanted` blocks, of which `filled` are written.
    unsafe fn allocate_shared<E: Engine>(
        &self,
        object: *mut RawList,
        start: *mut *mut u8,
        filled: &Cell<usize>,
        wanted: usize,
    ) {
        let lacking = wanted - filled.get();
        let part = self.current_part::<E>();
        part.inspect(|part| self.see_open(*part));
        let batch_size = part.filter(|_| E::has_part()).map_or(0, |part| self.batch(part));
        let mut batch = Batch::new();
        // SAFETY: there is room for what is lacking; the blocks that L gives are ours.
        unsafe {
            let place = start.add(filled.get());
            let taken = if lacking < batch_size {
                batch.fill(batch_size, |place, wanted| self.shared().with_blocks().allocate(place, lacking, wanted));
                // Those that came in last stay on top.
                let others = batch.len().saturating_sub(lacking);
                let taken = &batch[others..];
                place.copy_from_nonoverlapping(taken.as_ptr(), taken.len());
                taken.len()
            } else {
                self.shared().with_blocks().allocate(place, lacking, lacking)
            };
            filled.set(filled.get() + taken);
            if let Some(part) = part.filter(|_| taken != 0) {
                let misses = part.count(Count::AllocatesFromShared, taken as u64);
                self.demand(part, misses, taken as u64, false);
            }
            let others = &batch[..batch.len().saturating_sub(lacking)];
            if !others.is_empty() {
                self.refill::<E>(object, others);
            }
        }
    }

    /// # Safety
    /// As for `free_many`.
    pub(super) unsafe fn free_many_by<E: Engine>(&self, object: *mut RawList, blocks: &[*mut u8]) {
        if blocks.is_empty() {
            return;
        }
        let parts = &self.settings().parts;
        let mut rest = blocks;
        let part = self.current_part::<E>();
        // SAFETY: the list is open; the blocks are the caller's until a list takes them.
        unsafe {
            if let Some(part) = part {
                self.see_open(part);
                let put = E::push_many(parts, rest.as_ptr(), rest.len()).0;
                if put == rest.len() {
                    return;
                }
                rest = &rest[put..];
                let room = self.shared().with_room().room();
                if room == 0 {
                    if let &[block] = blocks {
                        let trip = self.trip(part, false);
                        if trip > 1 && self.spill_to_pool::<E>(object, part, block, trip) {
                            return;
                        }
                    }
                } else {
                    rest = self.free_with_batch::<E>(object, part, rest, room);
                }
            }
            if !rest.is_empty() {
                self.free_below(object, part, rest, rest.len());
            }
        }
        // Last, so that a free routine that unwinds meets no block on the way.
        self.attend(object);
    }

    /// Frees of fewer blocks than a batch has: a batch goes down from P, as far as L has room, and these, the hottest,
    /// take its place. Returns those that still have to be freed: all, if they are a batch by themselves.
    ///
    /// # Safety
    /// As for `free_many`.
    #[inline]
    unsafe fn free_with_batch<'a, E: Engine>(
        &self,
        object: *mut RawList,
        part: Part,
        blocks: &'a [*mut u8],
        room: usize,
    ) -> &'a [*mut u8] {
        let parts = &self.settings().parts;
        let batch_size = self.batch(part).min(room);
        if blocks.len() >= batch_size {
            return blocks;
        }
        let mut batch = Batch::new();
        // SAFETY: the list is open; the blocks are the caller's until a list takes them.
        unsafe {
            let (taken, from) = batch.take::<E>(parts, batch_size);
            if taken == 0 {
                return blocks;
            }
            let (put, into) = E::push_many(parts, blocks.as_ptr(), blocks.len());
            let rest = &blocks[put..];
            // This many of the taken blocks count as the freed ones. (More were put than taken where the thread came to
            // another processor: they count there.)
            let given = put.min(taken);
            self.count_moved(Part::of(parts, from), Count::Spilled, taken as u64);
            if given > 0 {
                self.count_moved(Part::of(parts, into), Count::Spilled, (given as u64).wrapping_neg());
            }
            let unwinding = OnUnwind::new(|| {
                if !rest.is_empty() {
                    self.free_below(object, Some(part), rest, rest.len());
                }
            });
            self.free_below(object, Some(part), &batch, given);
            unwinding.disarm();
            rest
        }
    }
}
