//! Traces of real programs: in memory, in files, and flat for a replay.
//!
//! A replay runs on all processors at once. Each thread replays the whole trace with blocks of its own, while all threads
//! share the allocator under test, so lists see the traffic of that number of programs. The trace of a program with several
//! threads keeps their numbers and the order of all events; here too each replaying thread does all of them, since a trace
//! does not say how its threads waited for each other.

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use self::events::{Summary, Trace};
use crate::ground::text::grouped;

pub mod driver;
pub mod events;
pub mod format;
pub mod lists;
pub mod script;

macro_rules! committed {
    ($($name:literal),*) => {
        [$(($name, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/traces/", $name, ".trace")) as &[u8])),*]
    };
}

/// The traces that the command carries with it, by the names of their files without `.trace`; the main job replays the first.
/// `traces/README.md` says how each was recorded.
pub const COMMITTED: [(&str, &[u8]); 4] = committed!["sqlite-index", "cc1plus-compile", "python-json", "git-pack"];

/// The name of the trace that is taken where none is named.
pub const DEFAULT: &str = COMMITTED[0].0;

/// What help says of the argument that names a trace, with what is taken without it.
pub fn about_argument(default: &str) -> String {
    format!("A file that `lookaside record` wrote, or a built-in trace: {} [default: {default}]", built_in_names())
}

fn built_in_names() -> String {
    COMMITTED.map(|(name, _)| name).join(", ")
}

/// Reads what a command line calls a trace: a file, or the built-in one of this name where there is no such file. Returns it
/// with its name.
pub fn load(trace: Option<&Path>) -> Result<(String, Trace)> {
    let path = trace.unwrap_or(Path::new(DEFAULT));
    let name = path.display().to_string();
    let built_in = COMMITTED.iter().find(|known| known.0 == name && trace.is_none_or(|path| !path.exists()));
    let read = || fs::read(path).with_context(|| format!("cannot read {name} (built-in traces: {})", built_in_names()));
    let file = built_in.map_or_else(|| read().map(Cow::Owned), |&(_, file)| Ok(Cow::Borrowed(file)))?;
    let trace = format::read(&file).with_context(|| name.clone())?;
    Ok((name, trace))
}

/// What a trace amounts to, in a few words.
pub fn summary(trace: Summary) -> String {
    format!(
        "{} events, {} of them allocations; threads: {}; at most {} blocks, of together {} bytes, allocated at once",
        grouped(trace.events),
        grouped(trace.allocates),
        trace.threads,
        grouped(trace.peak_blocks),
        grouped(trace.peak_bytes),
    )
}
