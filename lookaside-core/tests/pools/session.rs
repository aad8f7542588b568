//! The session pool: parent and children on the same memory at once.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicUsize, fence};

use crate::common::assert_identities;
use crate::common::processes::{child_starts_threads, end, forks, give, in_own_process, start, take, this_test};
use lookaside_core::{
    AllocateCallback, FreeCallback, LookasideList, PoolKind, PoolType, Tag, Topology, hooks, pool_statistics,
};

fn session(size: usize) -> LookasideList {
    LookasideList::builder(size).pool_type(PoolType::NON_PAGED_SESSION).build().unwrap()
}

#[test]
fn the_child_leaves_cached_blocks_to_the_parent() {
    if !child_starts_threads() {
        return;
    }
    in_own_process(this_test!(), || {
        hooks::hold_scans();
        let list = session(64);
        list.prefill(20).unwrap();
        let kept = take(&list, 3);
        give(&list, kept);
        let cached = list.statistics().list.current_depth;
        assert_eq!(cached, 20);
        end(start(|| {
            let statistics = list.statistics();
            assert_identities(&statistics);
            statistics.list.current_depth == 0 && statistics.list.removed == 20 && statistics.outstanding == 0
        }));
        assert_eq!(list.statistics().list.current_depth, 20);
        assert_identities(&list.statistics());
    });
}

/// Blocks pass between processes through a ring in a session block: each is in one process only, with its contents,
/// and freed where it arrives.
#[test]
fn processes_allocate_free_and_pass_blocks_at_once() {
    if !child_starts_threads() {
        return;
    }
    in_own_process(this_test!(), || {
        const RING: usize = 64;
        const BLOCKS: usize = 30_000;
        const CHILDREN: usize = 3;
        #[repr(C)]
        struct Ring {
            slots: [AtomicUsize; RING],
            taken: AtomicUsize,
        }
        let list = session(256);
        let rings = session(size_of::<Ring>());
        let ring = rings.allocate().unwrap();
        // SAFETY: the block is large enough, and ours until the children have ended.
        let ring: &Ring = unsafe {
            ring.write_bytes(0, size_of::<Ring>());
            ring.cast().as_ref()
        };
        let sum = |block: NonNull<u8>| {
            // SAFETY: the block has 256 bytes, which its sender wrote.
            unsafe { block.cast::<[usize; 32]>().read() }.iter().fold(0, |sum: usize, word| sum.wrapping_add(*word))
        };
        let children: Vec<_> = (0..CHILDREN)
            .map(|child| {
                let list = &list;
                start(move || {
                    let mut private = Vec::new();
                    while ring.taken.load(Relaxed) < BLOCKS {
                        // Its own blocks come and go meanwhile.
                        private.extend(list.allocate());
                        if private.len() > 40 {
                            give(list, std::mem::take(&mut private));
                        }
                        for slot in &ring.slots {
                            let address = slot.load(Relaxed);
                            // 1: a child is taking it; 0: empty.
                            if address > 1 && slot.compare_exchange(address, 1, Acquire, Relaxed).is_ok() {
                                let block = NonNull::new(address as *mut u8).unwrap();
                                assert_eq!(sum(block), address.wrapping_mul(32), "child {child}");
                                // SAFETY: the block is whole and this process' now.
                                unsafe { list.free(block) };
                                ring.taken.fetch_add(1, Relaxed);
                                slot.store(0, Release);
                            }
                        }
                        std::thread::yield_now();
                    }
                    give(list, private);
                    list.flush();
                    true
                })
            })
            .collect();
        let mut sent = 0;
        while sent < BLOCKS {
            for slot in &ring.slots {
                if slot.load(Acquire) == 0 && sent < BLOCKS {
                    let block = list.allocate().unwrap();
                    // SAFETY: the block has 256 bytes.
                    unsafe { block.cast::<[usize; 32]>().write([block.addr().get(); 32]) };
                    slot.store(block.addr().get(), Release);
                    sent += 1;
                }
            }
            std::thread::yield_now();
        }
        children.into_iter().for_each(end);
        fence(Acquire);
        assert_eq!(ring.taken.load(Relaxed), BLOCKS);
        list.flush();
        let now = pool_statistics(PoolKind::Session);
        // The ring alone is left; the numbers are those of all processes.
        assert_eq!((now.blocks, now.failures, now.lost), (1, 0, 0));
        assert!(now.peak > now.used && now.reserved <= now.limit, "{now:?}");
        give(&rings, vec![NonNull::from(ring).cast()]);
    });
}

