//! The paged pool: the process heap.

use super::{Pool, Request};
use crate::platform;
use crate::wdk::RawList;

/// Blocks of the process heap (`malloc`, or `posix_memalign` above 16 bytes of alignment).
#[derive(Clone, Copy, Debug)]
pub struct Paged;

impl Pool for Paged {
    fn allocate(&self, request: &Request, _list: *mut RawList) -> *mut u8 {
        platform::heap_allocate(request.size, request.alignment)
    }

    unsafe fn free(&self, block: *mut u8, _request: &Request, _list: *mut RawList) {
        // SAFETY: the caller's promise.
        unsafe { platform::heap_free(block) }
    }
}
