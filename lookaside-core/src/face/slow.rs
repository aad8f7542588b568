//! Where the calls on the embedded object go that leave the fast path: the engine `trylock`, the checks of the object,
//! the verifier, and the list itself.

use core::hint::assert_unchecked;
use core::ptr;

use super::violations::{report_free_to_no_list, report_misaligned, report_no_list};
use crate::list::processor::{Engine, Exclusive, TryLock};
use crate::manage::{self, Record, RecordState, verifier};
use crate::platform::{Caller, place_through};
use crate::wdk::{Parts, RawList, Status};

/// Returns the parts of a list that the engine `trylock` serves.
///
/// # Safety
/// `list` is null, or 64 bytes there may be read.
#[inline(always)]
pub(super) unsafe fn locked_parts(list: *const RawList) -> Option<Parts> {
    if list.is_null() || !list.is_aligned() {
        return None;
    }
    // SAFETY: not null and aligned, so it may be read.
    let list = unsafe { &*list };
    if list.locked_processors == 0 {
        return None;
    }
    // In the child of a fork a part's lock may be one that no thread holds.
    manage::attend();
    Some(Parts { processors: list.locked_processors, ..list.parts })
}

/// Returns the record of an object that was initialised and not deleted to the end. Comes before everything else that a
/// call does which leaves the fast path, so here it does what had to wait for such a call.
///
/// # Safety
/// As for [`locked_parts`].
pub(super) unsafe fn found(list: *const RawList) -> Result<&'static Record, Status> {
    manage::attend();
    // SAFETY: null, or it may be read.
    unsafe { found_without_attending(list) }
}

/// [`found`] in a signal handler, and for what is only read.
///
/// # Safety
/// As for [`locked_parts`].
pub(super) unsafe fn found_without_attending(list: *const RawList) -> Result<&'static Record, Status> {
    if list.is_null() {
        return Err(Status::INVALID_PARAMETER);
    }
    if !list.is_aligned() {
        return Err(Status::DATATYPE_MISALIGNMENT);
    }
    // SAFETY: not null and aligned, so it may be read; any bytes are a RawList.
    manage::find(unsafe { &*list })
}

/// Returns the record of a live list.
///
/// # Safety
/// As for [`locked_parts`].
pub(super) unsafe fn live(list: *const RawList) -> Result<&'static Record, Status> {
    // SAFETY: null, or it may be read.
    let record = unsafe { found(list) }?;
    if record.state() == RecordState::Live { Ok(record) } else { Err(Status::DELETE_PENDING) }
}

/// [`RawList::allocate_checked`] after the fast path, or without it.
///
/// # Safety
/// As for [`locked_parts`].
#[cold]
#[inline(never)]
pub(super) unsafe fn allocate_slow(list: *const RawList, caller: Caller) -> *mut u8 {
    // SAFETY: null, or it may be read.
    unsafe { allocate_below(list, caller, allocate_slow as *const () as usize) }
}

/// [`RawList::allocate`] after the fast path.
///
/// # Safety
/// `list` is an object that was initialised.
#[cold]
#[inline(never)]
pub(super) unsafe fn allocate_missed(list: *const RawList, caller: Caller) -> *mut u8 {
    // SAFETY: what was initialised is aligned, and may be read.
    unsafe {
        assert_unchecked(!list.is_null() && list.is_aligned());
        allocate_below(list, caller, allocate_missed as *const () as usize)
    }
}

/// [`RawList::allocate_zeroed`] after the fast path.
///
/// # Safety
/// `list` is an object that was initialised, whose blocks have this many bytes.
#[cold]
#[inline(never)]
pub(super) unsafe fn allocate_zeroed_missed(list: *const RawList, bytes: usize) -> *mut u8 {
    // SAFETY: what was initialised may be read; a block is the caller's, and has these bytes.
    unsafe {
        match live(list) {
            Ok(record) if !record.list().settings().verified => record.list().allocate_zeroed(list.cast_mut(), bytes),
            _ => {
                let block = allocate_missed(list, Caller::Unknown);
                if !block.is_null() {
                    block.write_bytes(0, bytes);
                }
                block
            }
        }
    }
}

