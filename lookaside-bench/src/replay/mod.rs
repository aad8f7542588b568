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

    keep_freed_memory();
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

/// Has the C library's malloc keep what is freed. In all rows but its own it serves the larger blocks alone, and would give
/// their memory back to the system in each replay, since no smaller block lies beyond them: the rows would not compare.
fn keep_freed_memory() {
    // 32 MiB is what the threshold for mappings of their own may grow to, which it no longer does once one of the two is set.
    for (parameter, bytes) in [(libc::M_TRIM_THRESHOLD, i32::MAX), (libc::M_MMAP_THRESHOLD, 32 << 20)] {
        // SAFETY: mallopt may be called at any time. A malloc that knows no such parameter refuses it.
        unsafe { libc::mallopt(parameter, bytes) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mallocs::Jemalloc;
    use crate::trace::driver::Replayer;
    use crate::trace::events::{Action, Event, Trace};
    use crate::trace::script::LARGEST;

    /// Pages that this thread touched for the first time since the system gave them.
    fn faults() -> i64 {
        // SAFETY: all zero bits are a usage, which the call fills in.
        unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            assert_eq!(libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage), 0);
            usage.ru_minflt
        }
    }

    #[test]
    fn larger_blocks_are_not_given_back_to_the_system_by_each_replay() {
        const BLOCKS: u32 = 64;
        let mut trace = Trace::default();
        for action in
            (0..BLOCKS).map(|_| Action::Allocate { size: 65_536 }).chain((0..BLOCKS).map(|id| Action::Free { id }))
        {
            trace.push(Event { thread: 0, action }).unwrap();
        }
        let script = Script::new(&trace);
        keep_freed_memory();
        let replay_all = || {
            // SAFETY: the contender serves every size.
            let mut replayer = unsafe { Replayer::<_, LARGEST>::new(&Jemalloc, &script, 0) };
            replayer.replay();
            let before = faults();
            (0..100).for_each(|_| replayer.replay());
            faults() - before
        };
        // On a thread of its own, whose heap is not that of the main thread, as in a contest.
        let faults = std::thread::scope(|scope| scope.spawn(replay_all).join().unwrap());
        assert!(faults < 100, "{faults} pages came anew in 100 replays");
    }
}
