//! Slabs: the pages of a list's own, which go back to the system, and check what is freed.

use std::collections::HashSet;
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use crate::common::engines;
use crate::common::processes::{
    again, case, child_starts_threads, forks, give, in_child, in_own_process, is_emulated, operations, take, this_test,
    written_bytes,
};
use lookaside_core::{
    BugCheck, Builder, LookasideList, PoolKind, Tag, Topology, Violation, adjust_depth, hooks, pool_statistics,
    report_list, set_violation_hook,
};

static REPORTED: Mutex<Vec<(BugCheck, usize)>> = Mutex::new(Vec::new());

fn remember(violation: &Violation<'_>) {
    REPORTED.lock().unwrap().push((violation.bug_check, violation.block));
}

fn builders(size: usize) -> Vec<Builder<'static>> {
    let topologies = [Topology::Pair, Topology::General, Topology::Single];
    let each = engines().into_iter().flat_map(|engine| topologies.map(|topology| (engine, topology)));
    each.map(|(engine, topology)| LookasideList::builder(size).engine(engine).topology(topology)).collect()
}

fn page(block: &NonNull<u8>) -> usize {
    block.addr().get() / 4096
}

#[test]
fn lists_share_no_page() {
    let lists: Vec<_> = builders(48).into_iter().map(|builder| builder.build().unwrap()).collect();
    let blocks: Vec<Vec<_>> = lists.iter().map(|list| take(list, 200)).collect();
    let mut seen = HashSet::new();
    for (list, blocks) in lists.iter().zip(blocks) {
        let pages: HashSet<_> = blocks.iter().map(page).collect();
        assert!(list.statistics().resident >= pages.len() as u64 * 4096);
        assert!(pages.iter().all(|page| seen.insert(*page)), "a page of another list");
        give(list, blocks);
    }
}

/// An idle list keeps the blocks that the least depth allows it, and their pages alone.
#[test]
fn idle_lists_give_their_pages_back() {
    in_own_process(this_test!(), || {
        hooks::hold_scans();
        let blocks = operations().map_or(80_000, |operations| (operations / 50).clamp(1000, 80_000));
        for builder in builders(64) {
            let list = builder.build().unwrap();
            assert_eq!(list.statistics().resident, 0, "no block, no page");
            for _ in 0..8 {
                give(&list, take(&list, blocks));
            }
            assert!(list.statistics().resident >= blocks as u64 * 64);
            (0..3).for_each(|_| adjust_depth());
            let statistics = list.statistics();
            assert!(statistics.resident <= statistics.list.current_depth * 4096, "{statistics:?}");
            assert!(statistics.resident <= 64 << 10, "{statistics:?}");
            list.flush();
            assert_eq!(list.statistics().resident, 0);
        }
        assert_eq!(pool_statistics(PoolKind::Slabs).used, 0);
    });
}

/// Free slabs are not enough: of slabs with a block in use the other pages go too.
#[test]
fn fragmented_lists_give_free_pages_back() {
    let list = LookasideList::builder(1024).build().unwrap();
    let (kept, given): (Vec<_>, Vec<_>) = take(&list, 10_000).into_iter().enumerate().partition(|(n, _)| n % 50 == 0);
    give(&list, given.into_iter().map(|(_, block)| block).collect());
    list.flush();
    let resident = list.statistics().resident;
    assert!(resident <= 2 * kept.len() as u64 * 4096, "{resident} bytes for {} blocks", kept.len());
    give(&list, kept.into_iter().map(|(_, block)| block).collect());
}

/// What takes much memory may be in large pages: what no block was ever on is given back with the rest of them.
#[test]
fn large_pages_are_given_back() {
    if is_emulated() {
        return eprintln!("SKIP: an emulator has memory of its own beside the program's");
    }
    in_own_process(this_test!(), || {
        hooks::hold_scans();
        let list = LookasideList::builder(4096).maximum_depth(4).build().unwrap();
        let before = written_bytes();
        // Behind the first 64 MiB, and most of the last large page is not used.
        let blocks = take(&list, (70 << 20) / 4096 + 1);
        // SAFETY: the blocks have 4,096 bytes.
        blocks.iter().for_each(|block| unsafe { block.write_bytes(1, 4096) });
        assert!(written_bytes() > before + (70 << 20));
        // For the vector, and what is known of each slab.
        let beside = blocks.len() as u64 * 8 + (72 << 20 >> 16) * 640;
        give(&list, blocks);
        list.flush();
        let after = written_bytes();
        assert!(after <= before + beside + (256 << 10), "{before} before, {after} after");
    });
}

/// What the fast path does not look at is found when it leaves the list, and has no effect then.
#[test]
fn misuse_is_found_when_a_block_leaves_its_list() {
    in_own_process(this_test!(), || {
        set_violation_hook(Some(remember));
        for builder in builders(64) {
            let (list, other) = (builder.tag(Tag::new(*b"Test")).build().unwrap(), LookasideList::new(64).unwrap());
            let [twice, inside] = [list.allocate().unwrap(), list.allocate().unwrap()];
            let foreign = other.allocate().unwrap();
            let on_heap = NonNull::new(Box::into_raw(Box::new([0u128; 4]))).unwrap().cast();
            // SAFETY: 16 bytes further the block goes on.
            let within = unsafe { inside.add(16) };
            // SAFETY: each call is a misuse that is found before it has an effect, but for the first free of `twice`.
            unsafe {
                list.free(twice);
                list.flush();
                [twice, foreign, on_heap, within].into_iter().for_each(|block| list.free(block));
                list.flush();
            }
            let mut reported = std::mem::take(&mut *REPORTED.lock().unwrap());
            let mut expected = vec![
                (BugCheck::FREED_TWICE, twice.addr().get()),
                (BugCheck::NEVER_ALLOCATED, foreign.addr().get()),
                (BugCheck::NEVER_ALLOCATED, on_heap.addr().get()),
                (BugCheck::NEVER_ALLOCATED, within.addr().get()),
            ];
            reported.sort_by_key(|(_, block)| *block);
            expected.sort_by_key(|(_, block)| *block);
            assert_eq!(reported, expected);
            // SAFETY: both are out still, since the frees had no effect; the box was never freed.
            unsafe {
                list.free(inside);
                other.free(foreign);
                drop(Box::from_raw(on_heap.as_ptr().cast::<[u128; 4]>()));
            }
            drop((list, other));
            assert_eq!(*REPORTED.lock().unwrap(), []);
        }
    });
}

