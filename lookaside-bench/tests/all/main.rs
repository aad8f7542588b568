//! Tests that may share a process: most start the command, which is in a process of its own anyway.

mod command;
mod compare;
/// The program that `ci/callgrind.sh` runs, for its tests.
#[path = "../../benches/counts.rs"]
#[allow(dead_code, reason = "no test calls its main")]
mod counts;
mod floors;
mod front;
mod memory;
mod pages;
mod report;
mod scaling;
mod switches;
mod tags;
mod trace_committed;
mod trace_format;
mod trace_record;
mod tune;
