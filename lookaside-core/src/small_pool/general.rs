//! The general pool: where small-pool lists take their blocks from, and where requests go that no list serves.

use core::ptr;

use crate::pool::{Pool, Request, Source};
use crate::wdk::ListFlags;

/// Memory as requested, of the pool that the type names, or null.
pub fn allocate(request: &Request) -> *mut u8 {
    Source::of(request.pool_type, ListFlags(0)).allocate(request, ptr::null_mut())
}

/// Gives memory back.
///
/// # Safety
/// It came from [`allocate`] (or a list over it) by an equal request, and nobody uses it any more.
pub unsafe fn free(block: *mut u8, request: &Request) {
    // SAFETY: the caller's promise.
    unsafe { Source::of(request.pool_type, ListFlags(0)).free(block, request, ptr::null_mut()) }
}