/// A list that ends with blocks out keeps their slabs until the last is back.
#[test]
fn a_deleted_list_gives_all_back_with_its_last_block() {
    if is_emulated() {
        return eprintln!("SKIP: an emulator has memory of its own beside the program's");
    }
    in_own_process(this_test!(), || {
        let mut list = lookaside_core::RawList::zeroed();
        // SAFETY: the object stays where it is; each block is freed once.
        unsafe {
            assert!(lookaside_core::RawList::initialize(&mut list, &lookaside_core::Parameters::new(64)).is_success());
            let blocks: Vec<_> = (0..5000).map(|_| lookaside_core::RawList::allocate(&list)).collect();
            blocks.iter().for_each(|block| block.write_bytes(1, 64));
            let before = written_bytes();
            assert_eq!(lookaside_core::RawList::delete(&mut list), lookaside_core::Status::PENDING);
            blocks.into_iter().for_each(|block| lookaside_core::RawList::free_checked(&list, block));
            assert!(written_bytes() + 5000 * 64 <= before + (64 << 10));
        }
    });
}

/// Threads take and give while the process forks: each child has sound slabs, and gives all of them back.
#[test]
fn a_fork_at_any_moment_leaves_sound_slabs() {
    if !child_starts_threads() {
        return;
    }
    in_own_process(this_test!(), || {
        for builder in builders(200) {
            let list = builder.maximum_depth(4).build().unwrap();
            let stop = AtomicBool::new(false);
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        while !stop.load(Relaxed) {
                            give(&list, take(&list, 500));
                        }
                    });
                }
                for _ in 0..forks() / 4 {
                    in_child(|| {
                        for _ in 0..5 {
                            let blocks = take(&list, 1000);
                            let different: HashSet<_> = blocks.iter().collect();
                            assert_eq!(different.len(), 1000, "each block is given once");
                            // SAFETY: the blocks have 200 bytes.
                            blocks.iter().for_each(|block| unsafe { block.write_bytes(1, 200) });
                            give(&list, blocks);
                        }
                        list.flush();
                        true
                    });
                }
                stop.store(true, Relaxed);
            });
        }
    });
}

/// Where addresses are scarce the range is small, and the process heap serves beyond it.
#[test]
fn scarce_addresses_are_made_up_for_by_the_heap() {
    let body = || {
        let list = LookasideList::builder(64 << 10).build().unwrap();
        let blocks = take(&list, 800);
        let slabs = pool_statistics(PoolKind::Slabs);
        assert!(slabs.fallbacks > 0 && slabs.limit <= 32 << 20, "{slabs:?}");
        assert_eq!(slabs.used, 800 * (64 << 10));
        give(&list, blocks);
        list.flush();
        assert_eq!(pool_statistics(PoolKind::Slabs).used, 0);
    };
    if case().is_some() {
        return body();
    }
    if is_emulated() {
        return eprintln!("SKIP: an emulator needs addresses itself");
    }
    let output = again(this_test!(), "run", &["prlimit", "--as=268435456"]);
    assert!(output.status.success(), "{output:?}");
}

/// A list that can have no memory at all returns null, and goes on when there is some again.
#[test]
fn no_memory_is_a_null() {
    if is_emulated() {
        return eprintln!("SKIP: an emulator sets no limit of memory");
    }
    in_own_process(this_test!(), || {
        let list = LookasideList::builder(1 << 20).build().unwrap();
        let set_limit = |bytes| {
            let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
            // SAFETY: the limit is there to be read.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_DATA, &limit) }, 0);
        };
        set_limit(48 << 20);
        let mut blocks: Vec<_> = Vec::with_capacity(1000);
        while let Some(block) = list.allocate() {
            blocks.push(block);
        }
        assert!(!blocks.is_empty() && blocks.len() < 48, "{}", blocks.len());
        assert!(list.statistics().pool_failures > 0);
        set_limit(libc::RLIM_INFINITY);
        blocks.extend(take(&list, 50));
        // SAFETY: the blocks have a mebibyte.
        blocks.iter().for_each(|block| unsafe { block.write_bytes(1, 1 << 20) });
        give(&list, blocks);
    });
}

#[test]
fn the_report_shows_resident_bytes() {
    let list = LookasideList::new(64).unwrap();
    let block = list.allocate().unwrap();
    let mut text = String::new();
    // SAFETY: the list is there.
    unsafe { report_list(list.as_raw(), &mut text) }.unwrap().unwrap();
    assert!(text.ends_with("    Resident       =       4096\n"), "{text}");
    // SAFETY: the block is freed once.
    unsafe { list.free(block) };
    let callbacks = LookasideList::builder(64).flags(lookaside_core::ListFlags::VERIFY).build().unwrap();
    text.clear();
    // SAFETY: as above.
    unsafe { report_list(callbacks.as_raw(), &mut text) }.unwrap().unwrap();
    assert!(!text.contains("Resident"), "{text}");
}
