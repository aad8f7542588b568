//! Tagged blocks beyond the tables of small pools: which lists they come from, what they cost, and what is found of their
//! misuse.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::common::processes::{in_own_process, is_emulated, this_test};
use lookaside_core::{
    BugCheck, EngineKind, PoolType, Tag, Violation, adjust_depth, engine, lists, pool_allocate, pool_free,
    pool_free_sized, pool_reallocate, pool_size, set_violation_hook,
};

const PAGE: usize = 4096;
const TAG: Tag = Tag::new(*b"Page");

static REPORTED: Mutex<Vec<(BugCheck, usize)>> = Mutex::new(Vec::new());

fn remember(violation: &Violation<'_>) {
    REPORTED.lock().unwrap().push((violation.bug_check, violation.block));
}

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * PAGE
}

/// A block of whole pages takes at most a 64th more, and is the system's again when the lists are idle.
#[test]
fn whole_pages_cost_little_more() {
    if is_emulated() {
        return eprintln!("SKIP: an emulator has memory of its own beside the program's");
    }
    in_own_process(this_test!(), || {
        for pages in 1..=8 {
            let bytes = pages * PAGE;
            let mut blocks = vec![std::ptr::null_mut(); 8192 / pages];
            let before = {
                // SAFETY: the block is freed once. The lists are made now, and what they take is there.
                unsafe { pool_free(pool_allocate(PoolType::PAGED, bytes, TAG), TAG) };
                resident()
            };
            for block in &mut blocks {
                *block = pool_allocate(PoolType::PAGED, bytes, TAG);
                assert_eq!(block.addr() % PAGE, 0);
                // SAFETY: the block has this size.
                unsafe { block.write_bytes(1, bytes) };
            }
            let each = (resident() - before) / blocks.len();
            assert!(engine() == EngineKind::Heap || each <= bytes + bytes / 64, "{each} for {bytes}");
            // SAFETY: each block is freed once.
            unsafe { blocks.iter().for_each(|block| pool_free_sized(*block, bytes, TAG)) };
            (0..4).for_each(|_| adjust_depth());
            let kept = resident().saturating_sub(before);
            assert!(engine() == EngineKind::Heap || kept < 2 << 20, "{kept} of {}", blocks.len() * bytes);
        }
    });
}

/// Paged blocks between the tables' and a page come from lists, four for each doubling; their size is known exactly.
#[test]
fn blocks_beyond_the_tables_come_from_lists() {
    /// The two headers of such a block.
    const HEADERS: usize = 32;
    in_own_process(this_test!(), || {
        let sizes = [640, 768, 896, 1024, 1280, 1536, 1792, 2048, 2560, 3072, 3584, PAGE];
        let mut blocks = Vec::new();
        for bytes in 497..PAGE {
            let block = pool_allocate(PoolType::PAGED, bytes, TAG);
            // SAFETY: the block has this size.
            unsafe {
                block.write_bytes(bytes as u8, bytes);
                assert_eq!(pool_size(block), bytes);
            }
            blocks.push((block, bytes));
        }
        // None of these is for such a list: another pool, alignment or size.
        let others = [
            (PoolType::PAGED_CACHE_ALIGNED, 1000),
            (PoolType::NON_PAGED_NX, 1000),
            (PoolType::PAGED, 400),
            (PoolType::PAGED, PAGE),
        ];
        // Nonpaged memory may be refused.
        let others = others.map(|(pool_type, bytes)| pool_allocate(pool_type, bytes, TAG));
        let outstanding = || {
            let lists = lists().filter(|info| info.name().starts_with("pool middle"));
            lists.map(|info| (info.statistics.size, info.statistics.outstanding)).collect::<BTreeMap<_, _>>()
        };
        let of_list = |list: usize| {
            let least = list.checked_sub(1).map_or(497 + HEADERS, |smaller| sizes[smaller] + 1);
            (sizes[list], (sizes[list] - least + 1) as u64)
        };
        if engine() == EngineKind::Heap {
            assert!(outstanding().is_empty());
        } else {
            assert_eq!(outstanding(), (0..sizes.len()).map(of_list).collect());
        }
        for (block, bytes) in blocks {
            // SAFETY: the block has this size, and is freed once.
            unsafe {
                assert!(std::slice::from_raw_parts(block, bytes).iter().all(|byte| *byte == bytes as u8));
                pool_free_sized(block, bytes, TAG);
            }
        }
        // SAFETY: each is freed once.
        others.into_iter().for_each(|block| unsafe { pool_free(block, TAG) });
        assert!(outstanding().values().all(|blocks| *blocks == 0));
    });
}

/// As of any tagged block, and without a look at the bytes before the block, which may be no memory.
#[test]
fn misuse_of_whole_pages_is_reported() {
    in_own_process(this_test!(), || {
        set_violation_hook(Some(remember));
        let block = pool_allocate(PoolType::PAGED, 2 * PAGE, TAG);
        // SAFETY: each is a misuse without an effect, but for the last call.
        unsafe {
            pool_free(block, Tag::new(*b"Else"));
            pool_free_sized(block, PAGE, TAG);
            pool_free(block.add(PAGE), TAG);
            assert!(pool_reallocate(PoolType::PAGED, block, 1, Tag::new(*b"Else")).is_null());
            assert_eq!(pool_size(block), 2 * PAGE);
            pool_free(block, TAG);
            pool_free(block, TAG);
        }
        use BugCheck as B;
        let found = [B::WRONG_TAG, B::NEVER_ALLOCATED, B::NEVER_ALLOCATED, B::WRONG_TAG, B::FREED_TWICE];
        let places = [block, block, block.wrapping_add(PAGE), block, block].map(|block| block.addr());
        let expected: Vec<_> = found.into_iter().zip(places).collect();
        assert_eq!(*REPORTED.lock().unwrap(), expected);
    });
}

/// The pages may be another list's by then, or no one's.
#[test]
fn pages_that_were_given_back_are_not_freed_again() {
    in_own_process(this_test!(), || {
        set_violation_hook(Some(remember));
        let blocks: Vec<_> = (0..64).map(|_| pool_allocate(PoolType::PAGED, PAGE, TAG)).collect();
        // SAFETY: each block is freed once; what comes after is misuse, which has no effect.
        unsafe {
            blocks.iter().for_each(|block| pool_free(*block, TAG));
            (0..4).for_each(|_| adjust_depth());
            let others: Vec<_> = (0..4096).map(|_| pool_allocate(PoolType::PAGED, 48, TAG)).collect();
            blocks.iter().for_each(|block| pool_free(*block, TAG));
            let reported: Vec<_> = REPORTED.lock().unwrap().iter().map(|(_, block)| *block).collect();
            assert_eq!(reported, blocks.iter().map(|block| block.addr()).collect::<Vec<_>>());
            others.into_iter().for_each(|block| pool_free(block, TAG));
        }
        assert_eq!(REPORTED.lock().unwrap().len(), blocks.len());
    });
}
