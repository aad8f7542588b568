//! Trips to the pool: several blocks at once, each counted.

mod common;

use core::ffi::c_void;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use lookaside_core::{
    AllocateCallback, FreeCallback, LookasideList, PoolKind, PoolType, Statistics, Tag, Tuning, pool_statistics,
};

const BLOCKS: usize = 4096;

/// Takes so many blocks and gives them back, so many times.
fn bursts(list: &LookasideList, count: usize) {
    for _ in 0..count {
        let blocks: Vec<_> = (0..BLOCKS).map(|_| list.allocate().expect("the pool has room")).collect();
        for block in blocks {
            // SAFETY: the block came from this list, and is given back once.
            unsafe { list.free(block) };
        }
    }
}

fn pool_calls(statistics: &Statistics) -> (u64, u64) {
    (statistics.pool_allocates, statistics.pool_frees)
}

#[test]
fn a_burst_goes_to_the_pool_in_few_trips_and_every_block_is_counted() {
    common::stay_on_one_processor();
    let list = LookasideList::builder(256).pool_type(PoolType::NON_PAGED_NX).build().expect("2 MiB can be locked");
    bursts(&list, 20);
    let before = list.statistics();
    bursts(&list, 1);
    let after = list.statistics();

    assert_eq!(after.outstanding, 0);
    let (allocates, frees) = pool_calls(&after);
    assert_eq!(allocates - frees, after.list.current_depth, "{after:?}");
    // The pool's own count agrees.
    assert_eq!(pool_statistics(PoolKind::NonPaged).blocks, after.list.current_depth);
    assert_eq!(after.list.total_allocates, 21 * BLOCKS as u64);
    assert_eq!(after.list.total_frees, 21 * BLOCKS as u64);

    let from_pool = allocates - before.pool_allocates;
    let misses = after.list.allocate_misses - before.list.allocate_misses;
    assert!(from_pool >= BLOCKS as u64 - 2 * u64::from(after.maximum_depth), "{after:?}");
    assert!(misses < from_pool / 16, "{misses} misses for {from_pool} blocks");
    let misses = after.list.free_misses - before.list.free_misses;
    assert!(misses < (frees - before.pool_frees) / 16, "{misses} misses");

    list.flush();
    assert_eq!(pool_statistics(PoolKind::NonPaged).blocks, 0);
}

/// The user's routines, and who counts on Windows' schedule or on batches of one, see each call by itself.
#[test]
fn calls_that_are_seen_come_one_by_one() {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    unsafe extern "C-unwind" fn allocate(_: PoolType, size: usize, _: Tag) -> *mut c_void {
        CALLS.fetch_add(1, Relaxed);
        // SAFETY: a size of the list's.
        unsafe { libc::malloc(size) }
    }
    unsafe extern "C-unwind" fn free(block: *mut c_void) {
        // SAFETY: the list gives back what `allocate` gave.
        unsafe { libc::free(block) };
    }

    common::stay_on_one_processor();
    let builder = || LookasideList::builder(64);
    let lists = [
        // SAFETY: the routines may be called as their types say.
        unsafe { builder().callbacks(AllocateCallback::Plain(allocate), FreeCallback::Plain(free)) },
        builder().tuning(Tuning::Windows),
        builder().batch(1),
    ];
    for list in lists.map(|builder| builder.build().expect("the heap has room")) {
        bursts(&list, 3);
        let statistics = list.statistics();
        assert_eq!(pool_calls(&statistics).0, statistics.list.allocate_misses, "{statistics:?}");
        assert_eq!(pool_calls(&statistics).1, statistics.list.free_misses, "{statistics:?}");
    }
    assert_ne!(CALLS.load(Relaxed), 0);
}
