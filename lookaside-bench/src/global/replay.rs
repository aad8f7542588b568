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
        // SAFETY: the global allocator serves every size.
        let mut replayer = unsafe { Replayer::<_, { usize::MAX }>::new(&Global, script, thread) };
        Box::new(move |replays| (0..replays).for_each(|_| replayer.replay()))
    };
    let replay = timed_from(1, ROUND, &mut |replays| team(machine::processors(), replays, &member));
    Ok(replay / script.operations().len() as f64)
}
