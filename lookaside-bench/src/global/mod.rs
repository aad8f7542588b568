//! `lookaside compare --global`: allocators, each as the global allocator of whole programs.
//!
//! The programs are parts of this command, and each runs in a process of its own under the allocator that the
//! environment names. A program with its allocator built in saves the switch between them: a load and a jump for each
//! call, the same for all.

mod json;
mod maps;
mod query;
mod regex;
mod replay;
mod server;
pub mod switch;
mod syntax;
mod turns;

use anyhow::ensure;

use crate::ground::machine;
use crate::ground::measure::{Figures, Measure};
use crate::ground::workload::{Case, Job, Set, Workload};
use switch::Allocator;

/// What a program takes of the machine, with its code and its input.
pub const PEAK: Measure = Measure::less("peak", "KiB", "KiB of the whole process that were resident at most");

/// A program as a job: its name, what it does, the unit of its time and what that is, and the function that times it.
macro_rules! program {
    ($name:literal, $about:literal, $unit:literal: $of_time:literal, $run:path) => {
        Job {
            workload: Workload {
                measures: &[Measure::less($unit, $unit, $of_time), PEAK],
                ..Workload::new(Set::Global, $name, $about)
            },
            cases: &ALLOCATORS,
            run: |allocator| run($unit, allocator, $run),
        }
    };
}

pub const PROGRAMS: &[Job] = &[
    program!(
        "trace",
        "every processor replays sqlite-index",
        "ns": "nanoseconds for one operation, an allocate or a free",
        replay::run
    ),
    program!(
        "json",
        "serde_json parses a document of half a megabyte into values, writes it again, and drops both",
        "ms": "milliseconds for one document",
        json::run
    ),
    program!(
        "query",
        "jaq, a jq, compiles six filters, reads a document of 130 KB, runs the filters over it and writes what they find",
        "ms": "milliseconds for all filters",
        query::run
    ),
    program!(
        "syntax",
        "syn parses 96 KB of Rust source, counts its names, derives an implementation for each structure, and prints all",
        "ms": "milliseconds from the source to what is printed",
        syntax::run
    ),
    program!(
        "regex",
        "the crate regex compiles its patterns, and searches 64 KB of text with each",
        "ms": "milliseconds for all patterns",
        regex::run
    ),
    program!(
        "maps",
        "on every processor B-trees and hash maps of strings grow, shrink and change hands",
        "ns": "nanoseconds for one change of a tree and of a map",
        maps::run
    ),
    program!(
        "server",
        "a thread for each processor serves keys and values from one dashmap to clients that send commands as text",
        "ns": "nanoseconds for one command, of all clients together",
        server::run
    ),
];

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

/// Runs a program in this process, whose allocator has to be the one of this name, and returns its time and its peak.
fn run(measure: &'static str, allocator: &str, program: fn() -> anyhow::Result<f64>) -> anyhow::Result<Figures> {
    let serving = switch::serving().map_or("none behind the switch", Allocator::name);
    ensure!(serving == allocator, "the allocator of this process is {serving}, and not {allocator}");
    let mut figures = vec![(measure, program()?)];
    figures.extend(machine::peak().map(|kib| (PEAK.name, kib)));
    Ok(figures)
}
