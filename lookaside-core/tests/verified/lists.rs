//! Verified lists in use: counters stay exact, correct programs hear nothing, threads and forks spoil nothing, and
//! failures on purpose come as described.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use crate::common::processes::{child_starts_threads, in_child};
use crate::common::violations::{REPORTED, alone, empty_quarantine, others, packets, reported};
use crate::common::{accounted, assert_identities, blocks_out, stay_on_one_processor};
use lookaside_core::{
    AllocateCallback, BugCheck, FreeCallback, ListFlags, Lookaside, LookasideList, LowResources, PairTable, PoolKind,
    PoolType, RawList, Status, Tag, Topology, pool_statistics, simulate_low_resources,
};
use proptest::prelude::*;

#[test]
fn threads_that_free_the_same_block_are_reported_but_one() {
    let _alone = alone();
    let list = packets();
    const ROUNDS: usize = 500;
    for _ in 0..ROUNDS {
        let address = list.allocate().unwrap().addr();
        let start = std::sync::Barrier::new(3);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    start.wait();
                    // SAFETY: two of the three are what is tested; they have no effect.
                    unsafe { list.free(NonNull::new(address.get() as *mut u8).unwrap()) };
                });
            }
        });
    }
    let reported = reported();
    assert_eq!(reported.len(), 2 * ROUNDS);
    assert!(reported.iter().all(|(bug_check, _)| *bug_check == BugCheck::FREED_TWICE));
    assert_eq!((list.statistics().list.total_frees, list.statistics().outstanding), (ROUNDS as u64, 0));
}

#[test]
fn correct_programs_hear_nothing() {
    let _alone = alone();
    for (size, alignment) in [(1, 0), (7, 0), (64, 64), (100, 16), (4096, 4096), (20, 1 << 16), (20 << 20, 0)] {
        let list = LookasideList::builder(size).alignment(alignment).flags(ListFlags::VERIFY).build().unwrap();
        let blocks: Vec<_> = (0..if size > 1 << 20 { 3 } else { 50 }).map(|_| list.allocate().unwrap()).collect();
        for (number, block) in blocks.iter().enumerate() {
            assert_eq!(block.addr().get() % alignment.max(16), 0);
            // SAFETY: the block has this size.
            unsafe { block.write_bytes(number as u8, size) };
        }
        for (number, block) in blocks.into_iter().enumerate() {
            // SAFETY: as above; each is freed once.
            unsafe {
                assert_eq!((block.read(), block.add(size - 1).read()), (number as u8, number as u8));
                list.free(block);
            }
        }
        assert_eq!(list.statistics().outstanding, 0);
    }
    empty_quarantine();

    for pool in [ListFlags::SPECIAL_POOL, ListFlags::SPECIAL_POOL_START, ListFlags::PAGED_ARENAS] {
        let list = LookasideList::builder(100).flags(ListFlags::VERIFY | pool).build().unwrap();
        let blocks: Vec<_> = (0..50).map(|_| list.allocate().unwrap()).collect();
        for block in blocks {
            // SAFETY: the block has 100 bytes, and is freed once.
            unsafe {
                block.write_bytes(7, 100);
                list.free(block);
            }
        }
        assert_eq!(list.statistics().pool_frees, 50);
    }
    let session = LookasideList::builder(100).pool_type(PoolType::PAGED_SESSION).flags(ListFlags::VERIFY).build();
    assert_eq!(session.unwrap_err(), Status::NOT_SUPPORTED);

    let typed = Lookaside::<String>::build(|list| list.flags(ListFlags::VERIFY)).unwrap();
    let kept = typed.allocate("kept".to_owned()).unwrap();
    assert_eq!(typed.allocate("taken out".to_owned()).unwrap().into_inner(), "taken out");
    drop(kept);
    drop(typed);
    assert_eq!(reported(), []);
}

#[test]
fn a_new_block_and_a_freed_one_hold_what_shows_their_state() {
    let _alone = alone();
    let list = packets();
    let block = list.allocate().unwrap();
    // SAFETY: the block has 64 bytes; the verifier keeps it after its free.
    unsafe {
        assert_eq!(*block.cast::<[u8; 64]>().as_ref(), [0xCB; 64]);
        list.free(block);
        assert_eq!(std::ptr::read_volatile(block.cast::<[u8; 64]>().as_ptr()), [0xF5; 64]);
    }
}

static CALLS: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];

unsafe extern "C-unwind" fn marked(_: PoolType, size: usize, _: Tag, list: *mut RawList) -> *mut c_void {
    assert!(!list.is_null());
    CALLS[0].fetch_add(1, Relaxed);
    // SAFETY: any size may be asked for.
    unsafe {
        let block = libc::malloc(size);
        block.cast::<u64>().write(42);
        block
    }
}

