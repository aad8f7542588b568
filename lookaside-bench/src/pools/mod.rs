//! `lookaside compare --pools`: the library's pools, each beside what a program without them would do.

mod by_hand;
mod list;
mod nonpaged;
mod paged;
mod special;

use std::io::Write;
use std::time::Duration;

use crate::jobs::Job;
use crate::rounds::Entrant;

/// How long the timed part of a round takes, about.
const ROUND: Duration = Duration::from_millis(10);

/// What a round comes to: its figure, and a count where the job has one.
type Answer = anyhow::Result<(f64, Option<u64>)>;

/// The jobs. The first contender of each is the one to compare with.
pub const JOBS: &[Job] = &[
    Job {
        name: "special",
        about: "a block of 64 bytes before an inaccessible page: allocated, written to, freed",
        unit: "nanoseconds for one block",
        counted: Some("blocks_per_second"),
        contenders: &[named("by-hand"), named("lookaside"), named("glibc")],
        serve: |contender| answer(special::one(contender)),
    },
    Job {
        name: "special-many",
        about: "120,000 such blocks out at once, or as many as there can be",
        unit: "nanoseconds for one block, allocated, written to and freed",
        counted: Some("guarded_at_once"),
        contenders: &[named("by-hand"), named("lookaside"), named("glibc")],
        serve: |contender| answer(special::many(contender)),
    },
    Job {
        name: "nonpaged",
        about: "a program's first 16 MiB of locked memory, in blocks of 32 KiB, each page written to",
        unit: "microseconds for one MiB",
        counted: Some("locked_bytes"),
        contenders: &[named("by-hand"), named("lookaside"), named("first-touch"), named("glibc")],
        serve: |contender| answer(nonpaged::grow(contender)),
    },
    Job {
        name: "paged-2t",
        about: "128 blocks of 256 bytes out, then in, on two threads, by lists that keep 4 on each processor",
        unit: "nanoseconds for one allocate plus one free",
        counted: None,
        contenders: &[named("glibc"), named("lookaside-heap"), named("lookaside-arenas")],
        serve: |contender| answer(paged::two_threads(contender)),
    },
];

const fn named(name: &'static str) -> Entrant {
    Entrant { name, variable: None }
}

/// Writes a round's answer.
fn answer(played: Answer) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    match played {
        Ok((figure, count)) => {
            writeln!(out, "{figure}")?;
            if let Some(count) = count {
                writeln!(out, "{count}")?;
            }
        }
        Err(reason) if reason.is::<Absent>() => writeln!(out, "skip {reason:#}")?,
        Err(reason) => return Err(reason),
    }
    Ok(())
}

/// Why this machine has no such contender.
#[derive(Debug)]
struct Absent(String);

impl std::fmt::Display for Absent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Absent {}
