//! Pools of the library's own: residence, limits, exact numbers, misuse reported, forks.
//!
//! Cases that need a process of their own, or fewer rights, run this program again.

use std::alloc::Layout;
use std::collections::HashSet;
use std::os::unix::process::ExitStatusExt;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use crate::common::processes::{
    again, case, child_starts_threads, forks, give, in_child, in_own_process, may_lock_memory, take, this_test,
    with_lock_limit,
};
use crate::locked::{assert_locked, is_resident, locked_by_the_system};
use lookaside_core::{
    Builder, Generation, Kind, ListFlags, LookasideList, PoolKind, PoolStatistics, PoolType, RawSmallPool,
    SmallPoolParameters, Status, Tag, Topology, Violation, adjust_depth, hooks, pool_allocate, pool_free, pool_report,
    pool_statistics, report, set_violation_hook,
};

fn nonpaged(size: usize) -> Builder<'static> {
    LookasideList::builder(size).pool_type(PoolType::NON_PAGED_NX).tag(Tag::new(*b"Test"))
}

#[test]
fn nonpaged_memory_is_resident_and_locked() {
    if !may_lock_memory() {
        return;
    }
    in_own_process(this_test!(), || {
        hooks::hold_scans();
        // Blocks come one by one, or the pool gave some that the list keeps.
        let list = nonpaged(3000).batch(1).build().unwrap();
        let first = pool_statistics(PoolKind::NonPaged);
        assert_eq!((first.used, first.reserved, first.locked), (0, 0, 0));
        assert_eq!(locked_by_the_system(), 0);
        // No one has touched these blocks.
        let start = std::time::Instant::now();
        let blocks = take(&list, 2000);
        let time = start.elapsed();
        let grown = pool_statistics(PoolKind::NonPaged);
        let more = (grown.reserved - first.reserved) >> 20;
        println!("nonpaged growth: {more} MiB, {} us each", time.as_micros() / u128::from(more));
        assert!(grown.reserved >= 2000 * 3000 && grown.reserved < 8 << 20, "{grown:?}");
        assert_eq!((grown.locked, locked_by_the_system()), (grown.reserved, grown.reserved));
        assert_eq!((grown.used, grown.blocks), (2000 * 3008, 2000));
        assert!(blocks.iter().all(|block| is_resident(*block, 3000)));
        give(&list, blocks);
        list.flush();
        let empty = pool_statistics(PoolKind::NonPaged);
        assert_eq!(empty, PoolStatistics { used: 0, blocks: 0, reserved: 0, locked: 0, ..grown });
        assert_eq!(locked_by_the_system(), 0);
    });
}

/// Neither a limit that is too small (ENOMEM) nor the lack of any right (EPERM) leaves anything behind.
#[test]
fn a_lock_limit_refuses_strict_lists() {
    let refused = || {
        let status = nonpaged(64).build().unwrap_err();
        assert_eq!(status, Status::WORKING_SET_QUOTA);
        let statistics = pool_statistics(PoolKind::NonPaged);
        assert_eq!((statistics.reserved, statistics.locked), (0, 0));
        assert_eq!(locked_by_the_system(), 0);
        let mut report = String::new();
        pool_report(&mut report).unwrap();
        assert!(report.contains("ulimit -l") && report.contains("CAP_IPC_LOCK"), "{report}");
        // A list that does without is served, and its memory is resident though not locked.
        let list = nonpaged(64).flags(ListFlags::BEST_EFFORT_LOCK).build().unwrap();
        let blocks = take(&list, 1000);
        assert!(blocks.iter().all(|block| is_resident(*block, 64)));
        let statistics = pool_statistics(PoolKind::NonPagedBestEffort);
        assert_eq!((statistics.reserved, statistics.locked), (list.statistics().resident, 0));
        // And its row in the report says so.
        let mut rows = String::new();
        lookaside_core::report(&mut rows).unwrap();
        assert!(rows.contains("65536\n    Locked         =         no  (see ulimit -l)\n"), "{rows}");
        give(&list, blocks);
        report
    };
    with_lock_limit(this_test!(), "4095", || {
        assert!(refused().contains("limit 4095 bytes"));
    });
}

