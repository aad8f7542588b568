//! Blocks of the pools that change their size.

use core::ffi::c_void;

use lookaside_core::{PoolType, RawSmallPool, Tag};

use crate::small_pool::lookaside_small_pool;
use crate::types::*;

/// Gives a block of `lookaside_pool_allocate` another size: in place where its memory has room for it and no more than
/// a block of that size would have, else the block moves.
///
/// Parameters:
/// - `pool_type`: the pool type that the block has afterwards, whatever it had before; as for
///   `lookaside_pool_allocate`.
/// - `block`: the block; NULL for a new one.
/// - `size`: its new size in bytes; 0 counts as 1.
/// - `tag`: its tag, or 0, which fits every block. It keeps its tag.
///
/// Returns the block, whose first bytes, up to the smaller of both sizes, are as they were; it is aligned as
/// `lookaside_pool_allocate` aligns. NULL as from that function, and then `block` is as it was. Violations are those of
/// `lookaside_pool_free`; after one the result is NULL.
///
/// Memory and threads: any number of threads at once. Not for signal handlers. After a result that is not NULL the old
/// block may not be used.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_pool_reallocate(
    pool_type: lookaside_pool_type,
    block: *mut c_void,
    size: usize,
    tag: lookaside_tag,
) -> *mut c_void {
    // SAFETY: the block is null or of the process's pool.
    unsafe { lookaside_core::pool_reallocate(PoolType(pool_type), block.cast(), size, Tag(tag)) }.cast()
}

/// Gives a block of `lookaside_small_pool_allocate` another size.
///
/// Parameters:
/// - `pool`: the pool that the block came from.
/// - `pool_type`, `block`, `size`, `tag`: as for `lookaside_pool_reallocate`.
///
/// Returns as that function; NULL also when `pool` is NULL, misaligned, never initialised, or deleted. Violations are
/// those of `lookaside_small_pool_free`.
///
/// Memory and threads: as `lookaside_pool_reallocate`.
///
/// WDK: it has no such function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lookaside_small_pool_reallocate(
    pool: *mut lookaside_small_pool,
    pool_type: lookaside_pool_type,
    block: *mut c_void,
    size: usize,
    tag: lookaside_tag,
) -> *mut c_void {
    let pool_type = PoolType(pool_type);
    // SAFETY: the pool is null or may be read; the block is null or its own.
    unsafe { RawSmallPool::reallocate_tagged_checked(pool.cast(), pool_type, block.cast(), size, Tag(tag)) }.cast()
}
