//! The general pool: where requests go that no list serves, and those of paged lists that are not made yet.

use core::ptr;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;

use crate::manage;
use crate::platform;
use crate::pool::{Pool, Request, Source, slab};
use crate::wdk::ListFlags;

/// Allocates memory as requested; returns null where there is none. A nonpaged pool of which nothing can be locked has
/// none.
pub fn allocate(request: &Request, flags: ListFlags) -> *mut u8 {
    let source = Source::of(request.pool_type, flags);
    if is_ready(source) { source.allocate(request, ptr::null_mut()) } else { ptr::null_mut() }
}

/// Gives memory back.
///
/// # Safety
/// It came from [`allocate`] (or a list over it) by an equal request and flags, and no one uses it any more.
pub unsafe fn free(block: *mut u8, request: &Request, flags: ListFlags) {
    // SAFETY: the memory came from this pool by an equal request, and no one uses it any more.
    unsafe { Source::of(request.pool_type, flags).free(block, request, ptr::null_mut()) }
}

/// Allocates memory in the place of a list, which may get it back.
pub fn allocate_for_list(request: &Request, flags: ListFlags) -> *mut u8 {
    let block = allocate(request, flags);
    if is_heap(request, flags) && !block.is_null() {
        slab::expect_of_heap();
    }
    block
}

/// Gives memory back that a list's pool, or [`allocate_for_list`], gave.
///
/// # Safety
/// As for [`free`].
pub unsafe fn free_of_list(block: *mut u8, request: &Request, flags: ListFlags) {
    // SAFETY: the memory came from the list's pool, and no one uses it any more.
    unsafe {
        if is_heap(request, flags) && slab::free_known(block, request) {
            return;
        }
        free(block, request, flags);
    }
}

/// Whether lists for such requests are over slabs, or the process heap.
fn is_heap(request: &Request, flags: ListFlags) -> bool {
    Source::of(request.pool_type, flags) == Source::Heap
}

/// Makes a pool ready that no list was made over yet; what failed is tried again by the next call.
fn is_ready(source: Source) -> bool {
    static READY: AtomicU32 = AtomicU32::new(0);
    let bit = match source {
        Source::Heap | Source::TracedHeap => return true,
        Source::Arenas => 1,
        Source::NonPaged { best_effort: false } => 2,
        Source::NonPaged { best_effort: true } => 4,
        Source::Session => 8,
        Source::Special { .. } => 16,
    };
    platform::own_value(&READY);
    // Relaxed: the pool itself publishes what it made.
    if READY.load(Relaxed) & bit == 0 {
        if !manage::prepare_for_forks() || source.prepare().is_err() {
            return false;
        }
        READY.fetch_or(bit, Relaxed);
    }
    true
}