/// A list that may do without locked memory and has it is reported as any other.
#[test]
fn a_list_that_got_locked_memory_is_reported_as_any_other() {
    in_own_process(this_test!(), || {
        let list = nonpaged(64).flags(ListFlags::BEST_EFFORT_LOCK).build().unwrap();
        give(&list, take(&list, 10));
        let statistics = pool_statistics(PoolKind::NonPagedBestEffort);
        let mut rows = String::new();
        report(&mut rows).unwrap();
        assert_eq!(rows.contains("Locked"), statistics.locked < statistics.reserved, "{rows}{statistics:?}");
    });
}

#[test]
fn no_right_to_lock_refuses_strict_lists() {
    with_lock_limit(this_test!(), "0", || {
        assert_eq!(nonpaged(64).build().unwrap_err(), Status::WORKING_SET_QUOTA);
        assert_eq!(locked_by_the_system(), 0);
        let list = nonpaged(64).flags(ListFlags::BEST_EFFORT_LOCK).build().unwrap();
        give(&list, take(&list, 10));
        assert_eq!(pool_statistics(PoolKind::NonPagedBestEffort).locked, 0);
    });
}

/// The limit is met while the arena grows: null, counted, nothing half done; what there is goes on working.
#[test]
fn growth_ends_at_the_lock_limit() {
    with_lock_limit(this_test!(), "3145728", || {
        // Blocks come one by one, or a list that asks for more than it needs is refused once more.
        let list = nonpaged(4096).batch(1).build().unwrap();
        let blocks: Vec<_> = std::iter::from_fn(|| list.allocate()).collect();
        assert!(blocks.len() > 700 && blocks.len() <= 768, "{} blocks", blocks.len());
        let full = pool_statistics(PoolKind::NonPaged);
        assert_eq!((full.reserved, full.locked, full.failures), (3 << 20, 3 << 20, 1));
        assert_eq!(locked_by_the_system(), 3 << 20);
        assert!(list.allocate().is_none());
        assert_eq!(pool_statistics(PoolKind::NonPaged).failures, 2);
        assert_eq!(list.statistics().pool_failures, 2);
        give(&list, blocks);
        list.flush();
        give(&list, take(&list, 700));
    });
}

/// A trip that asks for more than one block and is refused is no call that failed: those who hold blocks follow from the
/// list's counters all the same.
#[test]
fn a_refused_trip_is_no_failure_of_a_call() {
    with_lock_limit(this_test!(), "3145728", || {
        for topology in [Topology::Pair, Topology::Single] {
            let list = nonpaged(4096).topology(topology).initial_depth(256).build().unwrap();
            for round in 1..4 {
                let before = pool_statistics(PoolKind::NonPaged).failures;
                let blocks: Vec<_> = std::iter::from_fn(|| list.allocate()).collect();
                let statistics = list.statistics();
                assert_eq!((statistics.pool_failures, statistics.outstanding), (round, blocks.len() as u64));
                assert_eq!(pool_statistics(PoolKind::NonPaged).failures, before + 1, "a trip that brought less");
                crate::common::assert_identities(&statistics);
                give(&list, blocks);
                list.flush();
            }
        }
    });
}

