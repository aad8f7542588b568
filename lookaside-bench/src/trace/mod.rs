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

use self::committed::COMMITTED;
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

/// Events that are recorded unless another limit is given.
pub const DEFAULT_LIMIT: u64 = 1_000_000;

/// How long a replay plays rounds.
const TIME: Duration = Duration::from_secs(8);

/// Replays a trace that the command carries with it: `lookaside` without arguments.
///
/// # Errors
///
/// When the lists cannot be made, or nothing can be printed.
pub fn run_main_job() -> Result<()> {
    let (name, trace) = built_in()?;
    replay(name, &trace)
}

/// The trace of the main job, and its name.
pub fn built_in() -> Result<(&'static str, Trace)> {
    let (name, file) = COMMITTED[0];
    let trace = format::read(file).with_context(|| format!("the built-in trace {name}"))?;
    Ok((name, trace))
}

/// Replays the trace in a file: `lookaside replay FILE`.
///
/// # Errors
///
/// When the file cannot be read or is no sound trace, the lists cannot be made, or nothing can be printed.
pub fn run_replay(path: &Path) -> Result<()> {
    let (name, trace) = from_file(path)?;
    replay(&name, &trace)
}

/// The trace in a file and its name, or the built-in one of this name where there is no such file.
pub fn from_file_or_built_in(path: &Path) -> Result<(String, Trace)> {
    match COMMITTED.into_iter().find(|(name, _)| !path.exists() && path.as_os_str() == *name) {
        Some((name, file)) => {
            let trace = format::read(file).with_context(|| format!("the built-in trace {name}"))?;
            Ok((name.to_owned(), trace))
        }
        None => from_file(path),
    }
}

fn from_file(path: &Path) -> Result<(String, Trace)> {
    let name = path.display().to_string();
    let file = fs::read(path).with_context(|| format!("cannot read {name}"))?;
    let trace = format::read(&file).with_context(|| name.clone())?;
    Ok((name, trace))
}

/// Replays a trace, the built-in one unless there is a path, through the tagged small-pool calls, and prints the usage by
/// tag: `lookaside tags`.
///
/// # Errors
///
/// When the file cannot be read or is no sound trace, there is no memory for a block, or nothing can be printed.
pub fn run_tags(path: Option<&Path>, json: bool) -> Result<()> {
    let (name, trace) = match path {
        Some(path) => from_file(path)?,
        None => built_in().map(|(name, trace)| (name.to_owned(), trace))?,
    };
    let moments = tags::replay(&trace).with_context(|| name.clone())?;
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{:#}", tags::json(&moments))?;
    } else {
        write!(out, "{name}: {}\n\n{}", show::summary(trace.summary()), tags::text(&moments))?;
        writeln!(out, "A tag is the number of the thread that allocated, and the largest size of the class.")?;
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
    let threads = machine::processors();
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
    Ok(())
}
