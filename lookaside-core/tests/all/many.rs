//! Several blocks at once: what comes when the lists and the pool run out, and what every kind of list makes of a run.
//! (`model.rs` says which block comes, and what each counter says.)

use std::collections::HashSet;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use crate::common::{accounted, alone, assert_identities, blocks_out, engines, raw, stay_on_one_processor};
use lookaside_core::{
    AllocateCallback, FreeCallback, LookasideList, Parameters, PoolType, RawList, Status, Tag, Topology, Tuning,
};

/// The number of blocks that the pool has left.
static LEFT: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C-unwind" fn limited(_: PoolType, size: usize, _: Tag) -> *mut c_void {
    match LEFT.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)) {
        // SAFETY: any size may be asked for.
        Ok(_) => unsafe { libc::malloc(size) },
        Err(_) => null_mut(),
    }
}

unsafe extern "C-unwind" fn take_back(block: *mut c_void) {
    LEFT.fetch_add(1, Relaxed);
    // SAFETY: the list gives back what `limited` gave.
    unsafe { libc::free(block) };
}

fn different(blocks: &[*mut u8]) -> bool {
    blocks.iter().all(|block| !block.is_null()) && blocks.iter().collect::<HashSet<_>>().len() == blocks.len()
}

/// The pool has some blocks, and then none: the result says how many came, and what failed counts once, as in a loop
/// that stops at the first null.
#[test]
fn a_run_that_the_pool_cannot_fill_is_reported_and_whole() {
    stay_on_one_processor();
    for engine in engines() {
        for topology in [Topology::Pair, Topology::General, Topology::Single] {
            LEFT.store(50, Relaxed);
            let builder = LookasideList::builder(64).engine(engine).topology(topology).tuning(Tuning::Manual);
            // SAFETY: the routines belong together and may be called from anywhere.
            let builder =
                unsafe { builder.callbacks(AllocateCallback::Plain(limited), FreeCallback::Plain(take_back)) };
            let list = builder.maximum_depth(16).initial_depth(16).build().unwrap();
            let mut run = [null_mut(); 80];
            for round in 1..4 {
                assert_eq!(list.allocate_many(&mut run), 50);
                assert!(different(&run[..50]));
                let full = list.statistics();
                assert_identities(&full);
                assert_eq!((full.outstanding, full.pool_failures, full.list.total_allocates), (50, round, 51 * round));
                assert_eq!(list.allocate_many(&mut []), 0);
                // SAFETY: the blocks are of this list, and freed once; the null ones behind are not given.
                unsafe { list.free_many(&run[..50]) };
                let empty = list.statistics();
                assert_identities(&empty);
                assert_eq!((empty.outstanding, empty.list.total_frees), (0, 50 * round));
                assert_eq!(LEFT.load(Relaxed) as u64, 50 - empty.list.current_depth);
            }
            drop(list);
            assert_eq!(LEFT.load(Relaxed), 50);
        }
    }
}

/// A run that fits is one of hits only, and each block counts.
#[test]
fn a_run_that_the_processor_list_serves_is_all_hits() {
    stay_on_one_processor();
    for engine in engines() {
        let list =
            LookasideList::builder(64).engine(engine).maximum_depth(128).initial_depth(128).tuning(Tuning::Manual);
        // Batches of one bring no block that was not asked for.
        let list = list.batch(1).build().unwrap();
        let mut run = [null_mut(); 128];
        assert_eq!(list.allocate_many(&mut run), 128);
        let cold = list.statistics().processor;
        // SAFETY: the blocks are of this list, and freed once.
        unsafe { list.free_many(&run) };
        for length in 1..=128 {
            assert_eq!(list.allocate_many(&mut run[..length]), length);
            assert!(different(&run[..length]));
            // SAFETY: as above.
            unsafe { list.free_many(&run[..length]) };
        }
        let warm = list.statistics().processor;
        assert_eq!(warm.total_allocates - cold.total_allocates, 128 * 129 / 2);
        assert_eq!(warm.total_frees - cold.total_frees, 128 + 128 * 129 / 2);
        assert_eq!((warm.allocate_misses, warm.free_misses), (cold.allocate_misses, 0));
    }
}

