//! Our own workloads, of the set `lists`: a block out, and in again; 128 blocks out, then all in, the oldest first; a run of
//! blocks out at once, and in again at once; allocates and frees in no order, about half of the places full; from producer to
//! consumer; and bursts in a process that did nothing before, whose growth and first touches are part of the figure.

use std::hint::black_box;
use std::ptr;
use std::time::Duration;

use crate::ground::contender::{Blocks, Contender, PLACES};
use crate::ground::measure::{LESS_RING, Measure, NS, clock, touch};
use crate::ground::random::Random;
use crate::ground::ring::{CAPACITY, Consumer, Producer, Ring};
use crate::ground::team::{Work, team};
use crate::ground::workload::{Set, Workload};

pub const PAIR: Workload = Workload::new(Set::Lists, "pair", "one block allocated, then freed");
pub const PAIR_2T: Workload = Workload::shared(Set::Lists, "pair-2t", "pair on two threads");
pub const BATCH128: Workload = Workload::new(Set::Lists, "batch128", "128 blocks allocated, then all freed");
pub const BULK8: Workload = bulk("bulk8", "8 blocks allocated by one call, and freed by one");
pub const BULK32: Workload = bulk("bulk32", "32 blocks allocated by one call, and freed by one");
pub const BULK128: Workload = bulk("bulk128", "128 blocks allocated by one call, and freed by one");
pub const RANDOM: Workload = Workload::new(Set::Lists, "random", "random allocates and frees in 512 places");
pub const RANDOM_2T: Workload = Workload::shared(Set::Lists, "random-2t", "random on two threads");
pub const OVERSUBSCRIBED: Workload =
    Workload::shared(Set::Lists, "oversubscribed", "random on four threads for each processor, per processor");
pub const HANDOFF: Workload = Workload {
    measures: &[NS, LESS_RING],
    ..Workload::shared(Set::Lists, "handoff", "one thread allocates and writes, another reads and frees")
};
pub const BURST_IDLE: Workload = Workload {
    lingers: true,
    measures: &[NS, Measure::beside("kept", "blocks", "blocks still there 3.2 s later")],
    ..Workload::new(Set::Lists, "burst-idle", "8 bursts of 4096 blocks in a fresh process, which then does nothing")
};

const fn bulk(name: &'static str, about: &'static str) -> Workload {
    Workload { runs: true, ..Workload::new(Set::Lists, name, about) }
}

/// The work of `pair`.
pub fn pair<C: Contender>(blocks: &Blocks<C>) -> Work<'_> {
    Box::new(move |pairs| run_pairs(blocks, pairs))
}

/// The work of `batch128`.
pub fn batch<C: Contender>(blocks: &Blocks<C>) -> Work<'_> {
    Box::new(move |pairs| run_batches(blocks, pairs))
}

/// The work of one that asks for runs.
pub fn in_runs<'a, C: Contender>(workload: &Workload, blocks: &'a Blocks<C>) -> Work<'a> {
    let run = match workload.name {
        "bulk8" => run_bulk::<C, 8>,
        "bulk32" => run_bulk::<C, 32>,
        _ => run_bulk::<C, 128>,
    };
    Box::new(move |pairs| run(blocks, pairs))
}

#[inline(never)]
fn run_pairs<C: Contender>(blocks: &Blocks<C>, pairs: u64) {
    if let Some(loops) = blocks.source().loops() {
        // SAFETY: the loops are the contender's own, and give back what they take.
        return unsafe { (loops.pair)(loops.pool, pairs) };
    }
    for _ in 0..pairs {
        let block = touch(blocks.allocate());
        // SAFETY: the block was allocated a line above.
        unsafe { blocks.free(block) };
    }
}

/// How many blocks of a batch are out at once.
const BATCH: usize = 128;

#[inline(never)]
fn run_batches<C: Contender>(blocks: &Blocks<C>, pairs: u64) {
    if let Some(loops) = blocks.source().loops() {
        // SAFETY: the loops are the contender's own, and give back what they take.
        return unsafe { (loops.batch)(loops.pool, pairs) };
    }
    let mut batch = [ptr::null_mut(); BATCH];
    for _ in 0..pairs.div_ceil(BATCH as u64) {
        for place in &mut batch {
            *place = touch(blocks.allocate());
        }
        for &block in &batch {
            // SAFETY: each of the blocks was allocated above, and is freed once.
            unsafe { blocks.free(block) };
        }
    }
}

