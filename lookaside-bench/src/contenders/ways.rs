//! Ways into the library whose instructions are counted, beside those that are contenders.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::hint::black_box;
use std::mem::{self, MaybeUninit};
use std::ptr::{self, NonNull};

use ::lookaside::{
    LOOKASIDE_POOL_PAGED, lookaside_list, lookaside_list_allocate, lookaside_list_delete, lookaside_list_free,
    lookaside_list_initialize, lookaside_parameters,
};
use anyhow::{Context, ensure};
use libc::c_void;
use lookaside_core::{
    ListFlags, Lookaside, LookasideAlloc, LookasideBox, LookasideList, ObjectCache, PoolType, Tag, Tuning,
    pool_allocate, pool_free_sized,
};

use super::{Contender, Entry, entry};
use crate::workloads::{Player, Workload, clock, player, touch};

/// The ways by name. None of them is for tables of times.
pub const WAYS: &[Entry] = &[
    Entry { player: player::alone::<Nothing>, ..entry::<FromList<Hits>>("loop") },
    entry::<CCall>("c"),
    entry::<Typed>("typed"),
    Entry { player: objects, ..entry::<FromList<Hits>>("object-cache") },
    Entry { player: many::<8>, ..entry::<FromList<Hits>>("many8") },
    Entry { player: many::<32>, ..entry::<FromList<Hits>>("many32") },
    Entry { player: many::<128>, ..entry::<FromList<Hits>>("many128") },
    Entry { player: cached, ..entry::<FromList<Hits>>("local-cache") },
    entry::<FromList<Try>>("try-allocate"),
    entry::<FromList<Verified>>("verified"),
    entry::<FromList<Shared>>("shared"),
    entry::<FromList<Pool>>("pool"),
    entry::<SizedFree>("tagged-sized"),
    entry::<Global>("global"),
];

/// The way of this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Entry> {
    WAYS.iter().find(|entry| entry.name == name)
}

/// The loop around the calls, and nothing else.
struct Nothing(*mut u8);

impl Contender for Nothing {
    fn new(size: usize) -> anyhow::Result<Self> {
        Ok(Self(Box::leak(vec![0_u128; size.div_ceil(16)].into_boxed_slice()).as_mut_ptr().cast()))
    }

    #[inline(always)]
    fn allocate(&self) -> *mut u8 {
        self.0
    }

    #[inline(always)]
    unsafe fn free(&self, _block: *mut u8) {}
}

/// How a list is built, and allocated from.
trait Shape: Sync + 'static {
    fn build(size: usize) -> Result<LookasideList, lookaside_core::Status> {
        LookasideList::new(size)
    }

    #[inline(always)]
    fn allocate(list: &LookasideList) -> Option<NonNull<u8>> {
        list.allocate()
    }
}

/// As programs have it.
struct Hits;
/// By the call that never asks the pool. The first block comes from elsewhere.
struct Try;
/// Each call is the verifier's.
struct Verified;
/// Depths of 64: of 128 blocks the processor list keeps one half, and the shared list the other.
struct Shared;
/// Depths of 4: of 128 blocks nearly all come from the pool, and go there.
struct Pool;

impl Shape for Hits {}

impl Shape for Try {
    fn build(size: usize) -> Result<LookasideList, lookaside_core::Status> {
        let list = LookasideList::new(size)?;
        list.prefill(1)?;
        Ok(list)
    }

    #[inline(always)]
    fn allocate(list: &LookasideList) -> Option<NonNull<u8>> {
        list.try_allocate()
    }
}

impl Shape for Verified {
    fn build(size: usize) -> Result<LookasideList, lookaside_core::Status> {
        LookasideList::builder(size).flags(ListFlags::VERIFY).build()
    }
}

impl Shape for Shared {
    fn build(size: usize) -> Result<LookasideList, lookaside_core::Status> {
        LookasideList::builder(size).tuning(Tuning::Manual).initial_depth(64).build()
    }
}

