//! What a list is made from, and where it is.

use core::sync::atomic::AtomicU8;

use super::list::List;
use super::processor::EngineKind;
use super::shared::{Rows, most_divisions, usual_divisions};
use super::tuner::Tuning;
use crate::pool::{Backing, Request};
use crate::wdk::{Parts, RawList};

/// The lists in front of the pool.
#[repr(u32)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Topology {
    /// A processor list for every processor in front of one shared list.
    #[default]
    Pair = 0,
    /// One list that all processors share, as a driver's list is in Windows.
    General = 1,
    /// A processor list for every processor, and the pool right behind: the small-pool lists of newer kernels.
    Single = 2,
}

/// What never changes in a list's life. The check of the parameters makes it; [`List::open`] completes it.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The engine that serves the processor lists.
    pub engine: EngineKind,
    /// When depths change.
    pub tuning: Tuning,
    /// The lists in front of the pool.
    pub topology: Topology,
    /// Whether it keeps blocks: else depths stay 0, and every call reaches the pool, as over the engine `Heap`.
    pub cached: bool,
    /// Whether the verifier serves each call.
    pub verified: bool,
    /// Whether the usage by tag counts its blocks.
    pub charged: bool,
    /// The most blocks that each P, and each division of L, may hold.
    pub maximum_depth: u32,
    /// The first depth of each.
    pub initial_depth: u32,
    /// Blocks that move at once between P and L; 0 for half of P's depth.
    pub batch: u32,
    /// Divisions of L that were asked for; 0 for the usual number.
    pub divisions: u32,
    /// What the pool is asked for.
    pub request: Request,
    /// The pool.
    pub backing: Backing,
    /// The general list that is this pair's L and pool; `None` for its own.
    pub lower: Option<Lower>,
    /// The processor lists' parts, from `open` on; its `processors` is 0 for a general list.
    pub parts: Parts,
    /// The most blocks that go to the pool, or come from there, on one trip, from `open` on.
    pub trip_limit: usize,
}

impl Settings {
    /// The parts before `open`.
    pub const NO_PARTS: Parts = Parts { base: core::ptr::null_mut(), area: 0, processors: 0, never: 0 };

    /// The same with what follows from where the list is, and its divisions' memory.
    pub(super) fn completed(self, home: &Home) -> (Settings, Rows) {
        let has_parts = self.cached && self.topology != Topology::General;
        let processors = if has_parts { home.parts.processors } else { 0 };
        let divided = has_parts && self.topology == Topology::Pair && self.lower.is_none();
        let divisions = if divided { self.divisions_of(processors) } else { 1 };
        let settings = Settings { parts: Parts { processors, ..home.parts }, trip_limit: self.trip_limit(), ..self };
        (settings, Rows { base: home.rows, divisions, processors })
    }

    /// The most blocks that each division of L may hold.
    pub(super) fn shared_maximum(&self) -> u32 {
        if self.cached && self.topology != Topology::Single { self.maximum_depth } else { 0 }
    }

    /// Returns how many divisions L has among this many possible processors: as in Windows one, where each call takes
    /// its own way (Windows' schedule, batches of one) and nothing else was asked for.
    fn divisions_of(&self, processors: u32) -> u32 {
        match self.divisions {
            0 if self.tuning == Tuning::Windows || self.batch == 1 => 1,
            0 => usual_divisions(processors),
            asked => asked.min(most_divisions(processors)),
        }
    }

    /// Returns the most blocks that the list moves to and from its pool on one trip: one where each call counts
    /// (Windows' schedule), is seen (the user's routines) or is another list's; at most 32, and 32 KiB.
    fn trip_limit(&self) -> usize {
        if self.tuning == Tuning::Windows || self.backing.calls_back() || self.lower.is_some() {
            return 1;
        }
        (32 * 1024 / self.request.size).clamp(1, 32)
    }
}

/// Where a list is, and what it shares with the lists around it.
#[derive(Clone, Copy, Debug)]
pub struct Home {
    /// Memory for the parts of all processors, zeroed.
    pub parts: Parts,
    /// Memory for the slots of L's first division, behind that of the parts; see [`Rows`].
    pub rows: *mut u8,
    /// Where the list says that scans have to visit it: the bits of [`activity`].
    pub activity: &'static AtomicU8,
    /// What a call does after each routine of the user's, which may have made this process: in the child of a fork, locks
    /// of threads that do not exist may be held.
    pub repair_child: fn(),
}

/// What is known of a list without a look at it: a byte for each, so that thousands of lists at rest cost a scan or a
/// fork nothing.
pub mod activity {
    /// It may have something to tune or to give back, so a scan visits it.
    pub const ACTIVE: u8 = 1;
    /// It was used, so its hits are folded now and then (theory §4.4).
    pub const USED: u8 = 2;
    /// The child of a fork has to see to it at once, since its pool is the parent's too.
    pub const SHARED_POOL: u8 = 4;
}

/// A general list that several pairs share as their L.
#[derive(Clone, Copy, Debug)]
pub struct Lower {
    /// It outlives the pairs that share it, since it cannot be deleted before them.
    pub list: &'static List,
    /// Its object, for callbacks that get their list.
    pub object: *mut RawList,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::{AllocateCallback, FreeCallback, Source};
    use crate::wdk::{PoolType, Tag};

    #[test]
    fn lists_that_keep_to_windows_way_have_one_division_on_every_machine() {
        let divisions = |tuning, batch, divisions, processors| {
            let settings = Settings {
                engine: EngineKind::Portable,
                tuning,
                topology: Topology::Pair,
                cached: true,
                verified: false,
                charged: false,
                maximum_depth: 256,
                initial_depth: 4,
                batch,
                divisions,
                request: Request { size: 64, alignment: 16, pool_type: PoolType::PAGED, tag: Tag::new(*b"Test") },
                backing: Backing {
                    allocate: AllocateCallback::Default,
                    free: FreeCallback::Default,
                    source: Source::Heap,
                },
                lower: None,
                parts: Settings::NO_PARTS,
                trip_limit: 1,
            };
            settings.divisions_of(processors)
        };
        assert_eq!([2, 8, 9, 64].map(|processors| divisions(Tuning::Default, 0, 0, processors)), [1, 1, 2, 8]);
        assert_eq!([2, 64].map(|processors| divisions(Tuning::Windows, 0, 0, processors)), [1, 1]);
        assert_eq!([2, 64].map(|processors| divisions(Tuning::Manual, 1, 0, processors)), [1, 1]);
        assert_eq!([1, 3, 9].map(|asked| divisions(Tuning::Windows, 1, asked, 64)), [1, 3, 8]);
        assert_eq!([1, 3, 9].map(|asked| divisions(Tuning::Default, 0, asked, 2)), [1, 3, 4]);
    }
}
