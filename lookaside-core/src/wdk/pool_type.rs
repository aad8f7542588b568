//! POOL_TYPE values and how they print.

use core::fmt;

/// Which pool a list's blocks come from, and flags: the WDK's POOL_TYPE.
#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct PoolType(pub u32);

impl PoolType {
    /// Resident memory.
    pub const NON_PAGED: PoolType = PoolType(0);
    /// Ordinary memory: the process heap.
    pub const PAGED: PoolType = PoolType(1);
    /// Resident memory that cannot be executed.
    pub const NON_PAGED_NX: PoolType = PoolType(0x200);
    /// Flag: an allocation that fails raises a status. Only the report knows it; no list here raises.
    pub const RAISE_IF_ALLOCATION_FAILURE: u32 = 0x10;

    const NX: u32 = 0x200;

    /// Whether bit 0 says paged: the bit by which Windows sorts lists into its two chains.
    #[must_use]
    pub const fn is_paged(self) -> bool {
        self.0 & 1 != 0
    }

    /// Whether this is one of the three pools that a list can be made over, without flags.
    #[must_use]
    pub const fn is_known(self) -> bool {
        matches!(self, Self::NON_PAGED | Self::PAGED | Self::NON_PAGED_NX)
    }
}

/// The words of `!lookaside`'s Type line.
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
