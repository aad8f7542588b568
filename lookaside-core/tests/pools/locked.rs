//! Nonpaged lists over slabs: what is locked is what is counted, and what their blocks are on.

use std::ptr::NonNull;
use std::sync::Mutex;

use crate::common::engines;
use crate::common::processes::{
    child_starts_threads, give, in_child, in_own_process, is_emulated, may_lock_memory, take, this_test,
    with_lock_limit,
};
use lookaside_core::{
    BugCheck, Builder, ListFlags, LookasideList, PoolKind, PoolType, Status, Tag, Topology, Violation, adjust_depth,
    hooks, pool_statistics, report_list, set_violation_hook,
};

const PAGE: u64 = 4096;

fn nonpaged(size: usize) -> Builder<'static> {
    LookasideList::builder(size).pool_type(PoolType::NON_PAGED_NX).tag(Tag::new(*b"Test"))
}

/// `VmLck` of this process in bytes.
pub fn locked_by_the_system() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmLck:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Whether the pages of these bytes are in memory.
pub fn is_resident(block: NonNull<u8>, size: usize) -> bool {
    let first = block.as_ptr().map_addr(|address| address & !4095);
    let mut pages = vec![0u8; (block.as_ptr().addr() + size - first.addr()).div_ceil(4096)];
    // SAFETY: the range is mapped, and there is a byte for each page.
    assert_eq!(unsafe { libc::mincore(first.cast(), pages.len() * 4096, pages.as_mut_ptr()) }, 0);
    pages.iter().all(|page| page & 1 != 0)
}

/// Looks how many of these blocks are in mappings that are locked, as the system says.
#[track_caller]
pub fn assert_locked(blocks: &[NonNull<u8>], count: usize) {
    if is_emulated() {
        // An emulator has mappings of its own.
        return;
    }
    let mut locked = Vec::new();
    let mut mapping = 0..0;
    for line in std::fs::read_to_string("/proc/self/smaps").unwrap().lines() {
        let number = |text: &str| usize::from_str_radix(text, 16).ok();
        let range = line.split_once(' ').and_then(|(range, _)| range.split_once('-'));
        if let Some((from, to)) = range.and_then(|(from, to)| Some((number(from)?, number(to)?))) {
            mapping = from..to;
        } else if line.starts_with("VmFlags:") && line.split_whitespace().any(|flag| flag == "lo") {
            locked.push(mapping.clone());
        }
    }
    let is_locked = |block: &&NonNull<u8>| locked.iter().any(|mapping| mapping.contains(&block.addr().get()));
    assert_eq!(blocks.iter().filter(is_locked).count(), count);
}

/// What a strict list holds is locked, and nothing else; returns how much that is.
#[track_caller]
fn assert_all_counted(list: &LookasideList) -> u64 {
    let pool = pool_statistics(PoolKind::NonPaged);
    let resident = list.statistics().resident;
    assert_eq!((pool.locked, pool.reserved, locked_by_the_system()), (resident, resident, resident));
    resident
}

#[test]
fn what_is_locked_is_what_is_counted() {
    if !may_lock_memory() {
        return;
    }
    in_own_process(this_test!(), || {
        hooks::hold_scans();
        for (number, engine) in engines().into_iter().enumerate() {
            // A general list has no parts of processors, which are all that an engine is for.
            let topologies = [Topology::Pair, Topology::Single, Topology::General];
            for &topology in if number == 0 { &topologies[..] } else { &topologies[..2] } {
                for size in [16, 64, 100, 3000, 4096, 5000, 30_000, 70_000] {
                    let list = nonpaged(size).engine(engine).topology(topology).build().unwrap();
                    let most = (1 << 20) / size;
                    let mut held = Vec::new();
                    for round in 0..4 {
                        held.extend(take(&list, most / 2 * (1 + round % 2)));
                        assert!(held.iter().all(|block| is_resident(*block, size)));
                        assert!(assert_all_counted(&list) >= (held.len() * size) as u64);
                        let (kept, given): (Vec<_>, Vec<_>) = held.drain(..).enumerate().partition(|(n, _)| n % 7 == 0);
                        held.extend(kept.into_iter().map(|(_, block)| block));
                        give(&list, given.into_iter().map(|(_, block)| block).collect());
                        assert_all_counted(&list);
                        // Idle pages are unlocked, and go.
                        let before = assert_all_counted(&list);
                        list.flush();
                        assert!(assert_all_counted(&list) <= before);
                    }
                    give(&list, held);
                    assert_all_counted(&list);
                    (0..4).for_each(|_| adjust_depth());
                    let statistics = list.statistics();
                    let stride = (size as u64).next_multiple_of(16);
                    let keeps = statistics.list.current_depth;
                    assert!(assert_all_counted(&list) <= keeps * (stride + 2 * PAGE), "{statistics:?}");
                    assert_eq!(pool_statistics(PoolKind::NonPaged).used, keeps * stride);
                    drop(list);
                    assert_eq!((pool_statistics(PoolKind::NonPaged).locked, locked_by_the_system()), (0, 0));
                }
            }
        }
    });
}

