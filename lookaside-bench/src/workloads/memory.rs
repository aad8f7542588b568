//! What contenders take of the machine's memory, as the kernel counts it for a round's own process. Nothing is timed here, so
//! all contenders are called through one pointer.

use std::fs;
use std::hint::black_box;
use std::ptr;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::ground::contender::{Blocks, Contender};
use crate::ground::machine;
use crate::ground::measure::{Figures, Measure, print, touch};
use crate::ground::ring::{CAPACITY, Ring};
use crate::ground::standing::{STANDING, Standing};
use crate::ground::team::team;
use crate::ground::workload::{Set, Workload};

pub const BURST: Workload = Workload {
    measures: &[
        Measure::less("live", "B", "bytes resident for each block that is allocated in the first burst"),
        Measure::less("peak", "B", "the same in the worst of the later bursts"),
        Measure::less("after", "KiB", "KiB resident more than before, when all blocks were given back"),
        Measure::less("left", "KiB", "the same 12 idle seconds later"),
        Measure::less("back", "s", "idle seconds until a tenth of the peak was left, where 12 were enough"),
        Measure::less("after-each", "B", "what after is in bytes for each block of a burst"),
        Measure::less("left-each", "B", "what left is in bytes for each block of a burst"),
    ],
    lingers: true,
    ..Workload::new(
        Set::Memory,
        "memory-burst",
        "9 bursts of 65,536 blocks in a fresh process, which then does nothing",
    )
};
pub const FRAGMENTS: Workload = Workload {
    measures: &[
        Measure::less("after", "B", "bytes resident for each block that stays, when the others were given back"),
        Measure::less("left", "B", "the same 12 idle seconds later"),
        Measure::less("live", "B", "bytes resident for each block of the whole burst"),
    ],
    lingers: true,
    ..Workload::new(
        Set::Memory,
        "memory-fragments",
        "a burst of 65,536 blocks, of which all but each 50th are given back, and then nothing",
    )
};
pub const LISTS: Workload = Workload {
    measures: &[
        Measure::less("used", "B", "bytes resident for each"),
        Measure::less("unused", "B", "bytes resident for each before its block"),
    ],
    ..Workload::new(
        Set::Memory,
        "memory-lists",
        "64 of them, of which each gave out one block and got it back, on one processor; an allocator is there once for all",
    )
};
pub const HANDOFF: Workload = Workload {
    measures: &[Measure::less(
        "blow-up",
        "KiB",
        "KiB resident more than before, at the end and with both threads still there",
    )],
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

/// Where blocks are from.
pub trait Source {
    /// Takes a block and writes to it: it is as long as a page at most, so that all pages are reached.
    fn take(&self) -> *mut u8;

    /// Gives a block back.
    ///
    /// # Safety
    /// The block is from here, and no one else uses it.
    unsafe fn give(&self, block: *mut u8);
}

impl<C: Contender> Source for Blocks<C> {
    fn take(&self) -> *mut u8 {
        touch(self.allocate())
    }

    unsafe fn give(&self, block: *mut u8) {
        // SAFETY: as the caller says.
        unsafe { self.free(block) };
    }
}

fn use_once(source: &dyn Source) {
    // SAFETY: the block was just handed out.
    unsafe { source.give(source.take()) };
}

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

/// Room for the blocks of a burst, and what is resident before it: also that room, and what is taken once for the whole
/// process and is no part of a block.
fn prepared(source: &dyn Source) -> (Vec<*mut u8>, u64) {
    // Lists are scanned by a thread in programs that have had several.
    thread::spawn(|| ()).join().unwrap_or_default();
    let mut blocks = black_box(vec![ptr::dangling_mut(); BLOCKS]);
    blocks.clear();
    use_once(source);
    (blocks, before())
}

fn each(bytes: u64, blocks: usize) -> f64 {
    bytes as f64 / blocks as f64
}

/// Prints what the bursts took, and returns what becomes of it while nothing is done.
pub fn burst(source: &dyn Source) -> anyhow::Result<Figures> {
    let (mut blocks, before) = prepared(source);
    let mut peaks = Vec::with_capacity(BURSTS + 1);
    for _ in 0..=BURSTS {
        blocks.extend((0..BLOCKS).map(|_| source.take()));
        peaks.push(since(before));
        // SAFETY: the blocks are this source's.
        blocks.drain(..).for_each(|block| unsafe { source.give(block) });
    }
    let worst = peaks[1..].iter().copied().max().unwrap_or(0);
    let after = since(before);
    let of_block = |bytes| each(bytes, BLOCKS);
    print(&[
        ("live", of_block(peaks[0])),
        ("peak", of_block(worst)),
        ("after", after as f64 / 1024.0),
        ("after-each", of_block(after)),
    ])?;
    let (left, back) = rest(before, worst);
    let mut figures = vec![("left", left as f64 / 1024.0), ("left-each", of_block(left))];
    figures.extend(back.map(|seconds| ("back", seconds)));
    Ok(figures)
}

/// The same of a burst of which some blocks stay.
pub fn fragments(source: &dyn Source) -> anyhow::Result<Figures> {
    let (mut blocks, before) = prepared(source);
    blocks.extend((0..BLOCKS).map(|_| source.take()));
    let live = since(before);
    let (mut stay, mut number) = (blocks, 0);
    stay.retain(|&block| {
        number += 1;
        let stays = number % STAYS == 0;
        if !stays {
            // SAFETY: the block is this source's, and is not kept any longer.
            unsafe { source.give(block) };
        }
        stays
    });
    print(&[("after", each(since(before), stay.len())), ("live", each(live, BLOCKS))])?;
    let (left, _) = rest(before, live);
    let left = each(left, stay.len());
    // SAFETY: as above.
    stay.into_iter().for_each(|block| unsafe { source.give(block) });
    Ok(vec![("left", left)])
}

/// What it took to make the contender of this process.
static MADE: AtomicU64 = AtomicU64::new(0);

/// Idles; returns the bytes that are left of a peak then, and after how many seconds a tenth was.
fn rest(before: u64, peak: u64) -> (u64, Option<f64>) {
    let start = Instant::now();
    let mut back = None;
    loop {
        let (idled, left) = (start.elapsed(), since(before));
        if back.is_none() && left <= peak / 10 {
            back = Some(idled.as_secs_f64());
        }
        if idled >= PATIENCE {
            return (left, back);
        }
        thread::sleep(LOOK);
    }
}

/// Of contenders that are made here.
pub fn lists(make: &dyn Fn() -> anyhow::Result<Box<dyn Source>>) -> anyhow::Result<Figures> {
    // Each processor that uses a list has memory of its own.
    machine::pin(0);
    let mut lists = Vec::with_capacity(MANY + 1);
    lists.push(make()?);
    // The first brings what all have in common.
    use_once(&*lists[0]);
    let before = now();
    for _ in 0..MANY {
        lists.push(make()?);
    }
    let unused = since(before);
    lists[1..].iter().for_each(|list| use_once(&**list));
    let used = since(before);
    Ok([("used", used), ("unused", unused)].map(|(name, bytes)| (name, each(bytes, MANY))).to_vec())
}

pub fn hand_over(source: &(dyn Source + Sync)) -> Figures {
    let ring = Ring::new(CAPACITY);
    let seen = AtomicU64::new(0);
    // Stacks of threads and the ring are there from the first time on.
    let standing = Blocks::new(|_| Ok(Standing::new(16)), 16).expect("it needs nothing");
    pass(&standing, &ring, 2 * STANDING as u64, &|| ());
    let before = before();
    pass(source, &ring, PASSED, &|| seen.store(since(before), Ordering::Relaxed));
    vec![("blow-up", seen.into_inner() as f64 / 1024.0)]
}

/// Lets blocks pass from one thread to another, and looks while both are there.
fn pass(source: &(dyn Source + Sync), ring: &Ring, count: u64, look: &(dyn Fn() + Sync)) {
    let there = &Barrier::new(2);
    team(2, count, &|thread| {
        let (mut producer, mut consumer) = (ring.producer(), ring.consumer());
        Box::new(move |count| {
            if thread == 0 {
                (0..count).for_each(|_| producer.put(source.take()));
            } else {
                // SAFETY: the producer took the block, and the ring gave it out once.
                (0..count).for_each(|_| unsafe { source.give(consumer.take()) });
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
}
