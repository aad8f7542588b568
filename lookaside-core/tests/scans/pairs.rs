//! Pairs as the kernel has them: several that share one L, frees to a given processor, P and L
//! that are one list, and the table of numbers; each step's counters, on both engines.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicPtr, AtomicUsize};

use crate::common::{
    SIZE, accounted, allowed_processors, alone, assert_identities, blocks_out, engines, move_to, stay_on_one_processor,
};
use lookaside_core::{
    AllocateCallback, Counters, EngineKind, FreeCallback, KernelVersion, LookasideList, PairName, PairTable,
    Parameters, PoolType, RawList, Status, Tag, Topology, Tuning, adjust_depth,
};

fn five(counters: &Counters) -> (u64, u64, u64, u64, u64) {
    let Counters { total_allocates, allocate_misses, total_frees, free_misses, current_depth, .. } = *counters;
    (total_allocates, allocate_misses, total_frees, free_misses, current_depth)
}

/// A general list of depth 2 that can serve as L.
fn lower() -> LookasideList {
    accounted().initial_depth(2).topology(Topology::General).tuning(Tuning::Manual).build().unwrap()
}

fn over(lower: &LookasideList, engine: EngineKind) -> LookasideList {
    // SAFETY: the tests drop the pair before L, and do not move L.
    unsafe {
        accounted().initial_depth(2).batch(1).tuning(Tuning::Manual).engine(engine).shared(lower).build().unwrap()
    }
}

fn take(list: &LookasideList, blocks: usize) -> Vec<NonNull<u8>> {
    (0..blocks).map(|_| list.allocate().unwrap()).collect()
}

fn give(list: &LookasideList, blocks: impl IntoIterator<Item = NonNull<u8>>) {
    for block in blocks {
        // SAFETY: the block is of this list or of one that shares its L, and freed once.
        unsafe { list.free(block) };
    }
}

/// The vector of pairs, with an L of its own record.
#[test]
fn the_vector_of_pairs_over_a_shared_list() {
    let _alone = alone();
    stay_on_one_processor();
    for engine in engines() {
        let lower = lower();
        let pair = over(&lower, engine);
        let both = || {
            let upper = pair.statistics();
            assert_eq!(upper.shared, lower.statistics().list, "the pair's L is that list");
            assert_identities(&lower.statistics());
            (five(&upper.processor), five(&upper.shared))
        };
        let blocks = take(&pair, 6);
        assert_eq!(both(), ((6, 6, 0, 0, 0), (6, 6, 0, 0, 0)));
        give(&pair, blocks);
        assert_eq!(both(), ((6, 6, 6, 4, 2), (6, 6, 4, 2, 2)));
        let blocks = take(&pair, 5);
        assert_eq!(both(), ((11, 9, 6, 4, 0), (9, 7, 4, 2, 0)));
        assert_eq!(pair.statistics().outstanding, 5);
        assert_eq!(lower.statistics().outstanding, 5);
        give(&pair, blocks);
        drop(pair);
        assert_eq!(lower.statistics().outstanding, 0);
    }
}

/// What one pair pushes down, the other finds; L counts for both, and blocks may change sides.
#[test]
fn several_pairs_share_one_list() {
    let _alone = alone();
    stay_on_one_processor();
    for engine in engines() {
        let before = blocks_out();
        let lower = lower();
        let (first, second) = (over(&lower, engine), over(&lower, engine));
        give(&first, take(&first, 4));
        assert_eq!(five(&lower.statistics().list), (4, 4, 2, 0, 2));
        let blocks = take(&second, 3);
        assert_eq!(five(&lower.statistics().list), (7, 5, 2, 0, 0), "two came from L, one from the pool");
        give(&first, blocks);
        let sum = first.statistics().list.total_frees + second.statistics().list.total_frees;
        assert_eq!(sum, 7);
        assert_eq!(blocks_out() - before, 4, "two in the first pair, two in L");

        let raw = lower.as_raw().cast_mut();
        // SAFETY: no one else uses the list.
        assert_eq!(unsafe { RawList::delete(raw) }, Status::DEVICE_BUSY, "pairs share it");
        drop((first, second));
        assert_eq!(blocks_out() - before, 2, "L keeps its own");
        assert_eq!(lower.statistics().outstanding, 0);
        drop(lower);
        assert_eq!(blocks_out(), before);
    }
}

