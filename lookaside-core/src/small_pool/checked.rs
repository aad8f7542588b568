//! The calls on a small pool for callers that are not trusted: an object that is no small pool is detected and
//! reported.

use core::alloc::Layout;
use core::ptr;

use super::classes::HEADER;
use super::kind::Kind;
use super::lists::KindLists;
use super::raw::RawSmallPool;
use super::tagged::report_foreign;
use crate::platform::Violation;
use crate::wdk::{BugCheck, PoolType, SIZE_LIMIT, Status, Tag};

impl RawSmallPool {
    /// Returns whether calls on the object can be served: SUCCESS, or why not, as for [`RawSmallPool::delete`].
    ///
    /// # Safety
    /// As for [`RawSmallPool::prepare`].
    pub unsafe fn check(pool: *const RawSmallPool) -> Status {
        // SAFETY: `pool` is null or may be read.
        unsafe { Self::live(pool) }.map_or_else(|status| status, |_| Status::SUCCESS)
    }

    /// [`RawSmallPool::allocate_tagged`]; null from what is no live small pool.
    ///
    /// # Safety
    /// As for [`RawSmallPool::prepare`].
    #[must_use]
    pub unsafe fn allocate_tagged_checked(
        pool: *const RawSmallPool,
        pool_type: PoolType,
        bytes: usize,
        tag: Tag,
    ) -> *mut u8 {
        // SAFETY: `pool` is null or may be read.
        match unsafe { Self::live_at_hand(pool) } {
            Some(pool) => pool.allocate_labelled(pool.numbers, pool_type, bytes, tag),
            None => ptr::null_mut(),
        }
    }

    /// [`RawSmallPool::allocate_tagged_aligned`]; null from what is no live small pool.
    ///
    /// # Safety
    /// As for [`RawSmallPool::prepare`].
    #[must_use]
    pub unsafe fn allocate_tagged_aligned_checked(
        pool: *const RawSmallPool,
        pool_type: PoolType,
        bytes: usize,
        alignment: usize,
        tag: Tag,
    ) -> *mut u8 {
        // SAFETY: the object is live, so it was initialised.
        unsafe {
            match Self::check(pool) {
                Status::SUCCESS => Self::allocate_tagged_aligned(pool, pool_type, bytes, alignment, tag),
                _ => ptr::null_mut(),
            }
        }
    }

    /// [`RawSmallPool::reallocate_tagged`]; null from what is no live small pool, and a violation where that gets a
    /// block and never was one.
    ///
    /// # Safety
    /// As for [`RawSmallPool::prepare`] and `reallocate_tagged`.
    #[must_use]
    pub unsafe fn reallocate_tagged_checked(
        pool: *const RawSmallPool,
        pool_type: PoolType,
        block: *mut u8,
        bytes: usize,
        tag: Tag,
    ) -> *mut u8 {
        // SAFETY: the object is live, so it was initialised; the block is null or its own.
        unsafe {
            match Self::check(pool) {
                Status::SUCCESS => Self::reallocate_tagged(pool, pool_type, block, bytes, tag),
                _ => {
                    Self::takes(pool, block);
                    ptr::null_mut()
                }
            }
        }
    }

    /// [`RawSmallPool::free_tagged`], or with a size [`RawSmallPool::free_tagged_sized`]. A block that is freed to what
    /// never was a small pool is a violation.
    ///
    /// # Safety
    /// As for [`RawSmallPool::prepare`] and `free_tagged`.
    pub unsafe fn free_tagged_checked(pool: *const RawSmallPool, block: *mut u8, bytes: Option<usize>, tag: Tag) {
        // SAFETY: the object is live or deleted, so it was initialised; the block is null or its own.
        unsafe {
            match Self::live_at_hand(pool) {
                Some(pool) => pool.free_labelled(pool.numbers, block, tag, bytes),
                None => Self::free_of_ended(pool, block, bytes, tag),
            }
        }
    }

    /// A free to what is no live small pool.
    #[cold]
    #[inline(never)]
    unsafe fn free_of_ended(pool: *const RawSmallPool, block: *mut u8, bytes: Option<usize>, tag: Tag) {
        // SAFETY: the object is live or deleted, so it was initialised; the block is its own.
        unsafe {
            if Self::takes(pool, block) {
                (*pool).free_labelled((*pool).numbers, block, tag, bytes);
            }
        }
    }

    /// [`RawSmallPool::size_of_tagged`]; what never was a small pool is a violation.
    ///
    /// # Safety
    /// As for [`RawSmallPool::prepare`] and `size_of_tagged`.
    #[must_use]
    pub unsafe fn size_of_checked(pool: *const RawSmallPool, block: *mut u8) -> usize {
        // SAFETY: the object is live or deleted, so it was initialised; the block is its own.
        unsafe { if Self::takes(pool, block) { Self::size_of_tagged(pool, block) } else { 0 } }
    }