/// So a small pool over exhausted memory knows that every block is back.
#[test]
fn a_small_pool_that_met_the_limit_ends() {
    with_lock_limit(this_test!(), "3145728", || {
        let mut pool = RawSmallPool::zeroed();
        let layout = Layout::from_size_align(256, 16).unwrap();
        // SAFETY: the object is ours, and each block is freed once.
        unsafe {
            let parameters = SmallPoolParameters::new(Generation::V5_2X64);
            assert_eq!(RawSmallPool::initialize(&mut pool, &parameters), Status::SUCCESS);
            for _ in 0..20 {
                let allocate = || NonNull::new(RawSmallPool::allocate(&pool, Kind::NonPaged, layout));
                let blocks: Vec<_> = std::iter::from_fn(allocate).collect();
                assert!(blocks.len() > 1000);
                blocks.into_iter().for_each(|block| RawSmallPool::free(&pool, Kind::NonPaged, block.as_ptr(), layout));
                assert_eq!(RawSmallPool::flush(&pool), Status::SUCCESS);
            }
            assert_eq!(RawSmallPool::delete(&mut pool), Status::SUCCESS);
        }
    });
}

#[test]
fn a_request_above_the_limit_takes_nothing() {
    in_own_process(this_test!(), || {
        let list = nonpaged(1 << 50).build().unwrap();
        assert!(list.allocate().is_none());
        let statistics = pool_statistics(PoolKind::NonPaged);
        assert_eq!((statistics.reserved, statistics.used, statistics.failures), (0, 0, 1));
    });
}

/// What an arena does with addresses that are no blocks of its own in use: one line, and the end.
#[test]
fn misuse_of_arenas_is_reported() {
    let cases = [
        ("twice", "which is no block of the paged pool in use: it was freed before, or never given"),
        ("inside", "which is no block of the paged pool in use: it was freed before, or never given"),
        ("foreign", "which is not of the paged pool"),
        ("size", "which is a block of the paged pool of 128 bytes"),
    ];
    let Some(case) = case() else {
        for (case, message) in cases {
            let output = again(this_test!(), case, &[]);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{case}: {said}");
            let line = said.lines().find(|line| line.starts_with("lookaside: ")).unwrap_or(&said);
            assert!(line.contains("of 64 bytes, tag \"Test\"") && line.ends_with(message), "{case}: {said}");
        }
        return;
    };
    let of_size = |size| LookasideList::builder(size).tag(Tag::new(*b"Test")).flags(ListFlags::PAGED_ARENAS);
    let list = of_size(64).build().unwrap();
    let block = list.allocate().unwrap();
    let wrong = match case.as_str() {
        "twice" => block,
        // SAFETY: within the block.
        "inside" => unsafe { block.add(16) },
        "foreign" => NonNull::from(Box::leak(Box::new([0u128; 4]))).cast(),
        "size" => of_size(128).build().unwrap().allocate().unwrap(),
        _ => unreachable!(),
    };
    // The list cannot know what it is given, but the pool does when it comes there.
    // SAFETY: none: this is the misuse.
    unsafe { list.free(wrong) };
    list.flush();
    if wrong == block {
        // SAFETY: as above.
        unsafe { list.free(wrong) };
        list.flush();
    }
}

/// Tagged calls take nonpaged and session memory of the same pools as lists do.
#[test]
fn the_general_pool_serves_every_type() {
    in_own_process(this_test!(), || {
        for (pool_type, kind) in [
            (PoolType::NON_PAGED, PoolKind::NonPagedBestEffort),
            (PoolType::NON_PAGED_NX, PoolKind::NonPagedBestEffort),
            (PoolType::PAGED_SESSION, PoolKind::Session),
        ] {
            let tag = Tag::new(*b"Test");
            let before = pool_statistics(kind).used;
            let block = pool_allocate(pool_type, 100_000, tag);
            assert!(!block.is_null() && pool_statistics(kind).used >= before + 100_000, "{pool_type}");
            // SAFETY: the block has this size, and is freed once.
            unsafe {
                block.write_bytes(1, 100_000);
                pool_free(block, tag);
            }
            assert_eq!(pool_statistics(kind).used, before);
        }
    });
}

