//! A small pool that the program owns.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

use super::kind::Kind;
use super::raw::{RawSmallPool, SmallPoolParameters};
use super::statistics::SmallListStatistics;
use super::tables::Generation;
use crate::wdk::{PoolType, Status, Tag};

/// A small pool of its own, which any thread may use. Dropping it deletes it; blocks that are still out are lost then.
///
/// ```
/// use core::alloc::Layout;
/// use lookaside_core::{Generation, Kind, SmallPool};
///
/// let pool = SmallPool::new(Generation::V6_0X64);
/// let layout = Layout::new::<[u64; 5]>();
/// let block = pool.allocate(Kind::Paged, layout).expect("the heap has 40 bytes");
/// // SAFETY: the block has 40 bytes, and is given back once, by what it was asked for with.
/// unsafe {
///     block.write_bytes(0, 40);
///     pool.free(Kind::Paged, block, layout);
/// }
/// let list = pool.statistics(Kind::Paged, 2).unwrap();
/// assert_eq!((list.block_size, list.processor.total_frees), (48, 1));
/// ```
#[derive(Debug)]
pub struct SmallPool(RawSmallPool);

impl SmallPool {
    /// Makes a pool with the lists of this generation, and the library's tuning.
    #[must_use]
    pub fn new(generation: Generation) -> SmallPool {
        Self::with(&SmallPoolParameters::new(generation)).unwrap_or_else(|_| unreachable!())
    }

    /// Makes a pool as described; INVALID_PARAMETER if its maximum depth is too large, or a flag is not for pools.
    pub fn with(parameters: &SmallPoolParameters<'_>) -> Result<SmallPool, Status> {
        let mut pool = SmallPool(RawSmallPool::zeroed());
        // SAFETY: the object is ours.
        unsafe { RawSmallPool::initialize(&mut pool.0, parameters) }.ok().map(|()| pool)
    }

    /// Makes the lists of a kind now: see [`RawSmallPool::prepare`].
    pub fn prepare(&self, kind: Kind) -> Result<(), Status> {
        // SAFETY: the object is initialised as long as `self` lives.
        unsafe { RawSmallPool::prepare(&self.0, kind) }.ok()
    }

    /// Allocates a block of this layout: see [`RawSmallPool::allocate`].
    #[inline(always)]
    #[must_use]
    pub fn allocate(&self, kind: Kind, layout: Layout) -> Option<NonNull<u8>> {
        // SAFETY: the object is initialised.
        NonNull::new(unsafe { RawSmallPool::allocate(&self.0, kind, layout) })
    }

    /// Gives a block back.
    ///
    /// # Safety
    /// The block came from `allocate` of this pool by the same kind and layout, and no one uses it any more.
    #[inline(always)]
    pub unsafe fn free(&self, kind: Kind, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the object is initialised; the block came from it by this kind and layout, and no one uses it.
        unsafe { RawSmallPool::free(&self.0, kind, block.as_ptr(), layout) }
    }

    /// Gives back what the lists keep.
    pub fn flush(&self) {
        // SAFETY: the object is initialised.
        let status = unsafe { RawSmallPool::flush(&self.0) };
        debug_assert!(status.is_success());
    }

    /// Returns the statistics of one list; `None` for a number that the generation has not.
    #[must_use]
    pub fn statistics(&self, kind: Kind, list: usize) -> Option<SmallListStatistics> {
        // SAFETY: the object is initialised.
        unsafe { RawSmallPool::statistics(&self.0, kind, list) }.ok()
    }

    /// Returns how many allocates and frees the general pool served although their sizes have a list.
    #[must_use]
    pub fn served_by_general_pool(&self, kind: Kind) -> (u64, u64) {
        self.0.lists(kind).direct()
    }

    /// Returns the object inside, for calls that take one. It moves with `self`.
    #[must_use]
    pub fn as_raw(&self) -> *const RawSmallPool {
        ptr::from_ref(&self.0)
    }

    /// Allocates a block under a tag: see [`RawSmallPool::allocate_tagged`].
    #[inline]
    #[must_use]
    pub fn allocate_tagged(&self, pool_type: PoolType, bytes: usize, tag: Tag) -> *mut u8 {
        // SAFETY: the object is initialised.
        unsafe { RawSmallPool::allocate_tagged(&self.0, pool_type, bytes, tag) }
    }

    /// Allocates a block at a multiple of `alignment` bytes: see [`RawSmallPool::allocate_tagged_aligned`].
    #[must_use]
    pub fn allocate_tagged_aligned(&self, pool_type: PoolType, bytes: usize, alignment: usize, tag: Tag) -> *mut u8 {
        // SAFETY: the object is initialised.
        unsafe { RawSmallPool::allocate_tagged_aligned(&self.0, pool_type, bytes, alignment, tag) }
    }

    /// Gives a block another size: see [`RawSmallPool::reallocate_tagged`].
    ///
    /// # Safety
    /// As for `free_tagged`; after a result that is not null, no one uses the old block.
    #[must_use]
    pub unsafe fn reallocate_tagged(&self, pool_type: PoolType, block: *mut u8, bytes: usize, tag: Tag) -> *mut u8 {
        // SAFETY: the object is initialised; the block is null or its own.
        unsafe { RawSmallPool::reallocate_tagged(&self.0, pool_type, block, bytes, tag) }
    }

    /// Gives a block back: see [`RawSmallPool::free_tagged`].
    ///
    /// # Safety
    /// The block is null, or came from a tagged allocate of this pool and no one uses it any more; for the reports,
    /// the 16 bytes before it can be read.
    #[inline]
    pub unsafe fn free_tagged(&self, block: *mut u8, tag: Tag) {
        // SAFETY: the object is initialised; the block is null or its own.
        unsafe { RawSmallPool::free_tagged(&self.0, block, tag) }
    }

    /// Gives a block of known size back: see [`RawSmallPool::free_tagged_sized`].
    ///
    /// # Safety
    /// As for `free_tagged`.
    #[inline]
    pub unsafe fn free_tagged_sized(&self, block: *mut u8, bytes: usize, tag: Tag) {
        // SAFETY: the object is initialised; the block is null or its own.
        unsafe { RawSmallPool::free_tagged_sized(&self.0, block, bytes, tag) }
    }

    /// Returns the bytes that a block was asked for with.
    ///
    /// # Safety
    /// As for `free_tagged`, but the block stays the caller's.
    #[must_use]
    pub unsafe fn size_of_tagged(&self, block: *mut u8) -> usize {
        // SAFETY: the object is initialised; the block is null or its own.
        unsafe { RawSmallPool::size_of_tagged(&self.0, block) }
    }
}

impl Drop for SmallPool {
    fn drop(&mut self) {
        // SAFETY: the object is initialised, and `&mut self` says that no one else uses it.
        let _ = unsafe { RawSmallPool::delete(&mut self.0) };
    }
}
