//! DPDK's mempool performance test: a core takes objects until it keeps a number of them, several at once, then puts them all
//! back, by as many at once. Contenders that have calls for many blocks use them.
//!
//! Source: DPDK's test plan "Unit Tests: Mempool". Unlike there, every object is written to.

use std::ptr;
use std::time::Duration;

use crate::ground::contender::{Blocks, Contender};
use crate::ground::measure::{Figures, Measure, ROUND, clock, timed, touch};
use crate::ground::team::team;
use crate::ground::workload::{Set, Workload};

pub const MEMPOOL_1C: Workload = Workload {
    measures: MEASURES,
    runs: true,
    ..Workload::new(
        Set::Foreign,
        "mempool-1c",
        "DPDK's mempool test: objects are taken N at a time until K are held, then put back",
    )
};
pub const MEMPOOL_2C: Workload = Workload {
    measures: MEASURES,
    runs: true,
    ..Workload::shared(Set::Foreign, "mempool-2c", "mempool-1c on two cores at once")
};

/// How many objects are kept, and how many are taken and put at once.
const MEASURES: &[Measure] = &[
    Measure::less("k128-b32", "ns", "nanoseconds for one object that is taken and put, 128 kept, by 32 at once"),
    Measure::less("k32-b1", "ns", "32 kept, by 1"),
    Measure::less("k32-b4", "ns", "32 kept, by 4"),
    Measure::less("k32-b32", "ns", "32 kept, by 32"),
    Measure::less("k128-b1", "ns", "128 kept, by 1"),
    Measure::less("k128-b4", "ns", "128 kept, by 4"),
    Measure::less("k128-b128", "ns", "128 kept, by 128"),
];

pub fn one_core<C: Contender>(blocks: &Blocks<C>) -> Figures {
    figures(&|round, pairs| clock(|| turn(blocks, round, pairs)))
}

/// The same of two cores at once.
pub fn two_cores<C: Contender + Sync>(blocks: &Blocks<C>) -> Figures {
    figures(&|round, pairs| team(2, pairs, &|_| Box::new(move |pairs| turn(blocks, round, pairs))))
}

/// What `time` makes of each number of objects that are kept, and that are taken and put at once.
fn figures(time: &dyn Fn(usize, u64) -> Duration) -> Figures {
    let first = timed(ROUND, &mut |pairs| time(0, pairs));
    // From here on the process is warm, and the speed about known.
    let pairs = ((ROUND.as_secs_f64() * 1e9 / first) as u64).max(1024);
    let next = |round| {
        time(round, pairs);
        time(round, pairs).as_secs_f64() * 1e9 / pairs as f64
    };
    let figure = |(round, measure): (usize, &Measure)| (measure.name, if round == 0 { first } else { next(round) });
    MEASURES.iter().enumerate().map(figure).collect()
}

/// Takes and puts objects in the way of this measure.
fn turn<C: Contender>(blocks: &Blocks<C>, measure: usize, pairs: u64) {
    let rounds: [fn(&Blocks<C>, u64); MEASURES.len()] = [
        run::<C, 128, 32>,
        run::<C, 32, 1>,
        run::<C, 32, 4>,
        run::<C, 32, 32>,
        run::<C, 128, 1>,
        run::<C, 128, 4>,
        run::<C, 128, 128>,
    ];
    rounds[measure](blocks, pairs);
}

#[inline(never)]
fn run<C: Contender, const KEEP: usize, const BULK: usize>(blocks: &Blocks<C>, pairs: u64) {
    const { assert!(KEEP.is_multiple_of(BULK)) };
    let mut kept = [ptr::null_mut(); KEEP];
    for _ in 0..pairs.div_ceil(KEEP as u64) {
        for bulk in kept.chunks_exact_mut(BULK) {
            assert_eq!(blocks.allocate_many(bulk), BULK, "out of memory");
            for block in bulk {
                *block = touch(*block);
            }
        }
        for bulk in kept.chunks_exact(BULK) {
            // SAFETY: each of the blocks was allocated above, and is freed once.
            unsafe { blocks.free_many(bulk) };
        }
    }
}
