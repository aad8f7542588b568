//! The numbers of a pool.

/// One of the library's pools, as reports name them.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PoolKind {
    /// The process heap, as far as lists hold memory of it.
    Heap = 0,
    /// The library's own paged pools, all together.
    PagedArenas = 1,
    /// The nonpaged pool: locked memory, of arenas and of the slabs of lists.
    NonPaged = 2,
    /// The nonpaged pool of lists with [`BEST_EFFORT_LOCK`](crate::ListFlags::BEST_EFFORT_LOCK).
    NonPagedBestEffort = 3,
    /// The session pool: memory shared with forked children.
    Session = 4,
    /// The special pool: each block on a page of its own.
    Special = 5,
    /// Slabs: the paged pool of lists, each in pages of its own.
    Slabs = 6,
}

impl PoolKind {
    /// Every pool, in the order of reports.
    pub const ALL: [PoolKind; 7] = [
        PoolKind::Heap,
        PoolKind::PagedArenas,
        PoolKind::NonPaged,
        PoolKind::NonPagedBestEffort,
        PoolKind::Session,
        PoolKind::Special,
        PoolKind::Slabs,
    ];

    /// Returns the name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            PoolKind::Heap => "process heap",
            PoolKind::PagedArenas => "paged",
            PoolKind::NonPaged => "nonpaged",
            PoolKind::NonPagedBestEffort => "nonpaged, best effort",
            PoolKind::Session => "session",
            PoolKind::Special => "special",
            PoolKind::Slabs => "slabs",
        }
    }
}

/// The numbers of one pool, exact as of one moment; of the process heap, slabs and nonpaged memory each is right for some
/// moment of the call.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStatistics {
    /// Bytes of the blocks that the pool gave and did not get back, those that lists keep included. Arenas and
    /// nonpaged slabs count each block rounded up to 16 bytes, or its alignment.
    pub used: u64,
    /// Bytes that the pool took from the system; 0 for the process heap, which does not report it.
    pub reserved: u64,
    /// Bytes of those that are locked.
    pub locked: u64,
    /// The most that `used` ever was. For the process heap, slabs and nonpaged memory the most that was seen, once a
    /// second and at each look.
    pub peak: u64,
    /// The most that `reserved` may become; 0 where the library sets no limit.
    pub limit: u64,
    /// Blocks that `used` counts.
    pub blocks: u64,
    /// Requests for which the pool returned null.
    pub failures: u64,
    /// Blocks that another pool gave instead of this one.
    pub fallbacks: u64,
    /// Blocks that were freed and could not be taken back: they were of a pool that a fork or a death tore.
    pub lost: u64,
}

impl PoolStatistics {
    pub(crate) fn add(&mut self, other: &PoolStatistics) {
        let PoolStatistics { used, reserved, locked, peak, limit, blocks, failures, fallbacks, lost } = self;
        for (sum, part) in [
            (used, other.used),
            (reserved, other.reserved),
            (locked, other.locked),
            (peak, other.peak),
            (limit, other.limit),
            (blocks, other.blocks),
            (failures, other.failures),
            (fallbacks, other.fallbacks),
            (lost, other.lost),
        ] {
            *sum += part;
        }
    }
}
