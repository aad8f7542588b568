//! The library's pools, through lists over them.

use lookaside_core::{Builder, ListFlags, LookasideList, PoolType, Status, Topology, Tuning};

use crate::contenders::lookaside::List;
use crate::ground::measure::Absent;

/// A list over the special pool: each block is flush with the end of its page.
pub fn special(size: usize) -> anyhow::Result<List<false>> {
    build(LookasideList::builder(size).flags(ListFlags::SPECIAL_POOL))
}

/// A list over the nonpaged pool.
pub fn nonpaged(size: usize) -> anyhow::Result<List<false>> {
    build(LookasideList::builder(size).pool_type(PoolType::NON_PAGED))
}

/// A list over slabs that keeps as few blocks as a list may, and has no shared list whose lock threads would
/// wait for: nearly every call reaches the pool.
pub fn paged(size: usize) -> anyhow::Result<List<false>> {
    few(size, ListFlags::default())
}

/// The same over paged arenas.
pub fn paged_arenas(size: usize) -> anyhow::Result<List<false>> {
    few(size, ListFlags::PAGED_ARENAS)
}

fn few(size: usize, flags: ListFlags) -> anyhow::Result<List<false>> {
    build(LookasideList::builder(size).flags(flags).topology(Topology::Single).tuning(Tuning::Manual))
}

fn build(builder: Builder<'_>) -> anyhow::Result<List<false>> {
    match builder.name("compare").build() {
        Ok(list) => Ok(list.into()),
        Err(error) if matches!(error.status(), Status::WORKING_SET_QUOTA | Status::NOT_SUPPORTED) => {
            Err(Absent(error.to_string()).into())
        }
        Err(error) => Err(error.into()),
    }
}
