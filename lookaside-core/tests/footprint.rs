//! What a list costs beside its blocks, in resident memory; the 4,097th list; what fresh blocks cost before they are used;
//! and what a burst leaves. One test: it measures the process.

use std::alloc::{GlobalAlloc, Layout};
use std::ptr::NonNull;

use lookaside_core::{EngineKind, LookasideAlloc, LookasideList, adjust_depth, engine};

const LISTS: usize = 4096;

fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<usize>().unwrap() * 1024
}

#[test]
fn lists_and_fresh_zeroes_are_small() {
    fresh_zeroes_are_small();
    lists_are_small();
    a_burst_leaves_little();
}

/// When the blocks of a burst are back, neither they nor what was known of them stays in memory.
fn a_burst_leaves_little() {
    const BLOCKS: usize = 1_000_000;
    let list = LookasideList::new(64).unwrap();
    let mut held: Vec<NonNull<u8>> = Vec::with_capacity(BLOCKS);
    // The list and the vector have what they need, the list with its lists at their depth.
    let mut burst = |blocks: usize| {
        held.extend((0..blocks).map(|_| list.allocate().unwrap()));
        for block in held.drain(..) {
            // SAFETY: the block is of this list, and freed once.
            unsafe { list.free(block) };
        }
        list.flush();
        (0..4).for_each(|_| adjust_depth());
        resident_bytes()
    };
    burst(BLOCKS / 50);
    let before = burst(BLOCKS / 50);
    let more = burst(BLOCKS).saturating_sub(before);
    println!("after a burst of {BLOCKS} blocks: {more} bytes more");
    // The vector's own pages, and little else. By the engine `Heap` the C library may keep all.
    let vector = BLOCKS * size_of::<NonNull<u8>>();
    assert!(engine() == EngineKind::Heap || more < vector + (128 << 10), "{more}");
}

/// Of large blocks that are asked for with zeroes, and are the system's still, no more is in memory than is used.
fn fresh_zeroes_are_small() {
    const BLOCKS: usize = 500;
    let heap = LookasideAlloc::new();
    let [small, large] = [16, 32 << 10].map(|size| Layout::from_size_align(size, 16).unwrap());
    // SAFETY: each block is given back once, by its layout.
    unsafe {
        while heap.statistics(16).is_none() {
            heap.dealloc(heap.alloc(small), small);
        }
        let mut blocks = Vec::with_capacity(BLOCKS);
        blocks.push(heap.alloc_zeroed(large));
        let before = resident_bytes();
        blocks.extend((1..BLOCKS).map(|_| heap.alloc_zeroed(large)));
        let more = resident_bytes().saturating_sub(before);
        // By the engine `Heap` the C library gives them, which keeps its own words between them.
        let most = if engine() == EngineKind::Heap { usize::MAX } else { BLOCKS * large.size() / 8 };
        assert!(more < most, "{BLOCKS} blocks of {} bytes that no one touched: {more}", large.size());
        for block in blocks {
            heap.dealloc(block, large);
        }
    }
}

fn lists_are_small() {
    // What the test itself needs is there before the first look: the vector's pages, and what the first list sets up.
    let mut lists: Vec<LookasideList> = Vec::with_capacity(LISTS + 1);
    // SAFETY: spare capacity may be written with anything.
    unsafe { lists.spare_capacity_mut().as_mut_ptr().write_bytes(0xFF, LISTS + 1) };
    lists.push(LookasideList::new(64).unwrap());
    let block = lists[0].allocate().unwrap();
    // SAFETY: the block is of this list, and freed once.
    unsafe { lists[0].free(block) };
    let processors = lists[0].statistics().processors;
    let before_use = resident_bytes();
    for _ in 0..LISTS {
        lists.push(LookasideList::new(64).unwrap());
    }
    let unused = resident_bytes().saturating_sub(before_use);
    println!("a list that was never used: {} bytes", unused / LISTS);

    // Used up to a depth of 256 on this processor, then the blocks given back, so that what stays is the list.
    let mut held: Vec<NonNull<u8>> = Vec::with_capacity(2000);
    let before = resident_bytes();
    for list in &lists[1..] {
        for _ in 0..12 {
            held.extend((0..600).map(|_| list.allocate().unwrap()));
            for block in held.drain(..) {
                // SAFETY: the block is of this list, and freed once.
                unsafe { list.free(block) };
            }
        }
        list.flush();
    }
    let used = resident_bytes().saturating_sub(before);
    println!("used to its maximum depth on one of {processors} processors: {} bytes more", used / LISTS);

    assert!((256..1024).contains(&(unused / LISTS)), "design: under 1 KiB; and a record is not nothing: {unused}");
    // One processor list and the shared list, both at their maximum.
    assert!(used / LISTS < 2 * 3072, "{used}");
    assert_eq!(lists.len(), LISTS + 1);
    assert!(lists.iter().all(|list| list.statistics().outstanding == 0));
}
