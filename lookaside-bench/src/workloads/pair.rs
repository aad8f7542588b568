//! One block out, and in again.

use crate::ground::contender::{Blocks, Contender};
use crate::ground::measure::touch;
use crate::ground::team::Work;
use crate::ground::workload::{Set, Workload};

pub const PAIR: Workload = Workload::new(Set::Lists, "pair", "one block allocated, then freed");
pub const PAIR_2T: Workload = Workload::shared(Set::Lists, "pair-2t", "pair on two threads");

pub fn work<C: Contender>(blocks: &Blocks<C>) -> Work<'_> {
    Box::new(move |pairs| run(blocks, pairs))
}

#[inline(never)]
fn run<C: Contender>(blocks: &Blocks<C>, pairs: u64) {
    if let Some(loops) = blocks.source().loops() {
        // SAFETY: the loops are the contender's own, and give back what they take.
        return unsafe { (loops.pair)(loops.pool, pairs) };
    }
    for _ in 0..pairs {
        let block = touch(blocks.allocate());
        // SAFETY: the block was allocated a line above.
        unsafe { blocks.free(block) };
    }
}
