//! Calls on the embedded object for several blocks at once: one section where the processor list serves all.

use core::cell::Cell;
use core::slice;

use super::raw::rare;
use super::slow::{followed, found, free_slow, live, locked_parts};
use super::violations::report_no_list;
use crate::list::processor::{Engine, Slots, TryLock};
use crate::manage::{Record, verifier};
use crate::platform::{Caller, Place, place_of, rseq};
use crate::pool::OnUnwind;
use crate::wdk::RawList;

impl RawList {
    /// Fills `out` from its first place on with blocks, in no particular order; returns how many. Fewer than all when
    /// the pool had no more; the other places are undefined then. O(blocks), and one or two trips for all of them
    /// unless the pool is asked.
    ///
    /// Each block counts as one allocate: a hit if the processor list had it, else a miss by where it came from. Where
    /// the pool failed, that counts as it does for a single allocate. If an allocate routine unwinds, every block that
    /// the call had goes back to the list.
    ///
    /// # Safety
    /// As for [`RawList::allocate`], which returns null where this returns 0.
    #[inline(always)]
    #[track_caller]
    #[must_use = "the blocks have to be freed"]
    pub unsafe fn allocate_many(list: *const RawList, out: &mut [*mut u8]) -> usize {
        // SAFETY: `list` was initialised, as the caller promises.
        unsafe { Self::allocate_many_by(list, out, Caller::rust()) }
    }

    #[inline(always)]
    pub(super) unsafe fn allocate_many_by(list: *const RawList, out: &mut [*mut u8], caller: Caller) -> usize {
        // SAFETY: an initialised object has parts, or none in range; there is room.
        let (mut count, _) = unsafe { rseq::pop_many::<true>(&raw const (*list).parts, out.as_mut_ptr(), out.len()) };
        if count == out.len() {
            return count;
        }
        rare();
        // SAFETY: the object may be read, and one that is slotted has parts; the first `count` blocks were just taken.
        unsafe {
            if (*list).slotted != 0 {
                count = Slots::pop_hits(&(*list).parts, out.as_mut_ptr(), out.len());
                if count == out.len() {
                    return count;
                }
            }
            allocate_many_slow(list, out, count, caller)
        }
    }

    /// Gives blocks back. O(blocks), and one or two trips for all of them unless they go to the pool.
    ///
    /// Each block counts as one free: a hit if the processor list had room, else a miss by where it went. If a free
    /// routine unwinds, the other blocks are freed all the same.
    ///
    /// # Safety
    /// As for [`RawList::free`], for each block; none is there twice.
    #[inline(always)]
    #[track_caller]
    pub unsafe fn free_many(list: *const RawList, blocks: &[*mut u8]) {
        // SAFETY: `list` was initialised and the blocks are its own, as the caller promises.
        unsafe { Self::free_many_by(list, blocks, Caller::rust()) }
    }

    #[inline(always)]
    pub(super) unsafe fn free_many_by(list: *const RawList, blocks: &[*mut u8], caller: Caller) {
        debug_assert!(blocks.iter().all(|block| !block.is_null()));
        // SAFETY: an initialised object has parts, or none in range; the blocks are the caller's.
        unsafe {
            let (mut count, _) = rseq::push_many(&raw const (*list).parts, blocks.as_ptr(), blocks.len());
            if count == blocks.len() {
                return;
            }
            rare();
            if (*list).slotted != 0 {
                count = Slots::push_many(&(*list).parts, blocks.as_ptr(), blocks.len()).0;
                if count == blocks.len() {
                    return;
                }
            }
            free_many_slow(list, &blocks[count..], caller);
        }
    }
}

/// Returns whether each could be a block of the list.
pub(super) unsafe fn are_whole(list: *const RawList, blocks: &[*mut u8]) -> bool {
    // SAFETY: the object may be read.
    let mask = unsafe { (*list).alignment_mask } as usize;
    // No early end, so that the loop is without branches.
    let fault = |block: &*mut u8| block.is_null() | (block.addr() & mask != 0);
    !blocks.iter().fold(false, |found, block| found | fault(block))
}

#[cold]
#[inline(never)]
pub(super) unsafe fn allocate_many_slow(
    list: *const RawList,
    out: &mut [*mut u8],
    mut count: usize,
    caller: Caller,
) -> usize {
    if out.is_empty() {
        return 0;
    }
    // SAFETY: the object is null or may be read; there is room for the rest; the first `count` were taken just now.
    unsafe {
        if let Some(parts) = locked_parts(list) {
            count += TryLock::pop_hits(&parts, out.as_mut_ptr().add(count), out.len() - count);
            if count == out.len() {
                return count;
            }
        }
        let record = match live(list) {
            Ok(record) => record,
            Err(status) => {
                report_no_list(status, list, caller, allocate_many_slow as *const () as usize);
                return count;
            }
        };
        if record.list().settings().verified {
            return allocate_verified(record, list, out, place_of(caller));
        }
        record.list().allocate_many(list.cast_mut(), out, count)
    }
}

/// Each block by itself; all of them go back if a callback or a hook unwinds.
unsafe fn allocate_verified(record: &'static Record, list: *const RawList, out: &mut [*mut u8], place: Place) -> usize {
    let (followed, followed_list) = followed(record, list.cast_mut());
    let (start, wanted) = (out.as_mut_ptr(), out.len());
    let filled = Cell::new(0);
    // SAFETY: that many pointers were written, and no one else has the blocks.
    let unwinding = OnUnwind::new(|| unsafe { free_each(list, slice::from_raw_parts(start, filled.get()), place) });
    while filled.get() < wanted {
        let block = verifier::allocate(followed, followed_list, place);
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

#[cold]
#[inline(never)]
pub(super) unsafe fn free_many_slow(list: *const RawList, mut blocks: &[*mut u8], caller: Caller) {
    if blocks.is_empty() {
        return;
    }
    // SAFETY: null, or the object may be read; where the blocks are put away each is the list's, and no one uses it.
    unsafe {
        let place = match live(list) {
            Ok(record) if !record.list().settings().verified && are_whole(list, blocks) => {
                if let Some(parts) = locked_parts(list) {
                    blocks = &blocks[TryLock::push_many(&parts, blocks.as_ptr(), blocks.len()).0..];
                    if blocks.is_empty() {
                        return;
                    }
                }
                return record.list().free_many(list.cast_mut(), blocks);
            }
            // Here, in the function that the entry point calls.
            _ if found(list).is_ok_and(|record| record.list().settings().verified) => place_of(caller),
            _ => Place::UNKNOWN,
        };
        free_each(list, blocks, place);
    }
}

/// Each block by itself, with what is reported of each; the rest also when a hook unwinds.
unsafe fn free_each(list: *const RawList, blocks: &[*mut u8], place: Place) {
    let mut rest = blocks.iter();
    while let Some(block) = rest.next() {
        // SAFETY: the object may be read; the rest of the blocks are the list's.
        let unwinding = OnUnwind::new(|| unsafe { free_each(list, rest.as_slice(), place) });
        // SAFETY: the object may be read; the block is null or the list's. A block may end a list that is being
        // deleted, so it is looked for each time.
        unsafe {
            match found(list) {
                Ok(record) if record.list().settings().verified && are_whole(list, &[*block]) => {
                    let (record, list) = followed(record, list.cast_mut());
                    verifier::free(record, list, *block, place);
                }
                _ => free_slow(list, *block, Caller::Unknown),
            }
        }
        unwinding.disarm();
    }
}
