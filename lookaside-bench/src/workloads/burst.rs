//! Bursts in a process that did nothing before: growth and first touches are part of the figure.

use std::ptr;
use std::time::Duration;

use crate::ground::contender::{Blocks, Contender};
use crate::ground::measure::{Measure, NS, clock, touch};
use crate::ground::workload::{Set, Workload};

pub const BURST_IDLE: Workload = Workload {
    lingers: true,
    measures: &[NS, Measure::beside("kept", "blocks", "blocks still there 3.2 s later")],
    ..Workload::new(Set::Lists, "burst-idle", "8 bursts of 4096 blocks in a fresh process, which then does nothing")
};

/// How many blocks a burst takes.
const BLOCKS: usize = 4096;
/// How many bursts follow each other.
const BURSTS: usize = 8;
pub const PAIRS: u64 = (BURSTS * BLOCKS) as u64;

/// How long a pair takes, in nanoseconds.
#[inline(never)]
pub fn run<C: Contender>(blocks: &Blocks<C>) -> f64 {
    let mut burst = vec![ptr::dangling_mut::<u8>(); BLOCKS];
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

/// As many rounds of bursts as a number of pairs takes, less what the last one had too many of, each with a new contender.
pub fn fresh<C: Contender>(blocks: &Blocks<C>, size: usize, pairs: u64) -> Duration {
    let rounds = pairs.div_ceil(PAIRS).max(1);
    let of_round = |_| blocks.another(size).map_or(0.0, |fresh| run(&fresh));
    let mean = (0..rounds).map(of_round).sum::<f64>() / rounds as f64;
    Duration::from_secs_f64(mean * 1e-9 * pairs as f64)
}
