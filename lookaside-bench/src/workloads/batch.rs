//! 128 blocks out, then all in, the oldest first.

use std::ptr;

use crate::ground::contender::{Blocks, Contender};
use crate::ground::measure::touch;
use crate::ground::team::Work;
use crate::ground::workload::{Set, Workload};

pub const BATCH128: Workload = Workload::new(Set::Lists, "batch128", "128 blocks allocated, then all freed");

/// How many are out at once.
const BATCH: usize = 128;

pub fn work<C: Contender>(blocks: &Blocks<C>) -> Work<'_> {
    Box::new(move |pairs| run(blocks, pairs))
}

#[inline(never)]
fn run<C: Contender>(blocks: &Blocks<C>, pairs: u64) {
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
