//! cache-thrash and cache-scratch: every thread takes a small block, writes to it many times, and gives it back. Where an
//! allocator puts blocks of two threads into one cache line, each write waits for the other's processor.
//!
//! In cache-thrash it would have to do so of itself ("active" false sharing). In cache-scratch one thread makes a block for
//! each, side by side, and the others begin by freeing theirs: an allocator that hands them out again where they were freed
//! passes the shared line on ("passive" false sharing).
//!
//! Source: E. Berger, K. McKinley, R. Blumofe and P. Wilson, "Hoard: A Scalable Memory Allocator for Multithreaded
//! Applications", ASPLOS 2000.

use std::sync::atomic::{AtomicPtr, Ordering};

use super::threads;
use crate::contenders::Contender;
use crate::workloads::{TEAM_ROUND, team, timed, touch};

/// Bytes in a block: several of them fit into a cache line, or there is nothing to measure.
pub const SIZE: usize = 16;
/// How often each block is written to.
const WRITES: u32 = 100;

/// Nanoseconds for a block, with all that is written to it.
pub fn thrash<C: Contender + Sync>(contender: &C) -> f64 {
    timed(TEAM_ROUND, |pairs| team(threads(), pairs, |_| |pairs| run(contender, pairs)))
}

/// The same after each thread has freed a block that stood beside those of the others.
pub fn scratch<C: Contender + Sync>(contender: &C) -> f64 {
    timed(TEAM_ROUND, |pairs| {
        let neighbours: Vec<_> = (0..threads()).map(|_| AtomicPtr::new(touch(contender.allocate()))).collect();
        team(threads(), pairs, |thread| {
            // Relaxed: the blocks were there before the thread was.
            // SAFETY: the block was handed out above, and each thread gives back its own.
            unsafe { contender.free(neighbours[thread].load(Ordering::Relaxed)) };
            |pairs| run(contender, pairs)
        })
    })
}

#[inline(never)]
fn run<C: Contender>(contender: &C, pairs: u64) {
    for _ in 0..pairs {
        let block = touch(contender.allocate());
        let word = block.cast::<u64>();
        for _ in 0..WRITES {
            // SAFETY: the block is out, aligned, and `touch` wrote its first word.
            unsafe { word.write_volatile(word.read_volatile() + 1) };
        }
        // SAFETY: the block was handed out above.
        unsafe { contender.free(block) };
    }
}
