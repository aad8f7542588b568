//! What the slow path counts where a thread is moved to another processor between its steps, which no test from outside
//! can bring about: an engine that works on the processors of a script.

extern crate std;

use core::cell::RefCell;
use core::ptr::null_mut;
use core::sync::atomic::AtomicU8;
use std::alloc::{Layout, alloc_zeroed};
use std::boxed::Box;
use std::collections::VecDeque;
use std::vec::Vec;

use super::list::List;
use super::processor::{Count, Engine, EngineKind, Part, TryLock};
use super::{Around, Home, Settings, Topology, Tuning};
use crate::platform;
use crate::platform::rseq::{self, Registration, layout};
use crate::pool::{AllocateCallback, Backing, FreeCallback, Request, Source};
use crate::wdk::{Parts, PoolType, Tag};

std::thread_local! {
    /// The processors of the next calls of [`Scripted`]; after them it finds no block and no room.
    static SCRIPT: RefCell<VecDeque<u32>> = const { RefCell::new(VecDeque::new()) };
}

struct Scripted;

/// Closes the part that is next in the script.
fn next_part(parts: &Parts) -> Option<(Part, u32, usize)> {
    let processor = SCRIPT.with_borrow_mut(VecDeque::pop_front)?;
    // SAFETY: the script has numbers of the pair's; the test has one thread.
    unsafe {
        let part = Part::of(parts, processor);
        Some((part, processor, TryLock::close(part, processor)?))
    }
}

impl Engine for Scripted {
    fn current() -> u32 {
        platform::current()
    }

    unsafe fn pop(_: &Parts) -> *mut u8 {
        null_mut()
    }

    unsafe fn pop_many(parts: &Parts, out: *mut *mut u8, wanted: usize) -> (usize, u32) {
        let Some((part, processor, length)) = next_part(parts) else { return (0, 0) };
        let count = wanted.min(length);
        // SAFETY: the part is closed and holds that many blocks; `out` has room.
        unsafe {
            part.take_oldest(out, count, length);
            TryLock::reopen(part, processor, length - count, part.tuner().target());
        }
        (count, processor)
    }

    unsafe fn pop_hits(_: &Parts, _: *mut *mut u8, _: usize) -> usize {
        0
    }

    unsafe fn push_many(parts: &Parts, blocks: *const *mut u8, offered: usize) -> (usize, u32) {
        let Some((part, processor, length)) = next_part(parts) else { return (0, 0) };
        let count = offered.min((part.tuner().target() as usize).saturating_sub(length));
        // SAFETY: the part is closed, and its depth has room for the blocks.
        unsafe {
            (0..count).for_each(|number| part.put_newest(blocks.add(number).read(), length + number));
            TryLock::reopen(part, processor, length + count, part.tuner().target());
        }
        (count, processor)
    }

    unsafe fn close(part: Part, processor: u32) -> Option<usize> {
        // SAFETY: the part is a list's, whose `manage` lock is held.
        unsafe { TryLock::close(part, processor) }
    }

    unsafe fn reopen(part: Part, processor: u32, length: usize, depth: u32) {
        // SAFETY: the part was closed by this thread.
        unsafe { TryLock::reopen(part, processor, length, depth) }
    }
}

/// A pair over memory of its own, which nothing tunes and the test's end leaves to the system. Its parts are open, at
/// this depth.
fn pair(engine: EngineKind, depth: u32) -> List {
    let processors = platform::possible().max(2);
    let memory = Layout::from_size_align((processors as usize + 1) << layout::SHIFT, 4096).unwrap();
    // SAFETY: the size is not 0.
    let base = unsafe { alloc_zeroed(memory) };
    let settings = Settings {
        engine,
        tuning: Tuning::Manual,
        topology: Topology::Pair,
        cached: true,
        verified: false,
        charged: false,
        maximum_depth: 64,
        initial_depth: depth,
        batch: 0,
        divisions: 1,
        request: Request { size: 64, alignment: 16, pool_type: PoolType::PAGED, tag: Tag::new(*b"Test") },
        backing: Backing { allocate: AllocateCallback::Default, free: FreeCallback::Default, source: Source::Heap },
        slabs: false,
        lower: None,
        parts: Settings::NO_PARTS,
        trip_limit: 1,
    };
    let home = Home {
        parts: Parts { base, area: rseq::area(), processors, never: 0 },
        processors,
        rows: base.wrapping_add((processors as usize) << layout::SHIFT),
        around: Around { activity: Box::leak(Box::new(AtomicU8::new(0))), repair_child: || () },
    };
    let mut pair = List::new();
    // SAFETY: the memory is new, zeroed and stays.
    unsafe { pair.open(settings, home) };
    (0..processors).for_each(|processor| pair.open_part(part_of(&pair, processor), &pair.manage.lock()));
    pair
}

fn part_of(pair: &List, processor: u32) -> Part {
    // SAFETY: the list is open, and the tests' numbers are in range.
    unsafe { Part::of(&pair.settings().parts, processor) }
}

fn script(processors: &[u32]) {
    SCRIPT.set(processors.iter().copied().collect());
}

fn take(pair: &List, count: usize) -> Vec<*mut u8> {
    (0..count).map(|_| pair.allocate_by::<Scripted>(null_mut())).collect()
}

/// Frees by these processors one after another.
fn give_one(pair: &List, block: *mut u8, processors: &[u32]) {
    script(processors);
    // SAFETY: the block is of this pair, and freed once.
    unsafe { pair.free_many_by::<Scripted>(null_mut(), &[block]) };
}

