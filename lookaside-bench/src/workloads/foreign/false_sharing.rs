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
use crate::ground::contender::{Blocks, Contender};
use crate::ground::measure::{TEAM_ROUND, timed, touch};
use crate::ground::team::team;
use crate::ground::workload::{Set, Workload};

pub const CACHE_THRASH: Workload =
    workload("cache-thrash", "on each processor a block of 16 bytes is allocated, written to 100 times, and freed");
pub const CACHE_SCRATCH: Workload =
    workload("cache-scratch", "cache-thrash after each thread has freed a block that was beside the others'");

const fn workload(name: &'static str, about: &'static str) -> Workload {
    Workload { sizes: (SIZE, SIZE), ..Workload::shared(Set::Foreign, name, about) }
}

/// Bytes in a block: several of them fit into a cache line, or there is nothing to measure.
const SIZE: usize = 16;
/// How often each block is written to.
const WRITES: u32 = 100;

/// Blocks as they come.
pub fn thrash<C: Contender + Sync>(blocks: &Blocks<C>) -> f64 {
    timed(TEAM_ROUND, &mut |pairs| team(threads(), pairs, &|_| Box::new(move |pairs| run(blocks, pairs))))
}

/// The same after each thread has freed a block that was beside those of the others.
pub fn scratch<C: Contender + Sync>(blocks: &Blocks<C>) -> f64 {
    timed(TEAM_ROUND, &mut |pairs| {
        let neighbours: Vec<_> = (0..threads()).map(|_| AtomicPtr::new(touch(blocks.allocate()))).collect();
        team(threads(), pairs, &|thread| {
            // Relaxed: the blocks were there before the thread was.
            // SAFETY: the block was allocated above, and each thread gives back its own.
            unsafe { blocks.free(neighbours[thread].load(Ordering::Relaxed)) };
            Box::new(move |pairs| run(blocks, pairs))
        })
    })
}

#[inline(never)]
fn run<C: Contender>(blocks: &Blocks<C>, pairs: u64) {
    for _ in 0..pairs {
        let block = touch(blocks.allocate());
        let word = block.cast::<u64>();
        for _ in 0..WRITES {
            // SAFETY: the block is out, aligned, and `touch` wrote its first word.
            unsafe { word.write_volatile(word.read_volatile() + 1) };
        }
        // SAFETY: the block was allocated above.
        unsafe { blocks.free(block) };
    }
}
