//! What the contenders are put through.
//!
//! A workload is generic over the contender and never inlined, so each pair of them is a function of its own, in which
//! only the contender's two calls are inlined. Every block is made opaque to the compiler and written to before it is
//! given back. Their first measure is the time of one allocate plus one free, unless they say another.

pub(crate) mod batch;
mod bulk;
mod burst;
mod crossing;
mod dice;
pub mod foreign;
mod handoff;
pub mod memory;
pub mod latency;
pub(crate) mod pair;
pub mod player;
pub(crate) mod random;
mod ring;
pub mod team;

use std::arch::asm;
use std::thread;
use std::time::{Duration, Instant};

use crate::contenders::Contender;
use crate::jobs::Set;
use crate::machine;
use crate::rounds::{self, Figures, Measure};
pub use crossing::crossing;
use foreign::Foreign;
use latency::Latency;
use memory::Memory;
pub use player::Player;
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
    /// So many blocks out at once, and in at once: 8, 32 or 128.
    Bulk(usize),
    /// One that is judged by memory.
    Memory(Memory),
    /// One that others have described.
    Foreign(Foreign),
    /// Single calls.
    Latency(Latency),
}

/// Every workload with its name, in the order of tables.
pub const ALL: &[(Workload, &str)] = &[
    (Workload::Pair, "pair"),
    (Workload::Batch128, "batch128"),
    (Workload::Random, "random"),
    (Workload::Pair2t, "pair-2t"),
    (Workload::Random2t, "random-2t"),
    (Workload::Handoff, "handoff"),
    (Workload::Oversubscribed, "oversubscribed"),
    (Workload::BurstIdle, "burst-idle"),
    (Workload::Bulk(8), "bulk8"),
    (Workload::Bulk(32), "bulk32"),
    (Workload::Bulk(128), "bulk128"),
    (Workload::Memory(Memory::Burst), "memory-burst"),
    (Workload::Memory(Memory::Lists), "memory-lists"),
    (Workload::Memory(Memory::Handoff), "memory-handoff"),
    (Workload::Foreign(Foreign::Larson), "larson"),
    (Workload::Foreign(Foreign::Xmalloc), "xmalloc"),
    (Workload::Foreign(Foreign::CacheThrash), "cache-thrash"),
    (Workload::Foreign(Foreign::CacheScratch), "cache-scratch"),
    (Workload::Foreign(Foreign::Sh6), "sh6bench"),
    (Workload::Foreign(Foreign::Sh8), "sh8bench"),
    (Workload::Foreign(Foreign::Mstress), "mstress"),
    (Workload::Foreign(Foreign::Rptest), "rptest"),
    (Workload::Foreign(Foreign::Mempool1c), "mempool-1c"),
    (Workload::Foreign(Foreign::Mempool2c), "mempool-2c"),
    (Workload::Foreign(Foreign::Packets), "packets"),
    (Workload::Foreign(Foreign::Lru), "lru"),
    (Workload::Latency(Latency::Hits), "latency-hits"),
    (Workload::Latency(Latency::HitsOver), "latency-hits-over"),
    (Workload::Latency(Latency::Misses), "latency-misses"),
    (Workload::Latency(Latency::MissesOver), "latency-misses-over"),
];

/// The time of what a contender is for.
pub const NS: Measure = Measure::less("ns", "ns", "nanoseconds for one allocate plus one free");

const BURST_IDLE: &[Measure] = &[NS, Measure::told("kept", "blocks", "blocks still there 3.2 s later")];

