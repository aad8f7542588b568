//! Ways into the library whose instructions are counted, beside those that are contenders.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::hint::black_box;
use std::mem::{self, MaybeUninit};
use std::ptr::{self, NonNull};

use ::lookaside::{
    LOOKASIDE_POOL_PAGED, lookaside_list, lookaside_list_allocate, lookaside_list_delete, lookaside_list_free,
    lookaside_list_initialize, lookaside_parameters,
};
use anyhow::{Context, ensure};
use lookaside_core::{
    ListFlags, Lookaside, LookasideAlloc, LookasideBox, LookasideList, ObjectCache, PoolType, Tag, Tuning,
    pool_allocate, pool_free_sized,
};

use lookaside_bench::ground::contender::Contender;
use lookaside_bench::ground::measure::{Made, clock, touch};
use lookaside_bench::ground::workload::Workload;
use lookaside_bench::workloads::routine_alone;

/// Makes a way in, which does a workload by the pair.
type Make = fn(&'static Workload) -> Made;

/// The ways by name. None of them is for tables of times.
const WAYS: &[(&str, Make)] = &[
    ("loop", |workload| way(workload, |size| Ok(Nothing::new(size)))),
    ("c", |workload| way(workload, CCall::new)),
    ("typed", |workload| way(workload, Typed::new)),
    ("object-cache", objects),
    ("many8", many::<8>),
    ("many32", many::<32>),
    ("many128", many::<128>),
    ("local-cache", cached),
    ("try-allocate", |workload| way(workload, FromList::<true>::with_one_block)),
    ("verified", |workload| way(workload, FromList::<false>::verified)),
    ("shared", |workload| way(workload, FromList::<false>::shared)),
    ("pool", |workload| way(workload, FromList::<false>::pool)),
    ("tagged-sized", |workload| way(workload, |_| Ok(SizedFree))),
    ("global", |workload| way(workload, Global::new)),
];

/// Makes the way in of this name, if there is one.
pub fn by_name(name: &str, workload: &'static Workload) -> Option<Made> {
    WAYS.iter().find(|way| way.0 == name).map(|way| way.1(workload))
}

fn way<C: Contender + 'static>(workload: &'static Workload, make: fn(usize) -> anyhow::Result<C>) -> Made {
    routine_alone(workload, SIZE, 1, make)
}

/// Bytes in a block.
pub const SIZE: usize = 64;

/// The loop around the calls, and nothing else.
struct Nothing(*mut u8);

impl Nothing {
    fn new(size: usize) -> Self {
        Self(Box::leak(vec![0_u128; size.div_ceil(16)].into_boxed_slice()).as_mut_ptr().cast())
    }
}

impl Contender for Nothing {
    #[inline(always)]
    unsafe fn allocate(&self, _size: usize) -> *mut u8 {
        self.0
    }

    #[inline(always)]
    unsafe fn free(&self, _block: *mut u8, _size: usize) {}
}

/// A list, asked by the call that never asks the pool if it only tries.
struct FromList<const TRIES: bool>(LookasideList);

impl<const TRIES: bool> FromList<TRIES> {
    fn built(list: Result<LookasideList, lookaside_core::BuildError>) -> anyhow::Result<Self> {
        list.map(Self).context("the list cannot be built")
    }

    /// The first block comes from elsewhere.
    fn with_one_block(size: usize) -> anyhow::Result<Self> {
        let list = LookasideList::new(size)?;
        list.prefill(1)?;
        Ok(Self(list))
    }

    /// Each call is the verifier's.
    fn verified(size: usize) -> anyhow::Result<Self> {
        Self::built(LookasideList::builder(size).flags(ListFlags::VERIFY).build())
    }

    /// Depths of 64: of 128 blocks the processor list keeps one half, and the shared list the other.
    fn shared(size: usize) -> anyhow::Result<Self> {
        Self::built(LookasideList::builder(size).tuning(Tuning::Manual).initial_depth(64).build())
    }

    /// Depths of 4: of 128 blocks nearly all come from the pool, and go there.
    fn pool(size: usize) -> anyhow::Result<Self> {
        Self::built(LookasideList::builder(size).tuning(Tuning::Manual).initial_depth(4).build())
    }
}

impl<const TRIES: bool> Contender for FromList<TRIES> {
    #[inline(always)]
    unsafe fn allocate(&self, _size: usize) -> *mut u8 {
        let block = if TRIES { self.0.try_allocate() } else { self.0.allocate() };
        block.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, _size: usize) {
        // SAFETY: the caller gives back a block of this list, and none of them is null.
        unsafe { self.0.free(NonNull::new_unchecked(block)) };
    }
}