#[test]
fn cache_aligned_types_align_to_a_line() {
    for pool_type in [PoolType::NON_PAGED_CACHE_ALIGNED, PoolType::PAGED_CACHE_ALIGNED] {
        let list = nonpaged(40).pool_type(pool_type).build().unwrap();
        let blocks = take(&list, 50);
        assert!(blocks.iter().all(|block| block.addr().get() % 64 == 0));
        give(&list, blocks);
    }
}

/// Threads on all arenas at once: no block twice, contents intact, numbers exact in the end.
#[test]
fn paged_arenas_serve_many_threads() {
    in_own_process(this_test!(), || {
        let list = LookasideList::builder(200).flags(ListFlags::PAGED_ARENAS).build().unwrap();
        std::thread::scope(|scope| {
            for thread in 0..8u8 {
                let list = &list;
                scope.spawn(move || {
                    for round in 0..40 {
                        let blocks = take(list, 500);
                        for block in &blocks {
                            // SAFETY: the block has 200 bytes.
                            unsafe { block.write_bytes(thread.wrapping_mul(31) ^ round, 200) };
                        }
                        for block in &blocks {
                            // SAFETY: as above, and they were written.
                            let bytes = unsafe { std::slice::from_raw_parts(block.as_ptr(), 200) };
                            assert!(bytes.iter().all(|byte| *byte == thread.wrapping_mul(31) ^ round));
                        }
                        give(list, blocks);
                    }
                });
            }
        });
        list.flush();
        let end = pool_statistics(PoolKind::PagedArenas);
        assert_eq!((end.used, end.blocks, end.failures, end.locked), (0, 0, 0, 0));
        assert!(end.peak >= 500 * 208 && end.reserved >= end.peak, "{end:?}");
    });
}

#[test]
fn what_lists_hold_of_slabs_and_of_the_heap_is_known() {
    in_own_process(this_test!(), || {
        hooks::hold_scans();
        // Blocks come one by one, or the heap gave some that the list keeps.
        for (kind, flags) in [(PoolKind::Slabs, ListFlags(0)), (PoolKind::Heap, ListFlags::VERIFY)] {
            let list = LookasideList::builder(1000).batch(1).flags(flags).build().unwrap();
            let other = LookasideList::builder(10).batch(1).flags(flags).build().unwrap();
            let blocks = take(&list, 300);
            let few = take(&other, 7);
            let now = pool_statistics(kind);
            assert_eq!((now.used, now.blocks, now.peak), (300 * 1000 + 70, 307, 300 * 1000 + 70));
            give(&list, blocks);
            list.flush();
            let now = pool_statistics(kind);
            assert_eq!((now.used, now.blocks, now.peak), (70, 7, 300 * 1000 + 70));
            give(&other, few);
            other.flush();
            assert_eq!(pool_statistics(kind).used, 0);
        }
    });
}

/// No one else was in the pool: the child has all of it, unlocked at first, locked again with its first allocation.
#[test]
fn the_child_of_a_quiet_process_has_its_slabs() {
    if !child_starts_threads() || !may_lock_memory() {
        return;
    }
    in_own_process(this_test!(), || {
        hooks::hold_scans();
        let list = nonpaged(256).build().unwrap();
        let blocks = take(&list, 5000);
        let before = pool_statistics(PoolKind::NonPaged);
        in_child(|| {
            let inherited = pool_statistics(PoolKind::NonPaged);
            assert_eq!(inherited, PoolStatistics { locked: 0, ..before });
            assert_eq!(locked_by_the_system(), 0);
            // More than P and L hold now.
            let more = take(&list, 200);
            let after = pool_statistics(PoolKind::NonPaged);
            assert_eq!((after.locked, locked_by_the_system()), (after.reserved, after.reserved));
            assert!(after.reserved >= before.reserved);
            assert_locked(&[&blocks[..], &more].concat(), 5200);
            give(&list, more);
            give(&list, blocks.clone());
            list.flush();
            let empty = pool_statistics(PoolKind::NonPaged);
            (empty.used, empty.lost, empty.locked, locked_by_the_system()) == (0, 0, 0, 0)
        });
        assert_eq!(pool_statistics(PoolKind::NonPaged), before);
        give(&list, blocks);
    });
}

