//! larson: a server whose threads come and go. Each holds many blocks and replaces random ones; after a while it ends, and
//! a new thread takes over what it held, so that most blocks are freed on another thread than the one that made them.
//!
//! Source: P. Larson and M. Krishnan, "Memory Allocation for Long-Running Server Applications", ISMM 1998, who call this
//! "bleeding".

use std::thread;

use super::{Parcel, threads};
use crate::contenders::Contender;
use crate::workloads::dice::Dice;
use crate::workloads::{TEAM_ROUND, team, timed, touch};

/// How many blocks each thread holds.
const HELD: usize = 1000;
/// How many it replaces in its life.
const LIFE: u64 = 50_000;

/// Nanoseconds for a replacement.
pub fn play<C: Contender + Sync>(contender: &C) -> f64 {
    timed(TEAM_ROUND, |pairs| {
        team(threads(), pairs, |thread| {
            let mut line = Line::new(contender, thread);
            move |pairs| line.run(pairs)
        })
    })
}

/// Threads that follow one another, and what the latest left to the next.
struct Line<'a, C: Contender> {
    contender: &'a C,
    held: Parcel,
    dice: Dice,
}

impl<'a, C: Contender + Sync> Line<'a, C> {
    fn new(contender: &'a C, thread: usize) -> Self {
        let mut held = Parcel::with_room(HELD);
        held.fill(contender, HELD);
        Self { contender, held, dice: Dice::new(thread) }
    }

    fn run(&mut self, mut pairs: u64) {
        while pairs > 0 {
            let life = pairs.min(LIFE);
            pairs -= life;
            thread::scope(|scope| {
                scope.spawn(|| live(self.contender, &mut self.held, &mut self.dice, life));
            });
        }
    }
}

/// What one thread does.
#[inline(never)]
fn live<C: Contender>(contender: &C, held: &mut Parcel, dice: &mut Dice, life: u64) {
    for _ in 0..life {
        let place = dice.below(HELD);
        let block = &mut held.0[place];
        // SAFETY: the block was handed out when its place was filled, and leaves it now.
        unsafe { contender.free(*block) };
        *block = touch(contender.allocate());
    }
}

impl<C: Contender> Drop for Line<'_, C> {
    fn drop(&mut self) {
        // SAFETY: every block that is held came from this contender.
        unsafe { self.held.empty(self.contender) };
    }
}
