//! The owning list.

use core::fmt;
use core::ptr::NonNull;

use super::slow::found;
use crate::list::Statistics;
use crate::platform::Caller;
use crate::wdk::{RawList, Status};

/// A list of blocks of one size, which any thread may use. Dropping it deletes it.
///
/// It may be moved. Blocks that are still out when it is dropped are lost, unless they came from a routine of the
/// program; [`Lookaside`](crate::Lookaside) excludes that by its types.
///
/// ```
/// use lookaside_core::{LookasideList, Tag};
///
/// let list = LookasideList::builder(256).name("requests").tag(Tag::new(*b"Rqst")).build()?;
/// let block = list.allocate().expect("the heap has 256 bytes");
/// // SAFETY: the block has 256 bytes, and is given back once, to its own list.
/// unsafe {
///     block.write_bytes(0, 256);
///     list.free(block);
/// }
/// assert_eq!(list.allocate(), Some(block), "the block that came last goes first");
/// # unsafe { list.free(block) };
/// assert_eq!(list.statistics().list.total_allocates, 2);
/// # Ok::<(), lookaside_core::Status>(())
/// ```
pub struct LookasideList {
    raw: RawList,
    size: usize,
}

// SAFETY: every call on a RawList but initialize and delete may run on any thread beside others; those two need `&mut`
// or ownership.
unsafe impl Send for LookasideList {}
// SAFETY: every call on a RawList but initialize and delete may run on any thread.
unsafe impl Sync for LookasideList {}

impl LookasideList {
    pub(super) fn from_raw(raw: RawList, size: usize) -> LookasideList {
        LookasideList { raw, size }
    }

    /// Returns the bytes of a block.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Returns the alignment of a block in bytes.
    #[must_use]
    pub fn alignment(&self) -> usize {
        self.raw.alignment_mask as usize + 1
    }

    /// Allocates a block, uninitialised; returns `None` when the pool has none either. O(1) unless the pool is called.
    #[inline(always)]
    #[track_caller]
    #[must_use]
    pub fn allocate(&self) -> Option<NonNull<u8>> {
        // SAFETY: the object is initialised as long as `self` lives.
        NonNull::new(unsafe { RawList::allocate(&self.raw) })
    }

    /// Gives a block back, on any thread. O(1) unless it goes to the pool.
    ///
    /// # Safety
    /// The block came from this list, and no one uses it any more.
    #[inline(always)]
    #[track_caller]
    pub unsafe fn free(&self, block: NonNull<u8>) {
        // SAFETY: the object is initialised; the block is this list's, and no one uses it.
        unsafe { RawList::free(&self.raw, block.as_ptr()) }
    }

    /// Fills `out` from its first place on with blocks, in no particular order; returns how many: all, unless the pool
    /// failed. O(blocks), in one go where a processor list has them: see [`RawList::allocate_many`].
    ///
    /// ```
    /// use lookaside_core::LookasideList;
    ///
    /// let list = LookasideList::new(64)?;
    /// let mut blocks = [std::ptr::null_mut(); 32];
    /// let count = list.allocate_many(&mut blocks);
    /// // SAFETY: these came from this list, and no one uses them.
    /// unsafe { list.free_many(&blocks[..count]) };
    /// assert_eq!(list.statistics().list.total_frees, 32);
    /// # Ok::<(), lookaside_core::Status>(())
    /// ```
    #[inline(always)]
    #[track_caller]
    #[must_use = "the blocks have to be freed"]
    pub fn allocate_many(&self, out: &mut [*mut u8]) -> usize {
        // SAFETY: the object is initialised as long as `self` lives.
        unsafe { RawList::allocate_many(&self.raw, out) }
    }

    /// Gives blocks back, on any thread: see [`RawList::free_many`].
    ///
    /// # Safety
    /// The blocks came from this list, none is null or there twice, and no one uses them any more.
    #[inline(always)]
    #[track_caller]
    pub unsafe fn free_many(&self, blocks: &[*mut u8]) {
        // SAFETY: the object is initialised; the blocks are this list's, and no one uses them.
        unsafe { RawList::free_many(&self.raw, blocks) }
    }

