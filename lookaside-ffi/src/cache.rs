//! Caches before a list, each for one thread at a time.

use core::ffi::c_void;

use lookaside_core::{Caller, RawCache, RawList, Status};

use crate::types::{lookaside_counters, lookaside_list, lookaside_status};
use crate::written::fill;

/// A cache before a list, for the hot loop of one thread: an allocate and a free cost what a push and a pop of an array
/// cost, inlined by `lookaside_cache.h`. The memory is the caller's, and its contents are the library's. It may be
/// moved while no call on it is running. Set all bytes to 0 where it may be used before it is initialised.
#[repr(C)]
pub struct lookaside_cache {
    /// Where its blocks are: the caller's array.
    pub blocks: *mut *mut c_void,
    /// The list that it is in front of.
    pub list: *mut lookaside_list,
    /// In the low 16 bits the blocks that it holds, above them the allocates that it served.
    pub header: u64,
    /// The blocks that it may hold; 0 where every call is the list's own.
    pub limit: u32,
    /// The alignment of a block, less 1.
    pub alignment_mask: u32,
    /// The library's own.
    pub opaque: [u64; 12],
}

// The header asserts the same numbers.
const _: () = {
    assert!(size_of::<lookaside_cache>() == 128 && align_of::<lookaside_cache>() == 8);
    assert!(size_of::<RawCache>() == 128 && align_of::<RawCache>() == 8);
    assert!(core::mem::offset_of!(lookaside_cache, header) == RawCache::HEADER);
    assert!(core::mem::offset_of!(lookaside_cache, limit) == RawCache::LIMIT);
};

/// The cache, if there is one.
unsafe fn cache_at<'a>(cache: *const lookaside_cache) -> Result<&'a RawCache, Status> {
    if !cache.is_aligned() {
        return Err(Status::DATATYPE_MISALIGNMENT);
    }
    // SAFETY: null or, as the caller has to ensure, a cache or zeroes, which no one else uses during the call.
    unsafe { cache.cast::<RawCache>().as_ref() }.ok_or(Status::INVALID_PARAMETER)
}

/// Makes an empty cache before a list.
///
/// Parameters:
/// - `cache`: the caller's memory for it. Its contents do not matter; blocks that a cache there still held would be
///   lost to the program, and count as out of their list.
/// - `list`: the list. It stays where it is as long as the cache is used.
/// - `blocks`: an array for the cache, which is the cache's until it is deleted.
/// - `capacity`: how many pointers it has room for, 1 to 65,535. Half of them are filled or emptied at once, 64 at
///   most.
///
/// Returns, and then the cache is untouched unless the call succeeded:
/// - `LOOKASIDE_STATUS_SUCCESS`: the cache is ready. Delete it before the list.
/// - `LOOKASIDE_STATUS_INVALID_PARAMETER`: a pointer is NULL, or `capacity` is out of range. Correct the program.
/// - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`: `list` is not at a multiple of 16 bytes, or one of the others at
///   one of 8.
/// - `LOOKASIDE_STATUS_INVALID_HANDLE`: the list was never initialised.
/// - `LOOKASIDE_STATUS_DELETE_PENDING`: the list is deleted.
///
/// Memory and threads: the list knows nothing of its caches. For it the blocks in them are out, and its statistics
/// count what reaches it. One thread at a time may use a cache. Before a list that is verified, or keeps nothing, each
/// call is the list's own. In the child of a fork a cache before a session pool's list holds blocks that are the
/// parent's too: one of the two has to leave its cache alone.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_cache_initialize(
    cache: *mut lookaside_cache,
    list: *mut lookaside_list,
    blocks: *mut *mut c_void,
    capacity: usize,
) -> lookaside_status {
    if cache.is_null() || blocks.is_null() {
        return Status::INVALID_PARAMETER.0;
    }
    if !cache.is_aligned() || !blocks.is_aligned() {
        return Status::DATATYPE_MISALIGNMENT.0;
    }
    // SAFETY: the list is null or may be read, the array has room, and the cache may be written.
    unsafe {
        match RawCache::new(list.cast(), blocks.cast(), capacity) {
            Ok(new) => {
                fill(cache.cast::<RawCache>(), new);
                Status::SUCCESS.0
            }
            Err(status) => status.0,
        }
    }
}

