//! cache-thrash and cache-scratch: every thread takes a small block, writes to it many times, and gives it back. Where an
//! allocator puts blocks of two threads into one cache line, each write waits for the other's processor.
//!
//! In cache-thrash it would have to do so of itself ("active" false sharing). In cache-scratch one thread makes a block for
//! each, side by side, and the others begin by freeing theirs: an allocator that hands them out again where they were freed
//! passes the shared line on ("passive" false sharing).
//!
//! Source: E. Berger, K. McKinley, R. Blumofe and P. Wilson, "Hoard: A Scalable Memory Allocator for Multithreaded
//! Applications", ASPLOS 2000.

use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use super::parcel::threads;
use crate::ground::contender::{Blocks, Contender};
use crate::ground::measure::{Figures, Measure, NS, TEAM_ROUND, timed, touch};
use crate::ground::team::team;
use crate::ground::workload::{Set, Workload};

pub const CACHE_THRASH: Workload =
    workload("cache-thrash", "on each processor a block of 16 bytes is allocated, written to 100 times, and freed");
pub const CACHE_SCRATCH: Workload =
    workload("cache-scratch", "cache-thrash after each thread has freed a block that was beside the others'");

const fn workload(name: &'static str, about: &'static str) -> Workload {
    Workload { measures: MEASURES, sizes: (SIZE, SIZE), ..Workload::shared(Set::Foreign, name, about) }
}

/// Bytes in a block: several of them fit into a cache line, or there is nothing to measure.
const SIZE: usize = 16;
/// How often each block is written to.
const WRITES: u32 = 100;

/// Bytes in a cache line.
const LINE: usize = 64;

/// What both find: the time of a block with all that is written to it, and whether there was false sharing at all.
const MEASURES: &[Measure] = &[
    NS,
    Measure::beside("sharing", "threads", "threads whose last block shared its cache line with another thread's"),
];

/// Blocks as they come.
pub fn thrash<C: Contender + Sync>(blocks: &Blocks<C>) -> Figures {
    let lines = lines();
    let nanoseconds = timed(TEAM_ROUND, &mut |pairs| {
        team(threads(), pairs, &|thread| {
            let line = &lines[thread];
            Box::new(move |pairs| line.store(run(blocks, pairs), Ordering::Relaxed))
        })
    });
    figures(nanoseconds, lines)
}

/// The same after each thread has freed a block that was beside those of the others.
pub fn scratch<C: Contender + Sync>(blocks: &Blocks<C>) -> Figures {
    let lines = lines();
    let nanoseconds = timed(TEAM_ROUND, &mut |pairs| {
        let neighbours: Vec<_> = (0..threads()).map(|_| AtomicPtr::new(touch(blocks.allocate()))).collect();
        team(threads(), pairs, &|thread| {
            // Relaxed: the blocks were there before the thread was.
            // SAFETY: the block was allocated above, and each thread gives back its own.
            unsafe { blocks.free(neighbours[thread].load(Ordering::Relaxed)) };
            let line = &lines[thread];
            Box::new(move |pairs| line.store(run(blocks, pairs), Ordering::Relaxed))
        })
    });
    figures(nanoseconds, lines)
}

/// For each thread where its last block stood. Relaxed: the threads have ended before anyone reads it.
fn lines() -> Vec<AtomicUsize> {
    (0..threads()).map(|_| AtomicUsize::new(0)).collect()
}

fn figures(nanoseconds: f64, lines: Vec<AtomicUsize>) -> Figures {
    let lines: Vec<usize> = lines.into_iter().map(AtomicUsize::into_inner).collect();
    vec![(NS.name, nanoseconds), (MEASURES[1].name, sharing(&lines) as f64)]
}

/// How many of these lines are there more than once.
fn sharing(lines: &[usize]) -> usize {
    lines.iter().filter(|&line| lines.iter().filter(|&other| other == line).count() > 1).count()
}

/// Returns the line of the last block.
#[inline(never)]
fn run<C: Contender>(blocks: &Blocks<C>, pairs: u64) -> usize {
    let mut last = 0;
    for _ in 0..pairs {
        let block = touch(blocks.allocate());
        let word = block.cast::<u64>();
        for _ in 0..WRITES {
            // SAFETY: the block is out, aligned, and `touch` wrote its first word.
            unsafe { word.write_volatile(word.read_volatile() + 1) };
        }
        last = block.addr() / LINE;
        // SAFETY: the block was allocated above.
        unsafe { blocks.free(block) };
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contenders::lookaside::List;

    /// What a program does that cannot afford that blocks of two processors share a line.
    #[test]
    fn lists_aligned_to_lines_do_not_share_them() {
        let aligned = |size| Ok(lookaside_core::LookasideList::builder(size).alignment(LINE).build()?.into());
        let list = Blocks::<List<false>>::new(aligned, SIZE).expect("a list can always be had");
        for figures in [thrash(&list), scratch(&list)] {
            assert_eq!(figures[1], ("sharing", 0.0));
        }
    }

    #[test]
    fn threads_that_share_a_line_are_counted() {
        assert_eq!([&[1, 2, 3][..], &[1, 2, 1], &[7, 7], &[]].map(sharing), [0, 2, 2, 0]);
    }
}
