//! What the contenders are put through.
//!
//! A workload is generic over the contender and never inlined, so each pair of them is a function of its own, in which
//! only the contender's two calls are inlined. Every block is made opaque to the compiler and written to before it is
//! given back. All figures are nanoseconds for one allocate plus one free.

pub(crate) mod batch;
mod burst;
mod crossing;
pub(crate) mod handoff;
pub(crate) mod pair;
mod random;
mod ring;
pub mod team;

use std::arch::asm;
use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use crate::contenders::Contender;
use crate::machine;
pub use crossing::crossing;
use random::WorkingSet;
use team::team;

/// The workloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// One block out, and in again.
    Pair,
    /// 128 blocks out, then all in.
    Batch128,
    /// A random one of 512 places is filled if it is empty and emptied if it is full.
    Random,
    /// `Pair` on two threads at once.
    Pair2t,
    /// `Random` on two threads at once, each with its own places.
    Random2t,
    /// One thread allocates and writes, another reads and frees.
    Handoff,
    /// `Random` on four threads for every processor.
    Oversubscribed,
    /// A fresh process takes 4,096 blocks and gives them back, 8 times over, and then does nothing.
    BurstIdle,
}

/// Every workload with its name, in the order of tables.
pub const ALL: [(Workload, &str); 8] = [
    (Workload::Pair, "pair"),
    (Workload::Batch128, "batch128"),
    (Workload::Random, "random"),
    (Workload::Pair2t, "pair-2t"),
    (Workload::Random2t, "random-2t"),
    (Workload::Handoff, "handoff"),
    (Workload::Oversubscribed, "oversubscribed"),
    (Workload::BurstIdle, "burst-idle"),
];

/// The names of all workloads.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|&(_, name)| name)
}

impl Workload {
    /// The workload of this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        ALL.iter().find(|entry| entry.1 == name).map(|entry| entry.0)
    }

    /// What it does, in a few words.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Workload::Pair => "one block out, and in again",
            Workload::Batch128 => "128 blocks out, then in",
            Workload::Random => "random allocates and frees in 512 places",
            Workload::Pair2t => "pair on two threads",
            Workload::Random2t => "random on two threads",
            Workload::Handoff => "one thread allocates and writes, another reads and frees",
            Workload::Oversubscribed => "random on four threads for each processor, per processor",
            Workload::BurstIdle => "8 bursts of 4096 blocks in a fresh process; kept: blocks still there 3.2 s later",
        }
    }

    /// Whether it runs on several threads, so that a contender must be safe to share.
    #[must_use]
    pub fn shares(self) -> bool {
        use Workload::{Handoff, Oversubscribed, Pair2t, Random2t};
        matches!(self, Pair2t | Random2t | Handoff | Oversubscribed)
    }
}

/// How long the timed part of a round takes, about.
const ROUND: Duration = Duration::from_millis(10);
/// The same where threads outnumber processors, and each has to get its turns.
const LONG_ROUND: Duration = Duration::from_millis(60);
/// Time for two scans of the balance set manager, and some.
const IDLE: Duration = Duration::from_millis(3200);

/// Plays one round and writes its figure on a line; after `burst-idle`, and 3.2 idle seconds, a second line with the blocks
/// that the contender still keeps, if it can tell. A contender that cannot be had is one line, `skip` and the reason.
pub fn serve<C: Contender>(workload: Workload, size: usize, play: fn(Workload, &C) -> f64) -> anyhow::Result<()> {
    let mut out = io::stdout();
    let contender = match C::new(size) {
        Ok(contender) => contender,
        Err(reason) => return Ok(writeln!(out, "skip {reason:#}")?),
    };
    writeln!(out, "{}", play(workload, &contender))?;
    out.flush()?;
    if workload == Workload::BurstIdle {
        thread::sleep(IDLE);
        if let Some(kept) = contender.kept() {
            writeln!(out, "{kept}")?;
        }
    }
    Ok(())
}

/// Plays a workload of one thread.
pub fn alone<C: Contender>(workload: Workload, contender: &C) -> f64 {
    match workload {
        Workload::Pair => timed(ROUND, |pairs| clock(|| pair::run(contender, pairs))),
        Workload::Batch128 => timed(ROUND, |pairs| clock(|| batch::run(contender, pairs))),
        Workload::Random => {
            let mut set = WorkingSet::new(contender, 0);
            timed(ROUND, |pairs| clock(|| set.run(pairs)))
        }
        Workload::BurstIdle => burst::run(contender),
        _ => unreachable!("{workload:?} needs a contender that threads can share"),
    }
}