/// Batches, flush, trim and prefill over a shared L: no block is lost, and L's identity holds.
#[test]
fn a_shared_list_counts_what_batches_move() {
    let _alone = alone();
    stay_on_one_processor();
    for engine in engines() {
        let before = blocks_out();
        let lower = accounted().initial_depth(40).topology(Topology::General).tuning(Tuning::Manual).build().unwrap();
        // SAFETY: the pairs are dropped first.
        let make = || unsafe {
            accounted().initial_depth(8).tuning(Tuning::Manual).engine(engine).shared(&lower).build().unwrap()
        };
        let pairs = [make(), make()];
        for round in 0..50 {
            let (from, to) = (&pairs[round % 2], &pairs[(round / 2) % 2]);
            let blocks = take(from, 7 + round);
            give(to, blocks);
            match round % 5 {
                0 => from.flush(),
                1 => to.trim(),
                2 => assert!(from.prefill(5).is_ok()),
                3 => lower.flush(),
                _ => {}
            }
            let shared = lower.statistics();
            let sides = shared.shared;
            assert_eq!(
                sides.allocate_misses + sides.added + sides.total_frees + sides.spilled,
                sides.free_misses + sides.removed + sides.total_allocates + sides.refilled + sides.current_depth,
                "{sides:#?}"
            );
            let kept: u64 = pairs.iter().map(|pair| pair.statistics().processor.current_depth).sum();
            assert_eq!(shared.outstanding, kept, "what is out of L lies in the pairs");
            assert_eq!((blocks_out() - before) as u64, kept + shared.list.current_depth);
        }
        drop(pairs);
        drop(lower);
        assert_eq!(blocks_out(), before);
    }
}

#[test]
fn only_a_fitting_general_list_can_be_shared() {
    let _alone = alone();
    let fits = lower();
    let pair = accounted().build().unwrap();
    let larger = LookasideList::builder(128).topology(Topology::General).build().unwrap();
    let refused = |shared: &LookasideList, topology| {
        // SAFETY: nothing is built.
        unsafe { accounted().topology(topology).shared(shared).build() }.unwrap_err()
    };
    assert_eq!(refused(&pair, Topology::Pair), Status::INVALID_PARAMETER, "a pair is no L");
    assert_eq!(refused(&larger, Topology::Pair), Status::INVALID_PARAMETER, "another size");
    assert_eq!(refused(&fits, Topology::General), Status::INVALID_PARAMETER);
    assert_eq!(refused(&fits, Topology::Single), Status::INVALID_PARAMETER);
    assert_eq!(fits.statistics().outstanding, 0);
}

/// A block freed to another processor is the next that is allocated there. (Over slots no list is a processor's, so that it
/// is an ordinary free.)
#[test]
fn frees_to_a_given_processor() {
    let _alone = alone();
    let allowed = allowed_processors();
    for engine in engines().into_iter().filter(|engine| *engine != EngineKind::Slots) {
        let list = accounted().initial_depth(2).batch(1).tuning(Tuning::Manual).engine(engine).build().unwrap();
        move_to(&allowed, 0);
        let blocks = take(&list, 6);
        let target = allowed[allowed.len() - 1] as u32;
        for block in &blocks {
            // SAFETY: the block is of this list, and freed once.
            unsafe { list.free_to_processor(*block, target) };
        }
        let statistics = list.statistics();
        assert_identities(&statistics);
        assert_eq!(five(&statistics.processor), (6, 6, 6, 4, 2));
        assert_eq!(five(&statistics.shared), (6, 6, 4, 2, 2));
        move_to(&allowed, allowed.len() - 1);
        let again = take(&list, 2);
        assert_eq!(again, [blocks[1], blocks[0]], "they wait on that processor");
        for block in again {
            // SAFETY: as above. A number that no processor has stands for the current one.
            unsafe { list.free_to_processor(block, u32::MAX) };
        }
        assert_eq!(list.statistics().processor.current_depth, 2);
        move_to(&allowed, 0);
    }
}

