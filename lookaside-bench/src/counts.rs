//! What `benches/instructions.rs` counts: the ways into the library, each made ready to play pairs.
//!
//! Valgrind has no restartable sequences. Under it a thread's area is the library's own, into which processor 0 is
//! written, so that the very sections run that run elsewhere. They are not aborted there, and need not be: one
//! thread alone uses the lists.

use std::time::Duration;

use anyhow::Context;
use lookaside_core::{EngineKind, hooks};

use crate::contenders::{self, ways};
use crate::workloads::{Player, Workload};

/// Bytes in a block.
const SIZE: usize = 64;
/// How many pairs are counted, after as many to warm up: whole batches of 128.
pub const PAIRS: u64 = 160 * 128;

/// A way in, warm.
pub struct Counted(Player);

impl Counted {
    /// Makes the contender or the way of this name, and warms it up.
    ///
    /// # Errors
    /// The name is unknown, or the way cannot be had on this machine.
    pub fn new(name: &str, workload: Workload, engine: EngineKind) -> anyhow::Result<Self> {
        // SAFETY: the thread that counts is the only one that uses lists.
        unsafe {
            hooks::pretend_engine(engine);
            hooks::pretend(0);
        }
        let entry = contenders::by_name(name).or_else(|| ways::by_name(name)).context("no such way in")?;
        let mut player = (entry.player)(workload, SIZE, 1)?;
        player(PAIRS);
        Ok(Self(player))
    }

    /// Plays the pairs that are counted.
    #[inline(never)]
    pub fn play(&mut self) -> Duration {
        (self.0)(PAIRS)
    }
}