impl Shape for Pool {
    fn build(size: usize) -> Result<LookasideList, lookaside_core::Status> {
        LookasideList::builder(size).tuning(Tuning::Manual).initial_depth(4).build()
    }
}

/// A list of some shape.
struct FromList<S> {
    list: LookasideList,
    _shape: std::marker::PhantomData<S>,
}

impl<S: Shape> Contender for FromList<S> {
    fn new(size: usize) -> anyhow::Result<Self> {
        let list = S::build(size).context("the list cannot be built")?;
        Ok(Self { list, _shape: std::marker::PhantomData })
    }

    #[inline(always)]
    fn allocate(&self) -> *mut u8 {
        S::allocate(&self.list).map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8) {
        // SAFETY: the caller gives back a block of this list, and none of them is null.
        unsafe { self.list.free(NonNull::new_unchecked(block)) };
    }
}

/// The functions of the header, linked statically and called through pointers. The shared library's have the same
/// instructions, and a hook of this process would not reach its copy of the core.
struct CCall {
    list: Box<UnsafeCell<lookaside_list>>,
    allocate: unsafe extern "C" fn(*mut lookaside_list) -> *mut c_void,
    free: unsafe extern "C" fn(*mut lookaside_list, *mut c_void),
}

// SAFETY: any thread may allocate from and free to a list.
unsafe impl Sync for CCall {}

impl Contender for CCall {
    fn new(size: usize) -> anyhow::Result<Self> {
        // SAFETY: as in C, zero stands for the default of every field.
        let mut parameters: lookaside_parameters = unsafe { mem::zeroed() };
        parameters.struct_size = size_of::<lookaside_parameters>();
        parameters.size = size;
        parameters.pool_type = LOOKASIDE_POOL_PAGED;
        // SAFETY: zeroes are a list that was never initialised.
        let list = Box::new(UnsafeCell::new(unsafe { mem::zeroed() }));
        // SAFETY: the list keeps its place until it is deleted, and the parameters are complete.
        let status = unsafe { lookaside_list_initialize(list.get(), &raw const parameters) };
        ensure!(status == 0, "the list cannot be initialised: status {status:#x}");
        Ok(Self { list, allocate: black_box(lookaside_list_allocate), free: black_box(lookaside_list_free) })
    }

    #[inline(always)]
    fn allocate(&self) -> *mut u8 {
        // SAFETY: the list was initialised.
        unsafe { (self.allocate)(self.list.get()).cast() }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8) {
        // SAFETY: the list was initialised, and the caller gives back a block of it.
        unsafe { (self.free)(self.list.get(), block.cast()) };
    }
}

impl Drop for CCall {
    fn drop(&mut self) {
        // SAFETY: nobody else can reach the list any more.
        unsafe { lookaside_list_delete(self.list.get()) };
    }
}

/// Boxes of a typed list, whose values nobody has to write.
struct Typed(Lookaside<MaybeUninit<[u64; 8]>>);

impl Contender for Typed {
    fn new(size: usize) -> anyhow::Result<Self> {
        ensure!(size == 64, "its values have 64 bytes");
        Lookaside::new().map(Self).context("the list cannot be built")
    }

    #[inline(always)]
    fn allocate(&self) -> *mut u8 {
        self.0.allocate_with(MaybeUninit::uninit).map_or(ptr::null_mut(), |value| value.into_raw().as_ptr().cast())
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8) {
        // SAFETY: the caller gives back the place of a box of this list, and none of them is null.
        drop(unsafe { LookasideBox::from_raw(NonNull::new_unchecked(block.cast()), &self.0) });
    }
}

