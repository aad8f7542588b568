//! Workloads that are not ours: benchmarks of allocators and pools that others published, each in a file of its own,
//! written from its description, which the file names. Where the original draws sizes at random, here every block has the
//! size that lists have.
//!
//! All play on as many threads as there are processors, and on two at the least, except where they say how many. As
//! everywhere, a figure is the time that one thread takes for one allocate plus one free, with what the workload does
//! around them.

mod false_sharing;
mod larson;
mod lru;
mod mempool;
mod mstress;
mod packets;
mod rptest;
mod shbench;
mod xmalloc;

use super::{NS, touch};
use crate::contenders::Contender;
use crate::machine;
use crate::rounds::{Figures, Measure};

/// The workloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// Threads that come and go, and take over each other's blocks.
    Larson,
    /// Threads that only allocate, and threads that only free.
    Xmalloc,
    /// Small blocks that are written to again and again.
    CacheThrash,
    /// The same after the threads have freed blocks that stood side by side.
    CacheScratch,
    /// Runs of blocks, freed in the usual order and in the reverse.
    Sh6,
    /// The same with runs that change hands.
    Sh8,
    /// Threads that come and go, and exchange blocks.
    Mstress,
    /// Scattered frees and allocates, and blocks for the next thread.
    Rptest,
    /// So many objects taken and put at once, on one core.
    Mempool1c,
    /// The same on two cores.
    Mempool2c,
    /// Pools of two sizes between a receiver and a worker.
    Packets,
    /// A cache that forgets what was used least recently.
    Lru,
}

/// How many objects are kept, and how many are taken and put at once.
const MEMPOOL: &[Measure] = &[
    Measure::less("k128-b32", "ns", "nanoseconds for one object that is taken and put, 128 kept, by 32 at once"),
    Measure::less("k32-b1", "ns", "32 kept, by 1"),
    Measure::less("k32-b4", "ns", "32 kept, by 4"),
    Measure::less("k32-b32", "ns", "32 kept, by 32"),
    Measure::less("k128-b1", "ns", "128 kept, by 1"),
    Measure::less("k128-b4", "ns", "128 kept, by 4"),
    Measure::less("k128-b128", "ns", "128 kept, by 128"),
];

impl Foreign {
    /// What it does, in a few words.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Larson => "threads replace random ones of 1000 blocks each, end, and leave the rest to a new thread",
            Self::Xmalloc => {
                "threads that only allocate, and threads that only free, by batches of 4096 through a queue"
            }
            Self::CacheThrash => "on each processor a block of 16 bytes is allocated, written to 100 times, and freed",
            Self::CacheScratch => "cache-thrash after each thread has freed a block that was beside the others'",
            Self::Sh6 => {
                "on each processor runs of 256 allocated and freed, two of three youngest first, 1024 always allocated"
            }
            Self::Sh8 => "sh6bench where every second run changes hands between the threads",
            Self::Mstress => "threads allocate, free at random, exchange one block of four, end, and are made anew",
            Self::Rptest => {
                "scattered frees and allocates in 1000 places, and a third of the blocks for the next thread"
            }
            Self::Mempool1c => "DPDK's mempool test: objects are taken N at a time until K are held, then put back",
            Self::Mempool2c => "mempool-1c on two cores at once",
            Self::Packets => "a receiver's descriptors and 2048-byte buffers, which a worker frees; the worker's own",
            Self::Lru => {
                "an LRU cache of 4096 entries, each a block; figures are for an entry that comes and one that goes"
            }
        }
    }

    /// What its rounds find.
    #[must_use]
    pub fn measures(self) -> &'static [Measure] {
        match self {
            Self::Mempool1c | Self::Mempool2c => MEMPOOL,
            Self::CacheThrash | Self::CacheScratch => false_sharing::MEASURES,
            _ => &[NS],
        }
    }

    /// Whether it runs on several threads.
    #[must_use]
    pub fn shares(self) -> bool {
        !matches!(self, Self::Mempool1c | Self::Lru)
    }

    /// How large its blocks are.
    #[must_use]
    pub fn block_size(self, asked: usize) -> usize {
        match self {
            Self::CacheThrash | Self::CacheScratch => false_sharing::SIZE,
            Self::Lru => asked.max(lru::ENTRY),
            _ => asked,
        }
    }

    /// The largest of its blocks.
    #[must_use]
    pub fn largest_block(self, asked: usize) -> usize {
        match self {
            Self::Packets => asked.max(packets::BUFFER),
            _ => self.block_size(asked),
        }
    }
}

/// Plays a workload of one thread.
pub fn alone<C: Contender>(workload: Foreign, contender: &C) -> Figures {
    match workload {
        Foreign::Mempool1c => mempool::one_core(contender),
        Foreign::Lru => vec![(NS.name, lru::play(contender))],
        _ => unreachable!("{workload:?} needs a contender that threads can share"),
    }
}

/// Plays any workload.
pub fn together<C: Contender + Sync>(workload: Foreign, contender: &C) -> anyhow::Result<Figures> {
    let nanoseconds = match workload {
        Foreign::Larson => larson::play(contender),
        Foreign::Xmalloc => xmalloc::play(contender),
        Foreign::CacheThrash => return Ok(false_sharing::thrash(contender)),
        Foreign::CacheScratch => return Ok(false_sharing::scratch(contender)),
        Foreign::Sh6 => shbench::sh6(contender),
        Foreign::Sh8 => shbench::sh8(contender),
        Foreign::Mstress => mstress::play(contender),
        Foreign::Rptest => rptest::play(contender),
        Foreign::Packets => packets::play(contender, &C::new(packets::BUFFER)?, &C::new(packets::ANSWER)?),
        Foreign::Mempool2c => return Ok(mempool::two_cores(contender)),
        Foreign::Mempool1c | Foreign::Lru => return Ok(alone(workload, contender)),
    };
    Ok(vec![(NS.name, nanoseconds)])
}

/// How many threads share the work.
fn threads() -> usize {
    machine::processors().max(2)
}

/// Blocks that belong to whoever holds the parcel, on whatever thread.
#[derive(Default)]
struct Parcel(Vec<*mut u8>);

// SAFETY: a block is memory that the holder alone reaches, and every shared contender takes it back on any thread.
unsafe impl Send for Parcel {}

impl Parcel {
    fn with_room(blocks: usize) -> Self {
        Self(Vec::with_capacity(blocks))
    }

    /// Adds so many blocks of a contender.
    #[inline(always)]
    fn fill<C: Contender>(&mut self, contender: &C, blocks: usize) {
        for _ in 0..blocks {
            self.0.push(touch(contender.allocate()));
        }
    }

    /// Gives all back, the oldest first.
    ///
    /// # Safety
    /// The blocks are this contender's.
    #[inline(always)]
    unsafe fn empty<C: Contender>(&mut self, contender: &C) {
        for block in self.0.drain(..) {
            // SAFETY: the parcel owned the block, which the caller knows to be the contender's, and has now let it go.
            unsafe { contender.free(block) };
        }
    }
}