/// The pool of pairs over a shared list is that list's slabs: they lock nothing beside it.
#[test]
fn pairs_over_a_nonpaged_list_lock_what_it_locks() {
    in_own_process(this_test!(), || {
        hooks::hold_scans();
        let shared = nonpaged(64).topology(Topology::General).build().unwrap();
        // SAFETY: the shared list outlives the pairs.
        let pair = || unsafe { nonpaged(64).shared(&shared) }.build().unwrap();
        let pairs = [pair(), pair(), pair()];
        assert_eq!(assert_all_counted(&shared), 0);
        let blocks: Vec<_> = pairs.iter().map(|pair| take(pair, 1)).collect();
        assert_eq!(assert_all_counted(&shared), PAGE);
        pairs.iter().zip(blocks).for_each(|(pair, blocks)| give(pair, blocks));
        drop(pairs);
    });
}

/// An empty list locks nothing, a block its page, and a list that grows an eighth more at most.
#[test]
fn lists_lock_the_pages_that_their_blocks_are_on() {
    if !may_lock_memory() {
        return;
    }
    in_own_process(this_test!(), || {
        hooks::hold_scans();
        let lists: Vec<_> = (0..100).map(|_| nonpaged(64).build().unwrap()).collect();
        assert_eq!(locked_by_the_system(), 0);
        let blocks: Vec<_> = lists.iter().map(|list| take(list, 1)).collect();
        assert_eq!(locked_by_the_system(), 100 * PAGE);
        assert_locked(&blocks.concat(), 100);
        lists.iter().zip(blocks).for_each(|(list, blocks)| give(list, blocks));
        drop(lists);
        assert_eq!(locked_by_the_system(), 0);
        let list = nonpaged(64).batch(1).build().unwrap();
        let mut blocks = Vec::new();
        for count in 1..10_000u64 {
            blocks.extend(list.allocate());
            let needed = (count * 64).next_multiple_of(PAGE);
            let locked = list.statistics().resident;
            assert!((needed..=needed + needed / 8).contains(&locked), "{locked} for {needed}");
        }
        assert_all_counted(&list);
        give(&list, blocks);
    });
}

/// 64 KiB, as older systems have it, are enough for a small list; then it fails. What it has locked serves on, however it
/// is spread over slabs.
#[test]
fn a_strict_list_uses_what_may_be_locked() {
    with_lock_limit(this_test!(), "65536", || {
        for size in [48, 1000, 4096] {
            let list = nonpaged(size).initial_depth(64).build().unwrap();
            let blocks: Vec<_> = std::iter::from_fn(|| list.allocate()).collect();
            assert_eq!(blocks.len(), 65_536 / size.next_multiple_of(16), "all pages have all their blocks");
            assert_eq!(assert_all_counted(&list), 65_536);
            assert!(blocks.iter().all(|block| is_resident(*block, size)));
            assert_eq!(list.statistics().pool_failures, 1);
            // A second list finds nothing to lock, and leaves nothing.
            let other = nonpaged(size).build().unwrap();
            assert!(other.allocate().is_none());
            assert_eq!((other.statistics().pool_failures, other.statistics().resident), (1, 0));
            // Once the first gives some back, it does.
            let half = blocks.len() / 2;
            let (kept, given) = blocks.split_at(half);
            give(&list, given.to_vec());
            list.flush();
            let freed = 65_536 - assert_all_counted(&list);
            let of_other: Vec<_> = std::iter::from_fn(|| other.allocate()).collect();
            assert!(of_other.len() as u64 >= freed / PAGE * (PAGE / size.next_multiple_of(16) as u64).max(1));
            assert_eq!((pool_statistics(PoolKind::NonPaged).locked, locked_by_the_system()), (65_536, 65_536));
            // And the first has all of those again that lie on its pages.
            let again: Vec<_> = std::iter::from_fn(|| list.allocate()).collect();
            assert!((half + again.len()) * size.next_multiple_of(16) <= 65_536 - freed as usize);
            give(&other, of_other);
            give(&list, again);
            give(&list, kept.to_vec());
            drop((list, other));
            assert_eq!((pool_statistics(PoolKind::NonPaged).used, locked_by_the_system()), (0, 0));
        }
    });
}

