//! The slabs of one list: each block is in one place, and what is none is refused.

extern crate std;
use super::super::header::Cut;
use super::*;
use crate::pool::region::CHUNK;
use crate::wdk::{PoolType, Tag};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::vec::Vec;

/// The faults of a free, which a hook of the process remembers.
static REPORTED: Mutex<Vec<(BugCheck, usize)>> = Mutex::new(Vec::new());

pub fn request(size: usize, alignment: usize) -> Request {
    Request { size, alignment, pool_type: PoolType::PAGED, tag: Tag::new(*b"Test") }
}

fn opened() -> Slabs {
    assert_eq!(prepare(Residence::Pageable), Ok(true));
    let mut slabs = Slabs::new();
    slabs.open(Residence::Pageable, ptr::null_mut());
    slabs
}

fn take(slabs: &Slabs, request: &Request, wanted: usize) -> Vec<*mut u8> {
    take_for(slabs, 0, request, wanted)
}

pub fn take_for(slabs: &Slabs, group: u32, request: &Request, wanted: usize) -> Vec<*mut u8> {
    let mut blocks = Vec::with_capacity(wanted);
    // SAFETY: there is room, and `allocate` returns how many it wrote.
    unsafe {
        let taken = slabs.allocate(group, request, blocks.as_mut_ptr(), wanted);
        blocks.set_len(taken);
    }
    blocks
}

#[track_caller]
pub fn give(slabs: &Slabs, request: &Request, blocks: &[*mut u8]) {
    // SAFETY: the tests give back what is theirs, and what the slabs refuse.
    unsafe { free(slabs.key(), blocks, request) };
}

/// What is out never overlaps, is aligned, and belongs to these slabs; when all is back nothing stays in memory.
#[test]
fn blocks_of_each_size_are_apart_and_all_come_back() {
    let sizes: &[(usize, usize)] = if cfg!(miri) {
        &[(64, 16), (5000, 4096)]
    } else {
        &[
            (1, 1),
            (16, 16),
            (17, 1),
            (24, 8),
            (64, 64),
            (100, 4),
            (4096, 4096),
            (5000, 16),
            (32_768, 65_536),
            (70_000, 16),
            (300_000, 4096),
        ]
    };
    for &(size, alignment) in sizes {
        let (slabs, request) = (opened(), request(size, alignment));
        let mut random = 12_345u64;
        let mut out = BTreeMap::new();
        for _ in 0..if cfg!(miri) { 30 } else { 400 } {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let count = (random >> 40) as usize % 64 + 1;
            if random >> 63 == 0 {
                for block in take(&slabs, &request, count.min(1 + (1 << 22) / size)) {
                    assert_eq!(block.addr() % alignment, 0);
                    let before = out.range(..=block.addr()).next_back();
                    assert!(before.is_none_or(|(start, _)| start + size <= block.addr()));
                    let after = out.range(block.addr() + 1..).next();
                    assert!(after.is_none_or(|(start, _)| block.addr() + size <= *start));
                    // SAFETY: the block has `size` bytes.
                    unsafe { block.write_bytes(size as u8, size) };
                    out.insert(block.addr(), block);
                }
            } else {
                let blocks: Vec<_> = out.values().copied().step_by(3).take(count).collect();
                blocks.iter().for_each(|block| _ = out.remove(&block.addr()));
                give(&slabs, &request, &blocks);
            }
            assert!(slabs.resident() >= (out.len() * size) as u64);
        }
        let rest: Vec<_> = out.into_values().collect();
        give(&slabs, &request, &rest);
        slabs.give_back(true);
        assert_eq!((slabs.resident(), slabs.first.empty_slabs.load(Relaxed)), (0, 0), "{size}");
        slabs.close();
    }
}

/// One lock for a batch, the lowest address last, which is the one that is handed out first.
#[test]
fn a_batch_comes_in_the_order_of_addresses() {
    let (slabs, request) = (opened(), request(64, 16));
    let blocks = take(&slabs, &request, 32);
    assert!(blocks.windows(2).all(|pair| pair[0].addr() == pair[1].addr() + 64));
    give(&slabs, &request, &blocks[8..]);
    assert_eq!(take(&slabs, &request, 24), &blocks[8..]);
    give(&slabs, &request, &blocks);
    slabs.close();
}

