//! A run of blocks out at once, and in again at once.

use std::ptr;

use super::touch;
use crate::contenders::Contender;

#[inline(never)]
pub fn run<C: Contender, const RUN: usize>(contender: &C, pairs: u64) {
    let mut blocks = [ptr::null_mut(); RUN];
    for _ in 0..pairs.div_ceil(RUN as u64) {
        assert_eq!(contender.allocate_many(&mut blocks), RUN, "out of memory");
        for &block in &blocks {
            touch(block);
        }
        // SAFETY: each of the blocks was handed out above, and is given back once.
        unsafe { contender.free_many(&blocks) };
    }
}