unsafe extern "C-unwind" fn unmarked(block: *mut c_void, list: *mut RawList) {
    assert!(!list.is_null());
    CALLS[1].fetch_add(1, Relaxed);
    // SAFETY: it is of `marked`.
    unsafe {
        assert_eq!(block.cast::<u64>().read(), 43, "what the program wrote is there");
        libc::free(block);
    }
}

#[test]
fn callbacks_get_every_call_at_once_with_their_own_blocks() {
    let _alone = alone();
    // SAFETY: the two routines belong together.
    let builder =
        unsafe { LookasideList::builder(64).callbacks(AllocateCallback::Ex(marked), FreeCallback::Ex(unmarked)) };
    let list = builder.flags(ListFlags::VERIFY).build().unwrap();
    for round in 1..100 {
        let block = list.allocate().unwrap().cast::<u64>();
        // SAFETY: the block has 64 bytes, and is freed once.
        unsafe {
            assert_eq!(block.read(), 42, "what the routine wrote is there");
            block.write(43);
            list.free(block.cast());
        }
        assert_eq!(CALLS.each_ref().map(|calls| calls.load(Relaxed)), [round, round]);
    }
    assert_eq!(reported(), []);
    drop(list);

    // One routine alone: the other is the pool's, which must know the block.
    // SAFETY: the routine gives blocks of the heap.
    let one = unsafe { LookasideList::builder(64).callbacks(AllocateCallback::Ex(marked), FreeCallback::Default) };
    let list = one.flags(ListFlags::VERIFY).build().unwrap();
    let mut foreign = [0u128; 4];
    // SAFETY: the first block is the list's; the other free is what is tested.
    unsafe {
        list.free(list.allocate().unwrap());
        assert_eq!(reported(), []);
        list.free(NonNull::from(&mut foreign).cast());
    }
    let reported = reported();
    assert_eq!(reported.len(), 1);
    assert_eq!(reported[0].0, BugCheck::NEVER_ALLOCATED);
}

#[test]
fn lists_that_are_not_verified_go_on_as_ever() {
    let _alone = alone();
    // Elsewhere its block would have to come from the pool once more.
    stay_on_one_processor();
    let (verified, list) = (packets(), LookasideList::new(64).unwrap());
    for _ in 0..100 {
        for list in [&verified, &list] {
            let block = list.allocate().unwrap();
            // SAFETY: freed once.
            unsafe { list.free(block) };
        }
    }
    let (verified, plain) = (verified.statistics(), list.statistics());
    assert_eq!((verified.list.allocate_misses, verified.pool_allocates, verified.pool_frees), (100, 100, 100));
    assert_eq!((plain.list.allocate_misses, plain.pool_allocates, plain.pool_frees), (1, 1, 0));
    // A block twice in a row is not theirs to find.
    assert_eq!(reported(), []);
}

#[derive(Clone, Debug)]
enum Operation {
    Allocate,
    TryAllocate,
    Free(usize),
    FreeAgain(usize),
    FreeToOther(usize),
    Flush,
    Trim,
    Prefill(usize),
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        12 => Just(Operation::Allocate),
        1 => Just(Operation::TryAllocate),
        12 => any::<usize>().prop_map(Operation::Free),
        2 => any::<usize>().prop_map(Operation::FreeAgain),
        2 => any::<usize>().prop_map(Operation::FreeToOther),
        1 => Just(Operation::Flush),
        1 => Just(Operation::Trim),
        1 => (0usize..9).prop_map(Operation::Prefill),
    ]
}