/// The slab with the fewest free blocks is used up first, so that others become empty.
#[test]
fn full_slabs_are_filled_first() {
    let (slabs, request) = (opened(), request(4096, 16));
    let blocks = take(&slabs, &request, 32);
    let (almost_full, almost_empty) = (&blocks[16..20], &blocks[..14]);
    give(&slabs, &request, almost_empty);
    give(&slabs, &request, almost_full);
    assert!(take(&slabs, &request, 4).iter().all(|block| almost_full.contains(block)));
    give(&slabs, &request, &blocks[14..]);
    slabs.close();
}

/// Slabs stay while traffic needs them, and go when it did not for a whole period.
#[test]
fn empty_slabs_go_when_a_period_did_not_need_them() {
    let (slabs, request) = (opened(), request(4096, 16));
    let burst = || give(&slabs, &request, &take(&slabs, &request, 160));
    burst();
    slabs.give_back(false);
    assert_eq!(slabs.first.empty_slabs.load(Relaxed), 10);
    burst();
    slabs.give_back(false);
    assert_eq!(slabs.first.empty_slabs.load(Relaxed), 10);
    give(&slabs, &request, &take(&slabs, &request, 48));
    slabs.give_back(false);
    assert_eq!(slabs.first.empty_slabs.load(Relaxed), 3);
    slabs.give_back(false);
    assert_eq!((slabs.first.empty_slabs.load(Relaxed), slabs.resident()), (0, 0));
    slabs.close();
}

/// Of a slab that is used in part the unused pages go.
#[test]
fn unused_pages_of_used_slabs_go_at_rest() {
    let (slabs, request) = (opened(), request(64, 16));
    let blocks = take(&slabs, &request, 1024);
    assert_eq!(slabs.resident(), 65_536);
    let (kept, rest) = blocks.split_last().unwrap();
    give(&slabs, &request, rest);
    slabs.give_back(true);
    assert_eq!(slabs.resident(), 4096);
    // SAFETY: the block is out, and the page was discarded if it is not in memory.
    unsafe { kept.write_bytes(1, 64) };
    assert_eq!(take(&slabs, &request, 1023).len(), 1023);
    give(&slabs, &request, &blocks);
    slabs.close();
}

/// In the child of a fork that a thread was cut in: the words of a slab are the truth, all else is counted anew.
#[test]
fn what_a_fork_cuts_is_counted_anew() {
    let (slabs, request) = (opened(), request(64, 16));
    let blocks = take(&slabs, &request, 3000);
    give(&slabs, &request, &blocks[..1500]);
    core::mem::forget(slabs.first.lock.lock());
    slabs.first.partly[0].store(0, Relaxed);
    slabs.first.empty.store(0, Relaxed);
    slabs.repair_after_fork();
    assert!(slabs.resident() >= 1500 * 64);
    let again = take(&slabs, &request, 1500);
    assert_eq!(again.len(), 1500);
    let out: std::collections::HashSet<_> = again.iter().chain(&blocks[1500..]).collect();
    assert_eq!(out.len(), 3000, "no block is given twice");
    assert!(again.iter().all(|block| blocks.contains(block)), "and none is lost");
    give(&slabs, &request, &again);
    give(&slabs, &request, &blocks[1500..]);
    slabs.close();
}

/// A slab that a thread had just taken, and not cut: what is known of it is of the list that had it before.
#[test]
fn a_slab_that_a_fork_cuts_before_it_has_an_owner_is_not_used() {
    let (slabs, request) = (opened(), request(64, 16));
    let blocks = take(&slabs, &request, 10);
    let (uncut, start) = RANGE.take(1, slabs.key()).unwrap();
    let guard = slabs.first.lock.lock();
    uncut.cut(&guard, start, &Cut::of(32, 16).unwrap(), None);
    core::mem::forget(guard);
    slabs.repair_after_fork();
    let many = take(&slabs, &request, 3000);
    assert!(many.iter().all(|block| !core::ptr::eq(RANGE.slab_of(*block).unwrap(), uncut)));
    give(&slabs, &request, &many);
    give(&slabs, &request, &blocks);
    slabs.close();
    RANGE.put_back(uncut);
}

