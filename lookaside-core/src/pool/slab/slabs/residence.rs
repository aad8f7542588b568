//! The slabs of nonpaged lists, whose memory is locked (theory §13.2).

use core::sync::atomic::Ordering::Relaxed;

use super::group::{Group, Place};
use super::{NONPAGED, Slabs};
use crate::platform::Guard;
use crate::pool::arena::{Arena, Residence};
use crate::pool::slab::header::{Slab, forks};
use crate::pool::slab::locked;
use crate::pool::{PoolStatistics, nonpaged};

impl Group {
    /// Takes up to `wanted` blocks of what is in memory, where no more can be locked; returns how many.
    ///
    /// # Safety
    /// As for `take`.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn take_resident(&self, guard: &Guard<'_>, end: *mut *mut u8, wanted: usize) -> usize {
        let mut taken = 0;
        for first in self.partly.iter().chain([&self.empty]) {
            let mut number = first.load(Relaxed);
            while number != 0 && taken != wanted {
                let slab = self.range().slab(number);
                number = slab.next.load(Relaxed);
                let place = Place::of(slab);
                // SAFETY: there is room for what is lacking.
                taken += unsafe { slab.take_resident(guard, end.sub(taken), wanted - taken) };
                self.relist(guard, slab, place);
            }
        }
        taken
    }

    /// Returns whether the memory that has to be locked is. In the child of a fork nothing is: the first call locks it.
    #[inline(always)]
    pub(super) fn is_locked(&self, guard: &Guard<'_>) -> bool {
        self.pool().is_none_or(|pool| self.forks.load(Relaxed) == forks() || self.lock_again(guard, pool))
    }

    #[cold]
    fn lock_again(&self, guard: &Guard<'_>, pool: &Arena) -> bool {
        let mut are_locked = true;
        self.locked.store(0, Relaxed);
        for slab in self.all() {
            are_locked &= locked::lock_again(guard, slab);
            self.locked.fetch_add(slab.count_of(slab.held().locked), Relaxed);
        }
        if !are_locked && pool.residence() == Residence::Locked {
            return false;
        }
        self.forks.store(forks(), Relaxed);
        true
    }

    /// [`Slabs::is_partly_unlocked`] of this group.
    fn is_partly_unlocked(&self) -> bool {
        let is_of_this_process = self.forks.load(Relaxed) == forks();
        self.resident.load(Relaxed) > if is_of_this_process { self.locked.load(Relaxed) } else { 0 }
    }
}

impl Slabs {
    /// Returns whether some of what the slabs have in memory is not locked.
    pub fn is_partly_unlocked(&self) -> bool {
        self.groups().any(Group::is_partly_unlocked)
    }
}

/// Returns whether a nonpaged list over slabs was ever made.
pub fn has_nonpaged() -> bool {
    NONPAGED.sizes().1 != 0
}

/// Returns what nonpaged lists hold of slabs that count against the limit of this pool, those of lists that ended
/// included. O(memory in slabs); each number is right for some moment of the call.
pub fn nonpaged_statistics(pool: &Arena) -> PoolStatistics {
    let mut sum = PoolStatistics::default();
    // Without an owner it was not cut yet.
    let is_of_pool = |slab: &&Slab| {
        !slab.owner.load(Relaxed).is_null() && slab.pool().is_some_and(|other| core::ptr::eq(other, pool))
    };
    for slab in NONPAGED.slabs().filter(is_of_pool) {
        let blocks = u64::from(slab.blocks().saturating_sub(slab.free_blocks()));
        let held = slab.held();
        sum.add(&PoolStatistics {
            used: blocks * slab.stride() as u64,
            blocks,
            reserved: slab.bytes_of(held.pages),
            locked: slab.bytes_of(held.locked),
            ..PoolStatistics::default()
        });
    }
    sum
}

/// In the child of a fork, after the lists were repaired: what slabs have of the limits.
pub fn count_shares_after_fork() {
    for pool in [false, true].map(nonpaged::arena) {
        pool.set_share(nonpaged_statistics(pool).reserved);
    }
}
