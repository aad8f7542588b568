//! Traces of real programs: in memory, in files, and flat for a replay.
//!
//! A replay runs on all processors at once. Each thread replays the whole trace with blocks of its own, while all threads
//! share the allocator under test, so lists see the traffic of that number of programs. The trace of a program with several
//! threads keeps their numbers and the order of all events; here too each replaying thread does all of them, since a trace
//! does not say how its threads waited for each other.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use self::committed::{COMMITTED, Committed};
use self::events::{Summary, Trace};
use crate::ground::text::grouped;

pub mod committed;
pub mod driver;
pub mod events;
pub mod format;
pub mod lists;
pub mod script;

/// The name of the trace that is taken where none is named.
pub const DEFAULT: &str = COMMITTED[0].0;

/// The trace that is replayed where none is named, and its name.
pub fn built_in() -> Result<(&'static str, Trace)> {
    read_built_in(COMMITTED[0])
}

/// What help says of the argument that names a trace, with what is taken without it.
pub fn about_argument(default: &str) -> String {
    format!("A file that `lookaside record` wrote, or a built-in trace: {} [default: {default}]", built_in_names())
}

fn built_in_names() -> String {
    COMMITTED.map(|(name, _)| name).join(", ")
}

fn read_built_in((name, file): Committed) -> Result<(&'static str, Trace)> {
    let trace = format::read(file).with_context(|| format!("the built-in trace {name}"))?;
    Ok((name, trace))
}

/// Reads what a command line calls a trace: a file, or the built-in one of this name where there is no such file. Returns it
/// with its name.
pub fn load(trace: Option<&Path>) -> Result<(String, Trace)> {
    let Some(path) = trace else {
        return built_in().map(|(name, trace)| (name.to_owned(), trace));
    };
    if let Some(built_in) = COMMITTED.into_iter().find(|(name, _)| path.as_os_str() == *name && !path.exists()) {
        return read_built_in(built_in).map(|(name, trace)| (name.to_owned(), trace));
    }
    let name = path.display().to_string();
    let file = fs::read(path);
    let file = file.with_context(|| format!("cannot read {name} (built-in traces: {})", built_in_names()))?;
    let trace = format::read(&file).with_context(|| name.clone())?;
    Ok((name, trace))
}

pub fn summary(trace: Summary) -> String {
    format!(
        "{} events of {} {}, {} of them allocations, at most {} blocks, of together {} bytes, allocated at once",
        grouped(trace.events),
        trace.threads,
        plural(trace.threads.into(), "thread"),
        grouped(trace.allocates),
        grouped(trace.peak_blocks),
        grouped(trace.peak_bytes),
    )
}

pub fn plural(number: u64, word: &str) -> String {
    if number == 1 { word.to_owned() } else { format!("{word}s") }
}
