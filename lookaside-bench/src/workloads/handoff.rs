//! Producer to consumer: one thread allocates and writes, another reads and frees.

use std::hint::black_box;
use std::time::Duration;

use crate::ground::contender::{Blocks, Contender};
use crate::ground::measure::{LESS_RING, NS, touch};
use crate::ground::ring::{CAPACITY, Consumer, Producer, Ring};
use crate::ground::team::team;
use crate::ground::workload::{Set, Workload};

pub const HANDOFF: Workload = Workload {
    measures: &[NS, LESS_RING],
    ..Workload::shared(Set::Lists, "handoff", "one thread allocates and writes, another reads and frees")
};

pub fn run<C: Contender + Sync>(blocks: &Blocks<C>, pairs: u64) -> Duration {
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
pub fn produce<C: Contender>(blocks: &Blocks<C>, ring: &mut Producer<'_>, pairs: u64) {
    for _ in 0..pairs {
        ring.put(touch(blocks.allocate()));
    }
}

#[inline(never)]
pub fn consume<C: Contender>(blocks: &Blocks<C>, ring: &mut Consumer<'_>, pairs: u64) {
    for _ in 0..pairs {
        let block = ring.take();
        // SAFETY: the producer wrote this word before it put the block, which no one else holds.
        black_box(unsafe { block.cast::<u64>().read() });
        // SAFETY: the producer allocated the block, and the ring gave it out once.
        unsafe { blocks.free(block) };
    }
}
