//! The caller-owned cache against a plain model and over every kind of list: no block is lost or doubled, and both sides
//! count exactly.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicPtr, AtomicUsize};

use crate::common::{accounted, alone, assert_identities, blocks_out, engines, stay_on_one_processor};
use lookaside_core::{
    AllocateCallback, Counters, FreeCallback, ListFlags, LocalCache, LookasideList, Parameters, PoolType, RawCache,
    RawList, Status, Tag, Topology, Tuning,
};
use proptest::prelude::*;

fn assert_identity(counters: &Counters) {
    let Counters { allocate_misses, free_misses, refilled, spilled, removed, .. } = *counters;
    assert_eq!(
        allocate_misses.wrapping_sub(free_misses).wrapping_add(refilled),
        counters
            .total_allocates
            .wrapping_sub(counters.total_frees)
            .wrapping_add(counters.current_depth)
            .wrapping_add(spilled)
            .wrapping_add(removed),
        "{counters:#?}"
    );
}

#[derive(Clone, Debug)]
enum Operation {
    Allocate,
    Free(usize),
    AllocateBeside,
    FreeBeside(usize),
    Flush,
    FlushList,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        12 => Just(Operation::Allocate),
        12 => any::<usize>().prop_map(Operation::Free),
        2 => Just(Operation::AllocateBeside),
        2 => any::<usize>().prop_map(Operation::FreeBeside),
        1 => Just(Operation::Flush),
        1 => Just(Operation::FlushList),
    ]
}

/// What the cache must hold and count; the list beneath has a model of its own.
#[derive(Default)]
struct Model {
    blocks: Vec<NonNull<u8>>,
    counters: Counters,
}

fn run<const N: usize>(list: &LookasideList, operations: &[Operation]) {
    let others = blocks_out();
    let half = N.div_ceil(2).min(64);
    let mut model = Model::default();
    let mut held = Vec::new();
    let cache: LocalCache<'_, N> = list.cache();
    for operation in operations {
        match *operation {
            Operation::Allocate => {
                let block = cache.allocate().unwrap();
                model.counters.total_allocates += 1;
                match model.blocks.pop() {
                    Some(expected) => assert_eq!(block, expected),
                    None => {
                        model.counters.allocate_misses += 1;
                        model.counters.refilled += half as u64 - 1;
                        // What the run brought is read once the cache is empty: by its count until then.
                        let mut brought: Vec<_> = (1..half).map(|_| cache.allocate().unwrap()).collect();
                        // SAFETY: they came from the cache, and go back in the order in which they lay there.
                        brought.iter().rev().for_each(|block| unsafe { cache.free(*block) });
                        model.counters.total_allocates += half as u64 - 1;
                        model.counters.total_frees += half as u64 - 1;
                        brought.reverse();
                        model.blocks = brought;
                    }
                }
                held.push(block);
            }
            Operation::Free(which) if !held.is_empty() => {
                let block = held.swap_remove(which % held.len());
                model.counters.total_frees += 1;
                if model.blocks.len() == N {
                    model.counters.free_misses += 1;
                    model.counters.spilled += half as u64 - 1;
                    model.blocks.truncate(N - half);
                }
                model.blocks.push(block);
                // SAFETY: the caller held it.
                unsafe { cache.free(block) };
            }
            Operation::AllocateBeside => held.extend(list.allocate()),
            Operation::FreeBeside(which) if !held.is_empty() => {
                // SAFETY: the caller held it.
                unsafe { list.free(held.swap_remove(which % held.len())) };
            }
            Operation::Free(_) | Operation::FreeBeside(_) => {}
            Operation::Flush => {
                cache.flush();
                model.counters.removed += model.blocks.len() as u64;
                model.blocks.clear();
            }
            Operation::FlushList => list.flush(),
        }
        let counters = cache.counters();
        assert_identity(&counters);
        let depth = model.blocks.len() as u64;
        assert_eq!(counters, Counters { current_depth: depth, depth: N as u64, ..model.counters });
        let statistics = list.statistics();
        assert_identities(&statistics);
        assert_eq!(statistics.outstanding, held.len() as u64 + depth, "what lies in the cache is out of the list");
        assert_eq!((blocks_out() - others) as u64, statistics.outstanding + statistics.list.current_depth);
        assert!(held.iter().all(|block| !model.blocks.contains(block)), "every block is in one place");
    }
    drop(cache);
    // SAFETY: the caller held them.
    held.drain(..).for_each(|block| unsafe { list.free(block) });
    assert_eq!(list.statistics().outstanding, 0);
    list.flush();
    assert_eq!(blocks_out(), others);
}

