//! The kinds of memory that have small-pool lists.

use crate::wdk::PoolType;

/// A kind of memory that has small-pool lists.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Resident memory.
    NonPaged = 0,
    /// Paged memory.
    Paged = 1,
    /// Resident memory that cannot be executed. Windows has lists for it since version 6.2; here every generation has.
    NonPagedNx = 2,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 3] = [Kind::NonPaged, Kind::Paged, Kind::NonPagedNx];

    /// Returns the kind that serves a pool type; `None` where no list does: session pools, cache-aligned blocks, and
    /// types without a meaning.
    #[must_use]
    pub const fn of(pool_type: PoolType) -> Option<Kind> {
        if pool_type.is_session() || pool_type.is_cache_aligned() || !pool_type.is_known() {
            None
        } else {
            Some(Kind::of_listed(pool_type))
        }
    }

    /// Returns the kind that serves a pool type of which it is known that one does.
    #[inline(always)]
    pub(super) const fn of_listed(pool_type: PoolType) -> Kind {
        if pool_type.is_paged() {
            Kind::Paged
        } else if pool_type.0 & PoolType::NON_PAGED_NX.0 != 0 {
            Kind::NonPagedNx
        } else {
            Kind::NonPaged
        }
    }

    /// Returns the pool type of its lists: 0, 1 or 0x200.
    #[must_use]
    pub const fn pool_type(self) -> PoolType {
        match self {
            Kind::NonPaged => PoolType::NON_PAGED,
            Kind::Paged => PoolType::PAGED,
            Kind::NonPagedNx => PoolType::NON_PAGED_NX,
        }
    }

    /// Returns the name in reports.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Kind::NonPaged => "nonpaged",
            Kind::Paged => "paged",
            Kind::NonPagedNx => "NX",
        }
    }
}
