//! The fast path on the embedded object: one section, and the slow path where that found no block or no room.

use core::ptr;

use super::slow::{allocate_missed, allocate_zeroed_missed, found_without_attending, free_missed, free_slow, live};
use crate::list::processor::{Engine, Exclusive, Slots};
use crate::manage::{self, RecordState};
use crate::platform::{Caller, rseq};
use crate::wdk::RawList;

impl RawList {
    /// Allocates a block. Returns null when the pool has none either. The block is uninitialised, not zeroed. O(1)
    /// unless the pool is called.
    ///
    /// # Safety
    /// `list` points to an object that was initialised. It may have been deleted: then the call returns null.
    #[inline(always)]
    #[track_caller]
    #[must_use]
    pub unsafe fn allocate(list: *const RawList) -> *mut u8 {
        // SAFETY: `list` was initialised, as the caller promises.
        unsafe { Self::allocate_by(list, Caller::rust()) }
    }

    /// [`RawList::allocate`] for the caller `caller`.
    ///
    /// # Safety
    /// As for `allocate`.
    #[inline(always)]
    pub(super) unsafe fn allocate_by(list: *const RawList, caller: Caller) -> *mut u8 {
        // SAFETY: an initialised object has parts, or none in range.
        let block = unsafe { rseq::pop(&raw const (*list).parts) };
        if !block.is_null() {
            return block;
        }
        rare();
        // SAFETY: the object can be read, since it was initialised; one that is slotted has parts.
        unsafe {
            if (*list).slotted != 0 {
                let block = Slots::pop(&(*list).parts);
                if !block.is_null() {
                    return block;
                }
            }
            allocate_missed(list, caller)
        }
    }

    /// Returns a block that the fast path of [`RawList::allocate`] finds, or null: then that has to be called.
    ///
    /// # Safety
    /// As for `allocate`.
    #[inline(always)]
    pub(crate) unsafe fn allocate_at_hand(list: *const RawList) -> *mut u8 {
        // SAFETY: an initialised object has parts, or none in range.
        let block = unsafe { rseq::pop(&raw const (*list).parts) };
        if !block.is_null() {
            return block;
        }
        rare();
        // SAFETY: the object can be read, since it was initialised; one that is slotted has parts.
        unsafe { if (*list).slotted == 0 { ptr::null_mut() } else { Slots::pop(&(*list).parts) } }
    }

    /// [`RawList::allocate`] of a block whose first bytes, this many, are zeroes. Of memory that no one had since it came
    /// from the system nothing is cleared, nor touched.
    ///
    /// # Safety
    /// As for `allocate`, and the list's blocks have this many bytes.
    #[must_use]
    pub(crate) unsafe fn allocate_zeroed(list: *const RawList, bytes: usize) -> *mut u8 {
        // SAFETY: `list` was initialised, as the caller promises; a block is the caller's, and has these bytes.
        unsafe {
            let block = Self::allocate_at_hand(list);
            if block.is_null() {
                return allocate_zeroed_missed(list, bytes);
            }
            block.write_bytes(0, bytes);
            block
        }
    }

    /// Frees a block. O(1) unless the pool is called.
    ///
    /// # Safety
    /// `list` points to an object that was initialised; the block came from it, is not null, and no one uses it any
    /// more.
    #[inline(always)]
    #[track_caller]
    pub unsafe fn free(list: *const RawList, block: *mut u8) {
        // SAFETY: `list` was initialised and the block is its own, as the caller promises.
        unsafe { Self::free_by(list, block, Caller::rust()) }
    }

    /// [`RawList::free`] for the caller `caller`.
    ///
    /// # Safety
    /// As for `free`.
    #[inline(always)]
    pub(super) unsafe fn free_by(list: *const RawList, block: *mut u8, caller: Caller) {
        debug_assert!(!block.is_null());
        // SAFETY: an initialised object has parts, or none in range; no one else uses the block.
        unsafe {
            if rseq::push(&raw const (*list).parts, block) {
                return;
            }
            rare();
            if (*list).slotted != 0 && Slots::push(&(*list).parts, block) {
                return;
            }
            free_missed(list, block, caller);
        }
    }

    /// Frees a block where the fast path of [`RawList::free`] finds room for it; returns whether it did. If not, that has
    /// to be called.
    ///
    /// # Safety
    /// As for `free`.
    #[inline(always)]
    pub(crate) unsafe fn free_at_hand(list: *const RawList, block: *mut u8) -> bool {
        // SAFETY: an initialised object has parts, or none in range; no one else uses the block.
        unsafe {
            if rseq::push(&raw const (*list).parts, block) {
                return true;
            }
            rare();
            (*list).slotted != 0 && Slots::push(&(*list).parts, block)
        }
    }

    /// Returns a block that the lists hold, or null. Never calls the pool and never waits, so a signal handler may call
    /// it.
    ///
    /// # Safety
    /// `list` is null, or points to 64 bytes that may be read. The keyed handle detects what is no list.
    #[must_use]
    pub unsafe fn try_allocate(list: *const RawList) -> *mut u8 {
        // A child whose records are not repaired may find locks held that no thread holds.
        let without_locks = manage::is_child_unrepaired();
        // SAFETY: `list` is null or may be read, as the caller promises.
        match unsafe { found_without_attending(list) } {
            Ok(record) if record.state() == RecordState::Live => record.list().try_allocate(without_locks),
            _ => ptr::null_mut(),
        }
    }

    /// Frees a block to the processor list of `processor`, or to the current one where the list has no such processor, or
    /// is over [`EngineKind::Slots`](crate::EngineKind::Slots).
    /// Otherwise as [`RawList::free_checked`]. For another processor than the current one it takes some microseconds.
    ///
    /// # Safety
    /// As for [`RawList::try_allocate`]; the block is null, or came from the list and no one uses it any more.
    #[inline(always)]
    #[track_caller]
    pub unsafe fn free_to_processor(list: *const RawList, block: *mut u8, processor: u32) {
        // SAFETY: `list` is null or may be read, and the block is null or its own, as the caller promises.
        unsafe { Self::free_to_processor_by(list, block, processor, Caller::rust()) }
    }

    /// [`RawList::free_to_processor`] for a layer over this library, which reports who called it.
    ///
    /// # Safety
    /// As for `free_to_processor`.
    #[inline(always)]
    pub unsafe fn free_to_processor_by(list: *const RawList, block: *mut u8, processor: u32, caller: Caller) {
        // SAFETY: `list` is null or may be read; a block that is not null is the list's, and no one uses it.
        unsafe {
            match live(list) {
                Ok(record) if record.list().settings().cached && (*list).may_own(block) => {
                    record.list().free_to(list.cast_mut(), block, processor);
                }
                _ => free_slow(list, block, caller),
            }
        }
    }

    /// Returns whether the address can be that of a block: not null, and aligned as the list's blocks are.
    #[inline(always)]
    pub(super) fn may_own(&self, block: *mut u8) -> bool {
        !block.is_null() && block.addr() & self.alignment_mask as usize == 0
    }
}

/// Marks the code after it as rare, so that the compiler moves it out of the way.
#[cold]
#[inline(always)]
pub(super) const fn rare() {}