/// Plays any workload.
pub fn together<C: Contender + Sync>(workload: Workload, contender: &C) -> f64 {
    let lone_pairs = |_| |pairs| pair::run(contender, pairs);
    let random_set = |thread| {
        let mut set = WorkingSet::new(contender, thread);
        move |pairs| set.run(pairs)
    };
    match workload {
        Workload::Pair2t => timed(ROUND, |pairs| team(2, pairs, lone_pairs)),
        Workload::Random2t => timed(ROUND, |pairs| team(2, pairs, random_set)),
        Workload::Handoff => timed(ROUND, |pairs| handoff::run(contender, pairs)),
        Workload::Oversubscribed => {
            let processors = machine::processors();
            let wall = timed(LONG_ROUND, |pairs| team(4 * processors, pairs, random_set));
            // Four threads took turns on each processor.
            wall / 4.0
        }
        _ => alone(workload, contender),
    }
}

/// How long a contender works before it is timed. Some loops, `batch128` on lists among them, were seen to run a quarter
/// slower for the first 50 ms of a new process, with the same instructions and without a miss.
const WARM_UP: Duration = Duration::from_millis(70);

/// How many turns it works at the least, since on a busy machine few fit into that time.
const WARM_UP_TURNS: u32 = 16;

/// Lets `round` do more and more, from 1,024 pairs on, until its speed is known and the contender warm, then times one of
/// about `target`: nanoseconds for a pair.
fn timed(target: Duration, round: impl FnMut(u64) -> Duration) -> f64 {
    timed_from(1024, target, round)
}

/// The same for pieces of work of any kind, from `first` of them on; at least one is timed.
pub fn timed_from(first: u64, target: Duration, mut round: impl FnMut(u64) -> Duration) -> f64 {
    let mut pieces = first;
    let mut took = round(pieces);
    let (mut spent, mut turns) = (took, 1);
    while took < target / 4 || spent < WARM_UP || turns < WARM_UP_TURNS {
        if took < target / 4 {
            pieces *= 2;
        }
        took = round(pieces);
        spent += took;
        turns += 1;
    }
    let pieces = ((pieces as f64 * target.as_secs_f64() / took.as_secs_f64()) as u64).max(1);
    round(pieces).as_secs_f64() * 1e9 / pieces as f64
}

/// How long some work takes.
pub fn clock(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Writes to a block that was just handed out, where the compiler cannot see what it is.
#[inline(always)]
pub fn touch(mut block: *mut u8) -> *mut u8 {
    // SAFETY: there is no instruction; the compiler has to assume that the block is another, and that memory was read and written.
    unsafe { asm!("/* {} */", inout(reg) block, options(nostack, preserves_flags)) };
    // Volatile, since the compiler knows that nobody reads what `free` was given.
    // SAFETY: every contender hands out aligned blocks of 16 bytes and more. None of them fails before the machine's memory is gone.
    unsafe { block.cast::<u64>().write_volatile(1) };
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_complete_and_distinct() {
        let expected =
            ["pair", "batch128", "random", "pair-2t", "random-2t", "handoff", "oversubscribed", "burst-idle"];
        assert!(names().eq(expected));
        assert!(ALL.iter().all(|&(workload, name)| Workload::by_name(name) == Some(workload)));
        assert_eq!(Workload::by_name("pairs"), None);
    }

    /// The timed round is as long as asked, whatever the speed, and its figure is that speed.
    #[test]
    fn timed_finds_the_speed() {
        for nanoseconds in [1, 40, 5_000] {
            let mut last = 0;
            let figure = timed(ROUND, |pairs| {
                last = pairs;
                Duration::from_nanos(pairs * nanoseconds)
            });
            assert!((figure - nanoseconds as f64).abs() < 0.01 * figure, "{figure}");
            let length = Duration::from_nanos(last * nanoseconds);
            assert!(length > ROUND * 9 / 10 && length < ROUND * 11 / 10, "{length:?}");
        }
    }

    pub mod ledger {
        //! A contender that counts.

        use std::sync::atomic::{AtomicU64, Ordering};

        use super::Contender;

        pub struct Ledger {
            pub allocated: AtomicU64,
            pub freed: AtomicU64,
        }

        impl Contender for Ledger {
            fn new(_size: usize) -> anyhow::Result<Self> {
                Ok(Self { allocated: AtomicU64::new(0), freed: AtomicU64::new(0) })
            }

            fn allocate(&self) -> *mut u8 {
                self.allocated.fetch_add(1, Ordering::Relaxed);
                Box::into_raw(Box::new([0_u64; 2])).cast()
            }

            unsafe fn free(&self, block: *mut u8) {
                self.freed.fetch_add(1, Ordering::Relaxed);
                // SAFETY: the block came from the box above, which the caller gives back.
                drop(unsafe { Box::from_raw(block.cast::<[u64; 2]>()) });
            }
        }
    }

    /// Every workload gives back all that it takes, takes something, and has a figure.
    #[test]
    fn workloads_give_everything_back() {
        for (workload, name) in ALL {
            let ledger = ledger::Ledger::new(64).expect("it always can be had");
            let figure = together(workload, &ledger);
            let (allocated, freed) = (ledger.allocated.into_inner(), ledger.freed.into_inner());
            assert!(allocated >= 1024, "{name}: {allocated}");
            assert_eq!(allocated, freed, "{name}");
            assert!(figure > 0.0 && figure.is_finite(), "{name}: {figure}");
        }
    }
}
