//! The end of a list, and what a forked child does with it.

use core::sync::atomic::Ordering::{AcqRel, Relaxed};

use super::list::List;
use super::processor::{Count, EngineKind, Part};
use crate::wdk::RawList;

impl List {
    /// A free to a list that is being deleted: straight to the pool. [`List::count_draining`] comes after it.
    ///
    /// # Safety
    /// As for `free`.
    pub unsafe fn free_draining(&self, object: *mut RawList, block: *mut u8) {
        // SAFETY: the block is of this list, and the caller's.
        unsafe { self.pool_free_all(object, &[block]) };
    }

    /// Counts a block that was freed while the list is being deleted. Returns whether it was the last.
    pub fn count_draining(&self) -> bool {
        // AcqRel: the thread that ends the list comes after all that others did to it.
        self.remaining.fetch_sub(1, AcqRel) == 1
    }

    /// Ends a deletion, after `retire`: returns whether no block is out. Otherwise the last free ends it. `is_counted`
    /// is whether this pair counts on the list that it shares.
    pub fn finish_delete(&self, is_counted: bool) -> bool {
        if let Some(lower) = self.settings().lower {
            // Its blocks are the shared list's as well, and may be freed to another pair that shares it.
            lower.list.sharers.fetch_sub(is_counted.into(), AcqRel);
            return true;
        }
        let out = self.statistics().outstanding as i64;
        // Frees that came meanwhile have counted below 0.
        self.remaining.fetch_add(out, AcqRel) + out == 0
    }

    /// Clears the parts for the next list that gets them.
    ///
    /// # Safety
    /// No one uses this list any more.
    pub unsafe fn clear_parts(&self) {
        // SAFETY: no one uses the list any more.
        unsafe {
            self.parts().for_each(|(_, part)| part.clear());
            self.shared.clear();
        }
        self.slabs.close();
    }

    /// In the child of a fork, before any other call: what cannot wait for [`List::repair_after_fork`].
    ///
    /// With `miss`, the next free on each processor misses, so that the child notices that it has no balance set
    /// manager's thread. Of a list over a pool that the parent uses too, the cached blocks are left to the parent.
    pub fn prepare_child(&self, miss: bool) {
        if self.settings().backing.is_shared() {
            self.repair_after_fork();
            self.shared.forget();
            self.parts().for_each(|(_, part)| {
                let forgotten = part.empty() as u64;
                part.count(Count::Removed, forgotten);
                self.count_direct(0, forgotten);
            });
        } else if miss {
            self.parts().for_each(|(_, part)| part.let_frees_miss());
        }
    }

    /// In the child of a fork: frees what a thread of the parent held. Writes only what is not as it has to be, so that
    /// pages stay shared with the parent.
    pub fn repair_after_fork(&self) {
        self.manage.reset_after_fork();
        self.shared.repair_after_fork();
        self.slabs.repair_after_fork();
        if self.callbacks_running.load(Relaxed) != 0 {
            self.callbacks_running.store(0, Relaxed);
        }
        if self.settings().engine == EngineKind::TryLock {
            // Its threads lock a part before they know whether it was ever used.
            let parts = &self.settings().parts;
            // SAFETY: the list is open, and the numbers are in range.
            (0..parts.processors)
                .for_each(|processor| unsafe { Part::of(parts, processor) }.repair_after_fork(processor));
        } else {
            self.parts().for_each(|(processor, part)| part.repair_after_fork(processor));
        }
    }
}
