//! The library's pools, through lists over them.

use std::ptr::{self, NonNull};

use lookaside_core::{Builder, ListFlags, LookasideList, PoolType, Status, Topology, Tuning};

use crate::contenders::Contender;
use crate::rounds::Absent;

/// A list over one of the pools.
pub struct OverPool(LookasideList);

impl OverPool {
    /// A list over the special pool: each block is flush with the end of its page.
    pub fn special(size: usize) -> anyhow::Result<Self> {
        Self::build(LookasideList::builder(size).flags(ListFlags::SPECIAL_POOL))
    }

    /// A list over the nonpaged pool.
    pub fn nonpaged(size: usize) -> anyhow::Result<Self> {
        Self::build(LookasideList::builder(size).pool_type(PoolType::NON_PAGED))
    }

    /// A list over a paged pool that keeps as few blocks as a list may, and has no shared list whose lock threads would wait
    /// for: nearly every call reaches the pool.
    pub fn paged(size: usize, flags: ListFlags) -> anyhow::Result<Self> {
        Self::build(LookasideList::builder(size).flags(flags).topology(Topology::Single).tuning(Tuning::Manual))
    }

    fn build(builder: Builder<'_>) -> anyhow::Result<Self> {
        match builder.name("compare").build() {
            Ok(list) => Ok(Self(list)),
            Err(status @ (Status::WORKING_SET_QUOTA | Status::NOT_SUPPORTED)) => Err(Absent(status.to_string()).into()),
            Err(status) => Err(status.into()),
        }
    }
}

impl Contender for OverPool {
    fn new(size: usize) -> anyhow::Result<Self> {
        Self::paged(size, ListFlags::default())
    }

    #[inline(always)]
    fn allocate(&self) -> *mut u8 {
        self.0.allocate().map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8) {
        // SAFETY: the caller gives back a block of this list, and none of them is null.
        unsafe { self.0.free(NonNull::new_unchecked(block)) };
    }
}
