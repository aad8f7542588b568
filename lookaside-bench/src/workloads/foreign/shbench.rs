//! sh6bench and sh8bench, in their form for one size. Blocks go out in runs; most runs come back in the usual order, the
//! last block first, and others in the reverse order, from among those that have been out for long. In sh8bench runs also
//! change hands between the threads before they are freed.
//!
//! Source: MicroQuill's SmartHeap benchmarks SHbench (1990s), as the benchmarks of mimalloc describe them.

use std::collections::VecDeque;
use std::mem;
use std::sync::Mutex;

use super::{Parcel, threads};
use crate::contenders::Contender;
use crate::workloads::team::lock;
use crate::workloads::{TEAM_ROUND, team, timed, touch};

/// Blocks in a run.
const RUN: usize = 256;
/// Blocks that a thread has out all the time.
const STANDING: usize = 1024;
/// One run in so many comes back in the reverse order.
const REVERSE: u64 = 3;
/// One run in so many changes hands.
const MIGRATE: u64 = 2;

/// sh6bench: nanoseconds for a block.
pub fn sh6<C: Contender + Sync>(contender: &C) -> f64 {
    play(contender, false)
}

/// sh8bench: nanoseconds for a block.
pub fn sh8<C: Contender + Sync>(contender: &C) -> f64 {
    play(contender, true)
}

fn play<C: Contender + Sync>(contender: &C, migrates: bool) -> f64 {
    timed(TEAM_ROUND, |pairs| {
        let market = Mutex::new(Parcel::with_room(RUN));
        let took = team(threads(), pairs, |_| {
            let mut stock = Stock::new(contender, migrates.then_some(&market));
            move |pairs| stock.run(pairs)
        });
        // SAFETY: the runs on the market came from this contender.
        unsafe { lock(&market).empty(contender) };
        took
    })
}

/// What one thread has out, the oldest in front.
struct Stock<'a, C: Contender> {
    contender: &'a C,
    blocks: VecDeque<*mut u8>,
    run: Parcel,
    runs: u64,
    market: Option<&'a Mutex<Parcel>>,
}

impl<'a, C: Contender> Stock<'a, C> {
    fn new(contender: &'a C, market: Option<&'a Mutex<Parcel>>) -> Self {
        let mut blocks = VecDeque::with_capacity(STANDING + RUN);
        blocks.extend((0..STANDING).map(|_| touch(contender.allocate())));
        Self { contender, blocks, run: Parcel::with_room(RUN), runs: 0, market }
    }

    #[inline(never)]
    fn run(&mut self, pairs: u64) {
        for _ in 0..pairs.div_ceil(RUN as u64) {
            self.runs += 1;
            if let Some(market) = self.market.filter(|_| self.runs.is_multiple_of(MIGRATE)) {
                self.run.fill(self.contender, RUN);
                mem::swap(&mut self.run, &mut *lock(market));
                while let Some(block) = self.run.0.pop() {
                    // SAFETY: some thread brought the block to the market, which gave it to this one.
                    unsafe { self.contender.free(block) };
                }
                continue;
            }
            for _ in 0..RUN {
                self.blocks.push_back(touch(self.contender.allocate()));
            }
            let reverse = self.runs.is_multiple_of(REVERSE);
            for _ in 0..RUN {
                let block = if reverse { self.blocks.pop_front() } else { self.blocks.pop_back() };
                // SAFETY: the block was handed out when it was put here, and is no longer.
                block.into_iter().for_each(|block| unsafe { self.contender.free(block) });
            }
        }
    }
}

impl<C: Contender> Drop for Stock<'_, C> {
    fn drop(&mut self) {
        for block in self.blocks.drain(..).chain(self.run.0.drain(..)) {
            // SAFETY: the block was handed out when it was put here.
            unsafe { self.contender.free(block) };
        }
    }
}