/// Runs through pairs that share an L: what is counted on it is exact.
#[test]
fn runs_over_a_shared_list_are_counted_there() {
    let _alone = alone();
    stay_on_one_processor();
    for engine in engines() {
        let lower = accounted().topology(Topology::General).maximum_depth(100).initial_depth(100);
        let lower = lower.engine(engine).tuning(Tuning::Manual).build().unwrap();
        let pairs: [LookasideList; 2] = core::array::from_fn(|_| {
            let pair = accounted().engine(engine).initial_depth(16).maximum_depth(16).tuning(Tuning::Manual);
            // SAFETY: the shared list stays where it is until the pairs are gone.
            unsafe { pair.shared(&lower) }.build().unwrap()
        });
        let mut run = [null_mut(); 150];
        for length in [1, 3, 8, 20, 150, 5, 64, 2] {
            assert_eq!(pairs[0].allocate_many(&mut run[..length]), length);
            assert!(different(&run[..length]));
            // SAFETY: the pairs' blocks are the shared list's.
            unsafe { pairs[1].free_many(&run[..length]) };
            let kept: u64 = pairs.iter().map(|pair| pair.statistics().processor.current_depth).sum();
            let shared = lower.statistics();
            assert_eq!(shared.outstanding, kept);
            let sides = shared.shared;
            assert_eq!(
                sides.allocate_misses.wrapping_add(sides.spilled).wrapping_add(sides.added),
                sides
                    .free_misses
                    .wrapping_add(sides.total_allocates - sides.total_frees + sides.current_depth)
                    .wrapping_add(sides.refilled + sides.removed),
            );
            assert_eq!(blocks_out() as u64, kept + shared.list.current_depth);
        }
        drop(pairs);
        drop(lower);
        assert_eq!(blocks_out(), 0);
    }
}

/// Blocks of a run that is freed after its list was deleted go to the pool, and the last one ends the list.
#[test]
fn a_run_may_come_back_after_delete() {
    for engine in engines() {
        let mut list = RawList::zeroed();
        let parameters = Parameters { engine: Some(engine), ..Parameters::new(64) };
        let mut run = [null_mut(); 40];
        // SAFETY: the object is ours, and each block is freed once.
        unsafe {
            assert_eq!(RawList::initialize(&mut list, &parameters), Status::SUCCESS);
            assert_eq!(RawList::allocate_many(&list, &mut run), 40);
            RawList::free_many(&list, &run[..10]);
            assert_eq!(RawList::delete(&mut list), Status::PENDING);
            assert_eq!(RawList::allocate_many_checked(&list, &mut run[..10]), 0);
            RawList::free_many_checked(&list, &run[10..39]);
            assert_eq!(RawList::initialize(&mut list, &parameters), Status::DEVICE_BUSY);
            RawList::free_many_checked(&list, &run[39..]);
            assert_eq!(RawList::initialize(&mut list, &parameters), Status::SUCCESS);
            assert_eq!(RawList::delete(&mut list), Status::SUCCESS);
        }
    }
}

/// A verified list gives and takes a run block by block, and a list that keeps nothing asks the pool for each.
#[test]
fn runs_of_lists_without_a_cache() {
    for engine in engines() {
        for (verified, flags) in
            [(true, lookaside_core::ListFlags::VERIFY), (false, lookaside_core::ListFlags::SPECIAL_POOL)]
        {
            let mut list = RawList::zeroed();
            let parameters = Parameters { engine: Some(engine), flags, ..Parameters::new(64) };
            let mut run = [null_mut(); 40];
            // SAFETY: the object is ours, and each block is freed once.
            unsafe {
                assert_eq!(RawList::initialize(&mut list, &parameters), Status::SUCCESS);
                assert_eq!(RawList::allocate_many(&list, &mut run), 40);
                assert!(different(&run));
                for block in run {
                    block.write_bytes(0xA7, 64);
                }
                let held = RawList::statistics(&list).unwrap();
                assert_eq!((held.outstanding, held.list.allocate_misses), (40, 40), "verified {verified}");
                RawList::free_many(&list, &run);
                let after = RawList::statistics(&list).unwrap();
                assert_eq!((after.outstanding, after.list.free_misses, after.list.current_depth), (0, 40, 0));
                assert_eq!(RawList::delete(&mut list), Status::SUCCESS);
            }
        }
    }
}

/// The producer gives by runs what the consumer takes by runs: the lock is met once for a run, so P's batches are not
/// needed, and a run shorter than a batch brings the rest of the batch along.
#[test]
fn a_short_run_brings_a_batch() {
    stay_on_one_processor();
    for engine in engines() {
        let list = LookasideList::builder(64).engine(engine).maximum_depth(64).initial_depth(32).tuning(Tuning::Manual);
        let list = list.build().unwrap();
        assert_eq!(list.prefill(32), Ok(32));
        assert_eq!(list.statistics().shared.current_depth, 32);
        let mut run = [null_mut(); 3];
        assert_eq!(list.allocate_many(&mut run), 3);
        let after = list.statistics();
        // A batch is half of the depth.
        assert_eq!((after.shared.current_depth, after.processor.current_depth), (16, 13));
        assert_eq!((after.processor.allocate_misses, after.processor.refilled), (3, 13));
        // SAFETY: the blocks are of this list, and freed once; the object stays where it is.
        unsafe { RawList::free_many(raw(&list), &run) };
        assert_eq!(list.statistics().processor.current_depth, 16);
    }
}
