//! What tagged frees report: each misuse by its bug check and its line, and without effect when the hook returns. One
//! test, since the hook is the process's.

use std::sync::Mutex;

use crate::common::alone;
use lookaside_core::{
    BugCheck, Generation, PoolType, SmallPool, Tag, Violation, pool_allocate, pool_free, pool_free_sized, pool_size,
    set_violation_hook,
};

static REPORTED: Mutex<Vec<(BugCheck, Tag, usize, String)>> = Mutex::new(Vec::new());

fn hook(violation: &Violation<'_>) {
    REPORTED.lock().unwrap().push((violation.bug_check, violation.tag, violation.block, violation.line.to_owned()));
}

/// The one violation that `work` makes, with the block's address replaced by A.
#[track_caller]
fn reported(block: *mut u8, work: impl FnOnce()) -> (BugCheck, Tag, String) {
    work();
    let mut reported = std::mem::take(&mut *REPORTED.lock().unwrap());
    let (bug_check, tag, address, line) = reported.pop().expect("a violation is reported");
    assert!(reported.is_empty(), "and one alone: {reported:?}");
    assert_eq!(address, block.addr());
    (bug_check, tag, line.replace(&format!("{block:p}"), "A"))
}

#[test]
fn misuse_is_reported_and_has_no_effect() {
    let _alone = alone();
    const TAG: Tag = Tag::new(*b"Good");
    let other = Tag::new(*b"Evil");
    set_violation_hook(Some(hook));
    let pool = SmallPool::new(Generation::V6_0X64);
    // A list's block, one of the general pool, and whole pages; with the bytes of what is kept before each.
    for (bytes, watched) in [(100, 16), (1000, 32), (5000, 0)] {
        let block = pool_allocate(PoolType::PAGED, bytes, TAG);
        // SAFETY: the header before the block can be read throughout, and what is wrong has no effect.
        unsafe {
            block.write_bytes(0x55, bytes);
            let wrong_tag = (
                BugCheck::WRONG_TAG,
                TAG,
                "lookaside: 0xC2/0xA: pool block A with tag \"Good\" is freed with tag \"Evil\"",
            );
            let (code, tag, line) = reported(block, || pool_free(block, other));
            assert_eq!((code, tag, &*line), wrong_tag);
            let (code, tag, line) = reported(block, || pool_free_sized(block, bytes, other));
            assert_eq!((code, tag, &*line), wrong_tag);

            let (code, tag, line) = reported(block, || pool_free_sized(block, bytes + 1, TAG));
            assert_eq!((code, tag), (BugCheck::NEVER_ALLOCATED, TAG));
            let sizes = format!("has {bytes} bytes, and is freed as {}", bytes + 1);
            assert_eq!(line, format!("lookaside: 0xC4/0x10: pool block A with tag \"Good\" {sizes}"));

            let foreign = "lookaside: 0xC4/0x10: block A is not of this pool, or its header was overwritten";
            let (code, _, line) = reported(block, || pool.free_tagged(block, TAG));
            assert_eq!((code, &*line), (BugCheck::NEVER_ALLOCATED, foreign), "a block of another pool");
            let inside = block.add(16);
            let (code, _, line) = reported(inside, || pool_free(inside, TAG));
            assert_eq!((code, &*line), (BugCheck::NEVER_ALLOCATED, foreign), "an address inside a block");
            let odd = block.add(3);
            let (code, _, line) = reported(odd, || pool_free(odd, TAG));
            let unaligned = "lookaside: 0xC4/0x10: block A is not of this pool: it is not aligned to 16 bytes";
            assert_eq!((code, &*line), (BugCheck::NEVER_ALLOCATED, unaligned));

            // Every byte of the header is watched; so is the size of a block of the general pool.
            for before in 1..=watched {
                let byte = block.sub(before);
                byte.write(byte.read() ^ 0x10);
                let (code, _, line) = reported(block, || pool_free(block, TAG));
                assert_eq!((code, &*line), (BugCheck::NEVER_ALLOCATED, foreign), "byte {before} before the block");
                let (code, ..) = reported(block, || assert_eq!(pool_size(block), 0));
                assert_eq!(code, BugCheck::NEVER_ALLOCATED);
                byte.write(byte.read() ^ 0x10);
            }

            // All that had no effect.
            assert_eq!(pool_size(block), bytes);
            assert!((0..bytes).all(|at| *block.add(at) == 0x55));
            pool_free_sized(block, bytes, TAG);
            assert!(REPORTED.lock().unwrap().is_empty());
        }
    }

    // A block that waits in a list is known to be free.
    let block = pool_allocate(PoolType::PAGED, 100, TAG);
    // SAFETY: as above; the block lies in a list.
    unsafe {
        pool_free(block, Tag(0));
        for _ in 0..3 {
            let (code, tag, line) = reported(block, || pool_free(block, TAG));
            assert_eq!((code, tag), (BugCheck::FREED_TWICE, TAG));
            assert_eq!(line, "lookaside: 0xC4/0x13: pool block A with tag \"Good\" is free already");
        }
        let (code, ..) = reported(block, || assert_eq!(pool_size(block), 0));
        assert_eq!(code, BugCheck::FREED_TWICE);
        assert_eq!(pool_allocate(PoolType::PAGED, 100, TAG), block, "and is given once");
        let another = pool_allocate(PoolType::PAGED, 100, TAG);
        assert_ne!(another, block);
        pool_free(another, TAG);
        pool_free(block, TAG);
    }

    // Memory of others: the stack and the heap.
    let mut stack = [[0u64; 2]; 3];
    let block = stack[1].as_mut_ptr().cast::<u8>();
    let block = block.wrapping_add(block.align_offset(16));
    // SAFETY: there are 16 bytes before it.
    let (code, ..) = reported(block, || unsafe { pool_free(block, Tag(0)) });
    assert_eq!(code, BugCheck::NEVER_ALLOCATED);

    // What is documented to be no misuse.
    // SAFETY: null has no effect; the block is freed once.
    unsafe {
        pool_free(std::ptr::null_mut(), TAG);
        pool_free_sized(std::ptr::null_mut(), 5, TAG);
        assert_eq!(pool_size(std::ptr::null_mut()), 0);
        let block = pool_allocate(PoolType::PAGED, 0, Tag(0));
        assert_eq!(pool_size(block), 1, "no bytes count as one");
        pool_free_sized(block, 0, Tag(0));
    }
    assert!(REPORTED.lock().unwrap().is_empty());
}
