//! The calls of a general list, and of lists that keep nothing: no processor list, and no batch.

use super::list::List;
use crate::wdk::RawList;

impl List {
    /// Allocate without processor lists.
    pub(super) fn allocate_general(&self, object: *mut RawList) -> *mut u8 {
        self.attend(object);
        match self.shared.only().allocate_one() {
            Some(block) => block,
            None => {
                self.demand_shared(self.shared.only().count_allocate_miss(), 1);
                self.pool_allocate(object)
            }
        }
    }

    /// Free without processor lists.
    ///
    /// # Safety
    /// As for `free`.
    pub(super) unsafe fn free_general(&self, object: *mut RawList, block: *mut u8) {
        // SAFETY: the block is of this list, and the caller's.
        unsafe {
            if !self.shared.only().free_one(block) {
                self.demand_shared(self.shared.only().count_free_misses(1), 1);
                self.pool_free_all(object, &[block]);
            }
        }
        // Last, so that a free routine that unwinds meets no block on the way.
        self.attend(object);
    }
}