/// Slabs whose memory counts against the limit of this pool, and may stay unlocked.
fn opened_in(pool: &'static Arena) -> Slabs {
    assert_eq!(prepare(Residence::BestEffort), Ok(true));
    let mut slabs = Slabs::new();
    slabs.open(Residence::BestEffort, ptr::null_mut());
    slabs.first.open(&slabs.first.lock.lock(), Some(pool), slabs.key());
    slabs
}

fn nonpaged_request(size: usize) -> Request {
    Request { pool_type: PoolType::NON_PAGED_NX, ..request(size, 16) }
}

/// Slabs and the arena have one limit: what one has the other cannot get, and gets once it was given back.
#[test]
fn slabs_and_their_arena_have_one_limit() {
    const LIMIT: usize = 1 << 20;
    static POOL: Arena = Arena::new("test", Residence::BestEffort, || LIMIT as u64);
    let (slabs, request) = (opened_in(&POOL), nonpaged_request(4096));
    let arena_request = nonpaged_request(LIMIT / 2);
    let reserved = || POOL.statistics().reserved + nonpaged_statistics(&POOL).reserved;
    let blocks = take(&slabs, &request, LIMIT / 4096);
    assert_eq!((blocks.len(), slabs.resident()), (LIMIT / 4096, LIMIT as u64));
    assert_eq!(nonpaged_statistics(&POOL).used, LIMIT as u64);
    assert!(take(&slabs, &request, 1).is_empty() && POOL.allocate_here(&arena_request).is_none());
    assert_eq!(POOL.statistics().failures, 1, "where slabs have no room the arena is asked");
    let (kept, given) = blocks.split_at(16);
    give(&slabs, &request, given);
    slabs.give_back(true);
    assert_eq!(slabs.resident(), 65_536);
    let large = POOL.allocate_here(&arena_request).expect("room for it");
    assert!(reserved() <= LIMIT as u64);
    let rest = std::iter::from_fn(|| take(&slabs, &request, 32).into_iter().reduce(|first, _| first)).count();
    assert!(rest != 0 && reserved() <= LIMIT as u64, "{rest} trips, {} bytes", reserved());
    // SAFETY: the block is freed once.
    unsafe { POOL.free(large, &arena_request) };
    give(&slabs, &request, kept);
}

/// A run that cannot be had as a whole brings a part; no page stays unused, and free blocks on pages in memory serve on.
#[test]
fn a_run_beyond_the_limit_brings_what_there_is() {
    static POOL: Arena = Arena::new("test", Residence::BestEffort, || CHUNK as u64);
    let (slabs, request) = (opened_in(&POOL), nonpaged_request(1024));
    let mut blocks = take(&slabs, &request, CHUNK / 1024 - 20);
    assert_eq!(blocks.len(), CHUNK / 1024 - 20);
    blocks.extend(std::iter::from_fn(|| take(&slabs, &request, 64).first().copied()));
    assert_eq!((slabs.resident(), nonpaged_statistics(&POOL).blocks), (CHUNK as u64, CHUNK as u64 / 1024));
    assert!(take(&slabs, &request, 1).is_empty());
    give(&slabs, &request, &blocks[8..16]);
    assert_eq!(take(&slabs, &request, 64).len(), 8);
}

/// What the arena gave in the place of slabs goes back there, and is checked there.
#[test]
fn blocks_of_the_arena_go_back_to_it() {
    let (slabs, request) = (opened_in(nonpaged::arena(true)), nonpaged_request(208));
    let block = nonpaged::arena(true).allocate(&request);
    assert!(!block.is_null());
    let used = nonpaged::arena(true).statistics().used;
    give(&slabs, &request, &[block]);
    assert_eq!(nonpaged::arena(true).statistics().used, used - 208);
}

