//! Our own lists from Rust, inlined: the pair list and the general list.

use std::ptr::{self, NonNull};

use anyhow::{Context, bail};
use lookaside_core::hooks::switches;
use lookaside_core::{EngineKind, LookasideList, Topology};

use super::Contender;

/// A pair list, with the engine that the process chose.
pub struct Pair(LookasideList);

/// A general list: one list that all processors share, as a driver has it in Windows.
pub struct General(LookasideList);

fn build(size: usize, topology: Topology) -> anyhow::Result<LookasideList> {
    if switches::ENGINE.is("portable") && lookaside_core::engine() != EngineKind::Portable {
        bail!("the portable engine was asked for and not taken");
    }
    LookasideList::builder(size).name("compare").topology(topology).build().context("the list cannot be built")
}

fn kept(list: &LookasideList) -> u64 {
    let statistics = list.statistics();
    statistics.processor.current_depth + statistics.shared.current_depth
}

/// A general list has no processor lists, whose counters stay at 0.
fn misses(list: &LookasideList) -> u64 {
    let statistics = list.statistics();
    let nearest = if statistics.processors > 0 { statistics.processor } else { statistics.list };
    nearest.allocate_misses + nearest.free_misses
}

impl Pair {
    pub(super) fn list(&self) -> &LookasideList {
        &self.0
    }
}

impl Contender for Pair {
    fn new(size: usize) -> anyhow::Result<Self> {
        build(size, Topology::Pair).map(Self)
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

    fn misses(&self) -> Option<u64> {
        Some(misses(&self.0))
    }

    fn kept(&self) -> Option<u64> {
        Some(kept(&self.0))
    }
}

impl Contender for General {
    fn new(size: usize) -> anyhow::Result<Self> {
        build(size, Topology::General).map(Self)
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

    fn misses(&self) -> Option<u64> {
        Some(misses(&self.0))
    }

    fn kept(&self) -> Option<u64> {
        Some(kept(&self.0))
    }
}
