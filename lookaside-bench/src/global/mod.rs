//! `lookaside compare --global`: allocators, each as the global allocator of whole programs.
//!
//! The programs are parts of this command, and each plays in a process of its own under the allocator that the
//! environment names. A program with its allocator built in saves the switch between them: a load and a jump for each
//! call, the same for all.

mod json;
mod maps;
mod regex;
mod replay;
pub mod switch;

use std::time::Duration;

use anyhow::ensure;

use crate::jobs::{Job, Set};
use crate::rounds::{Entrant, Figures, Measure};
use switch::Allocator;

/// How long the timed part of a round takes, about: short, since on a busy machine few long ones are left alone.
const ROUND: Duration = Duration::from_millis(10);

/// The programs.
pub const PROGRAMS: &[Job] = &[
    program(
        "trace",
        "every processor replays sqlite-index",
        &[Measure::less("ns", "ns", "nanoseconds for one operation, an allocate or a free")],
        |allocator| play("ns", allocator, replay::run),
    ),
    program(
        "json",
        "serde_json parses a document of half a megabyte into values, writes it again, and drops both",
        &[Measure::less("ms", "ms", "milliseconds for one document")],
        |allocator| play("ms", allocator, json::run),
    ),
    program(
        "regex",
        "the crate regex compiles its patterns, and searches 64 KB of text with each",
        &[Measure::less("ms", "ms", "milliseconds for all patterns")],
        |allocator| play("ms", allocator, regex::run),
    ),
    program(
        "maps",
        "on every processor B-trees and hash maps of strings grow, shrink and change hands",
        &[Measure::less("ns", "ns", "nanoseconds for one change of a tree and of a map")],
        |allocator| play("ns", allocator, maps::run),
    ),
];

const fn program(
    name: &'static str,
    about: &'static str,
    measures: &'static [Measure],
    serve: fn(&str) -> anyhow::Result<Figures>,
) -> Job {
    Job { set: Set::Global, name, about, measures, contenders: &ALLOCATORS, serve }
}

/// The allocators, the system's first: the others are compared with it.
const ALLOCATORS: [Entrant; 4] = [
    entrant(Allocator::System),
    entrant(Allocator::Jemalloc),
    entrant(Allocator::Mimalloc),
    entrant(Allocator::Lookaside),
];

const fn entrant(allocator: Allocator) -> Entrant {
    let name = allocator.name();
    Entrant { name, variable: Some((switch::VARIABLE, name)) }
}

/// Plays a program in this process, whose allocator has to be the one of this name, and returns its figure.
fn play(measure: &'static str, allocator: &str, program: fn() -> anyhow::Result<f64>) -> anyhow::Result<Figures> {
    let serving = switch::serving().map_or("none behind the switch", Allocator::name);
    ensure!(serving == allocator, "the allocator of this process is {serving}, and not {allocator}");
    Ok(vec![(measure, program()?)])
}

/// Numbers that look random, the same in every process. Marsaglia's xorshift.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(0x9E37_79B9_7F4A_7C15 ^ seed)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 32) as usize % limit
    }

    /// One of them.
    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}
