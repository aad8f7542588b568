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

use super::threads;
use crate::contenders::Contender;
use crate::rounds::{Figures, Measure};
use crate::workloads::{NS, TEAM_ROUND, team, timed, touch};

/// Bytes in a block: several of them fit into a cache line, or there is nothing to measure.
pub const SIZE: usize = 16;
/// How often each block is written to.
const WRITES: u32 = 100;

/// Bytes in a cache line.
const LINE: usize = 64;

/// What both find: the time of a block with all that is written to it, and whether there was false sharing at all.
pub const MEASURES: &[Measure] =
    &[NS, Measure::told("sharing", "threads", "threads whose last block shared its cache line with another thread's")];

/// Blocks as they come.
pub fn thrash<C: Contender + Sync>(contender: &C) -> Figures {
    let lines = lines();
    let nanoseconds = timed(TEAM_ROUND, |pairs| {
        team(threads(), pairs, |thread| {
            let line = &lines[thread];
            move |pairs| line.store(run(contender, pairs), Ordering::Relaxed)
        })
    });
    figures(nanoseconds, lines)
}

/// The same after each thread has freed a block that stood beside those of the others.
pub fn scratch<C: Contender + Sync>(contender: &C) -> Figures {
    let lines = lines();
    let nanoseconds = timed(TEAM_ROUND, |pairs| {
        let neighbours: Vec<_> = (0..threads()).map(|_| AtomicPtr::new(touch(contender.allocate()))).collect();
        team(threads(), pairs, |thread| {
            // Relaxed: the blocks were there before the thread was.
            // SAFETY: the block was handed out above, and each thread gives back its own.
            unsafe { contender.free(neighbours[thread].load(Ordering::Relaxed)) };
            let line = &lines[thread];
            move |pairs| line.store(run(contender, pairs), Ordering::Relaxed)
        })
    });
    figures(nanoseconds, lines)
}

/// For each thread where its last block stood. Relaxed: the threads have ended before anybody reads it.
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
fn run<C: Contender>(contender: &C, pairs: u64) -> usize {
    let mut last = 0;
    for _ in 0..pairs {
        let block = touch(contender.allocate());
        let word = block.cast::<u64>();
        for _ in 0..WRITES {
            // SAFETY: the block is out, aligned, and `touch` wrote its first word.
            unsafe { word.write_volatile(word.read_volatile() + 1) };
        }
        last = block.addr() / LINE;
        // SAFETY: the block was handed out above.
        unsafe { contender.free(block) };
    }
    last
}

#[cfg(test)]
mod tests {
    use std::ptr::{self, NonNull};

    use lookaside_core::LookasideList;

    use super::*;

    /// A list whose blocks begin at multiples of a cache line.
    struct Aligned(LookasideList);

    impl Contender for Aligned {
        fn new(size: usize) -> anyhow::Result<Self> {
            Ok(Self(LookasideList::builder(size).alignment(LINE).build()?))
        }

        fn allocate(&self) -> *mut u8 {
            self.0.allocate().map_or(ptr::null_mut(), NonNull::as_ptr)
        }

        unsafe fn free(&self, block: *mut u8) {
            // SAFETY: the caller gives back a block of this list, and none of them is null.
            unsafe { self.0.free(NonNull::new_unchecked(block)) };
        }
    }

    /// What a program does that cannot afford that blocks of two processors share a line.
    #[test]
    fn lists_aligned_to_lines_do_not_share_them() {
        let list = Aligned::new(SIZE).expect("a list can always be had");
        for figures in [thrash(&list), scratch(&list)] {
            assert_eq!(figures[1], ("sharing", 0.0));
        }
    }

    #[test]
    fn threads_that_share_a_line_are_counted() {
        assert_eq!([&[1, 2, 3][..], &[1, 2, 1], &[7, 7], &[]].map(sharing), [0, 2, 2, 0]);
    }
}
