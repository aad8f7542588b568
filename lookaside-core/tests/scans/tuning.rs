//! Tuning as users meet it: growth with demand, shrinking with time, blocks given back.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::NonNull;

use crate::common::{accounted, allowed_processors, alone, assert_identities, engines, move_to, stay_on_one_processor};
use lookaside_core::{
    AllocateCallback, FreeCallback, LookasideList, PoolType, Statistics, Tag, Topology, Tuning, adjust_depth,
};

fn allocate(list: &LookasideList, blocks: usize) -> Vec<NonNull<u8>> {
    (0..blocks).map(|_| list.allocate().unwrap()).collect()
}

fn free(list: &LookasideList, blocks: impl IntoIterator<Item = NonNull<u8>>) {
    for block in blocks {
        // SAFETY: the block is of this list, and freed once.
        unsafe { list.free(block) };
    }
}

/// design: 99 % hits among all operations after the first 10,000, for a working set up to the maximum depth.
#[test]
fn a_cold_list_is_warm_after_10_000_operations() {
    let _alone = alone();
    stay_on_one_processor();
    for engine in engines() {
        for working_set in [16, 64, 256] {
            let list = accounted().engine(engine).build().unwrap();
            let mut held = Vec::new();
            let mut random = 88_172_645_463_325_252u64;
            let mut step = |list: &LookasideList| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let index = random as usize % working_set;
                if index < held.len() { free(list, [held.swap_remove(index)]) } else { held.extend(list.allocate()) }
            };
            (0..10_000).for_each(|_| step(&list));
            let before = list.statistics().processor;
            (0..100_000).for_each(|_| step(&list));
            let after = list.statistics().processor;
            let calls = after.total_allocates + after.total_frees - before.total_allocates - before.total_frees;
            let misses = after.allocate_misses + after.free_misses - before.allocate_misses - before.free_misses;
            assert_eq!(calls, 100_000);
            assert!(misses * 100 <= calls, "{engine:?}, working set {working_set}: {misses} misses in {calls} calls");
            free(&list, held);
        }
    }
}

/// design: after a burst and 3 s of rest at most the minimum depth is kept anywhere. Here with scans by hand for the
/// clock.
#[test]
fn an_idle_list_goes_to_the_minimum_and_gives_blocks_back() {
    let _alone = alone();
    stay_on_one_processor();
    for engine in engines() {
        for (topology, divisions) in [(Topology::Pair, 1), (Topology::Pair, 4), (Topology::General, 1)] {
            let builder = LookasideList::builder(64).engine(engine).topology(topology);
            let list = builder.divisions(divisions).build().unwrap();
            for _ in 0..200 {
                let blocks = allocate(&list, 1000);
                free(&list, blocks);
            }
            assert!(list.statistics().list.current_depth > 100);
            (0..3).for_each(|_| adjust_depth());
            let statistics = list.statistics();
            let minimum = 4 * u64::from(divisions);
            let Statistics { shared, processor, .. } = statistics;
            assert!(shared.current_depth <= minimum && processor.current_depth <= 4, "{statistics:?}");
            assert!(shared.depth <= minimum && processor.depth <= 4, "{statistics:?}");
            assert_identities(&statistics);
        }
    }
}

