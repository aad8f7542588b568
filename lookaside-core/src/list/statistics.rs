//! The statistics of a list.

use core::sync::atomic::Ordering::Relaxed;

use super::list::List;
use crate::list::processor::PartCounters;
use crate::list::{Counters, Statistics};
use crate::platform::Guard;
use crate::pool::{self, PoolKind, PoolStatistics};

impl List {
    /// Returns all numbers, without stopping any thread.
    pub fn statistics(&self) -> Statistics {
        let settings = self.settings();
        let parts = self.part_counters(&self.manage.lock());
        let processor = parts.counters;
        let shared = match settings.lower {
            // Without parts a pair counts its calls where it would have an L.
            Some(lower) if settings.parts.processors != 0 => lower.list.shared.counters(&PartCounters::default()),
            _ => self.shared.counters(&parts),
        };
        let mut list = shared;
        if settings.parts.processors != 0 {
            list.add(&processor);
            list = Counters {
                total_allocates: processor.total_allocates,
                allocate_misses: shared.allocate_misses,
                total_frees: processor.total_frees,
                free_misses: shared.free_misses,
                // What moves between P and L stays in the list.
                refilled: 0,
                spilled: 0,
                ..list
            };
        }
        if settings.lower.is_some() && settings.parts.processors != 0 {
            // What lies in a list that others share is not this one's.
            list = Counters {
                allocate_misses: parts.allocates_from_pool,
                free_misses: parts.frees_to_pool,
                refilled: 0,
                spilled: 0,
                ..processor
            };
        }
        let allocates = list.allocate_misses.wrapping_add(parts.batched_from_pool);
        let from_pool = self.pool_traffic(allocates, list.free_misses.wrapping_add(list.removed));
        let outstanding = match settings.lower {
            Some(_) => list.total_allocates.wrapping_sub(from_pool.failures).wrapping_sub(list.total_frees),
            None => from_pool.held().wrapping_sub(list.current_depth),
        };
        Statistics {
            size: settings.request.size,
            tag: settings.request.tag,
            pool_type: settings.request.pool_type,
            maximum_depth: settings.maximum_depth,
            processors: settings.parts.processors,
            list,
            processor,
            shared,
            pool_allocates: from_pool.allocates,
            pool_frees: from_pool.frees,
            pool_failures: from_pool.failures,
            outstanding: at_least_zero(outstanding),
            resident: self.slabs.resident(),
        }
    }

    /// What went to and fro between the list and its pool, of what the parts and the shared list counted.
    fn pool_traffic(&self, allocates: u64, frees: u64) -> PoolTraffic {
        // Relaxed: all are exact at rest only.
        let failures = self.pool_failures.load(Relaxed);
        PoolTraffic {
            allocates: allocates.wrapping_add(self.direct_allocates.load(Relaxed)).wrapping_sub(failures),
            frees: frees.wrapping_add(self.direct_frees.load(Relaxed)),
            failures,
        }
    }

    /// Returns the pool of the list, if that does not count itself what it gives: the process heap, or slabs.
    pub fn counted_pool(&self) -> Option<PoolKind> {
        let settings = self.settings();
        let is_counted = settings.lower.is_none() && settings.backing.is_of_heap();
        is_counted.then_some(if settings.slabs { PoolKind::Slabs } else { PoolKind::Heap })
    }

    /// Returns whether the list may do without locked memory, and has some that is not locked.
    pub fn is_partly_unlocked(&self) -> bool {
        let settings = self.settings();
        settings.backing.may_be_unlocked()
            && if settings.slabs {
                self.slabs.is_partly_unlocked()
            } else {
                let PoolStatistics { reserved, locked, .. } = pool::statistics(PoolKind::NonPagedBestEffort);
                locked < reserved
            }
    }

    /// Returns what the list holds of this pool, which does not count it itself; `None` if its pool is another, or
    /// another list's.
    pub fn pool_use(&self, kind: PoolKind) -> Option<PoolStatistics> {
        let settings = self.settings();
        (self.counted_pool() == Some(kind)).then(|| {
            let statistics = self.statistics();
            let blocks = at_least_zero(statistics.pool_allocates.wrapping_sub(statistics.pool_frees));
            let used = blocks * settings.request.size as u64;
            PoolStatistics { used, blocks, failures: statistics.pool_failures, ..PoolStatistics::default() }
        })
    }

    /// Returns the bytes that it holds of such a pool, from what a scan has just counted.
    pub(super) fn pool_bytes(&self, parts: &PartCounters) -> u64 {
        if self.counted_pool().is_none() {
            return 0;
        }
        let shared = self.shared.counters(parts);
        let removed = shared.removed.wrapping_add(parts.counters.removed);
        let allocates = shared.allocate_misses.wrapping_add(parts.batched_from_pool);
        let from_pool = self.pool_traffic(allocates, shared.free_misses.wrapping_add(removed));
        at_least_zero(from_pool.held()) * self.settings().request.size as u64
    }

    /// Returns the sum over all parts.
    pub(super) fn part_counters(&self, _manage: &Guard<'_>) -> PartCounters {
        let mut sum = PartCounters::default();
        for (_, part) in self.parts() {
            // SAFETY: `manage` is held.
            sum.add(&unsafe { part.counters() });
        }
        sum
    }
}

/// Blocks that went to and fro between a list and its pool.
struct PoolTraffic {
    allocates: u64,
    frees: u64,
    failures: u64,
}

impl PoolTraffic {
    fn held(&self) -> u64 {
        self.allocates.wrapping_sub(self.frees)
    }
}

/// Numbers that were read while blocks moved may leave less than nothing.
fn at_least_zero(difference: u64) -> u64 {
    (difference as i64).max(0) as u64
}