/// Children are killed while they work in the pool: the parent never waits for a dead one. If one died inside, the pool
/// gives nothing more and drops what comes, and counts both; what was given stays readable.
#[test]
fn a_process_that_dies_in_the_pool_stops_nobody() {
    if !child_starts_threads() {
        return;
    }
    in_own_process(this_test!(), || {
        let list = LookasideList::builder(64).pool_type(PoolType::PAGED_SESSION).maximum_depth(1).build().unwrap();
        let mine = take(&list, 100);
        for block in &mine {
            // SAFETY: the block has 64 bytes.
            unsafe { block.write_bytes(0x42, 64) };
        }
        let mut torn = false;
        for round in 0..forks() * 4 {
            let child = start(|| {
                loop {
                    let blocks: Vec<_> = (0..30).filter_map(|_| list.allocate()).collect();
                    give(&list, blocks);
                }
            });
            std::thread::sleep(std::time::Duration::from_micros(200 + round as u64 % 800));
            // SAFETY: the child is this process'; it is waited for only after the pool was asked.
            unsafe { libc::kill(child, libc::SIGKILL) };
            list.flush();
            let block = list.allocate();
            torn = pool_statistics(PoolKind::Session).failures > 0;
            match block {
                Some(block) => give(&list, vec![block]),
                None => assert!(torn),
            }
            let mut status = 0;
            // SAFETY: as above.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            if torn {
                break;
            }
        }
        println!("a child {} inside the pool", if torn { "died" } else { "never died" });
        for block in &mine {
            // SAFETY: the block was written.
            assert_eq!(unsafe { block.cast::<[u8; 64]>().read() }, [0x42; 64]);
        }
        let held = mine.len() as u64;
        give(&list, mine);
        list.flush();
        let now = pool_statistics(PoolKind::Session);
        assert!(if torn { now.lost >= held } else { now.lost == 0 }, "{now:?}");
    });
}

#[test]
fn the_pool_ends_at_its_limit() {
    in_own_process(this_test!(), || {
        let list = session(1 << 20);
        let blocks: Vec<_> = std::iter::from_fn(|| list.allocate()).collect();
        let now = pool_statistics(PoolKind::Session);
        assert_eq!((now.limit, now.failures), (64 << 20, 1));
        assert!(blocks.len() > 50 && now.reserved <= now.limit && now.used == (blocks.len() as u64) << 20, "{now:?}");
        give(&list, blocks);
        list.flush();
        assert_eq!(pool_statistics(PoolKind::Session).used, 0);
    });
}

/// Blocks of a pair are those of its L, whatever routines the pair was made with, which are never called.
#[test]
fn the_child_leaves_blocks_of_pairs_over_a_shared_list_to_the_parent() {
    if !child_starts_threads() {
        return;
    }
    unsafe extern "C-unwind" fn never(_: PoolType, _: usize, _: Tag) -> *mut c_void {
        unreachable!()
    }
    let general = LookasideList::builder(64).pool_type(PoolType::NON_PAGED_SESSION).topology(Topology::General);
    let lower = general.build().unwrap();
    let pair = LookasideList::builder(64).pool_type(PoolType::NON_PAGED_SESSION);
    // SAFETY: the routine is never called; the pair is dropped before L, which is not moved.
    let pair = unsafe {
        pair.shared(&lower).callbacks(AllocateCallback::Plain(never), FreeCallback::Default).build().unwrap()
    };
    let block = pair.allocate().unwrap();
    give(&pair, vec![block]);
    assert_eq!(pair.statistics().list.current_depth, 1);
    end(start(|| pair.statistics().list.current_depth == 0));
    assert_eq!(pair.statistics().list.current_depth, 1);
}
