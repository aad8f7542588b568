//! Maintenance of an embedded object's list, and what it reports of itself.

use core::ffi::c_void;
use core::{fmt, ptr};

use super::slow::{found_without_attending, live};
use crate::list::Statistics;
use crate::manage;
use crate::platform::wrote;
use crate::wdk::{RawList, Status};

impl RawList {
    /// Gives every cached block back to the pool. Counters do not move, except `removed`. O(blocks).
    ///
    /// # Safety
    /// As for [`RawList::try_allocate`].
    pub unsafe fn flush(list: *const RawList) -> Status {
        // SAFETY: `list` is null or may be read, as the caller promises.
        status_of(unsafe { live(list) }.map(|record| record.list().flush(list.cast_mut())))
    }

    /// Gives back what the list keeps above its depth. O(blocks).
    ///
    /// # Safety
    /// As for [`RawList::try_allocate`].
    pub unsafe fn trim(list: *const RawList) -> Status {
        // SAFETY: `list` is null or may be read, as the caller promises.
        status_of(unsafe { live(list) }.map(|record| record.list().trim(list.cast_mut())))
    }

    /// Gives up to this many cached blocks back to the pool; returns how many, 0 for what is no list. Those of the shared
    /// list go first, then the oldest of each processor list. Counters do not move, except `removed`. O(blocks).
    ///
    /// # Safety
    /// As for [`RawList::try_allocate`].
    pub unsafe fn release(list: *const RawList, blocks: usize) -> usize {
        // SAFETY: `list` is null or may be read, as the caller promises.
        unsafe { live(list) }.map_or(0, |record| record.list().release(list.cast_mut(), blocks))
    }

    /// Fills the list with up to this many blocks, as its maximum depth has room. Writes how many to `filled`, if that
    /// is not null. Returns NO_MEMORY when the pool had fewer.
    ///
    /// # Safety
    /// As for [`RawList::try_allocate`]; `filled` is null or may be written.
    pub unsafe fn prefill(list: *const RawList, blocks: usize, filled: *mut usize) -> Status {
        // SAFETY: `list` is null or may be read, as the caller promises.
        let record = match unsafe { live(list) } {
            Ok(record) => record,
            Err(status) => return status,
        };
        let (count, complete) = record.list().prefill(list.cast_mut(), blocks);
        if !filled.is_null() {
            // SAFETY: not null, so it may be written.
            unsafe {
                filled.write(count);
                wrote(filled.cast(), size_of::<usize>());
            }
        }
        if complete { Status::SUCCESS } else { Status::NO_MEMORY }
    }

    /// Returns the list's counters, without stopping any thread. O(processors).
    ///
    /// # Safety
    /// As for [`RawList::try_allocate`].
    pub unsafe fn statistics(list: *const RawList) -> Result<Statistics, Status> {
        // SAFETY: `list` is null or may be read, as the caller promises.
        unsafe { live(list) }.map(|record| record.list().statistics())
    }

    /// Returns the context that the list was initialised with; null for what is no list.
    ///
    /// # Safety
    /// As for [`RawList::try_allocate`].
    #[must_use]
    pub unsafe fn context(list: *const RawList) -> *mut c_void {
        // SAFETY: `list` is null or may be read; where a record is found it was read.
        unsafe { if found_without_attending(list).is_ok() { (*list).context } else { ptr::null_mut() } }
    }
}

/// Writes the `!lookaside` row of one list.
///
/// # Safety
/// As for [`RawList::try_allocate`].
pub unsafe fn report_list(list: *const RawList, out: &mut dyn fmt::Write) -> Result<fmt::Result, Status> {
    // SAFETY: `list` is null or may be read, as the caller promises.
    unsafe { live(list) }.map(|record| manage::report_record(record, out))
}

pub(super) fn status_of<T>(result: Result<T, Status>) -> Status {
    result.map_or_else(|status| status, |_| Status::SUCCESS)
}
