//! Bursts in a process that did nothing before: growth and first touches are part of the figure.

use std::ptr;
use std::time::Instant;

use super::touch;
use crate::contenders::Contender;

/// How many blocks a burst takes.
const BLOCKS: usize = 4096;
/// How many bursts follow each other.
const BURSTS: usize = 8;
/// Pairs of all of them.
pub const PAIRS: u64 = (BURSTS * BLOCKS) as u64;

#[inline(never)]
pub fn run<C: Contender>(contender: &C) -> f64 {
    let mut blocks = vec![ptr::dangling_mut::<u8>(); BLOCKS];
    // What a contender does once for the whole process is no part of a burst.
    // SAFETY: the block was just handed out.
    unsafe { contender.free(touch(contender.allocate())) };
    let start = Instant::now();
    for _ in 0..BURSTS {
        for place in &mut blocks {
            *place = touch(contender.allocate());
        }
        for &block in &blocks {
            // SAFETY: each of the blocks was handed out above, and is given back once.
            unsafe { contender.free(block) };
        }
    }
    start.elapsed().as_secs_f64() * 1e9 / PAIRS as f64
}
