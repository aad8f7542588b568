//! POOL_TYPE values and how they print.

use core::fmt;

/// Which pool a list's blocks come from, and flags: the WDK's POOL_TYPE.
#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PoolType(pub u32);

impl PoolType {
    /// Resident memory.
    pub const NON_PAGED: PoolType = PoolType(0);
    /// Ordinary memory: slabs, or the process heap.
    pub const PAGED: PoolType = PoolType(1);
    /// Resident memory; that a request must succeed is a wish of old drivers, and means nothing here.
    pub const NON_PAGED_MUST_SUCCEED: PoolType = PoolType(2);
    /// Resident memory, blocks at the start of a cache line.
    pub const NON_PAGED_CACHE_ALIGNED: PoolType = PoolType(4);
    /// Ordinary memory, blocks at the start of a cache line.
    pub const PAGED_CACHE_ALIGNED: PoolType = PoolType(5);
    /// Memory that the process shares with its forked children.
    pub const NON_PAGED_SESSION: PoolType = PoolType(0x20);
    /// The same: here it is pageable in either case.
    pub const PAGED_SESSION: PoolType = PoolType(0x21);
    /// Resident memory that cannot be executed.
    pub const NON_PAGED_NX: PoolType = PoolType(0x200);

    /// Flag: null is returned when a quota is used up. There are no quotas here; reports show the flag.
    pub const QUOTA_FAIL_INSTEAD_OF_RAISE: u32 = 0x8;
    /// Flag: an allocation that fails raises a status. Only the WDK header raises; reports show the flag.
    pub const RAISE_IF_ALLOCATION_FAILURE: u32 = 0x10;

    const CACHE_ALIGNED: u32 = 0x4;
    const SESSION: u32 = 0x20;
    const NX: u32 = 0x200;
    /// Every bit that has a meaning, the two flags included.
    const KNOWN: u32 = 0x3FF;

    /// Returns whether bit 0 says paged: the bit by which Windows sorts lists into its two chains.
    #[must_use]
    pub const fn is_paged(self) -> bool {
        self.0 & 1 != 0
    }

    /// Returns whether the memory is the session's.
    #[must_use]
    pub const fn is_session(self) -> bool {
        self.0 & Self::SESSION != 0
    }

    /// Returns whether blocks start a cache line.
    #[must_use]
    pub const fn is_cache_aligned(self) -> bool {
        self.0 & Self::CACHE_ALIGNED != 0
    }

    /// Returns whether a list can be made over this: no bit without a meaning, and not the type 3 that Windows forbids.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.0 & !Self::KNOWN == 0 && self.0 & 3 != 3
    }
}

/// The words of `!lookaside`'s Type line.
impl fmt::Debug for PoolType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PoolType({:#x}, {self})", self.0)
    }
}

impl fmt::Display for PoolType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.is_paged(), self.0 & Self::NX != 0) {
            (true, _) => "PagedPool",
            (false, true) => "NonPagedPoolNx",
            (false, false) => "NonPagedPool",
        })?;
        if self.0 & Self::RAISE_IF_ALLOCATION_FAILURE != 0 {
            f.write_str(" RaiseIfAllocationFailure")?;
        }
        Ok(())
    }
}
