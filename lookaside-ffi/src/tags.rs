//! Usage by tag.

use core::ffi::c_char;
use core::mem::{MaybeUninit, align_of, size_of};
use core::slice;

use lookaside_core::{Status, TagOrder, TagUsage};

use crate::report::write_text;
use crate::types::*;
use crate::written::{fill, wrote};

/// The order of rows: one of `LOOKASIDE_TAG_ORDER_...`.
pub type lookaside_tag_order = u32;

/// By tag as it prints, nonpaged memory before paged.
pub const LOOKASIDE_TAG_ORDER_TAG: lookaside_tag_order = 0;
/// The most bytes first; among equals by tag.
pub const LOOKASIDE_TAG_ORDER_BYTES: lookaside_tag_order = 1;

/// What was allocated and freed under one tag, of paged or of nonpaged memory.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lookaside_tag_usage {
    /// The tag; `Ovfl` for all tags that came when the library's table of 1,024 was full.
    pub tag: lookaside_tag,
    /// 0 for nonpaged memory, 1 for paged.
    pub pool_type: lookaside_pool_type,
    /// Blocks allocated.
    pub allocates: u64,
    /// Blocks freed.
    pub frees: u64,
    /// Bytes of the blocks that are not freed: block sizes, which for small-pool blocks include the header and are
    /// rounded up, as Windows charges them.
    pub bytes: u64,
}

/// Returns what was allocated and freed under each tag: blocks of `lookaside_pool_allocate` and
/// `lookaside_small_pool_allocate` while callers hold them, and blocks that lists without callbacks have or have handed
/// out. Exact when no one allocates or frees during the call.
///
/// Parameters:
/// - `order`: how the rows are sorted.
/// - `rows`: where they go. NULL if `capacity` is 0.
/// - `capacity`: how many rows there is room for; there are never more than 1,026.
/// - `needed`: where to write how many rows there are, or NULL.
///
/// Returns:
/// - `LOOKASIDE_STATUS_SUCCESS`: all rows are in `rows`.
/// - `LOOKASIDE_STATUS_BUFFER_OVERFLOW`: there are more. `rows` holds the first.
/// - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `rows` is NULL and `capacity` is not 0 (`*needed` is set all the same), or
///   the order is unknown.
/// - `LOOKASIDE_STATUS_NO_MEMORY`: there is none to sort the rows in. Nothing is written.
///
/// Memory and threads: any number of threads at once; no one is stopped.
///
/// WDK: `NtQuerySystemInformation` with class 0x16, as `poolmon` uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_tags(
    order: lookaside_tag_order,
    rows: *mut lookaside_tag_usage,
    capacity: usize,
    needed: *mut usize,
) -> lookaside_status {
    let Some(order) = order_of(order) else { return Status::INVALID_PARAMETER.0 };
    let room: &mut [MaybeUninit<lookaside_tag_usage>] = if rows.is_null() {
        &mut []
    } else {
        // SAFETY: not null, so the caller gives `capacity` rows that are no one else's during the call.
        unsafe { slice::from_raw_parts_mut(rows.cast(), capacity) }
    };
    let mut count = 0;
    let found = lookaside_core::tags(order, &mut |row| {
        if let Some(place) = room.get_mut(count) {
            place.write((*row).into());
        }
        count += 1;
    });
    if let Err(status) = found {
        return status.0;
    }
    // SAFETY: these rows were written.
    unsafe { wrote(rows.cast(), count.min(room.len()) * size_of::<lookaside_tag_usage>()) };
    if !needed.is_null() {
        // SAFETY: not null, so the caller gives room for a size.
        unsafe { fill(needed, count) };
    }
    if rows.is_null() && capacity != 0 {
        Status::INVALID_PARAMETER.0
    } else if count > capacity {
        Status::BUFFER_OVERFLOW.0
    } else {
        Status::SUCCESS.0
    }
}

/// Writes the rows of `lookaside_tags` as a table, with the columns of `poolmon`.
///
/// Parameters:
/// - `order`: how the rows are sorted.
/// - `buffer`, `capacity`, `needed`: as for `lookaside_report`.
///
/// Returns as `lookaside_report`; and
/// - `LOOKASIDE_STATUS_INVALID_PARAMETER`: also for an unknown order. Nothing is written then.
/// - `LOOKASIDE_STATUS_NO_MEMORY`: there is none to sort the rows in.
///
/// Memory and threads: any number of threads at once; no one is stopped.
///
/// WDK: `poolmon`, and `!poolused` in the kernel debugger.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_tag_report(
    order: lookaside_tag_order,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
) -> lookaside_status {
    let Some(order) = order_of(order) else { return Status::INVALID_PARAMETER.0 };
    // SAFETY: the buffer has room for `capacity` bytes, and `needed` is null or may be written.
    unsafe { write_text(buffer, capacity, needed, |text| lookaside_core::tag_report(order, text)) }
}

fn order_of(order: lookaside_tag_order) -> Option<TagOrder> {
    match order {
        LOOKASIDE_TAG_ORDER_TAG => Some(TagOrder::Tag),
        LOOKASIDE_TAG_ORDER_BYTES => Some(TagOrder::Bytes),
        _ => None,
    }
}

impl From<TagUsage> for lookaside_tag_usage {
    fn from(usage: TagUsage) -> Self {
        Self {
            tag: usage.tag.0,
            pool_type: usage.paged.into(),
            allocates: usage.allocates,
            frees: usage.frees,
            bytes: usage.bytes,
        }
    }
}

// The header asserts the same numbers, and its constants are those of the core.
const _: () = {
    assert!(size_of::<lookaside_tag_usage>() == 32 && align_of::<lookaside_tag_usage>() == 8);
    assert!(LOOKASIDE_TAG_ORDER_TAG == TagOrder::Tag as u32);
    assert!(LOOKASIDE_TAG_ORDER_BYTES == TagOrder::Bytes as u32);
};