/// The balance set manager does the same by itself, within some seconds.
#[test]
fn the_balance_set_manager_scans() {
    let _alone = alone();
    let list = LookasideList::new(64).unwrap();
    let blocks = allocate(&list, 2000);
    free(&list, blocks);
    assert!(list.statistics().list.current_depth > 8);
    while list.statistics().list.current_depth > 8 {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// A list whose depth rises by few misses, since others came before it was at rest, is scanned again: it gives back what
/// it then keeps.
#[test]
fn a_list_whose_depth_rises_is_at_rest_no_more() {
    let _alone = alone();
    stay_on_one_processor();
    let list = LookasideList::builder(64).build().unwrap();
    let mut blocks = Vec::new();
    // 60 misses, too few at a time to raise the depth. Each scan puts the list to rest.
    for _ in 0..3 {
        blocks.extend(allocate(&list, 20));
        adjust_depth();
        assert_eq!(list.statistics().processor.depth, 4);
    }
    blocks.extend(allocate(&list, 4));
    let depth = list.statistics().processor.depth;
    assert!(depth > 4, "64 misses raise it");
    let kept = blocks.split_off(blocks.len() - depth as usize);
    free(&list, kept);
    for _ in 0..100 {
        if list.statistics().processor.current_depth > 4 {
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
    }
    assert!(list.statistics().processor.current_depth <= 4, "{:?}", list.statistics());
    free(&list, blocks);
}

/// A free routine of the user's is never called by a scan: who misses next gives the surplus back.
#[test]
fn surplus_over_callbacks_waits_for_a_caller() {
    let _alone = alone();
    stay_on_one_processor();
    for engine in engines() {
        let list = accounted().engine(engine).build().unwrap();
        for _ in 0..200 {
            let blocks = allocate(&list, 500);
            free(&list, blocks);
        }
        let before = list.statistics();
        assert!(before.list.current_depth > 100);
        (0..3).for_each(|_| adjust_depth());
        let idle = list.statistics();
        assert_eq!(idle.list.current_depth, before.list.current_depth, "the scan frees nothing itself");
        assert_eq!(idle.processor.depth, 4);
        let mut blocks = allocate(&list, idle.list.current_depth as usize);
        blocks.extend(allocate(&list, 1));
        free(&list, blocks);
        assert_identities(&list.statistics());
        list.trim();
        assert!(list.statistics().list.current_depth <= list.statistics().list.depth);
    }
}

#[test]
fn windows_keeps_what_is_above_the_depth_and_manual_waits_to_be_asked() {
    let _alone = alone();
    stay_on_one_processor();
    let general = |tuning| accounted().topology(Topology::General).tuning(tuning).initial_depth(100).build().unwrap();
    let windows = general(Tuning::Windows);
    let manual = general(Tuning::Manual);
    for list in [&windows, &manual] {
        let blocks = allocate(list, 1000);
        free(list, blocks);
        assert_eq!(list.statistics().list.depth, 100, "64 misses do not tune it");
    }
    // 1,000 allocates that all missed, then visits without traffic. The rotation comes to this list at every third
    // step; a step of the clock may come between ours.
    let steps = [100, 130, 120, 110, 90, 80, 70, 60, 50, 40, 30, 20, 10, 4];
    let mut grew = false;
    while !grew || windows.statistics().list.depth != 4 {
        adjust_depth();
        let depth = windows.statistics().list.depth;
        assert!(steps.contains(&depth), "{depth}");
        grew |= depth > 100;
    }
    assert_eq!(windows.statistics().list.current_depth, 100, "Windows only lowers the number");
    assert_eq!(manual.statistics().list.depth, 4);
    assert_eq!(manual.statistics().list.current_depth, 100, "and no one has missed since");
    manual.trim();
    assert_eq!(manual.statistics().list.current_depth, 4);
}

#[test]
fn prefill_fills_up_to_the_maximum() {
    let _alone = alone();
    stay_on_one_processor();
    for engine in engines() {
        let list = accounted().engine(engine).build().unwrap();
        assert_eq!(list.prefill(100), Ok(100));
        let blocks = allocate(&list, 100);
        assert_eq!(list.statistics().pool_allocates, 100, "the pool is not asked again");
        free(&list, blocks);
        assert_eq!(
            list.prefill(10_000).map(|filled| filled + 100 >= 512),
            Ok(true),
            "the shared list and one processor's are full"
        );
        assert!(list.statistics().list.current_depth <= 512);
        assert_identities(&list.statistics());
    }
}

/// A thread that comes to another processor between any two blocks fills as much.
#[test]
fn prefill_goes_on_where_its_thread_is_moved() {
    thread_local!(static ALLOWED: Vec<usize> = allowed_processors());
    thread_local!(static CALLS: Cell<usize> = const { Cell::new(0) });
    unsafe extern "C-unwind" fn allocate(_: PoolType, size: usize, _: Tag) -> *mut c_void {
        ALLOWED.with(|allowed| move_to(allowed, CALLS.replace(CALLS.get() + 1)));
        // SAFETY: any size may be asked for.
        unsafe { libc::malloc(size) }
    }
    unsafe extern "C-unwind" fn free(block: *mut c_void) {
        // SAFETY: the block came from malloc.
        unsafe { libc::free(block) };
    }
    let _alone = alone();
    for engine in engines() {
        let (allocate, free) = (AllocateCallback::Plain(allocate), FreeCallback::Plain(free));
        // SAFETY: the two routines belong together and may be called from anywhere.
        let builder = unsafe { LookasideList::builder(64).callbacks(allocate, free) };
        let list = builder.engine(engine).tuning(Tuning::Manual).divisions(1).build().unwrap();
        assert_eq!(list.prefill(300), Ok(300), "{engine:?}: the shared list takes 256");
        assert_eq!(list.statistics().pool_allocates, 300, "{engine:?}: no block was brought in vain");
    }
}
