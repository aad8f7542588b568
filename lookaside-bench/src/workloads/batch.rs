//! 128 blocks out, then all in, the oldest first.

use std::ptr;

use super::touch;
use crate::contenders::Contender;

/// How many are out at once.
const BATCH: usize = 128;

#[inline(never)]
pub fn run<C: Contender>(contender: &C, pairs: u64) {
    if let Some(loops) = C::LOOPS {
        return (loops.batch)(contender, pairs);
    }
    let mut blocks = [ptr::null_mut(); BATCH];
    for _ in 0..pairs.div_ceil(BATCH as u64) {
        for place in &mut blocks {
            *place = touch(contender.allocate());
        }
        for &block in &blocks {
            // SAFETY: each of the blocks was handed out above, and is given back once.
            unsafe { contender.free(block) };
        }
    }
}