/// Where no page can be locked more, free blocks on locked pages are found in whichever slab they are.
#[test]
fn free_blocks_on_locked_pages_are_found() {
    with_lock_limit(this_test!(), "131072", || {
        let list = nonpaged(1024).topology(Topology::General).maximum_depth(1).batch(1).build().unwrap();
        let mut blocks: Vec<_> = std::iter::from_fn(|| list.allocate()).collect();
        assert_eq!(blocks.len(), 128);
        // The first slab loses a page, which another list locks, and keeps the others in use: it is the fuller one, which
        // is asked first. Of each page of the second two blocks become free.
        blocks.sort();
        let (mut kept, mut given) = (Vec::new(), Vec::new());
        for (number, block) in blocks.into_iter().enumerate() {
            let free = if number < 64 { number < 4 } else { number % 4 < 2 };
            if free { given.push(block) } else { kept.push(block) }
        }
        give(&list, given);
        list.flush();
        assert_eq!(assert_all_counted(&list), 131_072 - PAGE);
        let other = nonpaged(64).batch(1).build().unwrap();
        let of_other = take(&other, 1);
        assert_eq!(locked_by_the_system(), 131_072);
        let again: Vec<_> = std::iter::from_fn(|| list.allocate()).collect();
        assert_eq!((again.len(), locked_by_the_system()), (32, 131_072));
        give(&other, of_other);
        give(&list, again);
        give(&list, kept);
    });
}

/// A list that may do without goes on when no more can be locked: what is, is counted, and its row says that not all is.
#[test]
fn a_list_of_best_effort_goes_on_beyond_the_limit() {
    with_lock_limit(this_test!(), "65536", || {
        let list = nonpaged(1000).flags(ListFlags::BEST_EFFORT_LOCK).build().unwrap();
        let row = |list: &LookasideList| {
            let mut text = String::new();
            // SAFETY: the list exists.
            unsafe { report_list(list.as_raw(), &mut text) }.unwrap().unwrap();
            text
        };
        let few = take(&list, 4);
        assert!(!row(&list).contains("Locked"), "{}", row(&list));
        let many = take(&list, 1000);
        assert!(many.iter().all(|block| is_resident(*block, 1000)));
        let pool = pool_statistics(PoolKind::NonPagedBestEffort);
        assert_eq!((pool.locked, locked_by_the_system(), pool.failures), (65_536, 65_536, 0));
        assert_eq!(pool.reserved, list.statistics().resident);
        assert!(pool.reserved > 1_000_000 && row(&list).contains("Locked         =         no"), "{}", row(&list));
        give(&list, many);
        give(&list, few);
        list.flush();
        let pool = pool_statistics(PoolKind::NonPagedBestEffort);
        assert_eq!((pool.reserved, pool.locked, pool.used, locked_by_the_system()), (0, 0, 0, 0));
        assert!(!row(&list).contains("Locked"));
    });
}

/// Blocks of a list that ended stay locked, and are counted, until they come back.
#[test]
fn blocks_out_stay_locked_when_their_list_ends() {
    if !may_lock_memory() {
        return;
    }
    in_own_process(this_test!(), || {
        hooks::hold_scans();
        let list = nonpaged(1000).build().unwrap();
        let blocks = take(&list, 200);
        drop(list);
        let pool = pool_statistics(PoolKind::NonPaged);
        assert_eq!((pool.blocks, pool.used), (200, 200 * 1008));
        assert_eq!((pool.locked, pool.reserved, locked_by_the_system()), (pool.reserved, pool.reserved, pool.reserved));
        assert_locked(&blocks, 200);
    });
}