/// The functions of the header, linked statically and called through pointers. The shared library's have the same
/// instructions, and a hook of this process would not reach its copy of the core.
struct CCall {
    list: Box<UnsafeCell<lookaside_list>>,
    allocate: unsafe extern "C" fn(*mut lookaside_list) -> *mut c_void,
    free: unsafe extern "C" fn(*mut lookaside_list, *mut c_void),
}

impl CCall {
    fn new(size: usize) -> anyhow::Result<Self> {
        // SAFETY: as in C, zero is the default of every field.
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
}

impl Contender for CCall {
    #[inline(always)]
    unsafe fn allocate(&self, _size: usize) -> *mut u8 {
        // SAFETY: the list was initialised.
        unsafe { (self.allocate)(self.list.get()).cast() }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, _size: usize) {
        // SAFETY: the list was initialised, and the caller gives back a block of it.
        unsafe { (self.free)(self.list.get(), block.cast()) };
    }
}

impl Drop for CCall {
    fn drop(&mut self) {
        // SAFETY: no one else can reach the list any more.
        unsafe { lookaside_list_delete(self.list.get()) };
    }
}

/// Boxes of a typed list, whose values no one has to write.
struct Typed(Lookaside<MaybeUninit<[u64; 8]>>);

impl Typed {
    fn new(size: usize) -> anyhow::Result<Self> {
        ensure!(size == SIZE, "its values have {SIZE} bytes");
        Lookaside::new().map(Self).context("the list cannot be built")
    }
}

impl Contender for Typed {
    #[inline(always)]
    unsafe fn allocate(&self, _size: usize) -> *mut u8 {
        self.0.allocate_with(MaybeUninit::uninit).map_or(ptr::null_mut(), |value| value.into_raw().as_ptr().cast())
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, _size: usize) {
        // SAFETY: the caller gives back the place of a box of this list, and none of them is null.
        drop(unsafe { LookasideBox::from_raw(NonNull::new_unchecked(block.cast()), &self.0) });
    }
}

/// `N` blocks out in one call, and in by another. As many blocks as pairs were asked for.
fn many<const N: usize>(workload: &'static Workload) -> Made {
    ensure!(workload.name == "pair", "only pairs");
    let list = LookasideList::builder(SIZE).tuning(Tuning::Manual).initial_depth(256).build();
    let list = list.context("the list cannot be built")?;
    Ok(Box::new(move |pairs| {
        let mut blocks = [ptr::null_mut(); N];
        clock(|| {
            for _ in 0..pairs / N as u64 {
                let count = list.allocate_many(&mut blocks);
                for block in &mut blocks[..count] {
                    *block = touch(*block);
                }
                // SAFETY: the blocks were allocated above, and are given back once.
                unsafe { list.free_many(&blocks[..count]) };
            }
        })
    }))
}

/// A cache that the calling thread holds before the list.
fn cached(workload: &'static Workload) -> Made {
    ensure!(workload.name == "pair", "only pairs");
    let list = LookasideList::new(SIZE).context("the list cannot be built")?;
    Ok(Box::new(move |pairs| {
        let cache = list.cache::<64>();
        clock(|| {
            for _ in 0..pairs {
                if let Some(block) = cache.allocate() {
                    let block = touch(block.as_ptr());
                    // SAFETY: the block was allocated above, so it is not null, and is given back once.
                    unsafe { cache.free(NonNull::new_unchecked(block)) };
                }
            }
        })
    }))
}

/// An object cache has no blocks to hand around: its guards are taken and dropped.
fn objects(workload: &'static Workload) -> Made {
    ensure!(workload.name == "pair", "only pairs");
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
struct SizedFree;

const TAG: Tag = Tag::new(*b"Comp");

impl Contender for SizedFree {
    #[inline(always)]
    unsafe fn allocate(&self, size: usize) -> *mut u8 {
        pool_allocate(PoolType::PAGED, size, TAG)
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, size: usize) {
        // SAFETY: the caller gives back a block of this call and size.
        unsafe { pool_free_sized(block, size, TAG) };
    }
}

/// Rust's global allocator, with a layout that the compiler knows, as it does of a `Box`.
struct Global;

const LAYOUT: Layout = Layout::new::<[u64; 8]>();

impl Global {
    fn new(size: usize) -> anyhow::Result<Self> {
        ensure!(size == LAYOUT.size(), "its layout has {} bytes", LAYOUT.size());
        Ok(Self)
    }
}

impl Contender for Global {
    #[inline(always)]
    unsafe fn allocate(&self, _size: usize) -> *mut u8 {
        // SAFETY: the layout has bytes.
        unsafe { LookasideAlloc.alloc(LAYOUT) }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, _size: usize) {
        // SAFETY: the caller gives back a block of this layout.
        unsafe { LookasideAlloc.dealloc(block, LAYOUT) };
    }
}
