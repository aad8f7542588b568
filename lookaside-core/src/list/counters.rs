//! What a list counts (theory §4).

use core::fmt;

use crate::wdk::{PoolType, Tag};

/// The counters of one list, as Windows keeps them, and the four that batches and maintenance need beside them.
///
/// For every list, at rest, `allocate_misses - free_misses` is `total_allocates - total_frees + current_depth`, and for
/// a processor list `- refilled + spilled - added + removed` besides, and with `refilled` and `spilled` the other way
/// round for the shared list. With batches of one and no maintenance the last four are 0: the identity that every list
/// of Windows keeps.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Calls of allocate that reached this list.
    pub total_allocates: u64,
    /// Those that found no block and went one level down.
    pub allocate_misses: u64,
    /// Calls of free that reached this list.
    pub total_frees: u64,
    /// Those that found no room and went one level down.
    pub free_misses: u64,
    /// Blocks that batches moved from the shared list to processor lists, beyond those asked for.
    pub refilled: u64,
    /// Blocks that batches moved from processor lists to the shared list, beyond those given.
    pub spilled: u64,
    /// Blocks that prefill and trips to the pool put in, beyond those that were asked for.
    pub added: u64,
    /// Blocks that flush, trim and the scan took out, and trips to the pool beyond those that were freed.
    pub removed: u64,
    /// Blocks that the list holds now.
    pub current_depth: u64,
    /// Blocks that the list may hold now.
    pub depth: u64,
}

impl Counters {
    /// Returns the hit rate of allocates in percent, truncated as Windows' debugger does; 0 where there were none.
    #[must_use]
    pub fn allocate_hit_rate(&self) -> u64 {
        hit_rate(self.total_allocates, self.allocate_misses)
    }

    /// Returns the hit rate of frees in percent, likewise.
    #[must_use]
    pub fn free_hit_rate(&self) -> u64 {
        hit_rate(self.total_frees, self.free_misses)
    }

    pub(crate) fn add(&mut self, other: &Counters) {
        // A block that a batch moved while its thread changed processors can leave one part's count below 0 and
        // another's too high by as much: the sums are right, modulo 2^64.
        let pairs = [
            (&mut self.total_allocates, other.total_allocates),
            (&mut self.allocate_misses, other.allocate_misses),
            (&mut self.total_frees, other.total_frees),
            (&mut self.free_misses, other.free_misses),
            (&mut self.refilled, other.refilled),
            (&mut self.spilled, other.spilled),
            (&mut self.added, other.added),
            (&mut self.removed, other.removed),
            (&mut self.current_depth, other.current_depth),
            (&mut self.depth, other.depth),
        ];
        for (sum, part) in pairs {
            *sum = sum.wrapping_add(part);
        }
    }
}

/// floor(100 * (total - misses) / total), as `!lookaside` shows it.
fn hit_rate(total: u64, misses: u64) -> u64 {
    match total {
        0 => 0,
        _ => (u128::from(total.saturating_sub(misses)) * 100 / u128::from(total)) as u64,
    }
}

/// One list, looked at without stopping any thread.
///
/// Exact when no one uses the list during the call; otherwise each number is right for some moment of it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Bytes of a block, as asked for.
    pub size: usize,
    /// The list's tag.
    pub tag: Tag,
    /// The list's pool type.
    pub pool_type: PoolType,
    /// The most blocks that a processor list, or a division of the shared list, may ever hold.
    pub maximum_depth: u32,
    /// Processor lists that exist: one for each possible processor number, or over slots for each slot; 0 for a general
    /// list.
    pub processors: u32,
    /// The list seen from outside: a miss is a call that reached the pool.
    pub list: Counters,
    /// The sum over all processor lists.
    pub processor: Counters,
    /// The shared list.
    pub shared: Counters,
    /// Blocks that the pool gave.
    pub pool_allocates: u64,
    /// Blocks that the pool got back.
    pub pool_frees: u64,
    /// Calls for which the pool returned null, beside trips that asked it for more blocks than a call needs.
    pub pool_failures: u64,
    /// Blocks that callers hold.
    pub outstanding: u64,
    /// Bytes of the list's slabs that may be in memory; 0 where its pool is another.
    pub resident: u64,
}

/// One line for people.
impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Statistics { size, tag, pool_type, list, outstanding, resident, .. } = self;
        write!(f, "{tag}: blocks of {size} bytes, {pool_type}; {outstanding} out, {} kept; ", list.current_depth)?;
        write!(f, "{} allocates ({}% hits), ", list.total_allocates, list.allocate_hit_rate())?;
        write!(f, "{} frees ({}% hits); pool: ", list.total_frees, list.free_hit_rate())?;
        write!(f, "{} allocates, {} frees, {} failures", self.pool_allocates, self.pool_frees, self.pool_failures)?;
        if *resident != 0 { write!(f, "; {resident} bytes resident") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Totals, misses, percent as published.
    #[test]
    fn hit_rates_truncate_as_published() {
        const PUBLISHED: [(u64, u64, u64); 20] = [
            (13748, 930, 93),
            (13601, 780, 94),
            (59287, 16555, 72),
            (58372, 15636, 73),
            (72835, 16287, 77),
            (72026, 15474, 78),
            (1319722, 4, 99),
            (1319720, 0, 100),
            (272492, 8, 99),
            (272488, 0, 100),
            (759, 534, 29),
            (715, 467, 34),
            (263, 217, 17),
            (113, 66, 41),
            (1030842, 728323, 29),
            (1030766, 728271, 29),
            (232027, 44683, 80),
            (230903, 43576, 81),
            (317297, 143708, 54),
            (316131, 142551, 54),
        ];
        for (total, misses, percent) in PUBLISHED {
            assert_eq!(hit_rate(total, misses), percent, "{total} {misses}");
        }
        assert_eq!(hit_rate(0, 0), 0);
        assert_eq!(hit_rate(3, 5), 0);
        assert_eq!(hit_rate(u64::MAX, 1), 99);
    }
}
