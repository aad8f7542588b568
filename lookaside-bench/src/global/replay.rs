//! The built-in trace through the global allocator: a C program's traffic, on all processors.

use crate::machine;
use crate::trace::built_in;
use crate::trace::driver::Player;
use crate::trace::heaps::Global;
use crate::trace::script::Script;
use crate::workloads::team::team;
use crate::workloads::timed_from;

/// Nanoseconds for an allocate or a free.
pub fn run() -> anyhow::Result<f64> {
    let (_, trace) = built_in()?;
    let script = Script::new(&trace);
    let member = |thread| {
        let mut player = Player::new(&script, thread);
        let script = &script;
        move |replays| {
            for _ in 0..replays {
                // SAFETY: the global allocator serves every size, and the player was made for this script.
                unsafe { player.play(&Global, script) };
            }
        }
    };
    let replay = timed_from(1, super::ROUND, |replays| team(machine::processors(), replays, member));
    // What the trace leaves is given back within the time.
    Ok(replay / (script.operations().len() + script.leftover().len()) as f64)
}
