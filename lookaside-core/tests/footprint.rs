//! What a list costs beside its blocks, in resident memory; and the 4,097th list. One test: it measures the process.

use std::ptr::NonNull;

use lookaside_core::LookasideList;

const LISTS: usize = 4096;

fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<usize>().unwrap() * 1024
}

#[test]
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