/// Allocates in the function at the address `through`, which the entry point called.
///
/// # Safety
/// As for [`locked_parts`].
#[inline(always)]
unsafe fn allocate_below(list: *const RawList, caller: Caller, through: usize) -> *mut u8 {
    // SAFETY: null, or it may be read.
    if let Some(parts) = unsafe { locked_parts(list) } {
        // SAFETY: the parts are those of an initialised object.
        let block = unsafe { TryLock::pop(&parts) };
        if !block.is_null() {
            return block;
        }
    }
    // SAFETY: null, or it may be read.
    let record = match unsafe { live(list) } {
        Ok(record) => record,
        Err(status) => {
            report_no_list(status, list, caller, through);
            return ptr::null_mut();
        }
    };
    if record.list().settings().verified {
        return allocate_verified(record, list.cast_mut(), caller, through);
    }
    record.list().allocate(list.cast_mut())
}

/// [`RawList::free_checked`] after the fast path, or without it.
///
/// # Safety
/// As for [`locked_parts`]; the block is null, or came from the list and no one uses it any more.
#[cold]
#[inline(never)]
pub(super) unsafe fn free_slow(list: *const RawList, block: *mut u8, caller: Caller) {
    // SAFETY: what the caller promises.
    unsafe { free_below(list, block, caller, free_slow as *const () as usize) }
}

/// [`RawList::free`] after the fast path.
///
/// # Safety
/// `list` is an object that was initialised; the block came from it, is not null, and no one uses it any more.
#[cold]
#[inline(never)]
pub(super) unsafe fn free_missed(list: *const RawList, block: *mut u8, caller: Caller) {
    // SAFETY: what was initialised is aligned, and may be read.
    unsafe {
        assert_unchecked(!list.is_null() && list.is_aligned() && !block.is_null());
        free_below(list, block, caller, free_missed as *const () as usize);
    }
}

/// Frees in the function at the address `through`, which the entry point called.
///
/// # Safety
/// As for [`free_slow`].
#[inline(always)]
unsafe fn free_below(list: *const RawList, block: *mut u8, caller: Caller, through: usize) {
    // SAFETY: null, or the object may be read; where the block is put away it is not null, and the list's.
    unsafe {
        if let Some(parts) = locked_parts(list) {
            if (*list).may_own(block) && TryLock::push(&parts, block) {
                return;
            }
        }
        let record = match found(list) {
            Ok(record) => record,
            Err(_) if block.is_null() && !list.is_null() => return,
            Err(status) => return report_free_to_no_list(status, list, block),
        };
        if block.is_null() {
            return;
        }
        if !(*list).may_own(block) {
            return report_misaligned(record, list, block);
        }
        if record.list().settings().verified {
            return free_verified(record, list.cast_mut(), block, caller, through);
        }
        if record.state() == RecordState::Live {
            record.list().free(list.cast_mut(), block);
        } else {
            manage::free_draining(record, list.cast_mut(), block);
        }
    }
}

// What is rare is apart, so that a general list's calls, which all come through here, save no registers for it.

#[cold]
#[inline(never)]
fn allocate_verified(record: &'static Record, list: *mut RawList, caller: Caller, through: usize) -> *mut u8 {
    let (record, list) = followed(record, list);
    verifier::allocate(record, list, place_through(caller, through))
}

/// # Safety
/// As for [`verifier::free`].
#[cold]
#[inline(never)]
unsafe fn free_verified(record: &'static Record, list: *mut RawList, block: *mut u8, caller: Caller, through: usize) {
    let (record, list) = followed(record, list);
    // SAFETY: the caller of the free has given the block up.
    unsafe { verifier::free(record, list, block, place_through(caller, through)) }
}

/// Returns the list that the verifier follows in a verified one's place: the shared list of a pair, whose blocks they
/// are.
pub(super) fn followed(record: &'static Record, list: *mut RawList) -> (&'static Record, *mut RawList) {
    match record.list().settings().lower {
        // SAFETY: a shared list stays where it is while a pair shares it, as the maker of the pair promised.
        Some(lower) => unsafe { found(lower.object) }.map_or((record, list), |record| (record, lower.object)),
        None => (record, list),
    }
}