/// The model of a verified list: every allocate reaches the pool, every free reaches the pool, and what is wrong has no
/// effect but a report.
fn follow(list: &LookasideList, other: &LookasideList, operations: &[Operation], at_once: bool) {
    let others = blocks_out();
    let (mut held, mut freed) = (Vec::new(), Vec::new());
    let (mut allocates, mut frees, mut wrong) = (0, 0, 0);
    for operation in operations {
        match *operation {
            Operation::Allocate => {
                allocates += 1;
                let block = list.allocate().unwrap();
                assert!(!held.contains(&block));
                freed.retain(|other| *other != block);
                held.push(block);
            }
            Operation::TryAllocate => assert_eq!(list.try_allocate(), None),
            Operation::Free(which) if !held.is_empty() => {
                frees += 1;
                let block = held.swap_remove(which % held.len());
                // SAFETY: held.
                unsafe { list.free(block) };
                freed.push(block);
            }
            Operation::FreeAgain(which) if !freed.is_empty() => {
                wrong += 1;
                // SAFETY: what is tested; it has no effect.
                unsafe { list.free(freed[which % freed.len()]) };
            }
            Operation::FreeToOther(which) if !held.is_empty() => {
                wrong += 1;
                // SAFETY: as above.
                unsafe { other.free(held[which % held.len()]) };
            }
            Operation::Free(_) | Operation::FreeAgain(_) | Operation::FreeToOther(_) => {}
            Operation::Flush => list.flush(),
            Operation::Trim => list.trim(),
            Operation::Prefill(wanted) => assert_eq!(list.prefill(wanted), Ok(0)),
        }
        let statistics = list.statistics();
        assert_identities(&statistics);
        let counters = statistics.list;
        assert_eq!((counters.total_allocates, counters.allocate_misses), (allocates, allocates));
        assert_eq!((counters.total_frees, counters.free_misses), (frees, frees));
        assert_eq!((statistics.pool_allocates, statistics.pool_frees), (allocates, frees));
        assert_eq!((counters.current_depth, counters.depth, statistics.outstanding), (0, 0, held.len() as u64));
        assert_eq!(other.statistics().list.total_frees, 0);
        if at_once {
            assert_eq!(blocks_out() - others, held.len());
        }
        assert_eq!(REPORTED.lock().unwrap().len(), wrong);
    }
    for block in held {
        // SAFETY: held.
        unsafe { list.free(block) };
    }
    assert_eq!(reported().len(), wrong);
}

#[test]
fn verified_lists_follow_the_model() {
    let _alone = alone();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: std::env::var("LOOKASIDE_TEST_MODEL_CASES").ok().map_or(400, |cases| cases.parse().unwrap()),
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(&prop::collection::vec(operation(), 0..200), |operations| {
            reported();
            follow(&accounted().flags(ListFlags::VERIFY).build().unwrap(), &others(), &operations, true);
            follow(&packets(), &others(), &operations, false);
            Ok(())
        })
        .unwrap();
}

#[test]
fn many_threads_and_blocks_that_change_hands() {
    let _alone = alone();
    let list = packets();
    let passing = Mutex::new(Vec::new());
    const EACH: u64 = 20_000;
    std::thread::scope(|scope| {
        for number in 0..4u8 {
            let (list, passing) = (&list, &passing);
            scope.spawn(move || {
                for _ in 0..EACH {
                    let block = list.allocate().unwrap();
                    // SAFETY: the block has 64 bytes.
                    unsafe { block.write_bytes(number, 64) };
                    let mut passing = passing.lock().unwrap();
                    passing.push(block.addr());
                    let block: std::num::NonZeroUsize = passing.swap_remove(0);
                    drop(passing);
                    // SAFETY: it was taken out, so it is this thread's to free.
                    unsafe { list.free(NonNull::new(block.get() as *mut u8).unwrap()) };
                }
            });
        }
    });
    let statistics = list.statistics();
    assert_identities(&statistics);
    assert_eq!((statistics.list.total_allocates, statistics.list.total_frees), (4 * EACH, 4 * EACH));
    drop(list);
    assert_eq!(reported(), []);
}

#[test]
fn many_blocks_at_once() {
    let _alone = alone();
    let list = packets();
    let blocks: Vec<_> = (0..20_000).map(|_| list.allocate().unwrap()).collect();
    assert_eq!(list.statistics().outstanding, 20_000);
    for block in blocks.iter().step_by(2).chain(blocks.iter().skip(1).step_by(2)) {
        // SAFETY: each is freed once.
        unsafe { list.free(*block) };
    }
    assert_eq!(reported(), []);
    drop(list);
    assert_eq!(reported(), []);
}

#[test]
fn forks_while_threads_work() {
    if !child_starts_threads() {
        return;
    }
    let _alone = alone();
    let list = packets();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut held = Vec::new();
                while !stop.load(Relaxed) {
                    held.push(list.allocate().unwrap());
                    if held.len() > 500 {
                        // SAFETY: each is freed once.
                        held.drain(..).for_each(|block| unsafe { list.free(block) });
                    }
                }
                // SAFETY: as above.
                held.into_iter().for_each(|block| unsafe { list.free(block) });
            });
        }
        let mut mine = list.allocate().unwrap();
        for _ in 0..100 {
            // A child that ends badly heard what was not, or nothing.
            // SAFETY: all frees are of blocks of this list, and one, which is what is tested, is of a free block.
            in_child(|| unsafe {
                let mut last = mine;
                list.free(last);
                for _ in 0..500 {
                    last = list.allocate().unwrap();
                    last.write_bytes(1, 64);
                    list.free(last);
                }
                let silent = REPORTED.try_lock().is_ok_and(|reported| reported.is_empty());
                list.free(last);
                silent && REPORTED.try_lock().is_ok_and(|reported| reported.len() == 1)
            });
            // SAFETY: as above.
            unsafe { list.free(mine) };
            mine = list.allocate().unwrap();
        }
        // SAFETY: freed once.
        unsafe { list.free(mine) };
        stop.store(true, Relaxed);
    });
    assert_eq!(reported(), []);
    assert_eq!(list.statistics().outstanding, 0);
}

