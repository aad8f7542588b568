//! `lookaside compare --pools`: the library's pools, each beside what a program without them would do.

mod nonpaged;
mod sources;
mod special;

use crate::ground::measure::Measure;
use crate::ground::workload::{Case, Job, Set, Workload};

/// The jobs. The first contender of each is the one to compare with.
pub const JOBS: &[Job] = &[
    Job {
        workload: workload(
            "special",
            "a block of 64 bytes before an inaccessible page: allocated, written to, freed",
            &[
                Measure::less("ns", "ns", "nanoseconds for one block"),
                Measure::beside("blocks_per_second", "blocks/s", "blocks in a second"),
            ],
        ),
        cases: &[BY_HAND, LOOKASIDE, GLIBC],
        run: special::one,
    },
    Job {
        workload: workload(
            "special-many",
            "120,000 such blocks allocated at once, or the most that there can be",
            &[
                Measure::less("ns", "ns", "nanoseconds for one block, allocated, written to and freed"),
                Measure::more("guarded_at_once", "blocks", "blocks that were guarded, all at once"),
            ],
        ),
        cases: &[BY_HAND, LOOKASIDE, GLIBC],
        run: special::many,
    },
    Job {
        workload: workload(
            "nonpaged",
            "a program's first 16 MiB of locked memory, in blocks of 32 KiB, each page written to",
            &[
                Measure::less("us", "us/MiB", "microseconds for one MiB"),
                Measure::beside("locked_bytes", "bytes", "bytes that were locked then"),
            ],
        ),
        cases: &[BY_HAND, LOOKASIDE, Case::new("first-touch", "pages from the system that are not locked"), GLIBC],
        run: nonpaged::grow,
    },
];

const fn workload(name: &'static str, about: &'static str, measures: &'static [Measure]) -> Workload {
    Workload { measures, ..Workload::new(Set::Pools, name, about) }
}

const GLIBC: Case = Case::new("glibc", "");
const LOOKASIDE: Case = Case::new("lookaside", "");
const BY_HAND: Case = Case::new("by-hand", "what a program without the library's pools writes: pages from the system");