/// In the child of a fork that a thread was cut in no page is taken for one in memory that no block is on.
#[test]
fn of_nonpaged_slabs_that_a_fork_cuts_pages_in_use_alone_stay() {
    static POOL: Arena = Arena::new("test", Residence::BestEffort, || 1 << 20);
    let (slabs, request) = (opened_in(&POOL), nonpaged_request(1024));
    let blocks = take(&slabs, &request, 64);
    give(&slabs, &request, &blocks[..50]);
    core::mem::forget(slabs.first.lock.lock());
    slabs.repair_after_fork();
    // 14 blocks from the start of the slab.
    assert_eq!((slabs.resident(), nonpaged_statistics(&POOL).reserved), (4 * 4096, 4 * 4096));
    assert_eq!(take(&slabs, &request, 100).len(), 100);
}

#[test]
fn what_is_no_block_in_use_is_reported_and_refused() {
    platform::set_violation_hook(Some(|violation| {
        REPORTED.lock().unwrap().push((violation.bug_check, violation.block));
    }));
    let (slabs, other, request) = (opened(), opened(), request(48, 16));
    let blocks = take(&slabs, &request, 100);
    let others = take(&other, &request, 1);
    let inside = blocks[3].wrapping_add(16);
    // None that is in no slab: it may be one of the heap's, as long as another test has one of these in a slab's place.
    give(&slabs, &request, &[blocks[0], blocks[0], others[0], inside, blocks[1], blocks[0], blocks[2]]);
    let expected = [
        (BugCheck::FREED_TWICE, blocks[0].addr()),
        (BugCheck::NEVER_ALLOCATED, others[0].addr()),
        (BugCheck::NEVER_ALLOCATED, inside.addr()),
        (BugCheck::FREED_TWICE, blocks[0].addr()),
    ];
    assert_eq!(*REPORTED.lock().unwrap(), expected);
    give(&slabs, &request, &blocks[3..]);
    give(&other, &request, &others);
    slabs.give_back(true);
    other.give_back(true);
    assert_eq!((slabs.resident(), other.resident()), (0, 0), "all others came back, each once");
    slabs.close();
    assert_eq!(REPORTED.lock().unwrap().len(), expected.len());
    // In a slab of no list, which has no owner.
    let (unowned, start) = RANGE.take(1, 0).unwrap();
    // SAFETY: what is no block is refused.
    assert!(unsafe { free_known(start, &request) });
    assert_eq!(REPORTED.lock().unwrap().len(), expected.len() + 1);
    RANGE.put_back(unowned);
    platform::set_violation_hook(None);
}

/// What no caller had since it came from the system need not be cleared; of what one had, no byte is left in a block that
/// is asked for with zeroes, nor is a neighbour's touched.
#[test]
fn fresh_blocks_are_zeroes() {
    // SAFETY: the blocks are this test's, and have as many bytes.
    let holds =
        |block: &*mut u8, size, byte| unsafe { core::slice::from_raw_parts(*block, size) }.iter().all(|b| *b == byte);
    for size in [4096, 5120, 12_288, 20_480, 32_768] {
        let (slabs, request) = (opened(), request(size, 16));
        let mut blocks = Vec::new();
        for round in 0..3 {
            while blocks.len() < 2 * (UNIT / size) {
                let mut block = slabs.allocate_fresh(0, &request, size);
                if block.is_null() {
                    // Neighbours have a part of each page; or it is Miri, where nothing can be given back.
                    assert!(round != 0 && size % 4096 != 0 || cfg!(miri), "{size}, round {round}");
                    block = take(&slabs, &request, 1)[0];
                } else {
                    assert!(holds(&block, size, 0), "{size}, round {round}");
                }
                // SAFETY: the block is this test's, and has as many bytes.
                unsafe { block.write_bytes(0xA5, size) };
                blocks.push(block);
            }
            assert!(blocks.iter().all(|block| holds(block, size, 0xA5)), "{size}");
            // The others keep the pages that they have a part of.
            let (freed, kept): (Vec<_>, Vec<_>) = blocks.iter().partition(|block| block.addr() / size % 3 != 0);
            give(&slabs, &request, &freed);
            assert!(slabs.allocate_fresh(0, &request, size).is_null(), "each was in use: {size}");
            blocks = kept;
            slabs.give_back(true);
        }
        give(&slabs, &request, &blocks);
        slabs.close();
    }
}