#[test]
fn caches_follow_the_model() {
    let _alone = alone();
    for engine in engines() {
        for topology in [Topology::Pair, Topology::General, Topology::Single] {
            let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
                cases: 100,
                failure_persistence: None,
                ..ProptestConfig::default()
            });
            runner
                .run(&prop::collection::vec(operation(), 0..200), |operations| {
                    let list = accounted().engine(engine).topology(topology).maximum_depth(20).build().unwrap();
                    run::<1>(&list, &operations);
                    run::<2>(&list, &operations);
                    run::<7>(&list, &operations);
                    run::<16>(&list, &operations);
                    Ok(())
                })
                .unwrap();
        }
    }
}

/// A large cache moves 64 blocks at once, at most.
#[test]
fn a_large_cache_fills_by_runs() {
    stay_on_one_processor();
    let list = LookasideList::builder(64).tuning(Tuning::Manual).build().unwrap();
    let cache = list.cache::<1000>();
    let blocks: Vec<_> = (0..3000).map(|_| cache.allocate().unwrap()).collect();
    assert_eq!(cache.counters().allocate_misses, 3000_u64.div_ceil(64));
    // SAFETY: the blocks came from the cache, and are freed once.
    blocks.into_iter().for_each(|block| unsafe { cache.free(block) });
    let counters = cache.counters();
    assert_identity(&counters);
    assert!((1000 - 64..=1000).contains(&counters.current_depth));
    assert_eq!(list.statistics().outstanding, counters.current_depth);
}

/// The cache may go to another thread, and its blocks may be freed past it.
#[test]
fn a_cache_moves_with_its_thread() {
    let list = LookasideList::new(64).unwrap();
    let cache = list.cache::<32>();
    let block = cache.allocate().unwrap();
    let address = block.as_ptr().addr();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let cache = cache;
            let again = cache.allocate().unwrap();
            assert_ne!(again.as_ptr().addr(), address);
            // SAFETY: the block is of this list, and freed once.
            unsafe { cache.free(again) };
        });
    });
    // SAFETY: as above.
    unsafe { list.free(block) };
    assert_eq!(list.statistics().outstanding, 0);
}

/// Over a list that is verified or keeps nothing each call is the list's own, at once.
#[test]
fn a_cache_hides_nothing_from_the_verifier() {
    for flags in [ListFlags::VERIFY, ListFlags::SPECIAL_POOL] {
        let mut list = RawList::zeroed();
        let parameters = Parameters { flags, ..Parameters::new(64) };
        let mut slots = [std::ptr::null_mut(); 8];
        // SAFETY: the object is ours, and each block is freed once.
        unsafe {
            assert_eq!(RawList::initialize(&mut list, &parameters), Status::SUCCESS);
            let cache = RawCache::new(&list, slots.as_mut_ptr(), 8).unwrap();
            assert!(cache.passes_through());
            let caller = lookaside_core::Caller::rust();
            let block = cache.allocate(slots.as_mut_ptr(), caller);
            assert_eq!(RawList::statistics(&list).unwrap().outstanding, 1);
            cache.free(slots.as_mut_ptr(), block, caller);
            assert_eq!(RawList::statistics(&list).unwrap().outstanding, 0);
            assert_eq!(cache.counters(), Counters::default());
            assert_eq!(RawList::delete(&mut list), Status::SUCCESS);
        }
    }
}

#[test]
fn a_cache_needs_a_list_and_room() {
    let list = LookasideList::new(64).unwrap();
    let zeroed = RawList::zeroed();
    let mut slots = [std::ptr::null_mut(); 8];
    // SAFETY: the objects may be read.
    unsafe {
        let mut new = |list, capacity| RawCache::new(list, slots.as_mut_ptr(), capacity).map(|_| ()).unwrap_err();
        assert_eq!(new(list.as_raw(), 0), Status::INVALID_PARAMETER);
        assert_eq!(new(list.as_raw(), 65_536), Status::INVALID_PARAMETER);
        assert_eq!(new(list.as_raw(), usize::MAX), Status::INVALID_PARAMETER);
        assert_eq!(new(std::ptr::null(), 8), Status::INVALID_PARAMETER);
        assert_eq!(new(&zeroed, 8), Status::INVALID_HANDLE);
    }
}

static CACHE: AtomicPtr<LocalCache<'static, 8>> = AtomicPtr::new(std::ptr::null_mut());
static CALLS_INSIDE: AtomicUsize = AtomicUsize::new(0);
static TO_PANIC: AtomicUsize = AtomicUsize::new(0);
static OUT: AtomicUsize = AtomicUsize::new(0);

struct Planned;

fn panic_if_planned() {
    if TO_PANIC.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)) == Ok(1) {
        resume_unwind(Box::new(Planned));
    }
}

/// The cache of the test, used from within its own call, but not within that.
fn use_it_again() {
    // SAFETY: null, or the cache of the one thread that runs this, which outlives the calls.
    let Some(cache) = (unsafe { CACHE.swap(std::ptr::null_mut(), Relaxed).as_ref() }) else { return };
    if CALLS_INSIDE.fetch_add(1, Relaxed) % 3 == 0 {
        let planned = TO_PANIC.swap(0, Relaxed);
        let blocks: Vec<_> = (0..7).filter_map(|_| cache.allocate()).collect();
        // SAFETY: they came from the cache, and are freed once.
        blocks.into_iter().for_each(|block| unsafe { cache.free(block) });
        TO_PANIC.store(planned, Relaxed);
    }
    CACHE.store(std::ptr::from_ref(cache).cast_mut(), Relaxed);
}

