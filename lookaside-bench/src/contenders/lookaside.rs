//! Our own lists from Rust, inlined: the pair list and the general list; a pair list by its calls for several blocks at
//! once, and behind a cache that its thread owns.

use std::ptr::{self, NonNull};

use anyhow::{Context, bail, ensure};
use lookaside_core::hooks::switches;
use lookaside_core::{EngineKind, LocalCache, LookasideList, Topology, engine_description};

use crate::ground::contender::{About, CAPACITY, Contender};

const ENGINE: &str = "LOOKASIDE_ENGINE";

pub const GENERAL: About = About::new("general", "one list for all processors, as a Windows driver's list is");
pub const LOOKASIDE: About =
    About::new("lookaside", "a lookaside list (or the pool, or the global allocator) called from Rust");
pub const OWN_RSEQ: About =
    About::beside("lookaside-own-rseq", "the same where the library registers threads for rseq, and not glibc")
        .with("GLIBC_TUNABLES", "glibc.pthread.rseq=0");
pub const SLOTS: About =
    About::new("lookaside-slots", "the same by the engine for systems without restartable sequences")
        .with(ENGINE, "slots");
pub const TRYLOCK: About =
    About::beside("lookaside-trylock", "the same by the engine for systems that have no membarrier either")
        .with(ENGINE, "trylock");
pub const HEAP: About =
    About::beside("lookaside-heap", "the same where each call goes to malloc and free, for tools that watch those")
        .with(ENGINE, "heap");
pub const BULK: About =
    About { runs: true, ..About::new("lookaside-bulk", "the same by the calls for many blocks at once") };
pub const CACHED: About = About::new("lookaside-cache", "a cache of its blocks that one thread holds");

/// A list from Rust: with one call for several blocks, where it is asked for `MANY`.
pub struct List<const MANY: bool>(pub LookasideList);

fn build(size: usize, topology: Topology) -> anyhow::Result<LookasideList> {
    let named = [("slots", EngineKind::Slots), ("trylock", EngineKind::TryLock), ("heap", EngineKind::Heap)];
    let taken = lookaside_core::engine();
    if let Some((name, _)) = named.iter().find(|(name, kind)| switches::ENGINE.is(name) && taken != *kind) {
        bail!("the engine {name} cannot be had here");
    }
    LookasideList::builder(size).name("compare").topology(topology).build().context("the list cannot be built")
}

/// A pair list, with the engine that the process chose.
pub fn pair(size: usize) -> anyhow::Result<List<false>> {
    build(size, Topology::Pair).map(List)
}

/// A pair list, where the library itself registers threads for rseq.
pub fn own_rseq(size: usize) -> anyhow::Result<List<false>> {
    let engine = engine_description();
    ensure!(engine.to_bytes().starts_with(b"rseq, which this library registers"), "the engine is {engine:?}");
    pair(size)
}

/// A general list: one list that all processors share, as a driver has it in Windows.
pub fn general(size: usize) -> anyhow::Result<List<false>> {
    build(size, Topology::General).map(List)
}

/// A pair list that is asked for runs.
pub fn bulk(size: usize) -> anyhow::Result<List<true>> {
    build(size, Topology::Pair).map(List)
}

fn kept(list: &LookasideList) -> u64 {
    let statistics = list.statistics();
    statistics.processor.current_depth + statistics.shared.current_depth
}

impl<const MANY: bool> Contender for List<MANY> {
    #[inline(always)]
    unsafe fn allocate(&self, _size: usize) -> *mut u8 {
        self.0.allocate().map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, _size: usize) {
        // SAFETY: the caller gives back a block of this list, and none of them is null.
        unsafe { self.0.free(NonNull::new_unchecked(block)) };
    }

    #[inline(always)]
    unsafe fn allocate_many(&self, out: &mut [*mut u8], size: usize) -> usize {
        if MANY {
            return self.0.allocate_many(out);
        }
        for (filled, place) in out.iter_mut().enumerate() {
            // SAFETY: as the caller says.
            *place = unsafe { self.allocate(size) };
            if place.is_null() {
                return filled;
            }
        }
        out.len()
    }

    #[inline(always)]
    unsafe fn free_many(&self, blocks: &[*mut u8], size: usize) {
        if MANY {
            // SAFETY: the caller gives back blocks of this list, each once, and none of them is null.
            return unsafe { self.0.free_many(blocks) };
        }
        // SAFETY: as the caller says.
        blocks.iter().for_each(|&block| unsafe { self.free(block, size) });
    }

    fn kept(&self) -> Option<u64> {
        Some(kept(&self.0))
    }
}

/// A cache before a pair list, which stays: a process has one. It keeps as many blocks as caches that are written by hand.
pub struct Cached {
    cache: LocalCache<'static, CAPACITY>,
    list: &'static LookasideList,
}

pub fn cached(size: usize) -> anyhow::Result<Cached> {
    let list: &'static LookasideList = Box::leak(Box::new(build(size, Topology::Pair)?));
    Ok(Cached { cache: list.cache(), list })
}

impl Contender for Cached {
    #[inline(always)]
    unsafe fn allocate(&self, _size: usize) -> *mut u8 {
        self.cache.allocate().map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, _size: usize) {
        // SAFETY: the caller gives back a block of this cache, and none of them is null.
        unsafe { self.cache.free(NonNull::new_unchecked(block)) };
    }

    fn kept(&self) -> Option<u64> {
        Some(kept(self.list) + self.cache.counters().current_depth)
    }
}