#[inline(never)]
fn run_bulk<C: Contender, const RUN: usize>(blocks: &Blocks<C>, pairs: u64) {
    let mut bulk = [ptr::null_mut(); RUN];
    for _ in 0..pairs.div_ceil(RUN as u64) {
        assert_eq!(blocks.allocate_many(&mut bulk), RUN, "out of memory");
        for &block in &bulk {
            touch(block);
        }
        // SAFETY: each of the blocks was allocated above, and is freed once.
        unsafe { blocks.free_many(&bulk) };
    }
}

/// The places of one thread. What is still in them is freed at the end.
pub struct WorkingSet<'a, C: Contender> {
    blocks: &'a Blocks<C>,
    places: [*mut u8; PLACES],
    random: Random,
}

/// The work of `random` on a set of a thread, in which `settled` pairs were done before.
pub fn random<C: Contender>(blocks: &Blocks<C>, thread: usize, settled: u64) -> Work<'_> {
    let mut set = WorkingSet::new(blocks, thread);
    set.run(settled);
    Box::new(move |pairs| set.run(pairs))
}

impl<'a, C: Contender> WorkingSet<'a, C> {
    /// An empty set; each thread walks it in an order of its own.
    pub fn new(blocks: &'a Blocks<C>, thread: usize) -> Self {
        Self { blocks, places: [ptr::null_mut(); PLACES], random: Random(0x9E37_79B9_7F4A_7C15 ^ thread as u64) }
    }

    /// As many allocates and frees as make up a number of pairs.
    #[inline(never)]
    pub fn run(&mut self, pairs: u64) {
        if let Some(loops) = self.blocks.source().loops() {
            let places = self.places.as_mut_ptr().cast();
            // SAFETY: the loops are the contender's own, and so is what is in the places.
            return unsafe { (loops.random)(loops.pool, places, &raw mut self.random.0, pairs) };
        }
        for _ in 0..2 * pairs {
            let place = &mut self.places[(self.random.draw() >> 32) as usize % PLACES];
            if place.is_null() {
                *place = touch(self.blocks.allocate());
            } else {
                // SAFETY: the block was allocated when the place was filled, and leaves it now.
                unsafe { self.blocks.free(*place) };
                *place = ptr::null_mut();
            }
        }
    }

    /// Which places are full.
    pub fn filled(&self) -> impl Iterator<Item = bool> + '_ {
        self.places.iter().map(|place| !place.is_null())
    }
}

impl<C: Contender> Drop for WorkingSet<'_, C> {
    fn drop(&mut self) {
        for block in self.places.into_iter().filter(|block| !block.is_null()) {
            // SAFETY: the block was allocated when its place was filled.
            unsafe { self.blocks.free(block) };
        }
    }
}

/// How long pairs take of which each half is another thread's.
pub fn hand_off<C: Contender + Sync>(blocks: &Blocks<C>, pairs: u64) -> Duration {
    let ring = Ring::new(CAPACITY);
    team(2, pairs, &|thread| {
        let (mut producer, mut consumer) = (ring.producer(), ring.consumer());
        Box::new(move |pairs| match thread {
            0 => produce(blocks, &mut producer, pairs),
            _ => consume(blocks, &mut consumer, pairs),
        })
    })
}

#[inline(never)]
fn produce<C: Contender>(blocks: &Blocks<C>, ring: &mut Producer<'_>, pairs: u64) {
    for _ in 0..pairs {
        ring.put(touch(blocks.allocate()));
    }
}

#[inline(never)]
fn consume<C: Contender>(blocks: &Blocks<C>, ring: &mut Consumer<'_>, pairs: u64) {
    for _ in 0..pairs {
        let block = ring.take();
        // SAFETY: the producer wrote this word before it put the block, which no one else holds.
        black_box(unsafe { block.cast::<u64>().read() });
        // SAFETY: the producer allocated the block, and the ring gave it out once.
        unsafe { blocks.free(block) };
    }
}

/// How many blocks a burst takes.
const BURST: usize = 4096;
/// How many bursts follow each other.
const BURSTS: usize = 8;
const PAIRS: u64 = (BURSTS * BURST) as u64;

/// How long a pair of `burst-idle` takes, in nanoseconds.
#[inline(never)]
pub fn burst<C: Contender>(blocks: &Blocks<C>) -> f64 {
    let mut burst = vec![ptr::dangling_mut::<u8>(); BURST];
    // What a contender does once for the whole process is no part of a burst.
    // SAFETY: the block was just allocated.
    unsafe { blocks.free(touch(blocks.allocate())) };
    let took = clock(|| {
        for _ in 0..BURSTS {
            for place in &mut burst {
                *place = touch(blocks.allocate());
            }
            for &block in &burst {
                // SAFETY: each of the blocks was allocated above, and is freed once.
                unsafe { blocks.free(block) };
            }
        }
    });
    took.as_secs_f64() * 1e9 / PAIRS as f64
}
