//! What the verifier does with a list in place of allocate and free: it counts each call as one that reached the pool,
//! and asks the pool itself, perhaps for more than a block, perhaps later.

use core::sync::atomic::Ordering::Relaxed;

use super::list::List;
use crate::pool::{Pool, Request};
use crate::wdk::RawList;

impl List {
    /// Counts an allocate that missed everywhere.
    pub fn count_allocate(&self) {
        self.shared.only().count_allocate_miss();
    }

    /// Counts a free that found no room anywhere.
    pub fn count_free(&self) {
        self.shared.only().count_free_misses(1);
    }

    /// Counts an allocate that the pool did not serve, after [`List::count_allocate`].
    pub fn count_failure(&self) {
        self.pool_failures.fetch_add(1, Relaxed);
    }

    /// Returns a block of the pool, or null; counts a failure.
    pub fn ask_pool(&self, object: *mut RawList, request: &Request) -> *mut u8 {
        self.pool_allocate_as(object, request)
    }

    /// Gives the pool a block back.
    ///
    /// # Safety
    /// The block came from `ask_pool` by an equal request, and no one uses it any more.
    pub unsafe fn give_pool(&self, object: *mut RawList, request: &Request, block: *mut u8) {
        let backing = &self.settings().backing;
        let _running = self.enter_pool(backing.frees_by_callback());
        // SAFETY: the block came by an equal request, and no one uses it any more.
        unsafe { backing.free(block, request, object) };
    }
}