    /// [`RawSmallPool::allocate`] with the usual alignment; null from what is no live small pool, and for pool types
    /// that have no lists.
    ///
    /// # Safety
    /// As for [`RawSmallPool::prepare`].
    #[must_use]
    pub unsafe fn allocate_checked(pool: *const RawSmallPool, pool_type: PoolType, bytes: usize) -> *mut u8 {
        // SAFETY: `pool` is null or may be read; the list exists.
        unsafe {
            if let Some((lists, list)) = Self::list_at_hand(pool, pool_type, bytes) {
                let block = lists.allocate_at_hand(list);
                if !block.is_null() {
                    return block;
                }
            }
            Self::allocate_bare(pool, pool_type, bytes)
        }
    }

    /// An allocate that the fast path leaves: of any size, from what may be no pool.
    #[cold]
    #[inline(never)]
    unsafe fn allocate_bare(pool: *const RawSmallPool, pool_type: PoolType, bytes: usize) -> *mut u8 {
        // SAFETY: the object is live, so it was initialised.
        unsafe {
            match (Self::check(pool), Kind::of(pool_type), layout(bytes)) {
                (Status::SUCCESS, Some(kind), Some(layout)) => Self::allocate(pool, kind, layout),
                _ => ptr::null_mut(),
            }
        }
    }

    /// [`RawSmallPool::free`] of a block of [`RawSmallPool::allocate_checked`]. A null block has no effect. A violation
    /// is: a block that is freed to what never was a small pool, a misaligned one, and a pool type or size that no
    /// block can have.
    ///
    /// # Safety
    /// As for [`RawSmallPool::prepare`]; the block is null, or came from `allocate_checked` by this pool type and size,
    /// and no one uses it any more.
    pub unsafe fn free_checked(pool: *const RawSmallPool, pool_type: PoolType, block: *mut u8, bytes: usize) {
        // SAFETY: `pool` is null or may be read; the list exists, and the block, where it can be one, is its own.
        unsafe {
            if !block.is_null() && block.addr() % HEADER == 0 {
                if let Some((lists, list)) = Self::list_at_hand(pool, pool_type, bytes) {
                    if lists.free_at_hand(list, block) {
                        return;
                    }
                }
            }
            Self::free_bare(pool, pool_type, block, bytes);
        }
    }

    /// A free that the fast path leaves, with every check.
    #[cold]
    #[inline(never)]
    unsafe fn free_bare(pool: *const RawSmallPool, pool_type: PoolType, block: *mut u8, bytes: usize) {
        // SAFETY: the object is live or deleted, so it was initialised; the block is its own.
        unsafe {
            if !Self::takes(pool, block) {
                return;
            }
            match (Kind::of(pool_type), layout(bytes)) {
                _ if block.addr() % HEADER != 0 => report_foreign(block),
                (Some(kind), Some(layout)) => Self::free(pool, kind, block, layout),
                _ => report_impossible(block, pool_type, bytes),
            }
        }
    }

    /// The list of a live pool for blocks without a header.
    #[inline(always)]
    unsafe fn list_at_hand<'a>(
        pool: *const RawSmallPool,
        pool_type: PoolType,
        bytes: usize,
    ) -> Option<(&'a KindLists, usize)> {
        // SAFETY: `pool` is null or may be read.
        let pool = unsafe { Self::live_at_hand(pool) }?;
        let list = pool.numbers.bare_list_of(bytes)?;
        Some((pool.lists(Kind::of(pool_type)?), list))
    }

    /// Whether the object is, or was, a small pool, and there is a block. What never was one is reported.
    unsafe fn takes(pool: *const RawSmallPool, block: *mut u8) -> bool {
        if block.is_null() {
            return false;
        }
        // SAFETY: `pool` is null or may be read.
        let reason = match unsafe { Self::check(pool) } {
            Status::SUCCESS | Status::DELETE_PENDING => return true,
            Status::INVALID_PARAMETER => "no pool",
            Status::DATATYPE_MISALIGNMENT => "not aligned to 16 bytes",
            _ => "no small pool that was initialised",
        };
        Violation { block: block.addr(), ..Violation::new(BugCheck::NO_LIST) }
            .report(format_args!("block {block:p} is given to small pool {pool:p}, which is {reason}"));
        false
    }
}

#[cold]
fn report_impossible(block: *mut u8, pool_type: PoolType, bytes: usize) {
    let pool_type = pool_type.0;
    Violation { block: block.addr(), ..Violation::new(BugCheck::NEVER_ALLOCATED) }.report(format_args!(
        "block {block:p} is freed as {bytes} bytes of pool type {pool_type:#x}, which no block of this pool is"
    ));
}

fn layout(bytes: usize) -> Option<Layout> {
    if bytes > SIZE_LIMIT { None } else { Layout::from_size_align(bytes, 1).ok() }
}
