//! Tagged blocks that change their size.

use super::kind::Kind;
use super::pages;
use super::raw::{RawSmallPool, key_of};
use super::tagged::{Label, Origin, is_right};
use crate::wdk::{PoolType, Tag};

impl RawSmallPool {
    /// Gives a block this many bytes, in place where it is of the tables' lists, or whole pages, and has room for them;
    /// else a new block gets the contents, as far as both reach, and the old one is freed. Returns the block, or null
    /// where there is no memory or the pool type has unknown bits: then the old block is as it was. No bytes count as one.
    ///
    /// A null block is allocated: [`RawSmallPool::allocate_tagged`]. The block is aligned as that call aligns, and is of
    /// this pool type afterwards, whatever it was before. Tag 0 fits every block, and the block keeps its own. Reported
    /// as violations, with null for the result, is what [`RawSmallPool::free_tagged`] reports. Any number of threads at
    /// once. O(1), and a copy where the block moves.
    ///
    /// # Safety
    /// As for [`RawSmallPool::free_tagged`]; after a result that is not null, no one uses the old block.
    #[must_use]
    pub unsafe fn reallocate_tagged(
        pool: *const RawSmallPool,
        pool_type: PoolType,
        block: *mut u8,
        bytes: usize,
        tag: Tag,
    ) -> *mut u8 {
        let bytes = bytes.max(1);
        // SAFETY: the object was initialised, as the caller promises; the block is null or its own, and of the bytes of
        // both blocks the smaller number is there.
        unsafe {
            if block.is_null() {
                return Self::allocate_tagged(pool, pool_type, bytes, tag);
            }
            let Some(label) = (*pool).label(block).filter(|label| is_right(block, label, tag, None)) else {
                return core::ptr::null_mut();
            };
            if (*pool).has_room(&label, pool_type, bytes) {
                label.resize(key_of(&(*pool).key), bytes);
                return block;
            }
            let moved = Self::allocate_tagged(pool, pool_type, bytes, label.tag());
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(block, label.size.min(bytes));
                Self::free_tagged(pool, block, label.tag());
            }
            moved
        }
    }

    /// Returns whether a block of this pool type and this many bytes would be as this block is.
    fn has_room(&self, label: &Label<'_>, pool_type: PoolType, bytes: usize) -> bool {
        match label.origin {
            Origin::List => {
                let list_of = |bytes| self.numbers.tagged_list_of(bytes).map(|(list, _)| list);
                Kind::of(pool_type) == Kind::of(label.pool_type()) && list_of(bytes) == list_of(label.size)
            }
            Origin::Pages => Kind::of(pool_type) == Some(Kind::Paged) && pages::are_alike(bytes, label.size),
            Origin::General => pool_type == label.pool_type() && bytes == label.size,
        }
    }
}