/// Which of this number of allocations fail.
fn failures(list: &LookasideList, count: u64) -> Vec<u64> {
    (1..=count)
        .filter(|_| match list.allocate() {
            // SAFETY: freed once.
            Some(block) => unsafe {
                list.free(block);
                false
            },
            None => true,
        })
        .collect()
}

#[test]
fn failures_on_purpose_are_the_same_in_each_run() {
    let _alone = alone();
    let list = packets();
    assert_eq!(failures(&list, 1000), []);
    let share = LowResources { seed: 42, share: 60_000, ..LowResources::default() };
    let run = |resources: &LowResources<'_>, count| {
        assert_eq!(simulate_low_resources(Some(resources)), Status::SUCCESS);
        failures(&list, count)
    };
    let before = list.statistics().pool_failures;
    let first = run(&share, 20_000);
    assert_eq!(first, run(&share, 20_000));
    assert!((1000..1400).contains(&first.len()), "{} of 20,000 failed, where 1,200 are wanted", first.len());
    assert_eq!(list.statistics().pool_failures - before, 2 * first.len() as u64);
    assert_identities(&list.statistics());
    assert_ne!(first, run(&LowResources { seed: 43, ..share }, 20_000));

    let spared = run(&LowResources { skip: 5000, ..share }, 20_000);
    assert_eq!(spared, first.iter().copied().filter(|number| *number > 5000).collect::<Vec<_>>());
    assert_eq!(run(&LowResources { schedule: &[3, 7, 9], ..LowResources::default() }, 100), [3, 7, 9]);
    assert_eq!(run(&LowResources { share: 1_000_000, skip: 2, ..share }, 5), [3, 4, 5]);

    let other = LookasideList::builder(64).tag(Tag::new(*b"Othr")).flags(ListFlags::VERIFY).build().unwrap();
    let unverified = LookasideList::builder(64).tag(Tag::new(*b"Pkts")).build().unwrap();
    let tagged = LowResources { schedule: &[2], tag: Some(Tag::new(*b"Pkts")), ..LowResources::default() };
    assert_eq!(simulate_low_resources(Some(&tagged)), Status::SUCCESS);
    assert_eq!((failures(&other, 10), failures(&unverified, 10)), (vec![], vec![]));
    assert_eq!(failures(&list, 10), [2]);

    for wrong in [
        LowResources { share: 1_000_001, ..LowResources::default() },
        LowResources { schedule: &[1, 0], ..LowResources::default() },
        LowResources { schedule: &[1; 257], ..LowResources::default() },
    ] {
        assert_eq!(simulate_low_resources(Some(&wrong)), Status::INVALID_PARAMETER);
    }
    assert_eq!(simulate_low_resources(None), Status::SUCCESS);
    assert_eq!(failures(&list, 1000), []);
    assert_eq!(reported(), []);
}

/// A block of a verified list that pairs share may go to any of them, whichever it came from, also one that was made
/// later.
#[test]
fn pairs_over_a_verified_list_are_verified_with_it() {
    let _alone = alone();
    let before = pool_statistics(PoolKind::PagedArenas).blocks;
    let build = || LookasideList::builder(64).flags(ListFlags::PAGED_ARENAS);
    let general = build().topology(Topology::General).flags(ListFlags::VERIFY | ListFlags::PAGED_ARENAS);
    let lower = general.build().unwrap();
    let mut table = PairTable::new();
    // SAFETY: the lists stay where they are, the pair goes before L, and each block is freed once, but for the last.
    unsafe {
        assert_eq!(table.set(0, lower.as_raw(), lower.as_raw()), Status::SUCCESS);
        let early = [table.allocate(0), table.allocate(0)];
        let pair = build().shared(&lower).build().unwrap();
        assert_eq!(table.set(0, pair.as_raw(), lower.as_raw()), Status::SUCCESS);
        let late = [pair.allocate().unwrap(), pair.allocate().unwrap()];
        table.free(0, early[0], u32::MAX);
        table.free(0, early[1], 0);
        lower.free(late[0]);
        pair.free(late[1]);
        pair.flush();
        assert_eq!(reported(), []);
        pair.free(late[0]);
        assert_eq!(reported().pop().unwrap().0, BugCheck::FREED_TWICE);
        let left = pair.allocate().unwrap();
        drop(pair);
        lower.free(left);
    }
    assert_eq!(reported(), []);
    assert_eq!(lower.statistics().outstanding, 0);
    drop(lower);
    assert_eq!(pool_statistics(PoolKind::PagedArenas).blocks, before);
}
