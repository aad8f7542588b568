//! What contenders take of the machine's memory, as the kernel counts it for a round's own process.

use std::fs;
use std::hint::black_box;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::foreign::parcel::Parcel;
use super::handoff::{consume, produce};
use crate::ground::contender::{Blocks, Contender, Make};
use crate::ground::machine;
use crate::ground::measure::{Figures, Measure, touch};
use crate::ground::ring::{CAPACITY, Ring};
use crate::ground::standing::{STANDING, Standing};
use crate::ground::team::{lock, team};
use crate::ground::workload::{Set, Workload};

/// Bursts, and then nothing.
pub const BURST: Workload = Workload {
    measures: OF_BURST,
    lingers: true,
    ..Workload::new(
        Set::Memory,
        "memory-burst",
        "9 bursts of 65,536 blocks in a fresh process, which then does nothing",
    )
};
/// A burst of which a few blocks stay, on almost every page one.
pub const FRAGMENTS: Workload = Workload {
    measures: OF_FRAGMENTS,
    lingers: true,
    ..Workload::new(
        Set::Memory,
        "memory-fragments",
        "a burst of 65,536 blocks, of which all but each 50th are given back, and then nothing",
    )
};
/// Many that are hardly used.
pub const LISTS: Workload = Workload {
    measures: OF_LISTS,
    ..Workload::new(
        Set::Memory,
        "memory-lists",
        "64 of them, of which each gave out one block and got it back, on one processor; an allocator is there once for all",
    )
};
/// One thread allocates, another frees.
pub const HANDOFF: Workload = Workload {
    measures: OF_HANDOFF,
    ..Workload::shared(
        Set::Memory,
        "memory-handoff",
        "one thread allocates and writes, another reads and frees: 400,000 blocks, 1,024 at once",
    )
};

const BLOCKS: usize = 65_536;
/// One block in this number stays of a burst.
const STAYS: usize = 50;
/// Bursts after the first.
const BURSTS: usize = 8;
/// How long memory is waited for: longer than jemalloc keeps what is unused, 10 seconds.
const PATIENCE: Duration = Duration::from_secs(12);
/// The time between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// How many are made to be hardly used.
const MANY: usize = 64;
/// Blocks that pass from thread to thread.
const PASSED: u64 = 400_000;

const OF_BURST: &[Measure] = &[
    Measure::less("live", "B", "bytes resident for each block that is allocated in the first burst"),
    Measure::less("peak", "B", "the same in the worst of the later bursts"),
    Measure::less("after", "KiB", "KiB resident more than before, when all blocks were given back"),
    Measure::less("left", "KiB", "the same 12 idle seconds later"),
    Measure::less("back", "s", "idle seconds until a tenth of the peak was left, where 12 were enough"),
    Measure::less("after-each", "B", "what after is in bytes for each block of a burst"),
    Measure::less("left-each", "B", "what left is in bytes for each block of a burst"),
];
const OF_FRAGMENTS: &[Measure] = &[
    Measure::less("after", "B", "bytes resident for each block that stays, when the others were given back"),
    Measure::less("left", "B", "the same 12 idle seconds later"),
    Measure::less("live", "B", "bytes resident for each block of the whole burst"),
];
const OF_LISTS: &[Measure] = &[
    Measure::less("used", "B", "bytes resident for each"),
    Measure::less("unused", "B", "bytes resident for each before its block"),
];
const OF_HANDOFF: &[Measure] =
    &[Measure::less("blow-up", "KiB", "KiB resident more than before, at the end and with both threads still there")];

/// What it takes to make a contender is part of what it takes: there are pools that have all their blocks from the start.
/// What a process needs once is not.
pub fn weighed<T>(make: impl FnOnce() -> T) -> T {
    let before = now();
    let made = make();
    MADE.store(since(before), Ordering::Relaxed);
    made
}

/// What is resident now, without what it took to make this round's contender.
fn before() -> u64 {
    now().saturating_sub(MADE.load(Ordering::Relaxed))
}