/// The same of the arena, which serves requests of any size.
#[test]
fn the_child_of_a_quiet_process_has_its_arenas() {
    if !child_starts_threads() || !may_lock_memory() {
        return;
    }
    in_own_process(this_test!(), || {
        hooks::hold_scans();
        let tag = Tag::new(*b"Test");
        let take = |count| (0..count).map(|_| pool_allocate(PoolType::NON_PAGED_NX, 1000, tag)).collect::<Vec<_>>();
        // SAFETY: each block is freed once in each process.
        let give = |blocks: Vec<_>| blocks.into_iter().for_each(|block| unsafe { pool_free(block, tag) });
        let blocks = take(1000);
        let before = pool_statistics(PoolKind::NonPagedBestEffort);
        assert_eq!((before.locked, locked_by_the_system()), (before.reserved, before.reserved));
        in_child(|| {
            let inherited = pool_statistics(PoolKind::NonPagedBestEffort);
            assert_eq!(inherited, PoolStatistics { locked: 0, ..before });
            assert_eq!(locked_by_the_system(), 0);
            let more = take(10);
            let after = pool_statistics(PoolKind::NonPagedBestEffort);
            assert_eq!((after.locked, locked_by_the_system()), (before.reserved, before.reserved));
            give(more);
            give(blocks.clone());
            let empty = pool_statistics(PoolKind::NonPagedBestEffort);
            empty.used == 0 && empty.lost == 0
        });
        assert_eq!(pool_statistics(PoolKind::NonPagedBestEffort), before);
        give(blocks);
    });
}

/// In a child that may lock less than it inherited, strict lists fail, and say so; others go on.
#[test]
fn a_child_that_cannot_lock_again_reports_it() {
    if !child_starts_threads() {
        return;
    }
    with_lock_limit(this_test!(), "8388608", || {
        // Blocks come one by one, or the child finds some that the list keeps.
        let strict = nonpaged(256).batch(1).build().unwrap();
        let easy = nonpaged(256).batch(1).flags(ListFlags::BEST_EFFORT_LOCK).build().unwrap();
        let held = [take(&strict, 100), take(&easy, 100)];
        let locked = locked_by_the_system();
        assert_ne!(locked, 0);
        in_child(|| {
            let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            // SAFETY: the limit is valid.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &none) }, 0);
            assert!(strict.allocate().is_none());
            assert_eq!(nonpaged(64).build().unwrap_err(), Status::WORKING_SET_QUOTA);
            give(&easy, take(&easy, 10));
            let [strict, easy] = [PoolKind::NonPaged, PoolKind::NonPagedBestEffort].map(pool_statistics);
            (strict.failures, strict.locked, easy.failures, easy.locked) == (1, 0, 0, 0)
        });
        assert_eq!(locked_by_the_system(), locked);
        [strict, easy].iter().zip(held).for_each(|(list, blocks)| give(list, blocks));
    });
}

/// Takes blocks until the pool must have given some, and returns whether all are different and sound.
fn is_sound(list: &LookasideList) -> bool {
    let blocks = take(list, 600);
    let different = blocks.iter().collect::<HashSet<_>>().len() == blocks.len();
    for block in &blocks {
        // SAFETY: the block has 64 bytes.
        unsafe { block.write_bytes(0x5A, 64) };
    }
    give(list, blocks);
    list.flush();
    different
}