/// Threads that free to each other's processors, over pairs that share one list: nothing is lost or doubled.
#[test]
fn threads_free_to_any_processor() {
    let _alone = alone();
    for engine in engines() {
        let before = blocks_out();
        let lower = accounted().topology(Topology::General).build().unwrap();
        // SAFETY: the pairs are dropped first.
        let make = || unsafe { accounted().engine(engine).shared(&lower).build().unwrap() };
        let pairs = [make(), make()];
        std::thread::scope(|scope| {
            for thread in 0..4usize {
                let pairs = &pairs;
                scope.spawn(move || {
                    for round in 0..3_000 {
                        let blocks = take(&pairs[round % 2], 5);
                        for (index, block) in blocks.iter().enumerate() {
                            let word = (thread << 32 | round << 8 | index) as u64;
                            // SAFETY: the block is ours, and has room for a word.
                            unsafe { block.cast::<u64>().write(word) };
                        }
                        for (index, block) in blocks.into_iter().enumerate() {
                            // SAFETY: written above; the block is still ours.
                            let word = unsafe { block.cast::<u64>().read() };
                            assert_eq!(word, (thread << 32 | round << 8 | index) as u64, "no one else has it");
                            let to = &pairs[(round / 2 + index) % 2];
                            // SAFETY: it is of a pair with the same L, and freed once.
                            unsafe { to.free_to_processor(block, (index % 3) as u32) };
                        }
                    }
                });
            }
        });
        let kept: u64 = pairs.iter().map(|pair| pair.statistics().processor.current_depth).sum();
        assert_eq!((blocks_out() - before) as u64, kept + lower.statistics().list.current_depth);
        let calls = |of: fn(&Counters) -> u64| pairs.iter().map(|pair| of(&pair.statistics().list)).sum::<u64>();
        assert_eq!(calls(|list| list.total_allocates), 4 * 3_000 * 5);
        assert_eq!(calls(|list| list.total_frees), 4 * 3_000 * 5);
        drop(pairs);
        drop(lower);
        assert_eq!(blocks_out(), before);
    }
}

/// Before a processor has lists of its own, P and L are one list: it is looked at, and counts, twice.
#[test]
fn p_and_l_are_one_list() {
    let _alone = alone();
    let list = lower();
    let mut table = PairTable::new();
    // SAFETY: the list outlives the table's use.
    unsafe {
        assert_eq!(table.set(5, list.as_raw(), list.as_raw()), Status::SUCCESS);
        let blocks: Vec<*mut u8> = (0..3).map(|_| table.allocate(5)).collect();
        assert!(blocks.iter().all(|block| !block.is_null()));
        assert_eq!(five(&list.statistics().list), (6, 6, 0, 0, 0));
        assert_eq!((list.statistics().pool_allocates, list.statistics().outstanding), (3, 3));
        for block in blocks {
            table.free(5, block, u32::MAX);
        }
        assert_eq!(five(&list.statistics().list), (6, 6, 4, 2, 2), "the third finds it full twice");
        assert_eq!((list.statistics().pool_frees, list.statistics().outstanding), (1, 0));
        let block = table.allocate(5);
        assert_eq!(five(&list.statistics().list), (7, 6, 4, 2, 1), "a hit counts once");
        table.free(5, block, u32::MAX);
    }
}

