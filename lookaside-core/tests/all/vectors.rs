//! How lists of Windows count, block by block, on both engines.

use std::ptr::NonNull;

use crate::common::{accounted, alone, assert_identities, engines, stay_on_one_processor};
use lookaside_core::{Counters, LookasideList, Topology, Tuning};

fn allocate(list: &LookasideList, blocks: usize) -> Vec<NonNull<u8>> {
    (0..blocks).map(|_| list.allocate().unwrap()).collect()
}

fn free(list: &LookasideList, blocks: Vec<NonNull<u8>>) {
    for block in blocks {
        // SAFETY: the block is of this list, and freed once.
        unsafe { list.free(block) };
    }
}

/// (TotalAllocates, AllocateMisses, TotalFrees, FreeMisses, current depth)
fn five(counters: &Counters) -> (u64, u64, u64, u64, u64) {
    let Counters { total_allocates, allocate_misses, total_frees, free_misses, current_depth, .. } = *counters;
    (total_allocates, allocate_misses, total_frees, free_misses, current_depth)
}

/// A driver list of depth 4.
#[test]
fn general_list() {
    let _alone = alone();
    let list = accounted().topology(Topology::General).tuning(Tuning::Manual).build().unwrap();
    let blocks = allocate(&list, 6);
    assert_eq!(five(&list.statistics().list), (6, 6, 0, 0, 0));
    free(&list, blocks);
    assert_eq!(five(&list.statistics().list), (6, 6, 6, 2, 4));
    let blocks = allocate(&list, 5);
    assert_eq!(five(&list.statistics().list), (11, 7, 6, 2, 0));
    assert_identities(&list.statistics());
    free(&list, blocks);
}

/// A pair of depths 2 and 2.
#[test]
fn pair_block_by_block() {
    let _alone = alone();
    stay_on_one_processor();
    for engine in engines() {
        let list = accounted().initial_depth(2).batch(1).tuning(Tuning::Manual).engine(engine).build().unwrap();
        let both = |list: &LookasideList| {
            let statistics = list.statistics();
            assert_identities(&statistics);
            (five(&statistics.processor), five(&statistics.shared))
        };
        let blocks = allocate(&list, 6);
        assert_eq!(both(&list), ((6, 6, 0, 0, 0), (6, 6, 0, 0, 0)));
        assert_eq!(list.statistics().pool_allocates, 6);
        free(&list, blocks);
        assert_eq!(both(&list), ((6, 6, 6, 4, 2), (6, 6, 4, 2, 2)));
        assert_eq!(list.statistics().pool_frees, 2);
        let blocks = allocate(&list, 5);
        assert_eq!(both(&list), ((11, 9, 6, 4, 0), (9, 7, 4, 2, 0)));
        free(&list, blocks);
    }
}

/// The state after initialisation.
#[test]
fn state_after_initialisation() {
    let _alone = alone();
    for engine in engines() {
        let list = accounted().engine(engine).build().unwrap();
        let statistics = list.statistics();
        assert_eq!(statistics.maximum_depth, 256);
        assert_eq!(five(&statistics.list), (0, 0, 0, 0, 0));
        assert_eq!(statistics.shared.depth, 4);
        assert_eq!(statistics.pool_allocates, 0, "nothing is preallocated");
        let block = list.allocate().unwrap();
        assert_eq!(list.statistics().processor.depth, 4);
        // SAFETY: the block is of this list, and freed once.
        unsafe { list.free(block) };
    }
}

/// The block that came last goes first, also when a batch makes room for it.
#[test]
fn last_in_first_out() {
    let _alone = alone();
    stay_on_one_processor();
    for engine in engines() {
        let list = accounted().initial_depth(8).tuning(Tuning::Manual).engine(engine).build().unwrap();
        let blocks = allocate(&list, 14);
        for block in blocks {
            // SAFETY: the block is of this list, and freed once.
            unsafe { list.free(block) };
            assert_eq!(list.allocate(), Some(block));
            // SAFETY: it was just allocated again.
            unsafe { list.free(block) };
        }
        assert_identities(&list.statistics());
    }
}
