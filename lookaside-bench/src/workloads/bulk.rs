//! A run of blocks out at once, and in again at once.

use std::ptr;

use crate::ground::contender::{Blocks, Contender};
use crate::ground::measure::touch;
use crate::ground::team::Work;
use crate::ground::workload::{Set, Workload};

pub const BULK8: Workload = bulk("bulk8", "8 blocks allocated by one call, and freed by one");
pub const BULK32: Workload = bulk("bulk32", "32 blocks allocated by one call, and freed by one");
pub const BULK128: Workload = bulk("bulk128", "128 blocks allocated by one call, and freed by one");

const fn bulk(name: &'static str, about: &'static str) -> Workload {
    Workload { runs: true, ..Workload::new(Set::Lists, name, about) }
}

pub fn work<C: Contender, const RUN: usize>(blocks: &Blocks<C>) -> Work<'_> {
    Box::new(move |pairs| run::<C, RUN>(blocks, pairs))
}

#[inline(never)]
fn run<C: Contender, const RUN: usize>(blocks: &Blocks<C>, pairs: u64) {
    let mut bulk = [ptr::null_mut(); RUN];
    for _ in 0..pairs.div_ceil(RUN as u64) {
        assert_eq!(blocks.allocate_many(&mut bulk), RUN, "out of memory");
        for &block in &bulk {
            touch(block);
        }
        // SAFETY: each of the blocks was allocated above, and is freed once.
        unsafe { blocks.free_many(&bulk) };
    }
}