#[test]
fn the_table_takes_pairs_alone() {
    let _alone = alone();
    for engine in engines() {
        let lower = lower();
        let pair = over(&lower, engine);
        let stranger = accounted().build().unwrap();
        let mut table = PairTable::new();
        let slot = PairName::Mdl.number(KernelVersion::V6_1).unwrap();
        // SAFETY: the lists outlive the table's use.
        unsafe {
            assert!(table.allocate(slot).is_null(), "an empty slot has nothing");
            assert!(table.allocate(99).is_null());
            assert_eq!(table.set(16, pair.as_raw(), lower.as_raw()), Status::INVALID_PARAMETER);
            assert_eq!(table.set(slot, stranger.as_raw(), lower.as_raw()), Status::INVALID_PARAMETER);
            assert_eq!(table.set(slot, pair.as_raw(), stranger.as_raw()), Status::INVALID_PARAMETER);
            assert_eq!(table.set(slot, pair.as_raw(), core::ptr::null()), Status::INVALID_PARAMETER);
            assert_eq!(table.set(slot, &RawList::zeroed(), lower.as_raw()), Status::INVALID_HANDLE);
            assert_eq!(table.set(slot, pair.as_raw(), lower.as_raw()), Status::SUCCESS);
            let block = table.allocate(slot);
            table.free(slot, block, 0);
            assert_eq!(pair.statistics().list.total_frees, 1);
            assert_eq!(table.set(slot, core::ptr::null(), core::ptr::null()), Status::SUCCESS);
            assert!(table.allocate(slot).is_null());
        }
    }
}

/// The routines that count are L's: what P was made with says nothing about its blocks.
#[test]
fn a_scan_leaves_blocks_of_l_s_routines_to_callers() {
    let _alone = alone();
    stay_on_one_processor();
    for engine in engines() {
        let lower = lower();
        // SAFETY: dropped before L, which is not moved.
        let pair = unsafe { LookasideList::builder(SIZE).engine(engine).shared(&lower).build().unwrap() };
        let held = take(&pair, 200);
        give(&pair, held);
        let cached = pair.statistics().processor.current_depth;
        assert!(cached > 4, "{cached}");
        let out = blocks_out();
        // Idle for some scans, so that the depth falls to the minimum.
        (0..4).for_each(|_| adjust_depth());
        assert!(pair.statistics().processor.depth < cached);
        assert_eq!(blocks_out(), out, "the scan called the free routine of L");
        let held = take(&pair, 1);
        give(&pair, held);
    }
}

/// A pair cannot be deleted by the routines that its own calls are in, though they are those of its L.
#[test]
fn a_routine_of_l_cannot_delete_the_pair_that_calls_it() {
    static PAIR: AtomicPtr<RawList> = AtomicPtr::new(std::ptr::null_mut());
    static BUSY: AtomicUsize = AtomicUsize::new(0);
    fn try_delete() {
        // SAFETY: the object stays where it is, and no one else uses it; what is tested is that this has no effect.
        let status = unsafe { RawList::delete(PAIR.load(Relaxed)) };
        BUSY.fetch_add((status == Status::DEVICE_BUSY).into(), Relaxed);
    }
    unsafe extern "C-unwind" fn allocate(_: PoolType, size: usize, _: Tag) -> *mut c_void {
        try_delete();
        // SAFETY: any size may be asked for.
        unsafe { libc::malloc(size) }
    }
    unsafe extern "C-unwind" fn free(block: *mut c_void) {
        try_delete();
        // SAFETY: it came from `allocate`.
        unsafe { libc::free(block) }
    }
    let _alone = alone();
    let mut pair = RawList::zeroed();
    PAIR.store(&raw mut pair, Relaxed);
    // SAFETY: the routines belong together; the lists stay where they are, and the pair goes first.
    unsafe {
        let general = LookasideList::builder(SIZE).topology(Topology::General);
        let lower = general.callbacks(AllocateCallback::Plain(allocate), FreeCallback::Plain(free)).build().unwrap();
        let parameters = Parameters { shared: lower.as_raw(), ..Parameters::new(SIZE) };
        assert_eq!(RawList::initialize(PAIR.load(Relaxed), &parameters), Status::SUCCESS);
        let block = RawList::allocate(PAIR.load(Relaxed));
        assert_eq!(BUSY.load(Relaxed), 1);
        RawList::free(PAIR.load(Relaxed), block);
        assert_eq!(RawList::flush(PAIR.load(Relaxed)), Status::SUCCESS);
        assert_eq!(BUSY.load(Relaxed), 2);
        assert_eq!(RawList::delete(PAIR.load(Relaxed)), Status::SUCCESS);
    }
}