/// Bytes that the kernel holds for this process alone: memory of no file, or in shared or huge pages. Not what was given
/// back by `MADV_FREE`, which the kernel takes when it needs it.
pub fn resident() -> anyhow::Result<u64> {
    let text = fs::read_to_string("/proc/self/smaps_rollup").context("the kernel does not report what is resident")?;
    resident_in(&text).context("the kernel does not report what is resident")
}

fn resident_in(text: &str) -> Option<u64> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    };
    let held = field("Pss_Anon")? + field("Pss_Shmem")? + field("Private_Hugetlb")? + field("Shared_Hugetlb")?;
    Some(held.saturating_sub(field("LazyFree")?) * 1024)
}

/// The same where the kernel reported it before.
fn now() -> u64 {
    resident().expect("the kernel reported before what is resident")
}

/// The bytes that came on top.
fn since(before: u64) -> u64 {
    now().saturating_sub(before)
}

/// A parcel for the blocks of a burst, and what is resident before it: also the parcel's memory, and what is taken once for
/// the whole process and is no part of a block.
fn prepared<C: Contender>(contender: &Blocks<C>) -> (Parcel, u64) {
    // Lists are scanned by a thread in programs that have had several.
    thread::spawn(|| ()).join().unwrap_or_default();
    let mut parcel = black_box(Parcel(vec![ptr::dangling_mut(); BLOCKS]));
    parcel.0.clear();
    // SAFETY: the block was just handed out.
    unsafe { contender.free(touch(contender.allocate())) };
    (parcel, before())
}

fn each(bytes: u64, blocks: usize) -> f64 {
    bytes as f64 / blocks as f64
}

pub fn burst<C: Contender>(contender: &Blocks<C>) -> Figures {
    let (mut parcel, before) = prepared(contender);
    let mut peaks = Vec::with_capacity(BURSTS + 1);
    for _ in 0..=BURSTS {
        // Blocks are as long as a page at most, so that one write to each reaches all pages.
        parcel.fill(contender, BLOCKS);
        peaks.push(since(before));
        // SAFETY: the blocks are this contender's.
        unsafe { parcel.empty(contender) };
    }
    let worst = peaks[1..].iter().copied().max().unwrap_or(0);
    let after = since(before);
    *lock(&IDLE) = Idle { parcel, before, peak: worst };
    let of_block = |bytes| each(bytes, BLOCKS);
    vec![
        ("live", of_block(peaks[0])),
        ("peak", of_block(worst)),
        ("after", after as f64 / 1024.0),
        ("after-each", of_block(after)),
    ]
}

pub fn fragments<C: Contender>(contender: &Blocks<C>) -> Figures {
    let (mut parcel, before) = prepared(contender);
    parcel.fill(contender, BLOCKS);
    let live = since(before);
    let mut number = 0;
    parcel.0.retain(|&block| {
        number += 1;
        let stays = number % STAYS == 0;
        if !stays {
            // SAFETY: the block is this contender's, and is not in the parcel any longer.
            unsafe { contender.free(block) };
        }
        stays
    });
    let after = each(since(before), parcel.0.len());
    *lock(&IDLE) = Idle { parcel, before, peak: live };
    vec![("after", after), ("live", each(live, BLOCKS))]
}

/// What the contender of this process took when it was made, and what its burst left: a round has one.
static MADE: AtomicU64 = AtomicU64::new(0);
static IDLE: Mutex<Idle> = Mutex::new(Idle { parcel: Parcel(Vec::new()), before: 0, peak: 0 });

/// What is there while a process idles after its burst.
struct Idle {
    /// The blocks that stay.
    parcel: Parcel,
    /// What was resident before the burst.
    before: u64,
    /// What came on top at its peak.
    peak: u64,
}

