//! The built-in trace through the global allocator: a C program's traffic, on all processors.

use crate::ground::machine;
use crate::ground::measure::{ROUND, timed_from};
use crate::ground::team::{Work, team};
use crate::trace::driver::Replayer;
use crate::trace::lists::Global;
use crate::trace::load;
use crate::trace::script::Script;

/// Nanoseconds for an allocate or a free.
pub fn run() -> anyhow::Result<f64> {
    let (_, trace) = load(None)?;
    let script = &Script::new(&trace);
    let member = |thread| -> Work<'_> {
        let mut replayer = Replayer::<{ usize::MAX }>::new(script, thread);
        Box::new(move |replays| {
            for _ in 0..replays {
                // SAFETY: the global allocator serves every size, and the replayer was made for this script.
                unsafe { replayer.replay(&Global, script, true) };
            }
        })
    };
    let replay = timed_from(1, ROUND, &mut |replays| team(machine::processors(), replays, &member));
    // What the trace leaves is given back within the time.
    Ok(replay / (script.operations().len() + script.leftover().len()) as f64)
}
