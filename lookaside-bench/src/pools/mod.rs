//! `lookaside compare --pools`: the library's pools, each beside what a program without them would do.

mod by_hand;
mod list;
mod nonpaged;
mod paged;
mod special;

use std::time::Duration;

use crate::jobs::{Job, Set};
use crate::rounds::{Entrant, Figures, Measure};
use crate::workloads::NS;

/// How long the timed part of a round takes, about.
const ROUND: Duration = Duration::from_millis(10);

/// The jobs. The first contender of each is the one to compare with.
pub const JOBS: &[Job] = &[
    Job {
        set: Set::Pools,
        name: "special",
        about: "a block of 64 bytes before an inaccessible page: allocated, written to, freed",
        measures: &[
            Measure::less("ns", "ns", "nanoseconds for one block"),
            Measure::told("blocks_per_second", "blocks/s", "blocks in a second"),
        ],
        contenders: &[named("by-hand"), named("lookaside"), named("glibc")],
        serve: special::one,
    },
    Job {
        set: Set::Pools,
        name: "special-many",
        about: "120,000 such blocks allocated at once, or as many as there can be",
        measures: &[
            Measure::less("ns", "ns", "nanoseconds for one block, allocated, written to and freed"),
            Measure::more("guarded_at_once", "blocks", "blocks that were guarded, all at once"),
        ],
        contenders: &[named("by-hand"), named("lookaside"), named("glibc")],
        serve: special::many,
    },
    Job {
        set: Set::Pools,
        name: "nonpaged",
        about: "a program's first 16 MiB of locked memory, in blocks of 32 KiB, each page written to",
        measures: &[
            Measure::less("us", "us/MiB", "microseconds for one MiB"),
            Measure::told("locked_bytes", "bytes", "bytes that were locked then"),
        ],
        contenders: &[named("by-hand"), named("lookaside"), named("first-touch"), named("glibc")],
        serve: nonpaged::grow,
    },
    Job {
        set: Set::Pools,
        name: "paged-2t",
        about: "128 blocks of 256 bytes out, then in, on two threads, by lists that keep 4 on each processor",
        measures: &[NS],
        contenders: &[named("glibc"), named("lookaside-heap"), named("lookaside-arenas")],
        serve: paged::two_threads,
    },
];

const fn named(name: &'static str) -> Entrant {
    Entrant { name, variable: None }
}

/// A round's figure, and with it the count, if there is any.
fn figures(figure: (&'static str, f64), count: &'static str, counted: u64) -> Figures {
    let mut figures = vec![figure];
    figures.extend((counted > 0).then_some((count, counted as f64)));
    figures
}
