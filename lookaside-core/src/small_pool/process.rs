//! The small pool of the process, for programs that need only one: made by its first call, never deleted.

use super::kind::Kind;
use super::raw::{Numbers, RawSmallPool};
use super::statistics::SmallListStatistics;
use super::tables::Generation;
use crate::wdk::{PoolType, Tag};

/// Pairs, since the blocks of programs cross threads.
static POOL: RawSmallPool = RawSmallPool::ready(GENERATION);
const GENERATION: Generation = Generation::V5_2X64;
/// Known to the compiler, so that the two calls of most programs compute less.
const NUMBERS: Numbers = Numbers::of(GENERATION);

/// Allocates a block of at least this many bytes under a tag; returns it, or null: `ExAllocatePoolWithTag`. From
/// small-pool lists (of generation 5.2, for x64) up to 496 bytes, and beyond from other lists of the process or the general pool: see
/// [`RawSmallPool::allocate_tagged`]. Any number of threads at once, from the first call on. Nonpaged memory stays
/// unlocked where the limit of locked memory is too small; [`pool_report`](crate::pool_report) shows it.
///
/// ```
/// use lookaside_core::{PoolType, Tag, pool_allocate, pool_free, pool_size};
///
/// let tag = Tag::new(*b"Docs");
/// let block = pool_allocate(PoolType::PAGED, 100, tag);
/// assert!(!block.is_null());
/// // SAFETY: the block has 100 bytes, and is given back once.
/// unsafe {
///     block.write_bytes(0, 100);
///     assert_eq!(pool_size(block), 100);
///     pool_free(block, tag);
/// }
/// ```
#[inline]
#[must_use]
pub fn pool_allocate(pool_type: PoolType, bytes: usize, tag: Tag) -> *mut u8 {
    POOL.allocate_labelled(NUMBERS, pool_type, bytes, tag)
}

/// Allocates a block at a multiple of `alignment` bytes: see [`RawSmallPool::allocate_tagged_aligned`]. It is freed like
/// those of [`pool_allocate`].
#[must_use]
pub fn pool_allocate_aligned(pool_type: PoolType, bytes: usize, alignment: usize, tag: Tag) -> *mut u8 {
    // SAFETY: the object is ready from the start.
    unsafe { RawSmallPool::allocate_tagged_aligned(&POOL, pool_type, bytes, alignment, tag) }
}

/// Gives a block of [`pool_allocate`] another size: see [`RawSmallPool::reallocate_tagged`].
///
/// # Safety
/// As for [`pool_free`]; after a result that is not null, no one uses the old block.
#[must_use]
pub unsafe fn pool_reallocate(pool_type: PoolType, block: *mut u8, bytes: usize, tag: Tag) -> *mut u8 {
    // SAFETY: the object is ready from the start; the block is null or its own.
    unsafe { RawSmallPool::reallocate_tagged(&POOL, pool_type, block, bytes, tag) }
}

/// Gives a block of [`pool_allocate`] back; tag 0 fits every block, null has no effect. What is reported as a violation
/// is listed at [`RawSmallPool::free_tagged`].
///
/// # Safety
/// The block is null, or came from [`pool_allocate`] and no one uses it any more; for the reports, the 16 bytes before
/// it can be read.
#[inline]
pub unsafe fn pool_free(block: *mut u8, tag: Tag) {
    // SAFETY: the block is null or the pool's.
    unsafe { POOL.free_labelled(NUMBERS, block, tag, None) }
}

/// [`pool_free`] of a block whose size the caller knows: another one than was asked for is reported as well.
///
/// # Safety
/// As for [`pool_free`].
#[inline]
pub unsafe fn pool_free_sized(block: *mut u8, bytes: usize, tag: Tag) {
    // SAFETY: the block is null or the pool's.
    unsafe { POOL.free_labelled(NUMBERS, block, tag, Some(bytes)) }
}

/// Returns the bytes that a block of [`pool_allocate`] was asked for with (1 for none); 0 for null.
///
/// # Safety
/// As for [`pool_free`], but the block stays the caller's.
#[must_use]
pub unsafe fn pool_size(block: *mut u8) -> usize {
    // SAFETY: the object is ready from the start; the block is null or its own.
    unsafe { RawSmallPool::size_of_tagged(&POOL, block) }
}

/// Returns the statistics of one of the lists behind [`pool_allocate`]; `None` for a number above 31.
#[must_use]
pub fn pool_list_statistics(kind: Kind, list: usize) -> Option<SmallListStatistics> {
    POOL.look(kind, list)
}
