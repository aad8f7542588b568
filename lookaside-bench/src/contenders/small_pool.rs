//! Small-pool lists: a list for each 16 bytes of size, chosen by the size of each request.

use std::alloc::Layout;
use std::ptr::{self, NonNull};

use anyhow::{Context, ensure};
use lookaside_core::{
    Generation, HitCounters, Kind, PoolType, SmallPool, Tag, pool_allocate, pool_free, pool_list_statistics,
};

use crate::ground::contender::{About, Contender};

pub const SMALL_POOL: About = About::new("small-pool", "a small pool's list, chosen by the size of each request");
pub const TAGGED: About =
    About::beside("small-pool-tagged", "ExAllocatePoolWithTag: each block labelled, checked and counted by tag");

/// A small pool of its own, of pairs, by the sized calls.
pub struct Sized {
    pool: SmallPool,
    layout: Layout,
}

/// The process's small pool, by the tagged calls. Each block has a header
/// with its tag and size, which its free checks, and is counted by its tag.
pub struct Tagged;

const GENERATION: Generation = Generation::V5_2X64;
const TAG: Tag = Tag::new(*b"Comp");

fn kept(statistics: impl Fn(usize) -> Option<[HitCounters; 2]>) -> u64 {
    let lists = (0..).map_while(statistics);
    lists.flatten().map(|counters| counters.current_depth).sum()
}

pub fn sized(size: usize) -> anyhow::Result<Sized> {
    let pool = SmallPool::new(GENERATION);
    pool.prepare(Kind::Paged).context("the small pool's lists cannot be made")?;
    Ok(Sized { pool, layout: Layout::from_size_align(size, 16)? })
}

impl Contender for Sized {
    #[inline(always)]
    unsafe fn allocate(&self, _size: usize) -> *mut u8 {
        self.pool.allocate(Kind::Paged, self.layout).map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, _size: usize) {
        // SAFETY: the caller gives back a block of this pool and layout, and none of them is null.
        unsafe { self.pool.free(Kind::Paged, NonNull::new_unchecked(block), self.layout) };
    }

    fn kept(&self) -> Option<u64> {
        Some(kept(|list| self.pool.statistics(Kind::Paged, list).map(|list| [list.processor, list.shared])))
    }
}

pub fn tagged(size: usize) -> anyhow::Result<Tagged> {
    let block = pool_allocate(PoolType::PAGED, size, TAG);
    ensure!(!block.is_null(), "the small pool has no block");
    // SAFETY: the block was given above.
    unsafe { pool_free(block, TAG) };
    Ok(Tagged)
}

impl Contender for Tagged {
    #[inline(always)]
    unsafe fn allocate(&self, size: usize) -> *mut u8 {
        pool_allocate(PoolType::PAGED, size, TAG)
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, _size: usize) {
        // SAFETY: the caller gives back a block of these calls.
        unsafe { pool_free(block, TAG) };
    }

    fn kept(&self) -> Option<u64> {
        Some(kept(|list| pool_list_statistics(Kind::Paged, list).map(|list| [list.processor, list.shared])))
    }
}
