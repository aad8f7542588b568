//! Calls on the embedded object for callers that are not trusted: null, misaligned, zeroed, overwritten and deleted
//! objects are detected.

use super::many::{allocate_many_slow, are_whole, free_many_slow};
use super::slow::{allocate_slow, free_slow};
use crate::platform::Caller;
use crate::wdk::RawList;

impl RawList {
    /// [`RawList::allocate`] for callers that are not trusted: null, misaligned, zeroed and deleted lists get null.
    ///
    /// # Safety
    /// `list` is null, or points to an object that was initialised, or to 64 bytes of zeroes.
    #[inline(always)]
    #[track_caller]
    #[must_use]
    pub unsafe fn allocate_checked(list: *const RawList) -> *mut u8 {
        // SAFETY: `list` is null, initialised or zeroed, as the caller promises.
        unsafe { Self::allocate_checked_by(list, Caller::rust()) }
    }

    /// [`RawList::allocate_checked`] for a layer over this library, which reports who called it.
    ///
    /// # Safety
    /// As for `allocate_checked`.
    #[inline(always)]
    #[must_use]
    pub unsafe fn allocate_checked_by(list: *const RawList, caller: Caller) -> *mut u8 {
        // SAFETY: where `is_served` is true the object can be read, and holds parts.
        unsafe { if Self::is_served(list) { Self::allocate_by(list, caller) } else { allocate_slow(list, caller) } }
    }

    /// [`RawList::free`] for callers that are not trusted: a null block has no effect; a misaligned block, or a list
    /// that is none (any more), would lose the block or corrupt memory, so it is a violation: see
    /// [`set_violation_hook`](crate::set_violation_hook).
    ///
    /// # Safety
    /// As for `allocate_checked`; the block is null, or came from the list and no one uses it any more.
    #[inline(always)]
    #[track_caller]
    pub unsafe fn free_checked(list: *const RawList, block: *mut u8) {
        // SAFETY: `list` is null, initialised or zeroed, and the block null or its own, as the caller promises.
        unsafe { Self::free_checked_by(list, block, Caller::rust()) }
    }

    /// [`RawList::free_checked`] for a layer over this library, which reports who called it.
    ///
    /// # Safety
    /// As for `free_checked`.
    #[inline(always)]
    pub unsafe fn free_checked_by(list: *const RawList, block: *mut u8, caller: Caller) {
        // SAFETY: where `is_served` is true the object can be read, and holds parts; the block is null or the list's.
        unsafe {
            let served = Self::is_served(list);
            if served && (*list).may_own(block) {
                Self::free_by(list, block, caller);
            } else {
                free_slow(list, block, caller);
            }
        }
    }

    /// [`RawList::allocate_many`] for callers that are not trusted: null, misaligned, zeroed and deleted lists get 0
    /// blocks.
    ///
    /// # Safety
    /// As for [`RawList::allocate_checked`].
    #[inline(always)]
    #[track_caller]
    #[must_use = "the blocks have to be freed"]
    pub unsafe fn allocate_many_checked(list: *const RawList, out: &mut [*mut u8]) -> usize {
        // SAFETY: `list` is null, initialised or zeroed, as the caller promises.
        unsafe { Self::allocate_many_checked_by(list, out, Caller::rust()) }
    }

    /// [`RawList::allocate_many_checked`] for a layer over this library, which reports who called it.
    ///
    /// # Safety
    /// As for `allocate_many_checked`.
    #[inline(always)]
    #[must_use = "the blocks have to be freed"]
    pub unsafe fn allocate_many_checked_by(list: *const RawList, out: &mut [*mut u8], caller: Caller) -> usize {
        // SAFETY: where `is_served` is true the object can be read, and holds parts.
        unsafe {
            if Self::is_served(list) {
                Self::allocate_many_by(list, out, caller)
            } else {
                allocate_many_slow(list, out, 0, caller)
            }
        }
    }

    /// [`RawList::free_many`] for callers that are not trusted: each block is treated as [`RawList::free_checked`]
    /// treats it, so that a null block has no effect, and one that is misaligned is a violation.
    ///
    /// # Safety
    /// As for [`RawList::free_checked`], for each block; none is there twice.
    #[inline(always)]
    #[track_caller]
    pub unsafe fn free_many_checked(list: *const RawList, blocks: &[*mut u8]) {
        // SAFETY: `list` is null, initialised or zeroed, and each block null or its own, as the caller promises.
        unsafe { Self::free_many_checked_by(list, blocks, Caller::rust()) }
    }

    /// [`RawList::free_many_checked`] for a layer over this library, which reports who called it.
    ///
    /// # Safety
    /// As for `free_many_checked`.
    #[inline(always)]
    pub unsafe fn free_many_checked_by(list: *const RawList, blocks: &[*mut u8], caller: Caller) {
        // SAFETY: where `is_served` is true the object can be read, and holds parts; each block is null or the list's.
        unsafe {
            if Self::is_served(list) && are_whole(list, blocks) {
                Self::free_many_by(list, blocks, caller);
            } else {
                free_many_slow(list, blocks, caller);
            }
        }
    }

    /// Returns whether the fast path may be tried: an object that was never initialised has no processors.
    ///
    /// # Safety
    /// As for `allocate_checked`.
    #[inline(always)]
    pub(super) unsafe fn is_served(list: *const RawList) -> bool {
        // SAFETY: not null and aligned, so 64 bytes may be read.
        !list.is_null() && list.addr() & 15 == 0 && unsafe { (*list).parts.processors } != 0
    }
}
