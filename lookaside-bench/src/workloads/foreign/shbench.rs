//! sh6bench and sh8bench, in their form for one size. Blocks go out in runs; most runs come back in the usual order, the
//! last block first, and others in the reverse order, from among those that have been out for long. In sh8bench runs also
//! change hands between the threads before they are freed.
//!
//! Source: MicroQuill's SmartHeap benchmarks SHbench (1990s), as the benchmarks of mimalloc describe them.

use std::collections::VecDeque;
use std::mem;
use std::sync::Mutex;

use super::parcel::{Parcel, threads};
use crate::ground::contender::{Blocks, Contender};
use crate::ground::measure::{TEAM_ROUND, timed, touch};
use crate::ground::team::{lock, team};
use crate::ground::workload::{Set, Workload};

pub const SH6: Workload = Workload::shared(
    Set::Foreign,
    "sh6bench",
    "on each processor runs of 256 allocated and freed, two of three youngest first, 1024 always allocated",
);
pub const SH8: Workload =
    Workload::shared(Set::Foreign, "sh8bench", "sh6bench where every second run changes hands between the threads");

const RUN: usize = 256;
/// Blocks that a thread has out all the time.
const STANDING: usize = 1024;
/// One run in this number comes back in the reverse order.
const REVERSE: u64 = 3;
/// One run in this number changes hands.
const MIGRATE: u64 = 2;

/// Nanoseconds for a block; `migrates` for sh8bench.
pub fn run<C: Contender + Sync>(blocks: &Blocks<C>, migrates: bool) -> f64 {
    timed(TEAM_ROUND, &mut |pairs| {
        let market = Mutex::new(Parcel::with_room(RUN));
        let took = team(threads(), pairs, &|_| {
            let mut stock = Stock::new(blocks, migrates.then_some(&market));
            Box::new(move |pairs| stock.run(pairs))
        });
        // SAFETY: the runs on the market came from this contender.
        unsafe { lock(&market).empty(blocks) };
        took
    })
}

/// What one thread has out, the oldest in front.
struct Stock<'a, C: Contender> {
    blocks: &'a Blocks<C>,
    out: VecDeque<*mut u8>,
    run: Parcel,
    runs: u64,
    market: Option<&'a Mutex<Parcel>>,
}

impl<'a, C: Contender> Stock<'a, C> {
    fn new(blocks: &'a Blocks<C>, market: Option<&'a Mutex<Parcel>>) -> Self {
        let mut out = VecDeque::with_capacity(STANDING + RUN);
        out.extend((0..STANDING).map(|_| touch(blocks.allocate())));
        Self { blocks, out, run: Parcel::with_room(RUN), runs: 0, market }
    }

    #[inline(never)]
    fn run(&mut self, pairs: u64) {
        for _ in 0..pairs.div_ceil(RUN as u64) {
            self.runs += 1;
            if let Some(market) = self.market.filter(|_| self.runs.is_multiple_of(MIGRATE)) {
                self.run.fill(self.blocks, RUN);
                mem::swap(&mut self.run, &mut *lock(market));
                while let Some(block) = self.run.0.pop() {
                    // SAFETY: some thread brought the block to the market, which gave it to this one.
                    unsafe { self.blocks.free(block) };
                }
                continue;
            }
            for _ in 0..RUN {
                self.out.push_back(touch(self.blocks.allocate()));
            }
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
        for block in self.out.drain(..).chain(self.run.0.drain(..)) {
            // SAFETY: the block was allocated when it was put here.
            unsafe { self.blocks.free(block) };
        }
    }
}