/// In the child each list locks what it has before it takes more; until then nothing of it is.
#[test]
fn a_child_locks_each_list_again() {
    if !child_starts_threads() || !may_lock_memory() {
        return;
    }
    in_own_process(this_test!(), || {
        hooks::hold_scans();
        let lists = [nonpaged(64), nonpaged(4096), nonpaged(100_000)].map(|builder| builder.batch(1).build().unwrap());
        let held: Vec<_> = lists.iter().map(|list| take(list, 5)).collect();
        in_child(|| {
            assert_eq!((pool_statistics(PoolKind::NonPaged).locked, locked_by_the_system()), (0, 0));
            for (list, held) in lists.iter().zip(&held) {
                assert_locked(held, 0);
                let block = list.allocate().unwrap();
                assert_locked(&[&held[..], &[block]].concat(), 6);
                let pool = pool_statistics(PoolKind::NonPaged);
                assert_eq!(pool.locked, locked_by_the_system());
                give(list, vec![block]);
            }
            let pool = pool_statistics(PoolKind::NonPaged);
            assert_eq!(pool.locked, pool.reserved);
            lists.iter().zip(held.clone()).for_each(|(list, blocks)| give(list, blocks));
            lists.iter().for_each(LookasideList::flush);
            // And what a child frees without having locked it before is not counted twice.
            (pool_statistics(PoolKind::NonPaged).locked, locked_by_the_system()) == (0, 0)
        });
        in_child(|| {
            lists.iter().zip(held.clone()).for_each(|(list, blocks)| give(list, blocks));
            lists.iter().for_each(LookasideList::flush);
            let pool = pool_statistics(PoolKind::NonPaged);
            (pool.reserved, pool.locked, locked_by_the_system()) == (0, 0, 0)
        });
        lists.iter().zip(held).for_each(|(list, blocks)| give(list, blocks));
    });
}

static REPORTED: Mutex<Vec<(BugCheck, usize)>> = Mutex::new(Vec::new());

/// As on paged lists: a second free, a block of another list or of no list, and the middle of a block.
#[test]
fn misuse_of_nonpaged_lists_is_found() {
    in_own_process(this_test!(), || {
        set_violation_hook(Some(|violation: &Violation<'_>| {
            REPORTED.lock().unwrap().push((violation.bug_check, violation.block));
        }));
        let (list, other) = (nonpaged(64).build().unwrap(), nonpaged(64).build().unwrap());
        let paged = LookasideList::new(64).unwrap();
        let [twice, inside] = [list.allocate().unwrap(), list.allocate().unwrap()];
        let [foreign, of_paged] = [other.allocate().unwrap(), paged.allocate().unwrap()];
        let on_heap = NonNull::from(Box::leak(Box::new([0u128; 4]))).cast();
        // SAFETY: each call is a misuse that is found before it has an effect, but for the first free of `twice`, and
        // those at the end.
        unsafe {
            let within = inside.add(16);
            list.free(twice);
            list.flush();
            [twice, foreign, of_paged, on_heap, within].into_iter().for_each(|block| list.free(block));
            list.flush();
            let mut expected = [
                (BugCheck::FREED_TWICE, twice.addr().get()),
                (BugCheck::NEVER_ALLOCATED, foreign.addr().get()),
                (BugCheck::NEVER_ALLOCATED, of_paged.addr().get()),
                (BugCheck::NEVER_ALLOCATED, on_heap.addr().get()),
                (BugCheck::NEVER_ALLOCATED, within.addr().get()),
            ];
            let mut reported = std::mem::take(&mut *REPORTED.lock().unwrap());
            reported.sort_by_key(|(_, block)| *block);
            expected.sort_by_key(|(_, block)| *block);
            assert_eq!(reported, expected);
            list.free(inside);
            other.free(foreign);
            paged.free(of_paged);
        }
        [&list, &other].into_iter().for_each(LookasideList::flush);
        assert_eq!((pool_statistics(PoolKind::NonPaged).used, locked_by_the_system()), (0, 0));
        set_violation_hook(None);
    });
}

/// Where nothing can be locked a strict list is refused, also in the child that may lock less than its parent.
#[test]
fn a_child_that_may_lock_nothing_has_no_strict_lists() {
    if !child_starts_threads() {
        return;
    }
    with_lock_limit(this_test!(), "65536", || {
        drop(nonpaged(64).build().unwrap());
        in_child(|| {
            let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            // SAFETY: the limit is valid.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &none) }, 0);
            nonpaged(64).build().unwrap_err() == Status::WORKING_SET_QUOTA && locked_by_the_system() == 0
        });
    });
}
