//! `lookaside compare --global`: allocators, each as the global allocator of whole programs.
//!
//! The programs are parts of this command, and each runs in a process of its own under the allocator that the
//! environment names. A program with its allocator built in saves the switch between them: a load and a jump for each
//! call, the same for all.

mod json;
mod maps;
mod regex;
mod replay;
pub mod switch;

use anyhow::ensure;

use crate::ground::measure::{Figures, Measure};
use crate::ground::workload::{Case, Job, Set, Workload};
use switch::Allocator;

pub const PROGRAMS: &[Job] = &[
    program(
        "trace",
        "every processor replays sqlite-index",
        &[Measure::less("ns", "ns", "nanoseconds for one operation, an allocate or a free")],
        |allocator| run("ns", allocator, replay::run),
    ),
    program(
        "json",
        "serde_json parses a document of half a megabyte into values, writes it again, and drops both",
        &[Measure::less("ms", "ms", "milliseconds for one document")],
        |allocator| run("ms", allocator, json::run),
    ),
    program(
        "regex",
        "the crate regex compiles its patterns, and searches 64 KB of text with each",
        &[Measure::less("ms", "ms", "milliseconds for all patterns")],
        |allocator| run("ms", allocator, regex::run),
    ),
    program(
        "maps",
        "on every processor B-trees and hash maps of strings grow, shrink and change hands",
        &[Measure::less("ns", "ns", "nanoseconds for one change of a tree and of a map")],
        |allocator| run("ns", allocator, maps::run),
    ),
];

const fn program(
    name: &'static str,
    about: &'static str,
    measures: &'static [Measure],
    run: fn(&str) -> anyhow::Result<Figures>,
) -> Job {
    Job { workload: Workload { measures, ..Workload::new(Set::Global, name, about) }, cases: &ALLOCATORS, run }
}

/// The allocators, the system's first: the others are compared with it.
const ALLOCATORS: [Case; 4] = [
    case(Allocator::System, "the C library's malloc as a program's global allocator"),
    case(Allocator::Jemalloc, ""),
    case(Allocator::Mimalloc, ""),
    case(Allocator::Lookaside, ""),
];

const fn case(allocator: Allocator, about: &'static str) -> Case {
    let name = allocator.name();
    Case { name, about, variable: Some((switch::VARIABLE, name)) }
}

/// Runs a program in this process, whose allocator has to be the one of this name, and returns its figure.
fn run(measure: &'static str, allocator: &str, program: fn() -> anyhow::Result<f64>) -> anyhow::Result<Figures> {
    let serving = switch::serving().map_or("none behind the switch", Allocator::name);
    ensure!(serving == allocator, "the allocator of this process is {serving}, and not {allocator}");
    Ok(vec![(measure, program()?)])
}