/// Takes a block from the cache; when it has none, some from its list. The contents are what was there.
///
/// Parameters:
/// - `cache`: the cache.
///
/// Returns the block, which may be freed to the cache, to another of its list, or to the list itself. NULL when the
/// pool has none left, and when `cache` is NULL, misaligned, all zero bytes, or deleted.
///
/// Memory and threads: one thread at a time. Not for signal handlers.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_cache_allocate(cache: *mut lookaside_cache) -> *mut c_void {
    // SAFETY: no one else uses the cache; the list of a cache is a list, was one, or is null.
    unsafe {
        let Ok(cache) = cache_at(cache) else { return core::ptr::null_mut() };
        let caller = Caller::Export(lookaside_cache_allocate as *const () as usize);
        if cache.passes_through() {
            return RawList::allocate_checked_by(cache.list(), caller).cast();
        }
        cache.allocate(cache.blocks(), caller).cast()
    }
}

/// Gives a block to the cache; when it is full, some of its blocks go to its list.
///
/// Parameters:
/// - `cache`: a cache of the list that the block came from.
/// - `block`: the block, or NULL, which has no effect.
///
/// Returns nothing. The process ends with a message when the block could only be lost or do harm: `cache` is NULL,
/// misaligned, all zero bytes, or deleted, or `block` is misaligned. Besides, what `lookaside_list_free` says of the
/// list holds as soon as the block reaches it.
///
/// Memory and threads: one thread at a time. The block may not be used afterwards.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_cache_free(cache: *mut lookaside_cache, block: *mut c_void) {
    let caller = Caller::Export(lookaside_cache_free as *const () as usize);
    let block = block.cast::<u8>();
    // SAFETY: no one else uses the cache; its list is a list, was one, or is null; the block is the list's.
    unsafe {
        match cache_at(cache) {
            Ok(cache) if !cache.passes_through() && cache.is_whole(block) => cache.free(cache.blocks(), block, caller),
            Ok(cache) if !block.is_null() => RawList::free_checked_by(cache.list(), block, caller),
            Err(_) if !block.is_null() => RawList::free_checked_by(core::ptr::null(), block, caller),
            _ => {}
        }
    }
}

/// Gives every block in the cache back to its list.
///
/// Parameters:
/// - `cache`: the cache.
///
/// Returns:
/// - `LOOKASIDE_STATUS_SUCCESS`: it is empty.
/// - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `cache` is NULL.
/// - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`: it is not at a multiple of 8 bytes.
/// - `LOOKASIDE_STATUS_INVALID_HANDLE`: it is all zero bytes, or deleted.
///
/// Memory and threads: one thread at a time. A list that was deleted meanwhile, with the blocks out, takes them too.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_cache_flush(cache: *mut lookaside_cache) -> lookaside_status {
    // SAFETY: no one else uses the cache; its list is a list, was one, or is null.
    unsafe {
        match cache_at(cache) {
            Ok(cache) if cache.list().is_null() => Status::INVALID_HANDLE.0,
            Ok(cache) => {
                cache.flush(cache.blocks());
                Status::SUCCESS.0
            }
            Err(status) => status.0,
        }
    }
}

/// Ends a cache: its blocks go back to its list, and it is all zero bytes.
///
/// Parameters:
/// - `cache`: the cache.
///
/// Returns as `lookaside_cache_flush`; on success its memory and its array may be reused.
///
/// Memory and threads: as `lookaside_cache_flush`.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_cache_delete(cache: *mut lookaside_cache) -> lookaside_status {
    // SAFETY: its list is a list, was one, or is null; after a success the cache is there and no one's.
    unsafe {
        let status = lookaside_cache_flush(cache);
        if status == Status::SUCCESS.0 {
            fill(cache.cast::<RawCache>(), RawCache::zeroed());
        }
        status
    }
}

/// Returns what a cache served by itself: calls that its list never saw.
///
/// Parameters:
/// - `cache`: the cache.
/// - `counters`: where to write them. A miss is a call that went to the list for some blocks, or with some: `refilled`
///   and `spilled` are those beyond the one of the call, `removed` those that were flushed. `depth` is the most that
///   the cache holds, 0 where each call is the list's own. They are exact unless 2^48 hits come between two misses or
///   looks.
///
/// Returns as `lookaside_cache_flush`, and `LOOKASIDE_STATUS_INVALID_PARAMETER` also when `counters` is NULL.
///
/// Memory and threads: one thread at a time.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_cache_counters(
    cache: *mut lookaside_cache,
    counters: *mut lookaside_counters,
) -> lookaside_status {
    if counters.is_null() {
        return Status::INVALID_PARAMETER.0;
    }
    // SAFETY: no one else uses the cache; the counters may be written.
    unsafe {
        match cache_at(cache) {
            Ok(cache) if cache.list().is_null() => Status::INVALID_HANDLE.0,
            Ok(cache) => {
                fill(counters, cache.counters().into());
                Status::SUCCESS.0
            }
            Err(status) => status.0,
        }
    }
}
