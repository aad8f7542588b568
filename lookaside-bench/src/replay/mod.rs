//! `lookaside replay`, and `lookaside` without arguments: a trace over lookaside lists, and over their rivals.

mod contest;
mod show;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;

use self::contest::Contest;
use crate::ground::machine;
use crate::trace::script::Script;
use crate::trace::{self, DEFAULT};

/// How long a replay takes.
const TIME: Duration = Duration::from_secs(8);

/// Replay one recorded trace over lookaside lists and over their rivals
#[derive(Args, Default)]
pub struct Replay {
    #[arg(help = trace::about_argument(DEFAULT))]
    trace: Option<PathBuf>,
}

/// Does what the arguments say.
///
/// # Errors
///
/// When the trace cannot be read or is not sound, the lists cannot be made, or nothing can be printed.
pub fn run(arguments: &Replay) -> Result<()> {
    let (name, trace) = trace::load(arguments.trace.as_deref())?;
    let script = Script::new(&trace);
    if script.small() == 0 {
        bail!("{name}: no event of this trace is for a list");
    }
    let (threads, busy) = (machine::processors(), machine::busy());
    let mut out = io::stdout().lock();
    writeln!(out, "{}", show::introduction(&name, trace.summary(), &script, threads))?;

    let contest = Contest::new(&script)?;
    let times = contest.run(threads, TIME)?;
    let mut report = String::new();
    lookaside_core::report(&mut report).context("no report")?;
    writeln!(out, "{}", show::lists(&report, &contest.statistics()))?;
    writeln!(out, "{}", show::times(&times)?)?;
    let (machine, engine, versions) = (machine::describe(), machine::engine(), machine::versions([]));
    writeln!(out, "Machine: {machine}\nEngine: {engine}\nVersions: {versions}")?;
    busy.map_or(Ok(()), |warning| Ok(writeln!(out, "\n{warning}")?))
}
