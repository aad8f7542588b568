//! A trace in memory: the allocations and frees of a program in their order, with identities instead of addresses.

use anyhow::{Context, Result, ensure};

/// Sizes that a trace can hold; what a program asks for beyond that is not in its trace.
pub const MAXIMUM_SIZE: u32 = u32::MAX - 1;

/// What one event does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Takes a block. The first one has identity 0, the next 1, and so on.
    Allocate {
        /// Bytes asked for, at most [`MAXIMUM_SIZE`].
        size: u32,
    },
    /// Gives a block back.
    Free {
        /// Which one.
        id: u32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The thread that did it: numbers without gaps from 0, in the order of first events.
    pub thread: u32,
    pub action: Action,
}

/// What a trace amounts to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Threads that took part.
    pub threads: u32,
    /// Allocations and frees.
    pub events: u64,
    pub allocates: u64,
    /// The most blocks that were out at once.
    pub peak_blocks: u64,
    /// The most bytes, as asked for, that were out at once.
    pub peak_bytes: u64,
}

/// Events of which each can follow those before it. Nothing else makes one, so the holder of a `Trace` need not check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    events: Vec<Event>,
    /// Sizes by identity; [`GONE`] for a block that was freed.
    blocks: Vec<u32>,
    live_blocks: u64,
    live_bytes: u64,
    summary: Summary,
}

const GONE: u32 = u32::MAX;

impl Trace {
    /// The events in their order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// What they amount to.
    pub fn summary(&self) -> Summary {
        self.summary
    }

    /// Adds an event.
    ///
    /// # Errors
    ///
    /// When it cannot follow those before it.
    pub fn push(&mut self, event: Event) -> Result<()> {
        ensure!(event.thread <= self.summary.threads, "its thread number leaves a gap");
        match event.action {
            Action::Allocate { size } => {
                ensure!(size <= MAXIMUM_SIZE, "the size is above the largest that a trace can hold");
                ensure!(self.next_id() != u32::MAX, "there are more blocks than 32 bits can number");
                self.blocks.push(size);
                self.live_blocks += 1;
                self.live_bytes += u64::from(size);
                self.summary.allocates += 1;
                self.summary.peak_blocks = self.summary.peak_blocks.max(self.live_blocks);
                self.summary.peak_bytes = self.summary.peak_bytes.max(self.live_bytes);
            }
            Action::Free { id } => {
                let block =
                    self.blocks.get_mut(id as usize).context("it frees a block that was not allocated before")?;
                ensure!(*block != GONE, "it frees a block that was freed already");
                self.live_blocks -= 1;
                self.live_bytes -= u64::from(*block);
                *block = GONE;
            }
        }
        self.summary.threads = self.summary.threads.max(event.thread + 1);
        self.summary.events += 1;
        self.events.push(event);
        Ok(())
    }

    /// The identity that the next allocation gets.
    pub fn next_id(&self) -> u32 {
        self.blocks.len() as u32
    }
}