unsafe extern "C-unwind" fn allocate(_: PoolType, size: usize, _: Tag) -> *mut c_void {
    use_it_again();
    panic_if_planned();
    OUT.fetch_add(1, Relaxed);
    // SAFETY: any size may be asked for.
    unsafe { libc::malloc(size) }
}

unsafe extern "C-unwind" fn free(block: *mut c_void) {
    OUT.fetch_sub(1, Relaxed);
    // SAFETY: the list gives back what `allocate` gave.
    unsafe { libc::free(block) };
    use_it_again();
    panic_if_planned();
}

/// Callbacks that use the cache which called them, and unwind now and then: no block is lost or in two places.
#[test]
fn callbacks_may_use_the_cache_and_unwind() {
    let _alone = alone();
    stay_on_one_processor();
    for engine in engines() {
        // Of several divisions L keeps more, and the routines are seldom called.
        let builder = LookasideList::builder(64).engine(engine).maximum_depth(4).tuning(Tuning::Manual).divisions(1);
        // SAFETY: the routines belong together and may be called from anywhere.
        let list = unsafe { builder.callbacks(AllocateCallback::Plain(allocate), FreeCallback::Plain(free)) };
        let list = list.build().unwrap();
        let cache: LocalCache<'_, 8> = list.cache();
        CACHE.store((&raw const cache).cast_mut().cast(), Relaxed);
        let mut held: Vec<NonNull<u8>> = Vec::new();
        let mut random = 88_172_645_463_325_252u64;
        let mut panicked = 0;
        for _ in 0..20_000 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            if random % 16 == 0 {
                TO_PANIC.store(1, Relaxed);
            }
            let result = catch_unwind(AssertUnwindSafe(|| {
                if random & 64 == 0 && held.len() < 40 || held.is_empty() {
                    let block = cache.allocate().expect("the pool has room");
                    assert!(!held.contains(&block), "a block was given twice");
                    held.push(block);
                } else {
                    let block = held.swap_remove((random >> 8) as usize % held.len());
                    // SAFETY: the caller held it.
                    unsafe { cache.free(block) };
                }
            }));
            match result {
                Err(what) if what.is::<Planned>() => panicked += 1,
                Err(what) => resume_unwind(what),
                Ok(()) => {}
            }
            TO_PANIC.store(0, Relaxed);
            CACHE.store((&raw const cache).cast_mut().cast(), Relaxed);
            let counters = cache.counters();
            assert_identity(&counters);
            let statistics = list.statistics();
            assert_eq!(statistics.outstanding, held.len() as u64 + counters.current_depth);
            assert_eq!(OUT.load(Relaxed) as u64, statistics.outstanding + statistics.list.current_depth);
        }
        assert!(panicked > 10 && CALLS_INSIDE.load(Relaxed) > 100, "{panicked}");
        CACHE.store(std::ptr::null_mut(), Relaxed);
        // SAFETY: the caller held them.
        held.into_iter().for_each(|block| unsafe { cache.free(block) });
        drop(cache);
        drop(list);
        assert_eq!(OUT.load(Relaxed), 0);
    }
}

/// A cache of more than one run that is dropped gives all of it back, also where a free routine unwinds.
#[test]
fn a_cache_that_is_dropped_gives_everything_back_though_a_free_routine_unwinds() {
    let _alone = alone();
    stay_on_one_processor();
    for engine in engines() {
        for topology in [Topology::Pair, Topology::General, Topology::Single] {
            let builder = LookasideList::builder(64).engine(engine).topology(topology).maximum_depth(4);
            let builder = builder.tuning(Tuning::Manual);
            // SAFETY: the routines belong together and may be called from anywhere.
            let list = unsafe { builder.callbacks(AllocateCallback::Plain(allocate), FreeCallback::Plain(free)) };
            let list = list.build().unwrap();
            let cache = list.cache::<300>();
            let held: Vec<_> = (0..300).map(|_| cache.allocate().unwrap()).collect();
            // SAFETY: the blocks came from the cache, and are freed once.
            held.into_iter().for_each(|block| unsafe { cache.free(block) });
            assert!(cache.counters().current_depth > 2 * 64);

            TO_PANIC.store(1, Relaxed);
            let dropped = catch_unwind(AssertUnwindSafe(|| drop(cache)));
            assert!(dropped.unwrap_err().is::<Planned>());
            assert_eq!(list.statistics().outstanding, 0);
            drop(list);
            assert_eq!(OUT.load(Relaxed), 0);
        }
    }
}
