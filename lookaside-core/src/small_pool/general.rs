//! The general pool: where small-pool lists take their blocks from, and where requests go that no list serves.

use core::ptr;

use crate::pool::{Pool, Request, Source};
use crate::wdk::ListFlags;

/// Memory as requested, or null. A nonpaged pool of which nothing can be locked has none.
pub fn allocate(request: &Request, flags: ListFlags) -> *mut u8 {
    Source::of(request.pool_type, flags).allocate(request, ptr::null_mut())
}

/// Gives memory back.
///
/// # Safety
/// It came from [`allocate`] (or a list over it) by an equal request with these flags, and nobody uses it any more.
pub unsafe fn free(block: *mut u8, request: &Request, flags: ListFlags) {
    // SAFETY: the caller's promise.
    unsafe { Source::of(request.pool_type, flags).free(block, request, ptr::null_mut()) }
}
