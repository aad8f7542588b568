//! What a small pool's lists count.

use crate::list::Counters;
use crate::wdk::PoolType;

/// The counters of one of a small pool's lists on one level. The kernel counts hits here, where other lists count
/// misses.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HitCounters {
    /// Calls of allocate that reached this level.
    pub total_allocates: u64,
    /// Those that it had a block for.
    pub allocate_hits: u64,
    /// Calls of free that reached this level.
    pub total_frees: u64,
    /// Those that it had room for.
    pub free_hits: u64,
    /// Blocks that it holds now.
    pub current_depth: u64,
    /// Blocks that it may hold now.
    pub depth: u64,
}

impl From<Counters> for HitCounters {
    fn from(counters: Counters) -> HitCounters {
        HitCounters {
            total_allocates: counters.total_allocates,
            allocate_hits: counters.total_allocates.wrapping_sub(counters.allocate_misses),
            total_frees: counters.total_frees,
            free_hits: counters.total_frees.wrapping_sub(counters.free_misses),
            current_depth: counters.current_depth,
            depth: counters.depth,
        }
    }
}

/// The statistics of one list of a small pool, read without stopping any thread: exact when no thread uses it
/// meanwhile.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SmallListStatistics {
    /// Bytes of a block, the kernel's header included.
    pub block_size: usize,
    /// Its lists' pool type.
    pub pool_type: PoolType,
    /// The most blocks that the list of a processor, or the shared list, may ever hold.
    pub maximum_depth: u32,
    /// The sum over all processor lists.
    pub processor: HitCounters,
    /// The shared list; all 0 in generations without one.
    pub shared: HitCounters,
}
