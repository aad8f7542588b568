//! DPDK's mempool performance test: a core takes objects until it keeps so many, by so many at once, then puts them all
//! back, by as many at once. Contenders that have calls for many blocks use them.
//!
//! Source: DPDK's test plan "Unit Tests: Mempool". Unlike there, every object is written to.

use std::ptr;
use std::time::Duration;

use crate::contenders::Contender;
use crate::rounds::Figures;
use crate::workloads::{ROUND, clock, team, timed, touch};

/// A figure for each measure, of one core.
pub fn one_core<C: Contender>(contender: &C) -> Figures {
    figures(|round: Round<C>, pairs| clock(|| round(contender, pairs)))
}

/// The same of two cores at once.
pub fn two_cores<C: Contender + Sync>(contender: &C) -> Figures {
    figures(|round: Round<C>, pairs| team(2, pairs, |_| move |pairs| round(contender, pairs)))
}

/// Takes and puts so many objects.
type Round<C> = fn(&C, u64);

/// What `play` makes of each number of objects that are kept, and that are taken and put at once.
fn figures<C: Contender>(mut play: impl FnMut(Round<C>, u64) -> Duration) -> Figures {
    let first = timed(ROUND, |pairs| play(run::<C, 128, 32>, pairs));
    // From here on the process is warm, and the speed about known.
    let pairs = ((ROUND.as_secs_f64() * 1e9 / first) as u64).max(1024);
    let mut next = |round| {
        play(round, pairs);
        play(round, pairs).as_secs_f64() * 1e9 / pairs as f64
    };
    vec![
        ("k128-b32", first),
        ("k32-b1", next(run::<C, 32, 1>)),
        ("k32-b4", next(run::<C, 32, 4>)),
        ("k32-b32", next(run::<C, 32, 32>)),
        ("k128-b1", next(run::<C, 128, 1>)),
        ("k128-b4", next(run::<C, 128, 4>)),
        ("k128-b128", next(run::<C, 128, 128>)),
    ]
}

#[inline(never)]
fn run<C: Contender, const KEEP: usize, const BULK: usize>(contender: &C, pairs: u64) {
    const { assert!(KEEP.is_multiple_of(BULK)) };
    let mut kept = [ptr::null_mut(); KEEP];
    for _ in 0..pairs.div_ceil(KEEP as u64) {
        for bulk in kept.chunks_exact_mut(BULK) {
            assert_eq!(contender.allocate_many(bulk), BULK, "out of memory");
            for block in bulk {
                *block = touch(*block);
            }
        }
        for bulk in kept.chunks_exact(BULK) {
            // SAFETY: each of the blocks was handed out above, and is given back once.
            unsafe { contender.free_many(bulk) };
        }
    }
}
