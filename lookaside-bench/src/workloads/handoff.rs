//! Producer to consumer: one thread allocates and writes, another reads and frees.

use std::hint::black_box;
use std::time::Duration;

use super::ring::{Consumer, Producer, Ring};
use super::{team, touch};
use crate::contenders::Contender;

/// How many blocks can be on the way.
const RING: usize = 1024;

pub fn run<C: Contender + Sync>(contender: &C, pairs: u64) -> Duration {
    let ring = Ring::new(RING);
    team(2, pairs, |thread| {
        let (mut producer, mut consumer) = (ring.producer(), ring.consumer());
        move |pairs| match thread {
            0 => produce(contender, &mut producer, pairs),
            _ => consume(contender, &mut consumer, pairs),
        }
    })
}

#[inline(never)]
pub(super) fn produce<C: Contender>(contender: &C, ring: &mut Producer<'_>, pairs: u64) {
    for _ in 0..pairs {
        ring.put(touch(contender.allocate()));
    }
}

#[inline(never)]
pub(super) fn consume<C: Contender>(contender: &C, ring: &mut Consumer<'_>, pairs: u64) {
    for _ in 0..pairs {
        let block = ring.take();
        // SAFETY: the producer wrote this word before it put the block, which nobody else holds.
        black_box(unsafe { block.cast::<u64>().read() });
        // SAFETY: the producer allocated the block, and the ring gave it out once.
        unsafe { contender.free(block) };
    }
}