/// Forks while other threads are inside the arenas: no child meets a torn one, whatever page was copied when.
#[test]
fn the_child_of_a_busy_process_meets_no_torn_arena() {
    if !child_starts_threads() {
        return;
    }
    in_own_process(this_test!(), || {
        // Without caches each call goes to the arena.
        let list = |builder: Builder<'static>| builder.maximum_depth(1).build().unwrap();
        let lists = [
            list(nonpaged(64)),
            list(nonpaged(64).flags(ListFlags::BEST_EFFORT_LOCK)),
            list(LookasideList::builder(64).flags(ListFlags::PAGED_ARENAS)),
        ];
        let done = AtomicBool::new(false);
        let (mut torn, mut kept) = (0, 0);
        std::thread::scope(|scope| {
            for (thread, list) in lists.iter().enumerate() {
                let done = &done;
                scope.spawn(move || {
                    let mut held = Vec::new();
                    while !done.load(Relaxed) {
                        held.extend((0..1 + thread * 40).map(|_| list.allocate().unwrap()));
                        // Half of them are freed out of order.
                        let half = held.split_off(held.len() / 2);
                        give(list, half);
                        if held.len() > 500 {
                            give(list, std::mem::take(&mut held));
                            // Pauses, so that some forks find no one at work.
                            std::thread::sleep(std::time::Duration::from_micros(300));
                        }
                    }
                    give(list, held);
                });
            }
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                for _ in 0..forks() / 4 {
                    let mut pipe = [0; 2];
                    // SAFETY: there is room for two numbers.
                    assert_eq!(unsafe { libc::pipe(pipe.as_mut_ptr()) }, 0);
                    in_child(|| {
                        let before = pool_statistics(PoolKind::PagedArenas);
                        let sound = lists.iter().all(is_sound);
                        // A torn arena reserves its first chunk anew.
                        let torn = pool_statistics(PoolKind::PagedArenas).reserved > before.reserved;
                        let strict = pool_statistics(PoolKind::NonPaged);
                        assert_eq!((strict.locked, strict.used), (strict.reserved, 64 * strict.blocks));
                        // SAFETY: one byte is there.
                        unsafe { libc::write(pipe[1], (&raw const torn).cast(), 1) };
                        sound
                    });
                    let mut found = false;
                    // SAFETY: there is room for the byte that the child wrote, 0 or 1; both ends are ours.
                    unsafe {
                        assert_eq!(libc::read(pipe[0], (&raw mut found).cast(), 1), 1);
                        pipe.into_iter().for_each(|end| {
                            libc::close(end);
                        });
                    }
                    *if found { &mut torn } else { &mut kept } += 1;
                }
            }));
            done.store(true, Relaxed);
            if let Err(panic) = result {
                std::panic::resume_unwind(panic);
            }
        });
        println!("{torn} forks tore a paged arena, {kept} did not");
        for list in &lists {
            list.flush();
            assert_eq!(list.statistics().outstanding, 0);
        }
    });
}

/// A hook may look at all lists, also when the scan found what is reported.
#[test]
fn a_violation_that_a_scan_finds_is_reported_with_no_lock_held() {
    in_own_process(this_test!(), || {
        static REPORTS: AtomicUsize = AtomicUsize::new(0);
        fn look_around(_: &Violation<'_>) {
            let mut text = String::new();
            assert_eq!(report(&mut text), Ok(()));
            REPORTS.fetch_add(text.matches("scanned").count(), Relaxed);
        }
        set_violation_hook(Some(look_around));
        for topology in [Topology::General, Topology::Pair] {
            let list = LookasideList::builder(64).name("scanned").flags(ListFlags::PAGED_ARENAS).topology(topology);
            let list = list.initial_depth(100).build().unwrap();
            let blocks: Vec<_> = (0..50).map(|_| list.allocate().unwrap()).collect();
            let twice = blocks.clone();
            // SAFETY: the second frees are what is tested: the list keeps each block twice.
            blocks.into_iter().chain(twice).for_each(|block| unsafe { list.free(block) });
            while list.statistics().list.current_depth > 10 {
                adjust_depth();
            }
            assert_ne!(REPORTS.swap(0, Relaxed), 0);
        }
    });
}