    /// Gives a block back to the list of this processor: see [`RawList::free_to_processor`].
    ///
    /// # Safety
    /// As for [`LookasideList::free`].
    pub unsafe fn free_to_processor(&self, block: NonNull<u8>, processor: u32) {
        // SAFETY: the object is initialised; the block is this list's, and no one uses it.
        unsafe { RawList::free_to_processor(&self.raw, block.as_ptr(), processor) }
    }

    /// [`LookasideList::free`] from where no line of the program is known: a drop.
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    pub(super) unsafe fn free_unplaced(&self, block: NonNull<u8>) {
        // SAFETY: the object is initialised; the block is this list's, and no one uses it.
        unsafe { RawList::free_by(&self.raw, block.as_ptr(), Caller::Unknown) }
    }

    /// Returns a block that the lists hold, or `None`: never calls the pool and never waits, so a signal handler may
    /// call it.
    #[must_use]
    pub fn try_allocate(&self) -> Option<NonNull<u8>> {
        // SAFETY: the object is initialised.
        NonNull::new(unsafe { RawList::try_allocate(&self.raw) })
    }

    /// Gives every cached block back to the pool. O(blocks). Others may use the list meanwhile, and find less in it.
    pub fn flush(&self) {
        // SAFETY: the object is initialised.
        let status = unsafe { RawList::flush(&self.raw) };
        debug_assert!(status.is_success());
    }

    /// Gives back what the list keeps above its depth. O(blocks), as for `flush`.
    pub fn trim(&self) {
        // SAFETY: the object is initialised.
        let status = unsafe { RawList::trim(&self.raw) };
        debug_assert!(status.is_success());
    }

    /// Gives up to this many cached blocks back to the pool; returns how many. Those of the shared list go first, then the
    /// oldest of each processor list. O(blocks), as for `flush`.
    ///
    /// ```
    /// use lookaside_core::LookasideList;
    ///
    /// let list = LookasideList::new(64)?;
    /// list.prefill(100)?;
    /// assert_eq!((list.release(40), list.release(100)), (40, 60));
    /// # Ok::<(), lookaside_core::Status>(())
    /// ```
    pub fn release(&self, blocks: usize) -> usize {
        // SAFETY: the object is initialised.
        unsafe { RawList::release(&self.raw, blocks) }
    }

    /// Fills the list with up to this many blocks, within its maximum depth; returns how many.
    /// NO_MEMORY when the pool had fewer; those stay in the list. O(blocks).
    pub fn prefill(&self, blocks: usize) -> Result<usize, Status> {
        let mut filled = 0;
        // SAFETY: the object is initialised, and `filled` may be written.
        unsafe { RawList::prefill(&self.raw, blocks, &mut filled) }.ok().map(|()| filled)
    }

    /// Returns the counters, without stopping any thread: exact when no call is running. O(processors).
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        // SAFETY: the object is initialised.
        unsafe { RawList::statistics(&self.raw) }.unwrap_or_default()
    }

    /// Returns the object inside, for calls that take one. It moves with `self`.
    #[must_use]
    pub fn as_raw(&self) -> *const RawList {
        &self.raw
    }
}

impl Drop for LookasideList {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the object is initialised, and `&mut self` says that no one else uses it.
        unsafe { RawList::delete_for_ever(&mut self.raw) };
    }
}

/// Name, tag, size, and what it keeps, has out and hits.
impl fmt::Debug for LookasideList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Statistics { tag, size, pool_type, list, outstanding, .. } = self.statistics();
        let mut shown = f.debug_struct("LookasideList");
        // SAFETY: the object is a list's.
        if let Ok(record) = unsafe { found(&self.raw) } {
            let (name, length) = record.name();
            shown.field("name", &core::str::from_utf8(&name[..length]).unwrap_or(""));
        }
        shown.field("tag", &tag).field("size", &size).field("pool_type", &pool_type);
        shown.field("kept", &list.current_depth).field("outstanding", &outstanding);
        let rates = [
            ("allocates", list.total_allocates, list.allocate_hit_rate()),
            ("frees", list.total_frees, list.free_hit_rate()),
        ];
        for (calls, count, hits) in rates {
            shown.field(calls, &format_args!("{count} ({hits}% hits)"));
        }
        shown.finish()
    }
}