/// The workloads of a set.
pub fn of(set: Set) -> impl Iterator<Item = Workload> {
    ALL.iter().map(|&(workload, _)| workload).filter(move |workload| workload.set() == set)
}

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
            Workload::Pair => "one block allocated, then freed",
            Workload::Batch128 => "128 blocks allocated, then all freed",
            Workload::Random => "random allocates and frees in 512 places",
            Workload::Pair2t => "pair on two threads",
            Workload::Random2t => "random on two threads",
            Workload::Handoff => "one thread allocates and writes, another reads and frees",
            Workload::Oversubscribed => "random on four threads for each processor, per processor",
            Workload::BurstIdle => "8 bursts of 4096 blocks in a fresh process, which then does nothing",
            Workload::Bulk(8) => "8 blocks allocated by one call, and freed by one",
            Workload::Bulk(32) => "32 blocks allocated by one call, and freed by one",
            Workload::Bulk(_) => "128 blocks allocated by one call, and freed by one",
            Workload::Memory(workload) => workload.about(),
            Workload::Foreign(workload) => workload.about(),
            Workload::Latency(workload) => workload.about(),
        }
    }

    /// Where it belongs.
    #[must_use]
    pub fn set(self) -> Set {
        match self {
            Workload::Memory(_) => Set::Memory,
            Workload::Foreign(_) => Set::Foreign,
            Workload::Latency(_) => Set::Latency,
            _ => Set::Lists,
        }
    }

    /// What its rounds find.
    #[must_use]
    pub fn measures(self) -> &'static [Measure] {
        match self {
            Workload::BurstIdle => BURST_IDLE,
            Workload::Memory(workload) => workload.measures(),
            Workload::Foreign(workload) => workload.measures(),
            Workload::Latency(workload) => workload.measures(),
            _ => &[NS],
        }
    }

    /// Whether its rounds idle before they have answered all.
    #[must_use]
    pub fn lingers(self) -> bool {
        match self {
            Workload::BurstIdle => true,
            Workload::Memory(workload) => workload.lingers(),
            _ => false,
        }
    }

    /// Whether it runs on several threads, so that a contender must be safe to share.
    #[must_use]
    pub fn shares(self) -> bool {
        match self {
            Workload::Pair2t | Workload::Random2t | Workload::Handoff | Workload::Oversubscribed => true,
            Workload::Memory(workload) => workload.shares(),
            Workload::Foreign(workload) => workload.shares(),
            Workload::Latency(_) => true,
            _ => false,
        }
    }

    /// Whether it asks for several blocks at once.
    #[must_use]
    pub fn runs(self) -> bool {
        matches!(self, Workload::Bulk(_) | Workload::Foreign(Foreign::Mempool1c | Foreign::Mempool2c))
    }

    /// How large its blocks are where blocks of `asked` bytes were asked for: some only make sense with others.
    #[must_use]
    pub fn block_size(self, asked: usize) -> usize {
        match self {
            Workload::Foreign(workload) => workload.block_size(asked),
            _ => asked,
        }
    }

    /// The largest of its blocks, where it has some of other sizes.
    #[must_use]
    pub fn largest_block(self, asked: usize) -> usize {
        match self {
            Workload::Foreign(workload) => workload.largest_block(asked),
            _ => asked,
        }
    }
}

/// How long the timed part of a round takes, about.
const ROUND: Duration = Duration::from_millis(10);
/// The same where threads come and go, or wait for each other.
const TEAM_ROUND: Duration = Duration::from_millis(20);
/// The same where threads outnumber processors, and each has to get its turns.
const LONG_ROUND: Duration = Duration::from_millis(60);
/// Time for two scans of the balance set manager, and some.
const IDLE: Duration = Duration::from_millis(3200);

/// What plays a workload; an error says why this contender cannot.
pub type Play<C> = fn(Workload, &C) -> anyhow::Result<Figures>;

/// Plays one round and writes its answer. A contender that cannot be had is told of instead.
pub fn serve<C: Contender>(workload: Workload, size: usize, play: Play<C>) -> anyhow::Result<()> {
    if let Workload::Memory(workload) = workload
        && memory::serve::<C>(workload, size)?
    {
        return Ok(());
    }
    let make = || C::new(workload.block_size(size));
    let contender = match if matches!(workload, Workload::Memory(_)) { memory::weighed(C::start, make) } else { make() }
    {
        Ok(contender) => contender,
        Err(reason) => return Ok(rounds::answer_absent(&reason)?),
    };
    match play(workload, &contender) {
        Ok(figures) => rounds::answer(&figures)?,
        Err(reason) => return Ok(rounds::answer_absent(&reason)?),
    }
    match workload {
        Workload::Memory(Memory::Burst) => rounds::answer(&memory::rest())?,
        _ if workload.lingers() => rounds::answer(&idle(&contender))?,
        _ => (),
    }
    Ok(())
}

/// What a contender still keeps after 3.2 idle seconds, if it can tell.
fn idle<C: Contender>(contender: &C) -> Figures {
    thread::sleep(IDLE);
    contender.kept().map(|kept| ("kept", kept as f64)).into_iter().collect()
}

/// Plays a workload of one thread.
pub fn alone<C: Contender>(workload: Workload, contender: &C) -> anyhow::Result<Figures> {
    let nanoseconds = match workload {
        Workload::Pair => timed(ROUND, |pairs| clock(|| pair::run(contender, pairs))),
        Workload::Batch128 => timed(ROUND, |pairs| clock(|| batch::run(contender, pairs))),
        Workload::Random => {
            let mut set = WorkingSet::new(contender, 0);
            timed(ROUND, |pairs| clock(|| set.run(pairs)))
        }
        Workload::BurstIdle => burst::run(contender),
        Workload::Bulk(8) => timed(ROUND, |pairs| clock(|| bulk::run::<C, 8>(contender, pairs))),
        Workload::Bulk(32) => timed(ROUND, |pairs| clock(|| bulk::run::<C, 32>(contender, pairs))),
        Workload::Bulk(_) => timed(ROUND, |pairs| clock(|| bulk::run::<C, 128>(contender, pairs))),
        Workload::Memory(workload) => return Ok(memory::alone(workload, contender)),
        Workload::Foreign(workload) => return Ok(foreign::alone(workload, contender)),
        _ => unreachable!("{workload:?} needs a contender that threads can share"),
    };
    Ok(vec![(NS.name, nanoseconds)])
}

