//! What follows from a list's settings.

use super::batch::Batch;
use super::list::{Home, Settings, Topology};
use super::processor::EngineKind;
use super::shared::{Rows, most_divisions, usual_divisions};
use super::tuner::Tuning;
use crate::wdk::Parts;

impl Settings {
    /// The parts before `open`.
    pub const NO_PARTS: Parts = Parts { base: core::ptr::null_mut(), area: 0, processors: 0, never: 0 };

    /// Completes the settings by what follows from where the list is, and its divisions' memory.
    pub(super) fn completed(self, home: &Home) -> (Settings, Rows) {
        let processors = if self.has_parts() { home.parts.processors } else { 0 };
        let divided = self.has_parts() && self.topology == Topology::Pair && self.lower.is_none();
        let divisions = if divided { self.divisions_of(home.processors) } else { 1 };
        let settings = Settings { parts: Parts { processors, ..home.parts }, trip_limit: self.trip_limit(), ..self };
        (settings, Rows { base: home.rows, divisions, processors, by_slot: self.has_slots() })
    }

    /// Returns whether the list has processor lists.
    fn has_parts(&self) -> bool {
        self.cached && self.topology != Topology::General
    }

    /// Returns whether the list has a part for each slot, in the place of one for each processor.
    pub fn has_slots(&self) -> bool {
        self.has_parts() && self.engine == EngineKind::Slots
    }

    /// Returns the most blocks that each division of L may hold.
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
    /// (Windows' schedule), is seen (the user's routines) or is another list's; at most 127, so that a
    /// batch has room for one more, and 32 KiB.
    fn trip_limit(&self) -> usize {
        if self.tuning == Tuning::Windows || self.backing.calls_back() || self.lower.is_some() {
            return 1;
        }
        (32 * 1024 / self.request.size).clamp(1, Batch::LIMIT - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::{AllocateCallback, Backing, FreeCallback, Request, Source};
    use crate::wdk::{PoolType, Tag};

    #[test]
    fn lists_that_keep_to_windows_way_have_one_division_on_every_machine() {
        let divisions = |tuning, batch, divisions, processors| {
            let settings = Settings {
                engine: EngineKind::TryLock,
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
                slabs: false,
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
