//! The general pool: where small-pool lists take their blocks from, and where requests go that no list serves.

use core::ptr;

use crate::pool::{Paged, Pool, Request};

/// Memory as requested, or null.
pub fn allocate(request: &Request) -> *mut u8 {
    if request.pool_type.is_paged() && !request.pool_type.is_session() {
        Paged.allocate(request, ptr::null_mut())
    } else {
        ptr::null_mut()
    }
}

/// Gives memory back.
///
/// # Safety
/// It came from [`allocate`] (or a list over it) by an equal request, and nobody uses it any more.
pub unsafe fn free(block: *mut u8, request: &Request) {
    // SAFETY: the caller's promise.
    unsafe { Paged.free(block, request, ptr::null_mut()) }
}
