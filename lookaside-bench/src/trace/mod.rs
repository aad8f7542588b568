//! Traces of real programs: recording them, keeping them in files, and replaying them over lookaside lists and their
//! rivals.
//!
//! A replay runs on all processors at once. Each thread replays the whole trace with blocks of its own, while all threads
//! share the heap under test, so the lists see the traffic of as many programs like the recorded one. The trace of a program
//! with several threads keeps their numbers and the order of all events; here too each replaying thread plays all of
//! them, since a trace does not say how its threads waited for each other.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use self::committed::{COMMITTED, Committed};
use self::contest::Contest;
use self::events::Trace;
use self::script::Script;
use self::signals::PassedOn;
use crate::files::Output;
use crate::machine;

pub mod committed;
mod contest;
pub(crate) mod driver;
pub mod events;
pub mod format;
pub(crate) mod heaps;
pub mod raw_log;
pub mod record;
pub(crate) mod script;
pub(crate) mod show;
mod signals;
pub mod tags;

/// The name of the trace that is taken where none is named.
pub const DEFAULT: &str = COMMITTED[0].0;

/// Events that are recorded unless another limit is given.
pub const DEFAULT_LIMIT: u64 = 1_000_000;

/// How long a replay plays rounds.
const TIME: Duration = Duration::from_secs(8);

/// Replays a trace: `lookaside replay`, and `lookaside` without arguments.
///
/// # Errors
///
/// When the trace cannot be read or is not sound, the lists cannot be made, or nothing can be printed.
pub fn run_replay(trace: Option<&Path>) -> Result<()> {
    let (name, trace) = load(trace)?;
    replay(&name, &trace)
}

/// The trace that is replayed where none is named, and its name.
pub fn built_in() -> Result<(&'static str, Trace)> {
    read_built_in(COMMITTED[0])
}

/// The names of the built-in traces, as in a sentence.
#[must_use]
pub fn built_in_names() -> String {
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

/// Replays a trace through the tagged small-pool calls, and prints the usage by
/// tag: `lookaside tags`.
///
/// # Errors
///
/// When the file cannot be read or is no sound trace, there is no memory for a block, or nothing can be printed.
pub fn run_tags(path: Option<&Path>, json: bool) -> Result<()> {
    let (name, trace) = load(path)?;
    let moments = tags::replay(&trace).with_context(|| name.clone())?;
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{:#}", tags::json(&moments))?;
    } else {
        write!(out, "{name}: {}\n\n{}", show::summary(trace.summary()), tags::text(&moments))?;
    }
    Ok(())
}

/// Runs a program and writes the trace of its first `limit` allocations and frees to a file: `lookaside record`. Returns what
/// a shell would: the program's exit status, or 128 more than the signal that ended it.
///
/// # Errors
///
/// When the program cannot be run or recorded, or the file cannot be written.
pub fn run_record(program: &[OsString], output: &Path, limit: u64) -> Result<u8> {
    let (name, arguments) = program.split_first().context("no program to run")?;
    let output = Output::open(output)?;
    let _signals = PassedOn::begin();
    let recording = record::record(name, arguments, limit)?;
    let file = format::write(&recording.log.trace);
    let text = show::recording(&recording, output.path(), file.len());
    output.write(&file)?;
    // The terminal may be gone, as after SIGHUP. The trace is there.
    _ = io::stderr().write_all(text.as_bytes());
    let status = recording.status;
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX))
}

fn replay(name: &str, trace: &Trace) -> Result<()> {
    let script = Script::new(trace);
    if script.small() == 0 {
        bail!("{name}: no event of this trace is for a list");
    }
    let (threads, busy) = (machine::processors(), machine::busy());
    let mut out = io::stdout().lock();
    writeln!(out, "{}", show::introduction(name, trace.summary(), &script, threads))?;

    let contest = Contest::new(&script)?;
    let times = contest.run(threads, TIME);
    let mut report = String::new();
    lookaside_core::report(&mut report).context("no report")?;
    writeln!(out, "{}", show::lists(&report, &contest.statistics()?))?;
    writeln!(out, "{}", show::times(&times, &script)?)?;
    writeln!(
        out,
        "Machine: {}\nEngine: {}\nVersions: {}",
        machine::describe(),
        machine::engine(),
        machine::versions()
    )?;
    busy.map_or(Ok(()), |warning| Ok(writeln!(out, "\n{warning}")?))
}