/// Every free is counted once, and every block is somewhere.
fn assert_counted(pair: &List, allocates: u64, frees: u64) {
    let statistics = pair.statistics();
    let list = &statistics.list;
    assert_eq!((list.total_allocates, list.total_frees), (allocates, frees), "{statistics:#?}");
    assert_eq!(statistics.outstanding, allocates - frees);
    assert_eq!(statistics.pool_allocates - statistics.pool_frees, statistics.outstanding + list.current_depth);
}

#[test]
fn a_run_of_frees_counts_what_was_put_on_either_processor() {
    // Blocks that the parts 0 and 1 hold, of 8; how many are freed, with the processors of the three steps (put, take a
    // batch, put); how many of the frees miss.
    for (held, offered, processors, misses) in [
        ([8, 0], 2, [0, 0, 0], 2),
        ([8, 0], 2, [0, 0, 1], 2),
        ([7, 0], 3, [0, 0, 0], 2),
        ([2, 0], 12, [0, 0, 0], 6),
        // More are put than were taken.
        ([8, 1], 3, [0, 1, 1], 1),
    ] {
        let pair = pair(EngineKind::TryLock, 8);
        let blocks = take(&pair, held[0] + held[1] + offered);
        let (kept, run) = blocks.split_at(held[0] + held[1]);
        kept[..held[0]].iter().for_each(|block| give_one(&pair, *block, &[0]));
        kept[held[0]..].iter().for_each(|block| give_one(&pair, *block, &[1]));
        assert_counted(&pair, blocks.len() as u64, kept.len() as u64);
        script(&processors);
        // SAFETY: the blocks are of this pair, and freed once.
        unsafe { pair.free_many_by::<Scripted>(null_mut(), run) };
        assert_counted(&pair, blocks.len() as u64, blocks.len() as u64);
        assert_eq!(pair.statistics().processor.free_misses, misses, "{held:?} {offered} {processors:?}");
    }
}

#[test]
fn a_spill_to_the_pool_counts_on_either_processor() {
    // Where the freed block comes to: the part that was spilled, another one, or none.
    for last in [Some(0), Some(1), None] {
        let pair = pair(EngineKind::TryLock, 16);
        let blocks = take(&pair, 17);
        let (held, freed) = blocks.split_at(16);
        held.iter().for_each(|block| give_one(&pair, *block, &[0]));
        let frees = pair.statistics().pool_frees;
        script(&[0, last.unwrap_or(0)][..1 + usize::from(last.is_some())]);
        // SAFETY: the list is open; the block is of this pair, and freed once.
        let spilled = unsafe {
            let part = part_of(&pair, 0);
            pair.spill_to_pool::<Scripted>(null_mut(), part, freed[0], 4)
        };
        assert!(spilled);
        assert_counted(&pair, 17, 17);
        assert_eq!(pair.statistics().pool_frees - frees, if last.is_some() { 4 } else { 5 });
        let lengths = [0, 1].map(|processor| part_of(&pair, processor).length());
        assert_eq!(lengths, [12 + usize::from(last == Some(0)), usize::from(last == Some(1))]);
    }
}

/// A list of little depth moves what it must. Of others each trip the same way moves twice as many blocks as the last.
#[test]
fn trips_double_up_to_half_of_the_depth() {
    for (depth, expected) in [(15, [1, 1, 1, 1, 1, 1, 1]), (16, [1, 2, 4, 8, 8, 1, 2]), (64, [1, 2, 4, 8, 16, 1, 2])] {
        let pair = pair(EngineKind::TryLock, depth);
        let ways = [true, true, true, true, true, false, false];
        assert_eq!(ways.map(|bring| pair.trip(part_of(&pair, 0), bring)), expected, "{depth}");
    }
    let pair = pair(EngineKind::TryLock, 64);
    let trips = [(); 8].map(|()| pair.trip(part_of(&pair, 0), false));
    assert_eq!(trips, [1, 2, 4, 8, 16, 32, 32, 32]);
    // A deep one has its bound: what a batch holds but one.
    let part = part_of(&pair, 0);
    part.tuner().set_target(1000);
    assert_eq!([(); 3].map(|()| pair.trip(part, false)), [64, 127, 127]);
}

/// Between P and L as many blocks move as on a trip, but fewer where they pass from one processor to another.
#[test]
fn batches_are_smaller_where_blocks_are_passed_on() {
    let pair = pair(EngineKind::TryLock, 8);
    let part = part_of(&pair, 0);
    assert_eq!(pair.batch(part), 4);
    part.tuner().set_target(1000);
    for (what, count, expected) in [
        (Count::AllocatesFromShared, 3, 127),
        (Count::AllocatesFromShared, 1, 63),
        (Count::FreesToShared, 1, 127),
        (Count::FreesToShared, 18, 127),
        (Count::FreesToShared, 1, 63),
    ] {
        part.count(what, count);
        assert_eq!(pair.batch(part), expected, "{what:?}");
    }
}

/// A section that was aborted left like a miss: the slow path looks at P before it goes down (theory §2.3).
#[test]
fn an_aborted_allocate_finds_its_block() {
    let mut engines = std::vec![EngineKind::TryLock];
    rseq::initialize();
    let registered = matches!(rseq::register(false), Registration::CLibrary | Registration::Own);
    if registered && platform::register_barrier() {
        engines.push(EngineKind::Rseq);
    }
    for engine in engines {
        const ROUNDS: u64 = 100;
        let pair = pair(engine, 8);
        for _ in 0..ROUNDS {
            let block = pair.allocate_pair(null_mut());
            // SAFETY: the block is of this pair, and freed once.
            unsafe { pair.free_pair(null_mut(), block) };
        }
        // All but the first; a few may have been interrupted here too, or moved to another processor.
        let misses = pair.statistics().processor.allocate_misses;
        assert!((1..ROUNDS / 2).contains(&misses), "{engine:?}: {misses}");
    }
}
