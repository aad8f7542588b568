//! sh6bench, in its form for one size. Blocks go out in runs; most runs come back in the usual order, the last block first,
//! and others in the reverse order, from among those that have been out for long.
//!
//! Source: MicroQuill's SmartHeap benchmarks SHbench (1990s), as the benchmarks of mimalloc describe them.

use std::collections::VecDeque;

use super::threads;
use crate::ground::contender::{Blocks, Contender};
use crate::ground::measure::{TEAM_ROUND, timed, touch};
use crate::ground::team::team;
use crate::ground::workload::{Set, Workload};

pub const SH6: Workload = Workload::shared(
    Set::Foreign,
    "sh6bench",
    "on each processor runs of 256 allocated and freed, two of three youngest first, 1024 always allocated",
);

const RUN: usize = 256;
/// Blocks that a thread has out all the time.
const STANDING: usize = 1024;
/// One run in this number comes back in the reverse order.
const REVERSE: u64 = 3;

/// Nanoseconds for a block.
pub fn run<C: Contender + Sync>(blocks: &Blocks<C>) -> f64 {
    timed(TEAM_ROUND, &mut |pairs| {
        team(threads(), pairs, &|_| {
            let mut stock = Stock::new(blocks);
            Box::new(move |pairs| stock.run(pairs))
        })
    })
}

/// What one thread has out, the oldest in front.
struct Stock<'a, C: Contender> {
    blocks: &'a Blocks<C>,
    out: VecDeque<*mut u8>,
    runs: u64,
}

impl<'a, C: Contender> Stock<'a, C> {
    fn new(blocks: &'a Blocks<C>) -> Self {
        let mut out = VecDeque::with_capacity(STANDING + RUN);
        out.extend((0..STANDING).map(|_| touch(blocks.allocate())));
        Self { blocks, out, runs: 0 }
    }

    #[inline(never)]
    fn run(&mut self, pairs: u64) {
        for _ in 0..pairs.div_ceil(RUN as u64) {
            for _ in 0..RUN {
                self.out.push_back(touch(self.blocks.allocate()));
            }
            self.runs += 1;
            let reverse = self.runs.is_multiple_of(REVERSE);
            for _ in 0..RUN {
                let block = if reverse { self.out.pop_front() } else { self.out.pop_back() };
                // SAFETY: the block was allocated when it was put here, and is no longer.
                block.into_iter().for_each(|block| unsafe { self.blocks.free(block) });
            }
        }
    }
}

impl<C: Contender> Drop for Stock<'_, C> {
    fn drop(&mut self) {
        // SAFETY: each block was allocated when it was put here.
        self.out.drain(..).for_each(|block| unsafe { self.blocks.free(block) });
    }
}
