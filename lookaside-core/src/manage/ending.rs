//! The end of a list that was deleted: its last block comes back, or none was out.

use super::record::{Record, RecordState};
use super::{pools, registry, usage};
use crate::pool::{OnUnwind, Request};
use crate::wdk::RawList;

/// Frees a draining record.
pub fn release(record: &Record) {
    let guard = registry::lock();
    if record.state() == RecordState::Draining {
        // SAFETY: the list is deleted and no one holds a block of it.
        unsafe { record.list().clear_parts() };
        pools::note_use(record, 0);
        registry::put_back(&guard, record);
    }
}

/// Frees a block to a list that is being deleted.
///
/// # Safety
/// The block is of this list, and the caller's.
#[cold]
#[inline(never)]
pub unsafe fn free_draining(record: &Record, object: *mut RawList, block: *mut u8) {
    // SAFETY: the block is of this list, and the caller's.
    drain(record, || unsafe { record.list().free_draining(object, block) });
}

/// Gives a block of a list that is being deleted to its pool by `give`, and counts it; the last one ends the list.
pub fn drain(record: &Record, give: impl FnOnce()) {
    let finish = || {
        let settings = record.list().settings();
        if settings.charged {
            let Request { size, pool_type, tag, .. } = settings.request;
            usage::TagEntry::of(tag, pool_type.is_paged()).release_exactly(1, size as u64);
        }
        if record.list().count_draining() {
            release(record);
        }
    };
    let unwinding = OnUnwind::new(finish);
    give();
    unwinding.disarm();
    finish();
}