/// Plays any workload.
pub fn together<C: Contender + Sync>(workload: Workload, contender: &C) -> anyhow::Result<Figures> {
    let lone_pairs = |_| |pairs| pair::run(contender, pairs);
    let random_set = |thread| {
        let mut set = WorkingSet::new(contender, thread);
        move |pairs| set.run(pairs)
    };
    let nanoseconds = match workload {
        Workload::Pair2t => timed(ROUND, |pairs| team(2, pairs, lone_pairs)),
        Workload::Random2t => timed(ROUND, |pairs| team(2, pairs, random_set)),
        Workload::Handoff => timed(ROUND, |pairs| handoff::run(contender, pairs)),
        Workload::Oversubscribed => {
            let processors = machine::processors();
            let wall = timed(LONG_ROUND, |pairs| team(4 * processors, pairs, random_set));
            // Four threads took turns on each processor.
            wall / 4.0
        }
        Workload::Memory(workload) => return Ok(memory::together(workload, contender)),
        Workload::Foreign(workload) => return foreign::together(workload, contender),
        Workload::Latency(workload) => return Ok(latency::play(workload, contender)),
        _ => return alone(workload, contender),
    };
    Ok(vec![(NS.name, nanoseconds)])
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
        let expected = "pair batch128 random pair-2t random-2t handoff oversubscribed burst-idle bulk8 bulk32 bulk128";
        let of = |set| ALL.iter().filter(move |(workload, _)| workload.set() == set).map(|&(_, name)| name);
        assert!(of(Set::Lists).eq(expected.split(' ')));
        assert!(of(Set::Memory).eq(["memory-burst", "memory-lists", "memory-handoff"]));
        let expected = "larson xmalloc cache-thrash cache-scratch sh6bench sh8bench mstress rptest mempool-1c mempool-2c packets lru";
        assert!(of(Set::Foreign).eq(expected.split(' ')));
        let expected = ["latency-hits", "latency-hits-over", "latency-misses", "latency-misses-over"];
        assert!(of(Set::Latency).eq(expected));
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
        //! A contender that knows which blocks are out, and that every block came back when it goes.

        use std::alloc::{self, Layout};
        use std::collections::HashSet;
        use std::sync::Mutex;

        use super::Contender;

        pub struct Ledger {
            layout: Layout,
            book: Mutex<Book>,
        }

        #[derive(Default)]
        struct Book {
            out: HashSet<usize>,
            allocated: usize,
        }

        impl Ledger {
            pub fn allocated(&self) -> usize {
                self.book.lock().unwrap().allocated
            }
        }

        impl Contender for Ledger {
            fn new(size: usize) -> anyhow::Result<Self> {
                Ok(Self { layout: Layout::from_size_align(size, 16)?, book: Mutex::default() })
            }

            fn allocate(&self) -> *mut u8 {
                // SAFETY: no layout of these has size 0.
                let block = unsafe { alloc::alloc(self.layout) };
                let mut book = self.book.lock().unwrap();
                book.allocated += 1;
                assert!(book.out.insert(block.addr()));
                block
            }

            unsafe fn free(&self, block: *mut u8) {
                assert!(self.book.lock().unwrap().out.remove(&block.addr()), "{block:p} is not out, or not of here");
                // SAFETY: the block was out, and came from the same layout.
                unsafe { alloc::dealloc(block, self.layout) };
            }
        }

        impl Drop for Ledger {
            fn drop(&mut self) {
                let out = self.book.get_mut().unwrap().out.len();
                assert!(std::thread::panicking() || out == 0, "{out} blocks did not come back");
            }
        }
    }

    /// Every workload gives back all that it takes, each block once and to where it came from, takes something, and has its
    /// first figure.
    #[test]
    fn workloads_give_everything_back() {
        // Where many are made there is none to look at.
        for &(workload, name) in ALL.iter().filter(|&&(workload, _)| workload != Workload::Memory(Memory::Lists)) {
            println!("{name}");
            let ledger = ledger::Ledger::new(workload.block_size(16)).expect("it always can be had");
            let figures = together(workload, &ledger).expect("the ledger can all of it");
            assert!(ledger.allocated() >= 1024, "{name}: {}", ledger.allocated());
            assert_eq!(figures[0].0, workload.measures()[0].name, "{name}");
            let known = |name| workload.measures().iter().any(|measure| measure.name == name);
            assert!(figures.iter().all(|&(name, figure)| known(name) && figure >= 0.0), "{name}: {figures:?}");
            let sound = |figure: f64| figure.is_finite() && (figure > 0.0 || workload.set() == Set::Memory);
            assert!(sound(figures[0].1) && figures.iter().all(|(_, figure)| figure.is_finite()), "{name}: {figures:?}");
        }
    }
}