/// What becomes of the memory of a workload's burst while nothing is done.
pub fn rest(workload: &Workload) -> Figures {
    let idle = lock(&IDLE);
    let start = Instant::now();
    let mut back = None;
    let left = loop {
        let (idled, left) = (start.elapsed(), since(idle.before));
        if back.is_none() && left <= idle.peak / 10 {
            back = Some(("back", idled.as_secs_f64()));
        }
        if idled >= PATIENCE {
            break left;
        }
        thread::sleep(LOOK);
    };
    if workload.name == FRAGMENTS.name {
        return vec![("left", each(left, idle.parcel.0.len()))];
    }
    let mut figures = vec![("left", left as f64 / 1024.0), ("left-each", each(left, BLOCKS))];
    figures.extend(back);
    figures
}

/// Gives back the blocks that stayed.
pub fn end<C: Contender>(contender: &Blocks<C>) {
    // SAFETY: a process has one contender that leaves blocks.
    unsafe { lock(&IDLE).parcel.empty(contender) };
}

pub fn lists<C: Contender>(make: Make<C>, size: usize) -> anyhow::Result<Figures> {
    // Each processor that uses a list has memory of its own.
    machine::pin(0);
    // SAFETY: the block was just handed out.
    let use_once = |list: &Blocks<C>| unsafe { list.free(touch(list.allocate())) };
    let mut lists = Vec::with_capacity(MANY + 1);
    lists.push(Blocks::new(make, size)?);
    // The first brings what all have in common.
    use_once(&lists[0]);
    let before = now();
    for _ in 0..MANY {
        lists.push(Blocks::new(make, size)?);
    }
    let unused = since(before);
    lists[1..].iter().for_each(use_once);
    let used = since(before);
    Ok([("used", used), ("unused", unused)].map(|(name, bytes)| (name, bytes as f64 / MANY as f64)).to_vec())
}

pub fn hand_over<C: Contender + Sync>(blocks: &Blocks<C>) -> anyhow::Result<Figures> {
    let ring = Ring::new(CAPACITY);
    let seen = AtomicU64::new(0);
    // Stacks of threads and the ring are there from the first time on.
    pass(&Blocks::new(|_| Ok(Standing::new(16)), 16)?, &ring, 2 * STANDING as u64, &|| ());
    let before = before();
    pass(blocks, &ring, PASSED, &|| seen.store(since(before), Ordering::Relaxed));
    Ok(vec![("blow-up", seen.into_inner() as f64 / 1024.0)])
}

/// Lets blocks pass from one thread to another, and looks while both are there.
fn pass<C: Contender + Sync>(blocks: &Blocks<C>, ring: &Ring, count: u64, look: &(dyn Fn() + Sync)) {
    let there = &Barrier::new(2);
    team(2, count, &|thread| {
        let (mut producer, mut consumer) = (ring.producer(), ring.consumer());
        Box::new(move |count| {
            if thread == 0 {
                produce(blocks, &mut producer, count);
            } else {
                consume(blocks, &mut consumer, count);
                look();
            }
            there.wait();
        })
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_is_what_the_kernel_holds_for_the_process() {
        let printed = "1000-2000 ---p 00000000 00:00 0 [rollup]\nRss: 9000 kB\nPss_Anon:   112 kB\nPss_File: 90 kB\n\
                    Pss_Shmem: 3 kB\nLazyFree: 12 kB\nShared_Hugetlb: 0 kB\nPrivate_Hugetlb: 2048 kB\n";
        assert_eq!(resident_in(printed), Some((112 + 3 + 2048 - 12) * 1024));
        assert_eq!(resident_in("Pss_Anon: 112 kB\n"), None);
        assert_eq!(resident_in(&printed.replace("112 kB", "112 MB")), None);
        assert!(now() > 0);
    }

    /// A pool that takes its blocks when it is made is no leaner than one that takes them later.
    #[test]
    fn what_a_contender_took_when_it_was_made_counts() {
        const BYTES: usize = 64 << 20;
        let blocks = weighed(|| vec![1_u8; BYTES]);
        let counted = since(before());
        MADE.store(0, Ordering::Relaxed);
        // Other tests of this process may give memory back meanwhile.
        assert!(blocks.len() == BYTES && counted >= BYTES as u64 / 2, "{counted}");
    }
}
