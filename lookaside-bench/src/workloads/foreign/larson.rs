//! larson: a server whose threads come and go. Each holds many blocks and replaces random ones; after a while it ends, and
//! a new thread takes over what it held, so that most blocks are freed on another thread than the one that made them.
//!
//! Source: P. Larson and M. Krishnan, "Memory Allocation for Long-Running Server Applications", ISMM 1998, who call this
//! "bleeding".

use super::{Parcel, threads};
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
            let (mut held, mut random) = (Parcel::with_room(blocks, HELD), Random::new(thread));
            held.fill(HELD);
            Box::new(move |pairs| lives(pairs, LIFE, &mut |life| live(blocks, &mut held, &mut random, life)))
        })
    })
}

/// What one of the threads that follow one another does with what the last one left.
#[inline(never)]
fn live<C: Contender>(blocks: &Blocks<C>, held: &mut Parcel<'_, C>, random: &mut Random, life: u64) {
    for _ in 0..life {
        let block = &mut held.blocks[random.below(HELD)];
        // SAFETY: the block was allocated when its place was filled, and leaves it now.
        unsafe { blocks.free(*block) };
        *block = touch(blocks.allocate());
    }
}
