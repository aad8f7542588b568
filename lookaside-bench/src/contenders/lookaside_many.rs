//! Our own lists by their calls for several blocks at once, and behind a cache that its thread owns.

use std::mem::transmute;
use std::ptr::{self, NonNull};

use lookaside_core::{LocalCache, LookasideList};

use super::lookaside::Pair;
use super::{CAPACITY, Contender};

/// A pair list that is asked for runs.
pub struct Bulk(Pair);

impl Contender for Bulk {
    fn new(size: usize) -> anyhow::Result<Self> {
        Pair::new(size).map(Self)
    }

    #[inline(always)]
    fn allocate(&self) -> *mut u8 {
        self.0.allocate()
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8) {
        // SAFETY: as the caller says.
        unsafe { self.0.free(block) };
    }

    #[inline(always)]
    fn allocate_many(&self, out: &mut [*mut u8]) -> usize {
        self.0.list().allocate_many(out)
    }

    #[inline(always)]
    unsafe fn free_many(&self, blocks: &[*mut u8]) {
        // SAFETY: the caller gives back blocks of this list, each once, and none of them is null.
        unsafe { self.0.list().free_many(blocks) };
    }

    fn misses(&self) -> Option<u64> {
        self.0.misses()
    }

    fn kept(&self) -> Option<u64> {
        self.0.kept()
    }
}

/// A cache before a pair list. It keeps as many blocks as caches that are written by hand.
pub struct Cached {
    // Before its list, so that it goes first.
    cache: LocalCache<'static, CAPACITY>,
    list: Box<Pair>,
}

impl Contender for Cached {
    fn new(size: usize) -> anyhow::Result<Self> {
        let list = Box::new(Pair::new(size)?);
        // SAFETY: the list stays in its box until the cache has gone.
        let lasting = unsafe { transmute::<&LookasideList, &'static LookasideList>(list.list()) };
        Ok(Self { cache: lasting.cache(), list })
    }

    #[inline(always)]
    fn allocate(&self) -> *mut u8 {
        self.cache.allocate().map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8) {
        // SAFETY: the caller gives back a block of this cache, and none of them is null.
        unsafe { self.cache.free(NonNull::new_unchecked(block)) };
    }

    fn misses(&self) -> Option<u64> {
        let counters = self.cache.counters();
        Some(counters.allocate_misses + counters.free_misses)
    }

    fn kept(&self) -> Option<u64> {
        self.list.kept().map(|kept| kept + self.cache.counters().current_depth)
    }
}
