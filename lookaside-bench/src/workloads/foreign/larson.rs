//! larson: a server whose threads come and go. Each holds many blocks and replaces random ones; after a while it ends, and
//! a new thread takes over what it held, so that most blocks are freed on another thread than the one that made them.
//!
//! Source: P. Larson and M. Krishnan, "Memory Allocation for Long-Running Server Applications", ISMM 1998, who call this
//! "bleeding".

use super::parcel::{Parcel, threads};
use crate::ground::contender::{Blocks, Contender};
use crate::ground::measure::{TEAM_ROUND, timed, touch};
use crate::ground::random::Random;
use crate::ground::team::{lives, team};
use crate::ground::workload::{Set, Workload};

pub const LARSON: Workload = Workload::shared(
    Set::Foreign,
    "larson",
    "threads replace random ones of 1000 blocks each, end, and leave the rest to a new thread",
);

/// How many blocks each thread holds.
const HELD: usize = 1000;
const LIFE: u64 = 50_000;

/// Nanoseconds for a replacement.
pub fn run<C: Contender + Sync>(blocks: &Blocks<C>) -> f64 {
    timed(TEAM_ROUND, &mut |pairs| {
        team(threads(), pairs, &|thread| {
            let mut line = Line::new(blocks, thread);
            Box::new(move |pairs| lives(pairs, LIFE, &mut |life| line.live(life)))
        })
    })
}

/// Threads that follow one another, and what the latest left to the next.
struct Line<'a, C: Contender> {
    blocks: &'a Blocks<C>,
    held: Parcel,
    random: Random,
}

impl<'a, C: Contender + Sync> Line<'a, C> {
    fn new(blocks: &'a Blocks<C>, thread: usize) -> Self {
        let mut held = Parcel::with_room(HELD);
        held.fill(blocks, HELD);
        Self { blocks, held, random: Random::new(thread) }
    }

    /// What one thread does.
    #[inline(never)]
    fn live(&mut self, life: u64) {
        for _ in 0..life {
            let place = self.random.below(HELD);
            let block = &mut self.held.0[place];
            // SAFETY: the block was allocated when its place was filled, and leaves it now.
            unsafe { self.blocks.free(*block) };
            *block = touch(self.blocks.allocate());
        }
    }
}

impl<C: Contender> Drop for Line<'_, C> {
    fn drop(&mut self) {
        // SAFETY: every block that is held came from this contender.
        unsafe { self.held.empty(self.blocks) };
    }
}