/// So many blocks out in one call, and in by another. As many blocks are played as pairs were asked for.
fn many<const N: usize>(workload: Workload, size: usize, threads: usize) -> anyhow::Result<Player> {
    ensure!(workload == Workload::Pair && threads == 1, "only on one thread");
    let list = LookasideList::builder(size).tuning(Tuning::Manual).initial_depth(256).build();
    let list = list.context("the list cannot be built")?;
    Ok(Box::new(move |pairs| {
        let mut blocks = [ptr::null_mut(); N];
        clock(|| {
            for _ in 0..pairs / N as u64 {
                let count = list.allocate_many(&mut blocks);
                for block in &mut blocks[..count] {
                    *block = touch(*block);
                }
                // SAFETY: the blocks were handed out above, and are given back once.
                unsafe { list.free_many(&blocks[..count]) };
            }
        })
    }))
}

/// A cache that the calling thread holds before the list.
fn cached(workload: Workload, size: usize, threads: usize) -> anyhow::Result<Player> {
    ensure!(workload == Workload::Pair && threads == 1, "only on one thread");
    let list = LookasideList::new(size).context("the list cannot be built")?;
    Ok(Box::new(move |pairs| {
        let cache = list.cache::<64>();
        clock(|| {
            for _ in 0..pairs {
                if let Some(block) = cache.allocate() {
                    let block = touch(block.as_ptr());
                    // SAFETY: the block was handed out above, so it is not null, and is given back once.
                    unsafe { cache.free(NonNull::new_unchecked(block)) };
                }
            }
        })
    }))
}

/// An object cache has no blocks to hand around: its guards are taken and dropped.
fn objects(workload: Workload, _size: usize, threads: usize) -> anyhow::Result<Player> {
    ensure!(workload == Workload::Pair && threads == 1, "only one pair after the other, on one thread");
    let cache = ObjectCache::new(|| [0_u64; 8]).context("the cache cannot be built")?;
    Ok(Box::new(move |pairs| {
        clock(|| {
            for _ in 0..pairs {
                if let Some(mut object) = cache.get() {
                    touch(object.as_mut_ptr().cast());
                }
            }
        })
    }))
}

/// The process's small pool by tag, freed with the size.
struct SizedFree(usize);

const TAG: Tag = Tag::new(*b"Comp");

impl Contender for SizedFree {
    fn new(size: usize) -> anyhow::Result<Self> {
        Ok(Self(size))
    }

    #[inline(always)]
    fn allocate(&self) -> *mut u8 {
        pool_allocate(PoolType::PAGED, self.0, TAG)
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8) {
        // SAFETY: the caller gives back a block of this call and size.
        unsafe { pool_free_sized(block, self.0, TAG) };
    }
}

/// Rust's global allocator, with a layout that the compiler knows, as it does of a `Box`.
struct Global;

const LAYOUT: Layout = Layout::new::<[u64; 8]>();

impl Contender for Global {
    fn new(size: usize) -> anyhow::Result<Self> {
        ensure!(size == LAYOUT.size(), "its layout has {} bytes", LAYOUT.size());
        Ok(Self)
    }

    #[inline(always)]
    fn allocate(&self) -> *mut u8 {
        // SAFETY: the layout has bytes.
        unsafe { LookasideAlloc.alloc(LAYOUT) }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8) {
        // SAFETY: the caller gives back a block of this layout.
        unsafe { LookasideAlloc.dealloc(block, LAYOUT) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a way is counted at is what its name says: the blocks come from there.
    #[test]
    fn misses_end_where_they_should() {
        fn misses<S: Shape>() -> lookaside_core::Statistics {
            let way = FromList::<S>::new(64).expect("a list can be had");
            crate::workloads::batch::run(&way, 1280);
            way.list.statistics()
        }
        let shared = misses::<Shared>();
        let moved = shared.processor.allocate_misses;
        assert!(moved > 0 && shared.shared.allocate_misses <= 128, "{shared:?}");
        let pool = misses::<Pool>();
        assert!(pool.pool_allocates > 1280 * 8 / 10, "{pool:?}");
    }

    #[test]
    fn ways_have_names_of_their_own() {
        let mut names: Vec<_> = super::super::names().chain(WAYS.iter().map(|way| way.name)).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
